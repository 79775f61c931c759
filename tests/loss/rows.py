# SPDX-License-Identifier: Apache-2.0
"""What is loaded: rows (source, pos) whose other columns follow from these
two, so that the table's content can be checked without keeping it. Every
997th line is one that the table refuses. Many rows share ID and time."""
import bisect
import datetime

SCHEMA = """table: lost
id: id
time: ts
zone: UTC
partition: month
buckets: 4
columns:
  id: bigint not null
  ts: timestamp(3) not null
  source: int not null
  pos: bigint not null
  text: string
"""
BAD_EVERY = 997
IDS = 40
BEGIN = datetime.datetime(2024, 1, 1)
SECONDS = 55 * 86400
# The same in SQL, of the columns source and pos.
ID_SQL = f"((pos * 7919 + source * 13) % {IDS})"
TS_SQL = f"(timestamp '2024-01-01' + to_seconds((pos // 64 * 601) % {SECONDS}))"


def is_bad(pos):
    return pos % BAD_EVERY == BAD_EVERY - 1


def good_before(pos):
    """How many of the lines 0 .. pos-1 are rows."""
    return pos - pos // BAD_EVERY


def line(source, pos):
    if is_bad(pos):
        return f'{{"source":{source},"pos":{pos},"ts":null,"id":1}}\n'
    ts = BEGIN + datetime.timedelta(seconds=(pos // 64 * 601) % SECONDS)
    return (f'{{"id":{(pos * 7919 + source * 13) % IDS},"ts":"{ts.isoformat()}.000",'
            f'"source":{source},"pos":{pos},"text":"row {pos} of source {source}"}}\n')


class Source:
    """A file that grows; bytes acknowledged of it, and the rows these are."""

    def __init__(self, number, path):
        self.number, self.path = number, path
        self.written = 0      # lines
        self.bytes = 0
        self.ends = [0]       # bytes before line 0, CHUNK, 2 CHUNK ...
        self.acked_bytes = 0
        self.complete = True  # will be appended to its end
        open(path, "w").close()

    CHUNK = 16

    def grow(self, n):
        text = []
        for pos in range(self.written, self.written + n):
            text.append(line(self.number, pos))
            self.bytes += len(text[-1])
            if (pos + 1) % self.CHUNK == 0:
                self.ends.append(self.bytes)
        with open(self.path, "a") as f:
            f.write("".join(text))
        self.written += n

    def ack(self, text):
        """A line of --ack-fd: rows, bytes of the source, its name."""
        _, position, *_ = text.split(b"\t")
        if int(position) > self.bytes:
            raise ValueError(f"acknowledged {position} of {self.bytes} bytes")
        self.acked_bytes = max(self.acked_bytes, int(position))

    def acked_lines(self):
        """Lines known to be acknowledged (rounded down to CHUNK)."""
        if self.acked_bytes >= self.bytes:
            return self.written
        return (bisect.bisect_right(self.ends, self.acked_bytes) - 1) * self.CHUNK

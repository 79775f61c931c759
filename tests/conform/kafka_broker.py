#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kafka_broker.py [DIR] [LINE] [TEST...]: a topic as a stage on a real broker: messages
that others wrote, transactions, retention, deletion, growth, security, following.

Starts a broker of its own (tests/engines/kafka.py) of that line, 3.9 or 4.1, or
uses the one that runs in DIR. Skipped where Java or Kafka's jars are missing.
Prints TAP.
"""
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PF_BUILD", ROOT + "/build")
SANITIZED = "asan" in BUILD
sys.path.insert(0, ROOT + "/tests/engines")
import kafka  # noqa: E402
from kafka import PATIENCE_S  # noqa: E402

SCHEMA = """table: numbers
id: id
time: ts
buckets: 4
partition: day
columns:
  id: string not null
  ts: timestamp(3) not null
  n: int
"""


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit()


def have_kafka(line):
    if not shutil.which("java"):
        skip("no java")
    try:
        import confluent_kafka  # noqa: F401
    except ImportError:
        skip("no Python package confluent-kafka")
    if not os.path.exists(kafka.classpath_file(line)) and not shutil.which("mvn"):
        skip("Kafka's jars are not installed, and there is no Maven to fetch them")
    try:
        kafka.install(line)
    except SystemExit as e:
        skip(str(e).splitlines()[0])


def pf(*args, status=0, stdin=None, env=None, timeout=PATIENCE_S):
    """Run a program; its stdout and stderr as text."""
    p = subprocess.run([f"{BUILD}/{args[0]}", *args[1:]], input=stdin, capture_output=True,
                       timeout=timeout, env={**os.environ, **(env or {})})
    out, err = p.stdout.decode("utf-8", "replace"), p.stderr.decode()
    assert p.returncode == status, f"{args} exits {p.returncode}, not {status}: {err}"
    assert kafka.SECRET not in out + err, "a password was printed"
    return out, err


class Broker:
    def __init__(self, directory):
        from confluent_kafka import Producer
        self.cluster = kafka.Kafka(directory)
        self.directory = directory
        self.server = self.cluster.address()
        self.producer = Producer({"bootstrap.servers": self.server, "linger.ms": 5,
                                  "partitioner": "murmur2_random", "log_level": 0})
        self.topics = 0

    def topic(self, partitions=1, options="", **config):
        self.topics += 1
        name = f"t{os.getpid()}-{self.topics}"
        self.cluster.create_topic(name, partitions,
                                  {k.replace("_", "."): v for k, v in config.items()})
        return name, f"kafka://{self.server}/{name}{options}"

    def troubles(self):
        """What the broker itself complained of lately."""
        with open(self.cluster.path(1, "server.log"), errors="replace") as f:
            said = [s for s in f if re.search(r" (WARN|ERROR|FATAL) ", s)]
        return "".join(said[-15:])

    def send(self, name, values, keys=None, producer=None, partition=None):
        p = producer or self.producer
        for i, value in enumerate(values):
            more = {} if partition is None else {"partition": partition}
            while True:
                try:
                    p.produce(name, value=value, key=keys[i] if keys else None, **more)
                    break
                except BufferError:
                    p.poll(0.1)
        if not producer:
            assert p.flush(PATIENCE_S) == 0


def row(i, entity=None):
    return {"id": entity or f"e{i % 13}", "ts": f"2024-01-{1 + i % 3:02d}T00:00:{i % 60:02d}",
            "n": i}


def text(i, entity=None):
    return json.dumps(row(i, entity))


def lines(numbers):
    return "".join(text(i) + "\n" for i in numbers).encode()


def numbers(*operands, stdin=None):
    """The values of n, sorted."""
    out, _ = pf("pf-query", *operands, "-c", "n", "-O", "tsv", stdin=stdin)
    return sorted(int(x) for x in out.split()[1:])


def load(table, url, *options, status=0):
    """One run of the line; stderr of it."""
    command = (f'"$B/pf-stage" read "$U" --after "$T" {" ".join(options)} 2> err0 | '
               '"$B/pf-partition" 2> err1 | "$B/pf-pack" -q 2> err2 | "$B/pf-put" -q "$T" 2> err3; '
               'echo ${PIPESTATUS[@]}')
    p = subprocess.run(["bash", "-c", command], capture_output=True, timeout=PATIENCE_S,
                       env={**os.environ, "B": BUILD, "U": url, "T": table})
    states = [int(s) for s in p.stdout.split()]
    err = "".join(open(f"err{i}").read() for i in range(4))
    assert states[0] == status, f"{states}: {err}"
    assert (states[3] == 0) == (status in (0, 1)), f"{states}: {err}"
    return err


def table():
    path = tempfile.mkdtemp(prefix="table", dir=".")
    os.rmdir(path)
    pf("pf-put", "-q", "--create", "schema.yaml", path)
    return path


# --- messages of others ---


def foreign_json(b):
    """JSON of others: what does not fit is rejected with its place, and read and query agree"""
    name, url = b.topic(2, "?payload=json")
    good = [text(i).encode() for i in range(50)]
    odd = [
        json.dumps(row(100), indent=1).encode(),           # over several lines: fine
        b"\xef\xbb\xbf" + text(101).encode(),              # byte order mark: fine
        text(102).encode() + b"\r\n",                      # fine
        json.dumps({**row(103), "more": [1, {"a": 2}]}).encode(),  # fine
    ]
    bad = [
        b"", None, b"   ", b"null", b"[]", b"17", b"{", text(1).encode() + text(2).encode(),
        text(1).encode() + b"\n" + text(2).encode(),       # two rows are no message
        b"[" + text(1).encode() + b"]", text(1).encode() + b"\n]", b"\xff\xfe{}",
        b'{"id": "x", "ts": "2024-01-01T00:00:00", "n": 3000000000}',
        b'{"id": "x", "ts": "yesterday", "n": 1}', b'{"ts": "2024-01-01T00:00:00"}',
        b'{"id": "a\nb", "ts": "2024-01-01T00:00:00"}',    # a newline within a string
        b"\xff\xff\xff\xff\x10\0\0\0broken Arrow here",
    ]
    everything = [(v, True) for v in good + odd] + [(v, False) for v in bad]
    random.Random(5).shuffle(everything)
    b.send(name, [v for v, _ in everything], partition=1)
    want = list(range(50)) + list(range(100, 104))
    _, err = pf("pf-stage", "read", "-S", "schema.yaml", url, "-o", "x", "-f", status=3)
    assert f"topic '{name}', partition 1, offset" in err, err
    pf("pf-stage", "read", "-S", "schema.yaml", url, "-o", "x", "-f", "--rejects", "bad.jsonl")
    rejects = [json.loads(x) for x in open("bad.jsonl")]
    places = [i for i, (_, fine) in enumerate(everything) if not fine]
    got = sorted(r["offset"] for r in rejects)
    assert got == places, (set(got) ^ set(places), [everything[i] for i in set(got) ^ set(places)])
    assert all(r["topic"] == name and r["partition"] == 1 for r in rejects)
    assert numbers("x") == want
    assert numbers("-S", "schema.yaml", url) == want
    _, err = pf("pf-stage", "read", "-S", "schema.yaml", url, "-o", "x", "-f",
                "--on-error", "skip", status=1)
    assert f"{len(bad)} rejected" in err, err
    t = table()
    assert numbers(t, url) == want
    load(t, url, "--rejects", "bad2.jsonl")
    assert numbers(t) == want
    assert len(open("bad2.jsonl").readlines()) == len(bad)
    b.send(name, [text(i) for i in range(200, 210)])
    assert numbers(t, url) == want + list(range(200, 210))
    load(t, url)
    assert numbers(t) == want + list(range(200, 210))


def foreign_csv(b):
    """CSV of others: one row a message, whatever stands within quotes"""
    name, url = b.topic(1, "?payload=csv")
    b.send(name, ['a,2024-01-01T00:00:00,1', '"b,""x""\ny",2024-01-01T00:00:00,2',
                  '"open,2024-01-01T00:00:00,3', 'c,2024-01-01T00:00:00,4',
                  'd,2024-01-01T00:00:00,5\ne,2024-01-01T00:00:00,6', 'f,2024-01-01T00:00:00',
                  'g,2024-01-01T00:00:00,7'])
    out, _ = pf("pf-query", "-S", "schema.yaml", url, "-O", "jsonl")
    got = [json.loads(x) for x in out.splitlines()]
    assert [(r["id"], r["n"]) for r in got] == [("a", 1), ('b,"x"\ny', 2), ("c", 4), ("g", 7)], got
    pf("pf-stage", "read", "-S", "schema.yaml", url, "-o", "x", "-f", "--rejects", "bad.csv")
    rejects = [json.loads(x) for x in open("bad.csv")]
    assert [(r["topic"], r["partition"], r["offset"]) for r in rejects] == \
        [(name, 0, offset) for offset in (2, 4, 5)]
    _, err = pf("pf-stage", "read", "-S", "schema.yaml", url, "-o", "x", "-f", status=3)
    assert f"topic '{name}', partition 0, offset 2" in err, err


def murmur2(b):
    """keys go to the partitions that other clients choose for them, and back"""
    name, url = b.topic(7, "?payload=json")
    pf("pf-stage", "append", "-q", "-S", "schema.yaml", url,
       stdin="".join(text(i, f"entity {i}\u00e9") + "\n" for i in range(300)).encode())
    b.send(name, [text(1000 + i, f"entity {i}\u00e9") for i in range(300)],
           keys=[f"entity {i}\u00e9" for i in range(300)])
    from confluent_kafka import Consumer, TopicPartition
    c = Consumer({"bootstrap.servers": b.server, "group.id": "x", "enable.partition.eof": True,
                  "auto.offset.reset": "earliest"})
    c.assign([TopicPartition(name, p, 0) for p in range(7)])
    seen, ends = {}, 0
    while ends < 7:
        m = c.poll(PATIENCE_S)
        if m.error():
            ends += 1
            continue
        value = json.loads(m.value())
        assert m.key().decode() == value["id"]
        seen.setdefault(value["id"], set()).add(m.partition())
        if value["n"] < 1000:
            assert dict(m.headers())["pf"].startswith(b"1 "), m.headers()
    c.close()
    assert len(seen) == 300 and all(len(p) == 1 for p in seen.values())
    assert len(set.union(*seen.values())) == 7


def transactions(b):
    """what a transaction aborted is never read; what it has open is not yet"""
    from confluent_kafka import Producer
    name, url = b.topic(1, "?payload=json")
    p = Producer({"bootstrap.servers": b.server, "transactional.id": "t" + name, "log_level": 0})
    p.init_transactions()
    for first, keep in ((0, True), (10, False), (20, True), (30, None)):
        p.begin_transaction()
        b.send(name, [text(i) for i in range(first, first + 10)], producer=p)
        p.flush()
        if keep is not None:
            p.commit_transaction() if keep else p.abort_transaction()
    want = list(range(10)) + list(range(20, 30))
    t = table()
    assert numbers(t, url) == want
    load(t, url)
    assert numbers(t) == want and numbers(t, url) == want
    p.commit_transaction()
    want += range(30, 40)
    assert numbers(t, url) == want
    load(t, url)
    load(t, url)
    assert numbers(t) == want


# --- what is gone, and what is another ---


def retention(b):
    """C13: messages that are gone before they were loaded are an error with their range"""
    name, url = b.topic(2, "?payload=json")
    b.send(name, [text(i) for i in range(20)], partition=0)
    b.send(name, [text(i) for i in range(20, 30)], partition=1)
    t = table()
    load(t, url)
    b.send(name, [text(i) for i in range(30, 40)], partition=0)
    b.cluster.purge(name, 0, 25)
    err = load(t, url, status=3)
    assert f"topic '{name}', partition 0 no longer has messages 20 to 24" in err, err
    _, err = pf("pf-query", t, url, status=3)
    assert "20 to 24" in err, err
    load(t, url, "--accept-gap")
    assert numbers(t) == list(range(30)) + list(range(35, 40))
    out, _ = pf("pf-query", t, url, "-c", "count()", "-O", "tsv")
    assert out.split()[1] == "35"
    snapshots = sorted(os.listdir(t + "/snapshot"))
    newest = max(int(s.split("-")[1]) for s in snapshots if s.startswith("snapshot-"))
    text_of = open(f"{t}/snapshot/snapshot-{newest}").read()
    assert "[20, 25]" in text_of, text_of
    # Gone while it is read: named, too.
    out, err = pf("pf-stage", "read", url, "-S", "schema.yaml", "--offsets", "0:0,1:0", status=3)
    assert "no longer has messages 0 to 24" in err, err


def recreated(b):
    """C12: a topic made anew, shorter or longer, is told from the one that was loaded"""
    name, url = b.topic(1, "?payload=json")
    b.send(name, [text(i) for i in range(20)])
    t = table()
    load(t, url)
    b.cluster.delete_topic(name)
    _, err = pf("pf-stage", "status", url, status=2)
    assert f"there is no topic '{name}'" in err, err
    b.cluster.create_topic(name, 1)
    b.send(name, [text(i) for i in range(5)])
    err = load(t, url, status=3)
    assert "offset 20 lies beyond the end" in err, err
    b.send(name, [text(i) for i in range(5, 40)])
    err = load(t, url, status=3)
    assert "has another message at offset 19" in err, err
    _, err = pf("pf-query", t, url, status=3)
    assert "has another message at offset 19" in err, err
    assert numbers(t) == list(range(20))


def grown(b):
    """a partition count that changed is noticed; another name goes on"""
    name, url = b.topic(2)
    open("grow.jsonl", "wb").write(lines(range(10)))
    pf("pf-stage", "append", "-q", "-S", "schema.yaml", url, "grow.jsonl")
    t = table()
    load(t, url)
    b.cluster.grow_topic(name, 4)
    open("grow.jsonl", "ab").write(lines(range(10, 20)))
    _, err = pf("pf-stage", "append", url, "grow.jsonl", status=2)
    assert "had 2 partitions when" in err and "has 4 now" in err, err
    pf("pf-stage", "append", "-q", "--source", "new", url, stdin=lines(range(10, 20)))
    assert numbers(t, url) == list(range(20))
    load(t, url)
    assert numbers(t) == list(range(20))


def created(b):
    """a topic is made on request: partitions, replication, retention"""
    name = f"made{os.getpid()}"
    url = f"kafka://{b.server}/{name}"
    _, err = pf("pf-stage", "append", "-S", "schema.yaml", url, stdin=lines(range(3)), status=2)
    assert f"there is no topic '{name}'" in err, err
    pf("pf-stage", "append", "-q", "-S", "schema.yaml",
       url + "?partitions=3&replication=1&retention=2h", stdin=lines(range(3)))
    from confluent_kafka.admin import ConfigResource, ResourceType
    admin = b.cluster.admin()
    resource = ConfigResource(ResourceType.TOPIC, name)
    config = admin.describe_configs([resource])[resource].result(PATIENCE_S)
    assert config["retention.ms"].value == "7200000"
    assert len(b.cluster.offsets(name)) == 3
    _, err = pf("pf-stage", "append", url, stdin=lines(range(3)))
    assert "the topic has 1 replica: the loss of a broker" in err, err
    _, err = pf("pf-stage", "append", "--require-isr", url, stdin=lines(range(3)), status=2)
    _, err = pf("pf-stage", "append", url + "?partitions=3&replication=9", "-S", "schema.yaml",
                stdin=b"")
    _, err = pf("pf-stage", "append", url + "x?partitions=3&replication=9", "-S", "schema.yaml",
                stdin=lines(range(3)), status=4)
    assert "cannot create it" in err, err


# --- how far behind ---


def lag_of(url, t):
    """What status says of a table: loaded and behind in messages, seconds, rows."""
    out, _ = pf("pf-stage", "status", url, t)
    line = [x for x in out.splitlines() if x.startswith("table")][0]
    loaded, behind, seconds, rows = line.split("\t")[2:]
    assert (loaded.split()[1], behind.split()[1], seconds.split()[1], rows.split()[1]) == \
        ("loaded", "behind", "seconds", "rows"), line
    return [int(x.split()[0]) for x in (loaded, behind, seconds, rows)]


def lag(b):
    """status: how far a table is behind, in messages, in seconds and in rows"""
    name, url = b.topic(3)
    t = table()
    open("lag.jsonl", "wb").write(lines(range(5000)))
    pf("pf-stage", "append", "-q", "-S", "schema.yaml", url, "lag.jsonl")
    time.sleep(1.5)
    loaded, behind, seconds, rows = lag_of(url, t)
    assert loaded == 0 and 3 <= behind < 500 and 1 <= seconds < 60 and rows == 5000, \
        (loaded, behind, seconds, rows)
    load(t, url)
    assert lag_of(url, t) == [behind, 0, 0, 0]
    # What is there twice, since a run died before it knew, is counted once.
    open("lag.jsonl", "ab").write(lines(range(5000, 6000)))
    pf("pf-stage", "append", url, "lag.jsonl", status=-9, env={"PF_CRASH_AT": "X2:2"})
    pf("pf-stage", "append", "-q", url, "lag.jsonl")
    pf("pf-stage", "append", "-q", "--source", "other", url, stdin=lines(range(6000, 6100)))
    assert lag_of(url, t)[3] == 1100, lag_of(url, t)
    name, url = b.topic(2, "?payload=json")
    b.send(name, [text(i) for i in range(70)])
    assert lag_of(url, t)[::3] == [0, 70], lag_of(url, t)
    load(t, url)
    assert lag_of(url, t) == [70, 0, 0, 0]


def split(b):
    """--partitions: several lines share a topic, all at once, while it grows: each row once"""
    name, url = b.topic(6)
    t = table()
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", "-q", "-S", "schema.yaml", url],
                            stdin=subprocess.PIPE)
    shares = ("0-1", "2,4", "3,5")
    command = ('for i in 1 2 3 4 5 6 7 8 9; do "$B/pf-stage" read "$U" --after "$T" '
               '-S schema.yaml --partitions "$P" | "$B/pf-partition" | "$B/pf-pack" -q | '
               '"$B/pf-put" -q "$T"; for s in ${PIPESTATUS[@]}; do case $s in '
               '0|5|75|141) ;; *) exit 1;; esac; done; done')
    env = {**os.environ, "B": BUILD, "U": url, "T": t}
    ours = [subprocess.Popen(["bash", "-c", command], env={**env, "P": p},
                             stderr=subprocess.PIPE) for p in shares]
    for i in range(0, 3000, 100):
        feed.stdin.write(lines(range(i, i + 100)))
        feed.stdin.flush()
        time.sleep(0.05)
    feed.stdin.close()
    assert feed.wait(PATIENCE_S) == 0
    for p in ours:
        _, err = p.communicate(timeout=2 * PATIENCE_S)
        assert p.returncode == 0, err.decode()
    # What a loser of the last race left is one more run away.
    for p in shares:
        load(t, url, "--partitions", p)
    assert numbers(t) == list(range(3000)) == numbers(t, url)
    assert lag_of(url, t)[1] == 0
    _, err = pf("pf-stage", "read", url, "--partitions", "6", status=2)
    assert "there is no partition 6: the topic has 6" in err, err


# --- too large ---


def wide(i, size):
    """A row whose n is i, of about so many bytes."""
    return {**row(i), "text": "x" * size}


def largest(b, name):
    """The largest value in a topic, and how many messages there are."""
    from confluent_kafka import Consumer, TopicPartition
    c = Consumer({"bootstrap.servers": b.server, "group.id": "x", "enable.partition.eof": True,
                  "auto.offset.reset": "earliest"})
    partitions = c.list_topics(name, PATIENCE_S).topics[name].partitions
    c.assign([TopicPartition(name, p, 0) for p in partitions])
    sizes, ends = [], 0
    while ends < len(partitions):
        m = c.poll(PATIENCE_S)
        if m.error():
            ends += 1
        else:
            sizes.append(len(m.value()))
    c.close()
    return max(sizes, default=0), len(sizes)


def too_large(b):
    """S08: a row too large for a message is rejected with its place, or stops; others pass"""
    sizes = {3: 950_000, 7: 1_100_000, 8: 890_000, 11: 3_000_000}
    rows = [wide(i, sizes.get(i, 100)) for i in range(20)]
    jsonl = "".join(json.dumps(r) + "\n" for r in rows)
    csv = "id,ts,n,text\n" + "".join(",".join(map(str, r.values())) + "\n" for r in rows)
    open("large.jsonl", "w").write(jsonl)
    open("large.csv", "w").write(csv)
    bad = [i for i, size in sizes.items() if size > 900_000]
    good = [i for i in range(20) if i not in bad]
    for file, options, first in (("large.jsonl", "", 1), ("large.csv", "", 2),
                                 ("large.jsonl", "?payload=json", 1)):
        name, url = b.topic(2, options)
        read = ["-S", "wide.yaml"]
        # Without --rejects the first one ends it; those before it stay.
        _, err = pf("pf-stage", "append", *read, url, file, status=3)
        assert f"{file}:{3 + first}: byte " in err and "(PF3009)" in err and \
            f"and a message of topic '{name}' at most 900000" in err, err
        assert numbers(*read, url) == good[:3], numbers(*read, url)
        _, err = pf("pf-stage", "append", *read, "--rejects", "large.bad", url, file)
        assert f"{len(good) - 3} rows appended, {len(bad)} rejected, 3 duplicate" in err, err
        rejects = [json.loads(x) for x in open("large.bad")]
        os.unlink("large.bad")
        data = open(file).read()
        assert [(r["file"], r["line"], r["code"]) for r in rejects] == \
            [(file, i + first, "PF3009") for i in bad], rejects
        for r, i in zip(rejects, bad):
            line = data.splitlines()[i + first - 1]
            assert r["row"] == line and data[r["byte"]:r["byte"] + len(line)] == line
        assert numbers(*read, url) == good
        _, err = pf("pf-stage", "append", url, *read, "--rejects", "large.bad", file)
        assert "0 rows appended, 0 rejected, 20 duplicate" in err, err
        _, err = pf("pf-stage", "append", url, *read, "--on-error", "skip", "--source", "again",
                    "--final-line", stdin=jsonl.encode(), status=1)
        assert f"{len(good)} rows appended, {len(bad)} rejected" in err, err


def small_messages(b):
    """S08: messages keep to the topic's own limit, however many rows come at once"""
    rows = [wide(i, 17_000 if i % 50 == 7 else 30_000 if i % 50 == 9 else i % 700)
            for i in range(3000)]
    good = [r["n"] for r in rows if len(r["text"]) < 20_000]
    open("small.jsonl", "w").write("".join(json.dumps(r) + "\n" for r in rows))
    for options in ("", "?payload=json"):
        name, url = b.topic(3, options, max_message_bytes="20480")
        _, err = pf("pf-stage", "append", "-S", "wide.yaml", "--rejects", "small.bad", url,
                    "small.jsonl")
        assert f"{len(good):,} rows appended, {3000 - len(good)} rejected" in err, err
        bad = [json.loads(x) for x in open("small.bad")]
        os.unlink("small.bad")
        assert [json.loads(r["row"])["n"] for r in bad] == \
            [r["n"] for r in rows if len(r["text"]) > 20_000]
        assert numbers("-S", "wide.yaml", url) == good
        size, n = largest(b, name)
        assert 10_000 < size < 20_480 and n > 50, (size, n)
        # Rows of an Arrow stream are refused by their numbers.
        pf("pf-query", "-S", "wide.yaml", "small.jsonl", "-O", "arrow", "-o", "small.arrows", "-f")
        _, err = pf("pf-stage", "append", "-S", "wide.yaml", "--rejects", "small.bad", url,
                    "small.arrows")
        assert f"{len(good):,} rows appended, {3000 - len(good)} rejected" in err, err
        bad = [json.loads(x) for x in open("small.bad")]
        os.unlink("small.bad")
        assert [(r["line"], r["code"]) for r in bad] == \
            [(i + 1, "PF3009") for i, r in enumerate(rows) if len(r["text"]) > 20_000], bad[:3]
        assert numbers("-S", "wide.yaml", url) == sorted(good * 2)
    name, url = b.topic(1, "", max_message_bytes="900")
    _, err = pf("pf-stage", "append", "-S", "wide.yaml", url, stdin=lines(range(3)), status=4)
    assert f"messages of topic '{name}' may take 900 bytes, and the columns alone take" in err, err


# --- getting in ---


def newer_library():
    """What makes programs load the librdkafka that the Python client brings; None: as old."""
    import confluent_kafka
    if confluent_kafka.libversion()[1] < 0x02060100:
        return None
    libs = glob.glob(os.path.dirname(confluent_kafka.__file__) + ".libs/librdkafka-*.so*")
    if not libs:
        return None
    os.makedirs("newer", exist_ok=True)
    for path in glob.glob(os.path.dirname(libs[0]) + "/*"):
        link = "newer/" + ("librdkafka.so.1" if path == libs[0] else os.path.basename(path))
        if not os.path.islink(link):
            os.symlink(path, link)
    return {"LD_LIBRARY_PATH": os.path.abspath("newer")}


def old_scram(b, url, file):
    """Is the installed librdkafka one that cannot log in to Kafka 4 by SCRAM, and says so?"""
    if not b.cluster.state["line"].startswith("4"):
        return False
    p = subprocess.run([f"{BUILD}/pf-stage", "status", "--kafka-config",
                        f"{b.directory}/{file}.properties", url],
                       capture_output=True, text=True, timeout=PATIENCE_S)
    assert not p.returncode or "cannot log in to Kafka 4 by SCRAM; 2.6.1 can" in p.stderr, p.stderr
    return p.returncode != 0


def newer(b):
    """the librdkafka of today does what Debian's does: each row once, appended, asked, loaded"""
    env = newer_library()
    if not env:
        return
    for options in ("", "?payload=json"):
        name, url = b.topic(3, options)
        open("newer.jsonl", "wb").write(lines(range(3000)))
        pf("pf-stage", "append", "-S", "schema.yaml", url, "newer.jsonl", env={**env, "PF_CRASH_AT": "X2"}, status=-9)
        pf("pf-stage", "append", "-q", "-S", "schema.yaml", url, "newer.jsonl", env=env)
        _, err = pf("pf-stage", "append", "-S", "schema.yaml", url, "newer.jsonl", env=env)
        assert " 0 rows appended, 0 rejected, 3,000 duplicate" in err, err
        t = table()
        out, _ = pf("pf-query", t, url, "-c", "n", "-O", "tsv", env=env)
        assert sorted(int(x) for x in out.split()[1:]) == list(range(3000))
        os.environ.update(env)
        try:
            load(t, url)
            b.cluster.purge(name, 0, b.cluster.offsets(name)[0][1])
            load(t, url)
            b.send(name, [text(4000)], partition=0)
            b.cluster.purge(name, 0, b.cluster.offsets(name)[0][1])
            err = load(t, url, "-S", "schema.yaml", status=3)
            assert "no longer has messages" in err, err
        finally:
            os.environ.pop("LD_LIBRARY_PATH")
        assert numbers(t) == list(range(3000))


def security(b):
    """S09 S11 S12: TLS, PLAIN in TLS and SCRAM get in; strangers do not, and learn why"""
    name, url = b.topic(2)

    def at(listener):
        return f"kafka://{b.cluster.address(listener)}/{name}"
    files = [("SSL", "ssl", {}), ("SASL_SSL", "plain", {})]
    scram = [("SASL_SSL", "scram", {}), ("SASL_SSL", "scram512", {})]
    newer = newer_library()
    for listener, file, env in scram:
        if old_scram(b, at("SASL_SSL"), file):
            assert newer, "no librdkafka that can log in by SCRAM"
        else:
            files.append((listener, file, env))
        if newer:
            files.append((listener, file, newer))
    for i, (listener, file, env) in enumerate(files):
        config = f"{b.directory}/{file}.properties"
        pf("pf-stage", "append", "-q", "-S", "schema.yaml", "--kafka-config", config,
           "--source", f"{file}{i}", at(listener), stdin=lines(range(10)), env=env)
        out, _ = pf("pf-query", "--kafka-config", config, at(listener), "-c", "count()",
                    "-O", "tsv", env=env)
        assert out.split()[1] == str(10 * (i + 1))
        pf("pf-stage", "status", at(listener), env={"PF_KAFKA_CONFIG": config, **env})
    assert numbers(url) == sorted(list(range(10)) * len(files))
    for listener, file, status, why in (
            ("SASL_SSL", "wrong", 4, "uthentication failed"),
            ("SASL_SSL", "guest", 4, "uthorization failed"),
            ("SSL", "strange", 75, "certificate verify failed"),
            ("BADHOST", "ssl", 75, "certificate verify failed"),
            ("EXPIRED", "ssl", 75, "certificate verify failed")):
        for command in (("pf-stage", "append", "-S", "schema.yaml"), ("pf-stage", "read"),
                        ("pf-stage", "status"), ("pf-query",)):
            # What will not change is not waited for.
            _, err = pf(*command, "--kafka-config", f"{b.directory}/{file}.properties",
                        "--connect-timeout", "1h", at(listener), stdin=lines(range(10)), status=status)
            assert why in err, err
            assert len(err.splitlines()) <= 2, err


def core_of(command, feed):
    """Does it leave a core file when it crashes while it appends?"""
    p = subprocess.Popen(["bash", "-c", 'ulimit -c unlimited; exec "$@"', "_", *command],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdin.write(feed)
    p.stdin.flush()
    p.stdout.readline()  # it is in, and has acknowledged something
    shown = b"".join(open(f"/proc/{p.pid}/{f}", "rb").read() for f in ("cmdline", "environ"))
    assert kafka.SECRET.encode() not in shown
    os.kill(p.pid, signal.SIGABRT)
    _, status = os.waitpid(p.pid, 0)
    p.returncode = -os.WTERMSIG(status)
    return os.WCOREDUMP(status)


def secrets(b):
    """S12: a password shows nowhere: arguments, environment, -v, --explain, debug logs, cores"""
    name, plain = b.topic(1)
    url = f"kafka://{b.cluster.address('SASL_SSL')}/{name}"
    config = open(f"{b.directory}/plain.properties").read() + "debug=all\nlog_level=7\n"
    with open(os.open("secret", os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write(config)
    append = [f"{BUILD}/pf-stage", "append", "-S", "schema.yaml", "--ack-fd", "1"]
    if core_of([*append, plain], lines(range(5))):  # cores are made here
        assert not core_of([*append, "--kafka-config", "secret", url], lines(range(5)))
    for f in os.listdir("."):
        if f.startswith("core"):
            os.unlink(f)
    # pf() looks for it in whatever is printed.
    t = table()
    for command in (("pf-stage", "append", "-vv", "-S", "schema.yaml"),
                    ("pf-stage", "read", "-vv", "-o", "x", "-f"), ("pf-stage", "status", "-vv"),
                    ("pf-query", "-vv", "--explain"), ("pf-query", "-vv", t)):
        pf(*command, "--kafka-config", "secret", url, stdin=lines(range(10)))
    pf("pf-stage", "status", url, env={"PF_KAFKA_CONFIG": "secret"})
    for mode in (0o640, 0o604, 0o660):
        os.chmod("secret", mode)
        for command in (("pf-stage", "append"), ("pf-stage", "read"), ("pf-stage", "status"),
                        ("pf-query",), ("pf-window", "-W", "1d", "count", "-s", "w")):
            _, err = pf(*command, "--kafka-config", "secret", url, stdin=b"", status=2)
            assert f"(mode {mode:04o})" in err and "chmod 600" in err, err


def nobody(b):
    """S03: no broker there: 75, nothing claimed"""
    port = kafka.free_ports(1)[0]
    _, err = pf("pf-stage", "append", "-S", "schema.yaml", "--connect-timeout", "2s",
                f"kafka://127.0.0.1:{port}/t", stdin=lines(range(3)), status=75)
    assert "onnect" in err, err


# --- living ---


def until(true):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it does not become true"
        time.sleep(0.1)


def is_there(group):
    """Does a process of that group run?"""
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def following(b):
    """--follow: commits as they come, and SIGTERM ends the whole line whole"""
    name, url = b.topic(3)
    pf("pf-stage", "append", "-q", "-S", "schema.yaml", url, stdin=lines(range(100)))
    t = table()
    command = ('"$B/pf-stage" read --follow "$U" --after "$T" | "$B/pf-partition" | '
               '"$B/pf-pack" -q --every 500ms | "$B/pf-index" | "$B/pf-put" -q "$T"; '
               'echo ${PIPESTATUS[@]}')
    p = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True,
                         stderr=subprocess.PIPE, start_new_session=True,
                         env={**os.environ, "B": BUILD, "U": url, "T": t})
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", "-q", url], stdin=subprocess.PIPE)
    begin = time.monotonic()
    try:
        until(lambda: numbers(t) == list(range(100)))
        for i in range(100, 160):
            feed.stdin.write(lines([i]))
            feed.stdin.flush()
            time.sleep(0.05)
        until(lambda: numbers(t) == list(range(160)))
        feed.stdin.write(lines(range(160, 200)))
        feed.stdin.close()
        assert feed.wait(PATIENCE_S) == 0
        assert numbers(t, url) == list(range(200))
        time.sleep(0.3)
        os.killpg(p.pid, signal.SIGTERM)
        # bash itself dies of the signal; the programs end by themselves.
        out, err = p.communicate(timeout=PATIENCE_S)
        until(lambda: not is_there(p.pid))
    finally:
        feed.kill()
        if is_there(p.pid):
            os.killpg(p.pid, signal.SIGKILL)
    # What had been read when the signal came is committed, the rest is there.
    done = numbers(t)
    assert set(done) >= set(range(160)) and len(set(done)) == len(done), (done, err)
    load(t, url)
    assert numbers(t) == list(range(200)), err
    n = len([s for s in os.listdir(t + "/snapshot") if s.startswith("snapshot-")])
    assert 3 <= n <= (time.monotonic() - begin) / 0.5 + 4, f"{n} snapshots"
    pf("pf-put", "--verify", t)


def stopped(b):
    """SIGTERM to the head of a follower's line: what it read is committed, all end with 0"""
    name, url = b.topic(2, "?payload=json")
    t = table()
    b.send(name, [text(i) for i in range(30)])
    f = Follower(t, url)
    try:
        f.wait_for(list(range(30)))
        feed = [text(i) for i in range(30, 5000)]
        b.send(name, feed)
        time.sleep(0.3)
        os.kill(f.pid(), signal.SIGTERM)
        assert f.status() == [0, 0, 0, 0], (f.status(), f.said())
    finally:
        f.kill()
    # What it read is a prefix of each partition; the rest is there for the next.
    done = numbers(t)
    assert set(done) >= set(range(30)) and len(set(done)) == len(done)
    assert numbers(t, url) == list(range(5000))
    load(t, url)
    assert numbers(t) == list(range(5000))


def windows(b):
    """pf-window: rows of a topic count beside the table's; a state has those of the table only"""
    name, url = b.topic(3, "?payload=json")
    b.send(name, [text(i) for i in range(60)])
    t = table()
    load(t, url)
    b.send(name, [text(i) for i in range(60, 90)])

    def answer(*operands, **how):
        out, _ = pf("pf-window", "-W", "3d", "--end", "2024-01-04", "-O", "tsv", "count", "sum:n",
                    *operands, **how)
        lines = out.splitlines()
        assert len(lines) == 2, out
        return [int(x) for x in lines[1].split("\t")[-2:]]

    def want(n):
        return [n, sum(range(n))]
    assert answer(t) == want(60), answer(t)
    assert answer(t, url) == want(90) == answer("-S", "schema.yaml", url), answer(t, url)
    assert answer("-s", "state", t, url) == want(90)
    assert answer("-s", "state", t) == want(60)
    load(t, url)
    assert answer("-s", "state", t) == want(90) == answer("-s", "state", t, url)


def restarted(b):
    """S04: the broker dies and comes back while rows are appended and read: each row once"""
    name, url = b.topic(4)
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", "-S", "schema.yaml", "--source", "f",
                             "--ack-fd", "1", url], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    data = lines(range(2000)).decode().splitlines(True)
    for i in range(1000):
        feed.stdin.write(data[i])
    feed.stdin.flush()
    feed.stdout.readline()
    b.cluster.kill()
    for i in range(1000, 1500):
        feed.stdin.write(data[i])
    feed.stdin.flush()
    time.sleep(1)
    b.cluster.start()
    out, err = feed.communicate("".join(data[1500:]), timeout=PATIENCE_S)
    assert feed.returncode == 0, err
    assert "2,000 rows appended" in err, err
    t = table()
    load(t, url)
    assert numbers(t) == list(range(2000))
    assert int(out.splitlines()[-1].split("\t")[1]) == len("".join(data))


def slow(b):
    """S10: a broker that stands still: the input waits, memory is bounded, each row once"""
    name, url = b.topic(4)
    # Texts that do not compress: what waits is as large as what came.
    dice = random.Random(7)
    block = b"".join(x[:-2] + b', "text": "%032x"}\n' % dice.getrandbits(128)
                     for x in lines(range(1000)).splitlines(True))
    with open("slow.jsonl", "wb") as f:
        for _ in range(2500):
            f.write(block)
    pid = b.cluster.node(1)["pid"]
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", "-q", "-S", "wide.yaml", "--ack-fd",
                             "1", url, "slow.jsonl"], stdout=subprocess.PIPE)
    first = feed.stdout.readline()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(8)
        status = open(f"/proc/{feed.pid}/status").read()
    finally:
        os.kill(pid, signal.SIGCONT)
    rest = feed.stdout.read()
    assert feed.wait(2 * PATIENCE_S) == 0 and rest, "it ended before the broker stopped"
    peak = int(re.search(r"VmHWM:\s*(\d+)", status)[1]) // 1024
    print(f"# at {first.split()[1].decode()} of {2500 * len(block)} bytes: {peak} MiB")
    assert SANITIZED or peak < 160  # the sanitizer's own memory counts
    os.unlink("slow.jsonl")
    out, _ = pf("pf-query", "-O", "tsv", "-c", "count(*)", url)
    assert out.split()[1] == "2500000", out


def patient(b):
    """S04: a broker that is stopped is waited for, longer than one that answers would be"""
    open("patience", "w").write("delivery.timeout.ms=6000\n")
    name, url = b.topic(2)
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", "--kafka-config", "patience",
                             "--ack-fd", "1", "-S", "schema.yaml", "--source", "f", url],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    feed.stdin.write(lines(range(50)))
    feed.stdin.flush()
    feed.stdout.readline()
    pid = b.cluster.node(1)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        feed.stdin.write(lines(range(50, 100)))
        feed.stdin.flush()
        time.sleep(11)
        assert feed.poll() is None, feed.stderr.read()
    finally:
        os.kill(pid, signal.SIGCONT)
    out, err = feed.communicate(timeout=PATIENCE_S)
    assert feed.returncode == 0, err
    assert out.split(b"\t")[-2] == str(len(lines(range(100)))).encode(), out
    assert numbers("-S", "schema.yaml", url) == list(range(100))


def swallowed(b):
    """S05: answers that never come: 75 after delivery.timeout.ms; run again, each row once"""
    ports = b.cluster.node(1)["ports"]
    open("patience", "w").write("delivery.timeout.ms=1500\n")
    name, direct = b.topic(2)
    url = f"kafka://127.0.0.1:{ports['PROXIED']}/{name}"
    proxy = subprocess.Popen([sys.executable, ROOT + "/tests/loss/proxy.py",
                              str(ports["PROXIED"]), str(ports["BEHIND"]), "swallow"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        proxy.stdout.readline()
        begin = time.monotonic()
        out, err = pf("pf-stage", "append", "--kafka-config", "patience", "--ack-fd", "1",
                      "-S", "schema.yaml", "--source", "f", url, stdin=lines(range(100)),
                      status=75)
        assert "answers, but acknowledged none of" in err and "(PF7506)" in err, err
        assert out == "" and 1.5 < time.monotonic() - begin < 44, (out, err)
    finally:
        proxy.stdin.close()
        proxy.wait()
    # They are there, and nobody knew.
    assert numbers("-S", "schema.yaml", direct) == list(range(100))
    pf("pf-stage", "append", "-S", "schema.yaml", "--source", "f", direct, stdin=lines(range(200)))
    t = table()
    load(t, direct)
    assert numbers(t) == list(range(200))


def rotated(b):
    """S13: a password that changes while rows are appended ends it, and no row is lost"""
    name, _ = b.topic(2)
    url = f"kafka://{b.cluster.address('SASL_SSL')}/{name}"
    env = newer_library() if old_scram(b, url, "scram") else {}
    assert env is not None, "no librdkafka that can log in by SCRAM"

    def config(password):
        text = open(f"{b.directory}/scram.properties").read().replace(kafka.SECRET, password)
        with open(os.open("rotated", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
    config(kafka.SECRET)
    options = ["-S", "schema.yaml", "--kafka-config", "rotated", "--source", "f"]
    feed = subprocess.Popen([f"{BUILD}/pf-stage", "append", *options, "--ack-fd", "1", url],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, **env})
    feed.stdin.write(lines(range(50)))
    feed.stdin.flush()
    feed.stdout.readline()
    b.cluster.add_scram_user("alice", "another-" + kafka.SECRET)
    try:
        b.cluster.stop()  # whoever is in stays in until the connection ends
        b.cluster.start()
        feed.stdin.write(lines(range(50, 100)))
        feed.stdin.flush()
        status = feed.wait(2 * PATIENCE_S)
        err = feed.stderr.read().decode()
        assert status == 4, (status, err)
        assert "uthentication failed" in err and kafka.SECRET not in err, err
        acked = int((feed.stdout.read() or b"x\t-1\t").split(b"\t")[-2])
        assert acked < len(lines(range(100))), acked
        config("another-" + kafka.SECRET)
        pf("pf-stage", "append", "-q", *options, url, stdin=lines(range(100)), env=env)
        out, _ = pf("pf-query", "--kafka-config", "rotated", "-S", "schema.yaml", url, "-c", "n",
                    "-O", "tsv", env=env)
        assert sorted(int(x) for x in out.split()[1:]) == list(range(100))
    finally:
        feed.kill()
        b.cluster.add_scram_user("alice")


def example(b):
    """examples/follow.sh: it tries again until there is a broker, loads, ends well at SIGTERM"""
    name, url = b.topic(2)
    pf("pf-stage", "append", "-q", "-S", "schema.yaml", url, stdin=lines(range(50)))
    t = table()
    b.cluster.stop()
    log = open("follow.log", "w+")
    p = subprocess.Popen(["sh", ROOT + "/examples/follow.sh", t, url, "--connect-timeout", "1s"],
                         stderr=log, start_new_session=True,
                         env={**os.environ, "PATH": f"{BUILD}:" + os.environ["PATH"],
                              "PF_EVERY": "200ms"})
    try:
        until(lambda: p.poll() is not None or "trying again" in open("follow.log").read())
        assert p.poll() is None, open("follow.log").read()
        b.cluster.start()
        until(lambda: numbers(t) == list(range(50)))
        pf("pf-stage", "append", "-q", url, stdin=lines(range(50, 80)))
        assert numbers(t, url) == list(range(80))
        until(lambda: numbers(t) == list(range(80)))
        p.terminate()
        assert p.wait(PATIENCE_S) == 0, open("follow.log").read()
        assert numbers(t) == list(range(80)), open("follow.log").read()
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)


def log_of(b, name, partition=0):
    """The file of a partition's only segment."""
    return b.cluster.path(1, f"data/{name}-{partition}/{0:020}.log")


def batches(path):
    """Where each record batch of a segment begins, and its first offset."""
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        yield at, int.from_bytes(data[at:at + 8], "big")
        at += 12 + int.from_bytes(data[at + 8:at + 12], "big")


def cut_log(b, name, most=20):
    """Cut the log of a topic's only partition to so many messages or less, as an unclean end
    may; how many."""
    b.cluster.stop()
    path = log_of(b, name)
    # How many batches the producer made is its own business.
    at, end = [x for x in batches(path) if 0 < x[1] <= most][-1]
    os.truncate(path, at + 40)  # a torn batch, which the broker removes
    for gone in (".kafka_cleanshutdown", "recovery-point-offset-checkpoint"):
        os.unlink(b.cluster.path(1, "data/" + gone))
    b.cluster.start()
    # The leader first says as its high watermark what its checkpoint has, from before.
    until(lambda: b.cluster.offsets(name) == {0: (0, end)})
    return end


def truncated(b):
    """C12: a log that was cut at an unclean end is told from the one that was loaded"""
    name, url = b.topic(1, "?payload=json")
    for i in range(0, 40, 10):
        b.send(name, [text(i + k) for k in range(10)])
    t = table()
    load(t, url)
    end = cut_log(b, name)
    err = load(t, url, status=3)
    assert "offset 40 lies beyond the end" in err and f"({end})" in err, err
    _, err = pf("pf-query", t, url, status=3)
    assert "beyond the end" in err, err
    b.send(name, [text(100 + i) for i in range(45 - end)])
    err = load(t, url, status=3)
    assert "has another message at offset 39" in err, err
    assert numbers(t) == list(range(40))


class Follower:
    """A line that follows a topic into a table; what its programs said and their statuses."""

    def __init__(self, table, url, *options):
        command = (f'"$B/pf-stage" read --follow "$U" --after "$T" {" ".join(options)} 2> f0 & '
                   'echo $! > follower; wait $!; echo $? > f.status')
        self.p = subprocess.Popen(
            ["bash", "-c", '{ ' + command + '; } | "$B/pf-partition" 2> f1 | "$B/pf-pack" -q '
             '--every 200ms 2> f2 | "$B/pf-put" -q "$T" 2> f3; echo ${PIPESTATUS[@]} > f.all'],
            env={**os.environ, "B": BUILD, "U": url, "T": table}, start_new_session=True)
        self.table = table

    def wait_for(self, want):
        deadline = time.monotonic() + PATIENCE_S
        while numbers(self.table) != want:
            assert time.monotonic() < deadline, (numbers(self.table), self.said())
            time.sleep(0.2)

    def pid(self):
        return int(open("follower").read())

    def said(self):
        return "".join(open(f"f{i}").read() for i in range(4))

    def status(self):
        """Of pf-stage and, behind it, of all the others."""
        self.p.wait(PATIENCE_S)
        return [int(open("f.status").read())] + [int(x) for x in open("f.all").read().split()[1:]]

    def kill(self):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
            self.p.wait()


def remade(b):
    """C12: a topic made anew under a follower's eyes ends it, before a row of the new one"""
    for wait in (0, 1.5):
        name, url = b.topic(1, "?payload=json")
        b.send(name, [text(i) for i in range(20)])
        t = table()
        f = Follower(t, url)
        try:
            f.wait_for(list(range(20)))
            os.kill(f.pid(), signal.SIGSTOP)
            b.cluster.delete_topic(name)
            b.cluster.create_topic(name, 1)
            b.send(name, [text(i) for i in range(100, 150)])
            time.sleep(wait)
            os.kill(f.pid(), signal.SIGCONT)
            b.send(name, [text(i) for i in range(150, 160)])
            status = f.status()
            assert status[0] == 3, (status, f.said())
            assert name in f.said(), f.said()
            assert numbers(t) == list(range(20)), numbers(t)
        finally:
            f.kill()


def cut(b):
    """C12: a log that was cut under a follower's eyes ends it, before a row of what came after"""
    name, url = b.topic(1, "?payload=json")
    for i in range(0, 40, 10):
        b.send(name, [text(i + k) for k in range(10)])
    t = table()
    f = Follower(t, url)
    try:
        f.wait_for(list(range(40)))
        os.kill(f.pid(), signal.SIGSTOP)
        end = cut_log(b, name)
        b.send(name, [text(100 + i) for i in range(60)])
        os.kill(f.pid(), signal.SIGCONT)
        status = f.status()
        assert status[0] == 3 and numbers(t) == list(range(40)), (status, end, f.said(), numbers(t))
        assert "has another message at offset 39" in f.said(), f.said()
    finally:
        f.kill()


def connected(pid, port):
    """Has a process a connection to a port of this machine?"""
    ends = {row.split()[9] for row in open("/proc/net/tcp").readlines()[1:]
            if row.split()[2:4] == [f"0100007F:{port:04X}", "01"]}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}")[8:-1] in ends:  # socket:[inode]
                return True
        except OSError:
            pass
    return False


def refilled(b):
    """C12: a log that is cut while it is read: what waited to be read is fetched as it is now"""
    name, url = b.topic(1, "?payload=json")
    for i in range(0, 60000, 1000):
        b.send(name, [text(i + k) for k in range(1000)])
    p = subprocess.Popen([f"{BUILD}/pf-stage", "read", "-q", "-S", "schema.yaml", url],
                         stdout=subprocess.PIPE)
    data = p.stdout.read(1000)  # and no more, so it waits, with a full queue
    time.sleep(1)
    end = cut_log(b, name, 40000)
    b.send(name, [text(100000 + i) for i in range(60100 - end)])
    until(lambda: connected(p.pid, b.cluster.node(1)["ports"]["PLAINTEXT"]))
    time.sleep(1)
    data += p.stdout.read()
    assert p.wait(PATIENCE_S) == 0
    open("refilled.arrows", "wb").write(data)
    want = list(range(end)) + list(range(100000, 160000 - end))
    assert numbers("refilled.arrows") == want == numbers("-S", "schema.yaml", url)[:-100]


def damaged(b):
    """S18: a flipped bit in the broker's log is an error with its place, never a row less"""
    name, url = b.topic(1, "?payload=json")
    for i in range(0, 30, 10):
        b.send(name, [text(i + k) for k in range(10)])
    t = table()
    b.cluster.stop()
    path = log_of(b, name)
    second, _ = list(batches(path))[1]
    with open(path, "r+b") as f:
        f.seek(second + 90)
        byte = f.read(1)[0]
        f.seek(second + 90)
        f.write(bytes([byte ^ 4]))
    b.cluster.start()
    err = load(t, url, "-S", "schema.yaml", status=3)
    assert f"topic '{name}', partition 0, offset " in err and "CRC" in err, err
    assert numbers(t) == []
    pf("pf-query", t, url, status=3)


def main():
    line = ([a for a in sys.argv[1:] if a in kafka.LINES] or ["3.9"])[0]
    have_kafka(line)
    os.environ.update(LC_ALL="C.UTF-8", TZ="UTC0")
    scratch = tempfile.mkdtemp(prefix="pf-kafka-")
    own = None
    chosen = [a for a in sys.argv[1:] if not os.path.isdir(a) and a not in kafka.LINES]
    given = [a for a in sys.argv[1:] if os.path.isdir(a)]
    try:
        if given:
            directory = os.path.abspath(given[0])
        else:
            directory = scratch + "/broker"
            own = kafka.Kafka(directory)
            own.create(line, 1, [])
        os.chdir(scratch)
        open("schema.yaml", "w").write(SCHEMA)
        open("wide.yaml", "w").write(SCHEMA + "  text: string\n")
        b = Broker(directory)
        tests = [foreign_json, foreign_csv, murmur2, transactions, retention, recreated, grown,
                 created, lag, split, swallowed, too_large, small_messages, security, secrets, nobody, newer, following,
                 stopped, windows, remade]
        if own or os.environ.get("PF_RESTART"):
            tests += [restarted, example, slow, patient, rotated, truncated, cut, refilled, damaged]
        tests = [t for t in tests if not chosen or t.__name__ in chosen]
        failed = 0
        print(f"1..{len(tests)}")
        for i, test in enumerate(tests, 1):
            try:
                test(b)
                print(f"ok {i} {test.__doc__}", flush=True)
            except Exception:  # one test's trouble is not the others'
                failed += 1
                why = traceback.format_exc()[-3000:] + b.troubles()
                print(f"not ok {i} {test.__doc__}\n# " + why.replace("\n", "\n# "), flush=True)
        sys.exit(failed > 0)
    finally:
        if own:
            own.kill()
        shutil.rmtree(scratch, ignore_errors=True)


main()

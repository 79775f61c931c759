# SPDX-License-Identifier: Apache-2.0
"""Other engines' own code, asked from Python.

Java("paimon-1.4.2"), Java("flink"), Java("spark", WAREHOUSE) start what
tests/engines/install compiled; .ask(FIELD...) gives the lines of the answer,
each a list of cells, or raises EngineError with the engine's own message. The
requests are described at the head of java/*Driver.java; every cell has the
canonical text that Driver.java describes, and canon() makes the same of Arrow.
"""
import base64
import datetime
import decimal
import os
import queue
import struct
import subprocess
import threading
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build", "engines")
NULL = "\\N"
JAVA = ["paimon-1.2.0", "paimon-1.3.1", "paimon-1.4.2", "paimon-2.0.0"]
EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc

# What JVMs after 8 keep closed, and Spark and Flink reach into.
OPENS = [x for p in ("java.base/java.lang", "java.base/java.lang.invoke",
                     "java.base/java.lang.reflect", "java.base/java.io", "java.base/java.net",
                     "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
                     "java.base/java.util.concurrent.atomic", "java.base/sun.nio.ch",
                     "java.base/sun.nio.cs", "java.base/sun.security.action",
                     "java.base/sun.util.calendar")
         for x in ("--add-opens", p + "=ALL-UNNAMED")]
DRIVERS = {"paimon": ("PaimonDriver", "512m"), "flink": ("FlinkDriver", "1g"),
           "spark": ("SparkDriver", "1g")}


class EngineError(Exception):
    pass


def installed(name):
    return os.path.exists(f"{OUT}/{name}/compiled")


def escape(v):
    if v is None:
        return NULL
    return (str(v).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            .replace("\r", "\\r"))


def unescaped(s):
    out, it = [], iter(s)
    for c in it:
        out.append({"t": "\t", "n": "\n", "r": "\r"}.get(d, d) if c == "\\" and (d := next(it)) else c)
    return "".join(out)


class Java:
    """One process, started with the first question, and with the next one after it ended or was
    given up; stop() ends it."""

    def __init__(self, name, *args, folder="."):
        self.name, self.args, self.folder, self.process = name, args, folder, None

    def start(self):
        driver, memory = DRIVERS[self.name.split("-")[0]]
        classpath = open(f"{OUT}/{self.name}.classpath").read().strip()
        if driver == "PaimonDriver":
            # Hadoop parses its defaults for each file that Paimon before 1.4
            # opens; nothing of them is asked for.
            # Made in one go: other processes and threads may be reading, or at it.
            for what in ("core", "hdfs", "hdfs-rbf", "mapred", "yarn"):
                path = f"{OUT}/{self.name}/{what}-default.xml"
                own = f"{path}.{os.getpid()}.{threading.get_ident()}"
                with open(own, "w") as f:
                    f.write("<configuration/>\n")
                os.replace(own, path)
        folder = os.path.abspath(self.folder)
        os.makedirs(folder + "/tmp", exist_ok=True)  # Flink leaves what it unpacks there
        self.log = open(f"{folder}/{self.name}.log", "ab")
        # With the first compiler alone a JVM has room for 48 MiB of code, which Flink's and
        # Spark's made classes fill; then it interprets for the rest of its life.
        self.process = subprocess.Popen(
            ["java", "-Xmx" + memory, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-XX:ReservedCodeCacheSize=240m", "-Djava.io.tmpdir=" + folder + "/tmp",
             "-Duser.timezone=UTC", "-Dfile.encoding=UTF-8", *OPENS,
             "-cp", f"{OUT}/{self.name}:{classpath}", driver, *self.args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            cwd=folder)
        self.lines = queue.Queue()
        threading.Thread(target=self.pump, args=(self.process.stdout, self.lines), daemon=True).start()

    @staticmethod
    def pump(stream, lines):
        for line in stream:
            lines.put(line.decode())
        lines.put(None)

    def ask(self, *fields, seconds=240):
        """The answer's lines, each a list. Paimon 0.9 plans a scan with threads that share a
        HashMap (AppendOnlyFileStoreScan.testFileIndex), which now and then shows: asked again,
        it plans anew, and nothing was written yet."""
        for more in (2, 1, 0):
            try:
                return self.ask_once(*fields, seconds=seconds)
            except EngineError as e:
                if "ConcurrentModificationException" not in str(e) or not more:
                    raise

    def ask_once(self, *fields, seconds):
        if self.process is None:
            self.start()
        self.process.stdin.write(("\t".join(map(escape, fields)) + "\n").encode())
        self.process.stdin.flush()
        answer = []
        while True:
            try:
                line = self.lines.get(timeout=seconds)
            except queue.Empty:
                self.stop()
                raise EngineError(f"no answer within {seconds} s") from None
            if line is None:
                status, self.process = self.process.wait(), None
                raise EngineError(f"the process ended, status {status}: {self.last_words()}")
            line = line.rstrip("\n")
            if line == ".":
                return answer
            if line.startswith("!"):
                raise EngineError(line[1:])
            answer.append(line.split("\t"))

    def last_words(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-300:]

    def stop(self):
        if self.process is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def text(v, kind=""):
    """The canonical text of a Python value, as pyarrow gives it."""
    if v is None:
        return NULL
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, float):
        if kind == "float":
            return "%08x" % struct.unpack("<I", struct.pack("<f", v))
        return "%016x" % struct.unpack("<Q", struct.pack("<d", v))
    if isinstance(v, decimal.Decimal):
        return format(v, "f")
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, datetime.datetime):
        if v.tzinfo:
            v = v.astimezone(UTC).replace(tzinfo=None)
        d = v - EPOCH
        return str((d.days * 86400 + d.seconds) * 10**6 + d.microseconds)
    if isinstance(v, datetime.date):
        return str((v - EPOCH.date()).days)
    if isinstance(v, datetime.time):
        return str(((v.hour * 60 + v.minute) * 60 + v.second) * 1000 + v.microsecond // 1000)
    return escape(v) if isinstance(v, str) else str(v)


def canon(table):
    """The rows of an Arrow table, as tuples of cells."""
    columns = [[text(v, str(c.type)) for v in c.to_pylist()] for c in table.columns]
    return list(zip(*columns))


def digest(names, rows):
    """What a driver's digest prints, without its files."""
    lines = [["rows", str(len(rows)), str(sum(zlib.crc32("\t".join(r).encode()) for r in rows))]]
    for i, name in enumerate(names):
        cells = [r[i] for r in rows if r[i] != NULL]
        lines.append(["column", name, str(len(cells)),
                      str(sum(zlib.crc32(c.encode()) for c in cells))])
    return lines


def json_value(v):
    """For JSON lines that pf-stage and pf-partition read."""
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, (bool, int, float)) or v is None:
        return v
    return v.isoformat() if hasattr(v, "isoformat") else str(v)

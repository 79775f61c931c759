# SPDX-License-Identifier: Apache-2.0
"""The processes under test: pipelines of the programs, who is alive in them,
and what they may exit with."""
import os
import random
import shutil
import signal
import subprocess
import threading
import time

KILLED = -signal.SIGKILL
# What a program may exit with while others are killed around it. A stage that
# claims bad data (3), a crash or a usage error is never right.
# SIGTERM is how a follower is asked to end; before it follows, it just ends.
FINE = {"pf-stage append": {0, 75},
        "pf-stage read": {0, 75, -signal.SIGPIPE, -signal.SIGTERM},
        "pf-partition": {0, 3, 5, 75, -signal.SIGPIPE},
        "pf-pack": {0, 3, 5, 75, -signal.SIGPIPE},
        "pf-index": {0, 3, 5, 75, -signal.SIGPIPE},
        "pf-put": {0, 3, 5, 75}, "pf-query": {0, 75}}
# Where each may be told to die (common/base/fault.h).
POINTS = {"pf-stage append": ("X1", "X2", "X3", "X4", "X5", "X6"),
          "pf-put": ("X7", "X8", "X9", "X10", "X11", "X12")}


def name_of(argv):
    return " ".join(argv[:2]) if argv[0] == "pf-stage" else argv[0]


class Trouble(Exception):
    """A promise was broken."""


class Field:
    """All processes that run; thread-safe."""

    def __init__(self, seed, env):
        self.random = random.Random(seed)
        self.env = env
        self.lock = threading.Lock()
        self.live = {}
        self.kills = {}
        self.counts = {}
        self.laws = 0

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def draw(self, what, *args):
        with self.lock:
            return getattr(self.random, what)(*args)

    def spawn(self, argv, crash, **how):
        """Start one program; crash: how likely it dies at a crash point."""
        env = dict(self.env)
        points = POINTS.get(name_of(argv))
        if points and crash and self.draw("random") < crash:
            env["PF_CRASH_AT"] = f"{self.draw('choice', points)}:{self.draw('randint', 1, 4)}"
        with self.lock:
            p = subprocess.Popen(argv, env=env, **how)
            self.live[p] = (name_of(argv), time.monotonic())
        return p

    def ended(self, p):
        """Wait for a process; its exit status, which must be a fine one."""
        code = p.wait()
        with self.lock:
            name, _ = self.live.pop(p)
            if code == KILLED:
                self.kills[name] = self.kills.get(name, 0) + 1
        return name, code

    def judge(self, name, code, text):
        fine = code == KILLED or code in FINE[name]
        # ENOSPC is a system error where it is not known to pass.
        if code == 4 and ("No space left" in text or "no space" in text):
            fine = True
        if not fine:
            raise Trouble(f"{name} ended with {code}:\n{text[-1500:]}")

    def victim(self):
        with self.lock:
            return self.random.choice(list(self.live)) if self.live else None

    def hanging(self, seconds):
        """A process that is older: its name, and where its threads wait."""
        with self.lock:
            old = [(p, name) for p, (name, since) in self.live.items()
                   if time.monotonic() - since > seconds and p.poll() is None]
        if not old:
            return None
        p, name = old[0]
        where = subprocess.run(["gdb", "-p", str(p.pid), "-batch", "-ex",
                                "thread apply all bt 12"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True).stdout \
            if shutil.which("gdb") else ""
        return f"{name} does not end:\n{where}"

    def all_live(self):
        with self.lock:
            return list(self.live)


def run_line(field, line, crash=0.0, ack=None, last_out=subprocess.DEVNULL, ask_to_end=None):
    """Run a pipeline; (exit statuses, standard errors, output of the last).
    ack(bytes): called with what comes out of the first one's --ack-fd.
    ask_to_end: send the first one SIGTERM after so many seconds."""
    processes, errors, watchers = [], [], []
    stdin = subprocess.DEVNULL
    for i, argv in enumerate(line):
        how = {"stdin": stdin, "stderr": subprocess.PIPE,
               "stdout": subprocess.PIPE if i + 1 < len(line) else last_out}
        if ack and i == 0:
            ack_read, ack_write = os.pipe()
            how["pass_fds"] = (ack_write,)
            argv = [a.replace("ACK", str(ack_write)) for a in argv]
        p = field.spawn(argv, crash, **how)
        if ack and i == 0:
            os.close(ack_write)
            watchers.append(threading.Thread(target=read_acks, args=(ack_read, ack)))
        if stdin is not subprocess.DEVNULL:
            stdin.close()
        stdin = p.stdout
        processes.append(p)
        errors.append(bytearray())
        watchers.append(threading.Thread(target=drain, args=(p.stderr, errors[i])))
    for w in watchers:
        w.start()
    if ask_to_end is not None:
        try:
            processes[0].wait(ask_to_end)
        except subprocess.TimeoutExpired:
            processes[0].terminate()
    out = b""
    if last_out == subprocess.PIPE:
        out = processes[-1].stdout.read()
    ends = [field.ended(p) for p in processes]
    for w in watchers:
        w.join()
    texts = [bytes(e).decode(errors="replace") for e in errors]
    for (name, code), text in zip(ends, texts):
        field.judge(name, code, text)
    return [code for _, code in ends], texts, out


def drain(pipe, into):
    with pipe:
        while data := pipe.read(65536):
            into += data


def read_acks(fd, ack):
    """Whole lines only: half a line is no acknowledgement."""
    rest = b""
    while data := os.read(fd, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            ack(line)
    os.close(fd)

# SPDX-License-Identifier: Apache-2.0
"""What the checks of this folder have in common: they print TAP, and draw at random.

run(NAME, MAIN) is a script: MAIN in a new folder, the plan, and at the very end,
where a log that was cut still has it, the seed and what failed, a line each.

rng draws. Each thread draws from its own, and draw_for(NAME) begins that anew
from the seed and the name. So what is made under a name depends on nothing
else: PF_TEST_SEED repeats it, whatever other threads do, and for one table or
engine as for all of them.
"""
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = int(os.environ.get("PF_TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class Draws(threading.local):
    """The methods of random.Random, of this thread's own."""
    of_thread = None

    def __getattr__(self, method):
        if self.of_thread is None:
            raise RuntimeError("a thread draws before draw_for()")
        return getattr(self.of_thread, method)


rng = Draws()
done, failed = 0, []


def draw_for(name):
    rng.of_thread = random.Random(f"{SEED} {name}")


def check(name, ok, why=""):
    """A test, and what is wrong where it fails."""
    global done
    done += 1
    why = " ".join(str(why).split("\n"))
    print(("" if ok else "not ") + f"ok {done} {name}", flush=True)
    if not ok:
        failed.append(f"{done} {name}: {why}")
        print("# " + why[:3000], flush=True)
    return ok


def outcome(fn):
    """"" or what went wrong, as text."""
    begin = time.time()
    try:
        wrong = fn()
        return ("" if not wrong else str(wrong)), time.time() - begin
    except Exception as error:
        return f"{type(error).__name__}: {error}", time.time() - begin


def attempt(fn):
    try:
        return list(fn())
    except Exception as error:
        traceback.print_exc()
        return [("read", f"{type(error).__name__}: {error}")]


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit()


def run(name, main):
    """Ends the process. The folder stays when something failed."""
    folder = tempfile.mkdtemp(prefix=f"pf-{name}-", dir=os.environ.get("PF_ENGINES_TMP"))
    os.chdir(folder)
    os.makedirs("wh/default.db")
    print(f"# seed {SEED}, {folder}", flush=True)
    draw_for(name)
    try:
        main()
    except Exception as error:
        traceback.print_exc()
        at = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(HERE)][-1]
        check("runs to its end", False, f"{os.path.basename(at.filename)}:{at.lineno}: {type(error).__name__}: {error}")
    print(f"1..{done}")
    if failed:
        print(f"# failed with PF_TEST_SEED={SEED} ({folder}):")
        more = [f"and {len(failed) - 20} more"] if len(failed) > 20 else []
        for line in failed[:20] + more:
            print("# " + line[:400])
        sys.stdout.flush()
    os.chdir("/")
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)  # a JVM may be at its end only now
    sys.exit(len(failed) > 0)

# SPDX-License-Identifier: Apache-2.0
"""A table with a primary key in use: one loads updates and deletes without pause,
two compact (by the rules, and everything), one expires and cleans, one asks. Loads
never fail for a compaction; a compaction may lose to the other one (75). Every answer
is the state after one of the loads, never an older one than before; in the end the
rows are the model's, files of a level do not overlap, and runs are few.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

seed = int(os.environ.get("PF_SEED", "5"))
LOADS = int(os.environ.get("PF_LOADS", "30"))
KEYS = 400
YAML = """primary_key: [user_id]
time: ts
partition: none
buckets: 3
row_kind: op
columns:
  user_id: bigint
  n: int
  ts: timestamp(3)
"""
folder = tempfile.mkdtemp(prefix="pf-race-")
os.chdir(folder)
over = threading.Event()
problems, counts = [], {}


def sh(command, may=(0,)):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True, text=True)
    if p.returncode not in may:
        problems.append(f"{command}: exit {p.returncode}\n{p.stderr}")
        over.set()
    return p


def again_and_again(name, command, pause, may=(0, 75)):
    def loop():
        while not over.is_set():
            code = sh(command, may).returncode
            counts[name, code] = counts.get((name, code), 0) + 1
            time.sleep(pause)
    return threading.Thread(target=loop)


def rows_of(text):
    return frozenset((r["user_id"], r["n"]) for r in map(json.loads, text.splitlines()))


states = [frozenset()]  # after each load


def ask():
    """What is answered is a state, from the last one seen on."""
    seen = 0
    while not over.is_set():
        got = rows_of(sh("pf-query -q -O jsonl -c user_id,n t").stdout)
        known = list(states)
        at = next((i for i in range(seen, len(known)) if known[i] == got), None)
        if at is None and not over.is_set():
            problems.append(f"an answer of {len(got)} rows is none of the states {seen} to {len(known) - 1}")
            over.set()
            return
        seen = at if at is not None else seen
        counts["asked", 0] = counts.get(("asked", 0), 0) + 1


with open("t.yaml", "w") as f:
    f.write(YAML)
sh("pf-put -q --create t.yaml t")
r = random.Random(seed)
model = {}
threads = [again_and_again("compact", "pf-put -q --compact t", 0.02),
           again_and_again("full", "pf-put -q --compact --full t", 0.3),
           again_and_again("expire", "pf-put -q --expire --keep 4 --keep-time 0s --grace 10s t && "
                           "pf-put -q --clean --older-than 60s t", 0.2),
           threading.Thread(target=ask)]
for t in threads:
    t.start()
for load in range(LOADS):
    with open("rows.csv", "w") as f:
        f.write("op,user_id,n,ts\n")
        for _ in range(r.choice([1, 30, 200])):
            key, kind, n = r.randrange(KEYS), r.choice(["+I", "+U", "+U", "-D"]), r.randrange(10**6)
            f.write(f"{kind},{key},{n},2024-01-01T00:00:00\n")
            model[key] = None if kind == "-D" else n
    # Who asks may see it before we hear that it is committed.
    states.append(frozenset((k, n) for k, n in model.items() if n is not None))
    sh("pf-partition -S t.yaml rows.csv | pf-pack -qq | pf-put -q --append t")
    if over.is_set():
        break
over.set()
for t in threads:
    t.join()
print("1..2")
print(f"# {dict(sorted((' '.join(map(str, k)), v) for k, v in counts.items()))}")
got = rows_of(sh("pf-query -q -O jsonl -c user_id,n t").stdout)
if got != states[-1]:
    problems.append(f"{len(got)} rows in the end, not {len(states[-1])}")
sh("pf-put -q --verify t")
for command in ("pf-put -q --compact t", "pf-put -q --verify t"):
    sh(command)
runs = [json.loads(x)["run"] for x in sh("pf-query -q --files -O jsonl t").stdout.splitlines()]
if max(runs) > 5:
    problems.append(f"{max(runs)} runs after a compaction")
if problems:
    print("not ok 1 loads, compactions, expiry and questions side by side\n# " +
          "\n# ".join("\n".join(problems).splitlines()[:20]))
else:
    print("ok 1 loads, compactions, expiry and questions side by side")
done = counts.get(("compact", 0), 0) + counts.get(("full", 0), 0)
print(f"{'ok' if done > 3 and counts.get(('asked', 0), 0) > 3 else 'not ok'} 2 all of them came to their turn")
os.chdir("/")
shutil.rmtree(folder)
sys.exit(bool(problems))

# SPDX-License-Identifier: Apache-2.0
"""lsm.py COMMITS ROWS: see lsm.sh."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

COMMITS, ROWS = int(sys.argv[1]), int(sys.argv[2])
KEYS = ROWS * 40
seed = int(os.environ.get("PF_SEED", "9"))
YAML = """primary_key: [user_id]
time: ts
partition: none
buckets: 2
row_kind: op
columns:
  user_id: bigint
  n: int
  note: string
  ts: timestamp(3)
"""
folder = tempfile.mkdtemp(prefix="pf-lsm-")
os.chdir(folder)


def sh(command):
    p = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True, text=True)
    assert p.returncode == 0, f"{command}: exit {p.returncode}\n{p.stderr}"
    return p.stdout


def files():
    return [json.loads(x) for x in sh("pf-query -q --files -O jsonl t").splitlines()]


def main():
    with open("t.yaml", "w") as f:
        f.write(YAML)
    sh("pf-put -q --create t.yaml t")
    r, model = random.Random(seed), {}
    most = after = 0
    lookups, verified = [], 0
    for commit in range(1, COMMITS + 1):
        with open("rows.csv", "w") as f:
            f.write("op,user_id,n,note,ts\n")
            # Mostly keys that are not old, as it is in life.
            base = commit * KEYS // COMMITS
            for _ in range(ROWS):
                key = r.randrange(KEYS) if r.random() < 0.5 else max(0, base - int(r.expovariate(0.01)))
                n = r.randrange(10**6)
                kind = "-D" if r.random() < 0.1 else "+U"
                f.write(f"{kind},{key},{n},note {n % 977},2024-01-01T00:00:00\n")
                model[key] = None if kind == "-D" else n
        sh("pf-partition -S t.yaml rows.csv | pf-pack -qq | pf-put -q --append t")
        if commit % 10 == 0:
            most = max(most, max(f["run"] for f in files()))
            sh("pf-put -q --compact t")
            after = max(after, max(f["run"] for f in files()))
            assert after <= 5, f"commit {commit}: {after} runs after a compaction"
        if commit % 20 == 0:
            sh("pf-put -q --expire --keep 3 --keep-time 0s --grace 0s t")
        if commit % 50 == 0:
            sh("pf-put -q --clean --older-than 0s t && pf-put -q --verify t")
            verified += 1
            got = {x["user_id"]: x["n"] for x in map(json.loads, sh(
                "pf-query -q -O jsonl -c user_id,n t").splitlines())}
            want = {k: n for k, n in model.items() if n is not None}
            assert got == want, f"commit {commit}: {len(got)} rows, not {len(want)}, or others"
            for key in r.sample(sorted(want), 5):
                begin = time.monotonic()
                answer = sh(f"pf-query -q -O csv -c n --id {key} t").split()
                lookups.append(time.monotonic() - begin)
                assert answer[1:] == [str(want[key])], f"key {key}: {answer}"
    sh("pf-put -q --compact --full t && pf-put -q --verify t")
    left = files()
    on_disk = int(sh("find t -name '*.parquet' | wc -l"))
    assert all(f["run"] == 1 for f in left)
    lookups.sort()
    print(f"= {COMMITS} commits of {ROWS} rows over {KEYS} keys: at most {most} runs of a bucket before "
          f"a compaction, {after} after one; {verified} times verified and compared")
    print(f"= {len(left)} live files in the end, {on_disk} on the disk; a lookup took "
          f"{lookups[len(lookups) // 2] * 1000:.0f} ms (median), {lookups[-1] * 1000:.0f} ms at most")
    return 0


print("1..1")
try:
    main()
    print("ok 1 a table lives without a JVM")
except AssertionError as e:
    print("not ok 1 a table lives without a JVM\n# " + str(e).replace("\n", "\n# "))
    sys.exit(1)
finally:
    os.chdir("/")
    shutil.rmtree(folder)

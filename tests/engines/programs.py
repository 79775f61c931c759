# SPDX-License-Identifier: Apache-2.0
"""Our programs, asked from Python."""
import os
import subprocess

from tap import skip

try:
    import pyarrow as pa
except ImportError as e:
    skip(e)


def sh(line, status=0):
    p = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True)
    if p.returncode != status:
        raise RuntimeError(f"{line}: {p.returncode}: {p.stderr.decode(errors='replace')[-900:]}")
    return p.stdout


def ours(*args):
    """What pf-query gives, as an Arrow table."""
    out = subprocess.run(["pf-query", *args, "-O", "arrow"], capture_output=True)
    if out.returncode:
        raise RuntimeError(f"pf-query {args}: {out.stderr.decode()}")
    return pa.ipc.open_stream(out.stdout).read_all()


def list_files(table, *args):
    """The paths of pf-query --files."""
    return [os.path.join(table, f["partition"] or "", f"bucket-{f['bucket']}", f["file"])
            for f in ours("--files", table, *args).to_pylist()]

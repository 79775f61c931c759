#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Arrow project's gold streams and files against their gold JSON, value by value.

Little-endian streams must decode to what the JSON says (schema, metadata,
every value); big-endian ones and a future metadata version must be refused by
name; streams that crashed other readers must end quickly with an error or a
result, in little memory.
"""
import glob
import gzip
import json
import os
import resource
import struct
import subprocess
import sys

BUILD = os.environ.get("PF_BUILD", "build")
CORPUS = os.path.join(os.environ.get("PF_SHARED", "../shared"), "corpora", "arrow")
DUMP = os.path.join(BUILD, "tools", "ipc_dump")
RECODE = os.path.join(BUILD, "tools", "recode")
SANITIZED = "asan" in BUILD

UNITS = {"SECOND": "s", "MILLISECOND": "ms", "MICROSECOND": "us", "NANOSECOND": "ns", "DAY": "day"}
NESTED = {"list": "list", "largelist": "large_list", "listview": "list_view",
          "largelistview": "large_list_view", "struct": "struct", "map": "map",
          "runendencoded": "run_end_encoded"}
PLAIN = {"null": "null", "binary": "binary", "utf8": "utf8", "bool": "bool",
         "largebinary": "large_binary", "largeutf8": "large_utf8",
         "binaryview": "binary_view", "utf8view": "utf8_view"}


# --- types as text ---

def int_name(t):
    return "%sint%d" % ("" if t["isSigned"] else "u", t["bitWidth"])


def bare_type(field):
    t = field["type"]
    name = t["name"]
    if name in PLAIN:
        return PLAIN[name]
    if name in NESTED:
        return NESTED[name]
    if name == "int":
        return int_name(t)
    if name == "floatingpoint":
        return {"HALF": "float16", "SINGLE": "float32", "DOUBLE": "float64"}[t["precision"]]
    if name == "decimal":
        return "decimal%d(%d, %d)" % (t.get("bitWidth", 128), t["precision"], t["scale"])
    if name == "date":
        return "date32" if t["unit"] == "DAY" else "date64"
    if name == "time":
        return "time%d[%s]" % (t["bitWidth"], UNITS[t["unit"]])
    if name == "timestamp":
        zone = t.get("timezone")
        return "timestamp[%s%s]" % (UNITS[t["unit"]], ", " + zone if zone else "")
    if name == "duration":
        return "duration[%s]" % UNITS[t["unit"]]
    if name == "interval":
        return "interval[%s]" % {"YEAR_MONTH": "months", "DAY_TIME": "day_time",
                                 "MONTH_DAY_NANO": "month_day_nano"}[t["unit"]]
    if name == "fixedsizebinary":
        return "fixed_size_binary[%d]" % t["byteWidth"]
    if name == "fixedsizelist":
        return "fixed_size_list[%d]" % t["listSize"]
    if name == "union":
        return "dense_union" if t["mode"] == "DENSE" else "sparse_union"
    raise ValueError(name)


def type_name(field):
    name = bare_type(field)
    children = field.get("children", [])
    parts = [("%s: " % c["name"] if name == "struct" else "") + type_name(c)
             for c in children[:8]]
    if parts:
        name += "<" + ", ".join(parts) + (", ...>" if len(children) > 8 else ">")
    d = field.get("dictionary")
    return "dictionary<%s, %s>" % (int_name(d["indexType"]), name) if d else name


def pairs(meta):
    if isinstance(meta, dict):
        return sorted(meta.items())
    return sorted((m["key"], m["value"]) for m in meta or [])


def canonical(field):
    """The fields inside a map have names that mean nothing; some streams have the usual ones."""
    children = [canonical(c) for c in field.get("children", [])]
    if field["type"]["name"] == "map":
        entries = children[0]
        pair = [dict(c, name=n) for c, n in zip(entries["children"], ("key", "value"))]
        children = [dict(entries, name="entries", children=pair)]
    return dict(field, children=children)


def schema_of(field):
    return {"name": field["name"], "type": type_name(field), "nullable": field["nullable"],
            "meta": pairs(field.get("metadata")),
            "children": [schema_of(c) for c in field.get("children", [])]}


def dumped_schema(field):
    return dict(field, meta=sorted(map(tuple, field["meta"])),
                children=[dumped_schema(c) for c in field["children"]])


# --- values as bytes ---

def raw(value, nbytes, signed=True):
    return int(value).to_bytes(nbytes, "little", signed=signed).hex()


def fixed(field, value):
    t = field["type"]
    name = t["name"]
    if name == "int":
        return raw(value, t["bitWidth"] // 8, t["isSigned"])
    if name == "floatingpoint":
        return struct.pack({"HALF": "<e", "SINGLE": "<f", "DOUBLE": "<d"}[t["precision"]],
                           float(value)).hex()
    if name == "decimal":
        return raw(value, t.get("bitWidth", 128) // 8)
    if name == "date":
        return raw(value, 4 if t["unit"] == "DAY" else 8)
    if name == "time":
        return raw(value, t["bitWidth"] // 8)
    if name in ("timestamp", "duration"):
        return raw(value, 8)
    if name == "interval":
        if t["unit"] == "YEAR_MONTH":
            return raw(value, 4)
        if t["unit"] == "DAY_TIME":
            return raw(value["days"], 4) + raw(value["milliseconds"], 4)
        return raw(value["months"], 4) + raw(value["days"], 4) + raw(value["nanoseconds"], 8)
    if name == "bool":
        return bool(value)
    if name in ("utf8", "largeutf8"):
        return value.encode().hex()
    return value.lower()  # binary and fixed binary are hex already


def view(column, v, text):
    if "INLINED" in v:
        return v["INLINED"].encode().hex() if text else v["INLINED"].lower()
    data = column["VARIADIC_DATA_BUFFERS"][v["BUFFER_INDEX"]]
    return data[2 * v["OFFSET"]:2 * (v["OFFSET"] + v["SIZE"])].lower()


def values(field, column, dictionaries):
    """The column's values as the dump writes them."""
    n = column["count"]
    if field.get("dictionary"):
        plain = dict(field, dictionary=None)
        source = dictionaries.get(field["dictionary"]["id"])
        known = values(plain, source, dictionaries) if source else []
        return [known[int(i)] if ok else None
                for i, ok in zip(column["DATA"], column["VALIDITY"])]
    name = field["type"]["name"]
    valid = column.get("VALIDITY", [1] * n)
    kids = field.get("children", [])
    if name == "runendencoded":
        ends = [int(e) for e in column["children"][0]["DATA"]]
        of_run = values(kids[1], column["children"][1], dictionaries)
        out, k = [], 0
        for i in range(n):
            while ends[k] <= i:
                k += 1
            out.append(of_run[k])
        return out
    if name == "null":
        return [None] * n
    below = [values(f, c, dictionaries) for f, c in zip(kids, column.get("children", []))]
    out = []
    codes = {code: k for k, code in enumerate(field["type"].get("typeIds", []))}
    for i in range(n):
        if not valid[i]:
            out.append(None)
        elif name in ("list", "largelist", "map"):
            out.append(below[0][int(column["OFFSET"][i]):int(column["OFFSET"][i + 1])])
        elif name in ("listview", "largelistview"):
            at = int(column["OFFSET"][i])
            out.append(below[0][at:at + int(column["SIZE"][i])])
        elif name == "fixedsizelist":
            size = field["type"]["listSize"]
            out.append(below[0][i * size:(i + 1) * size])
        elif name == "struct":
            out.append([b[i] for b in below])
        elif name == "union":
            code = column["TYPE_ID"][i]
            dense = field["type"]["mode"] == "DENSE"
            out.append([code, below[codes[code]][int(column["OFFSET"][i]) if dense else i]])
        elif name in ("binaryview", "utf8view"):
            out.append(view(column, column["VIEWS"][i], name == "utf8view"))
        else:
            out.append(fixed(field, column["DATA"][i]))
    return out


# --- running ---

def limits():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))


def used_seconds():
    """Of a processor, by programs that ended: a busy machine takes longer."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(tool, path, *args):
    with open(path, "rb") as f:
        begin = used_seconds()
        p = subprocess.run([tool, *args], stdin=f, capture_output=True, preexec_fn=limits,
                           timeout=200)
        return p.returncode, p.stdout, p.stderr.decode(errors="replace"), used_seconds() - begin


def check_gold(path):
    status, out, err, _ = run(DUMP, path)
    if status:
        return "exit %d: %s" % (status, err)
    lines = [json.loads(line) for line in out.decode().splitlines()]
    with gzip.open(os.path.splitext(path)[0] + ".json.gz", "rt", encoding="utf-8") as f:
        gold = json.load(f)
    fields = gold["schema"]["fields"]
    want = [schema_of(f) for f in fields]
    got = [dumped_schema(f) for f in lines[0]["fields"]]
    if got not in (want, [schema_of(canonical(f)) for f in fields]):
        return "schema differs:\n%s\n%s" % (want, got)
    if pairs(gold["schema"].get("metadata")) != sorted(map(tuple, lines[0]["meta"])):
        return "metadata differs"
    if len(gold["batches"]) != len(lines) - 1:
        return "%d batches, not %d" % (len(lines) - 1, len(gold["batches"]))
    dictionaries = {d["id"]: d["data"]["columns"][0] for d in gold.get("dictionaries") or []}
    for k, (batch, line) in enumerate(zip(gold["batches"], lines[1:])):
        if batch["count"] != line["rows"]:
            return "batch %d has %d rows" % (k, line["rows"])
        for field, column, seen in zip(fields, batch["columns"], line["columns"]):
            expect = values(field, column, dictionaries)
            if expect != seen:
                diff = [(i, a, b) for i, (a, b) in enumerate(zip(expect, seen)) if a != b]
                return "batch %d, column %s: %s" % (k, field["name"], diff[:3])
    return None


def check_refused(path, message):
    status, _, err, _ = run(DUMP, path)
    if status != 1 or message not in err:
        return "exit %d: %s" % (status, err)
    return None


def check_fuzz(path):
    for tool, args in ((DUMP, ()), (RECODE, ("-n",))):
        status, _, err, seconds = run(tool, path, *args)
        if status not in (0, 1) or "Sanitizer" in err or "runtime error" in err:
            return "%s: exit %d: %s" % (tool, status, err[:2000])
        if status == 1 and not err[:1].isdigit():
            return "no code in: " + err
        if seconds > (10 if SANITIZED else 1):
            return "took %.1f s" % seconds
    return None


def main():
    if not os.path.isdir(CORPUS):
        print("1..0 # SKIP no corpus at " + CORPUS)
        return 0
    jobs = []
    for path in sorted(glob.glob(CORPUS + "/gold/*/*.stream") +
                       glob.glob(CORPUS + "/gold/*/*.arrow_file")):
        if "bigendian" in path:
            jobs.append((path, lambda p: check_refused(p, "2090 big-endian")))
        else:
            jobs.append((path, check_gold))
    for path in sorted(glob.glob(CORPUS + "/forward-compatibility/*")):
        jobs.append((path, lambda p: check_refused(p, "2090 unsupported metadata version V6")))
    jobs += [(path, check_fuzz) for path in sorted(glob.glob(CORPUS + "/fuzz/*"))]
    failed = 0
    print("1..%d" % len(jobs))
    for i, (path, check) in enumerate(jobs, 1):
        problem = check(path)
        failed += problem is not None
        print("%s %d %s" % ("not ok" if problem else "ok", i, os.path.relpath(path, CORPUS)))
        if problem:
            print("# " + problem[:3000].replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Values of every type: drawn, and said as types and literals of others.

TYPES are the types that our tables have, MAKE all that those of others may have,
each with what draws a value of it.
"""
import datetime
import decimal

from engines import EPOCH, UTC
from tap import rng


def word(k):
    return "".join(rng.choice("abcxyz äß漢𐍈-%/'\\\t") for _ in range(k))


def moment(digits=6, low=-2_000_000_000, high=4_000_000_000):
    us = rng.randrange(low * 10**6, high * 10**6)
    return EPOCH + datetime.timedelta(microseconds=us - us % 10**(6 - digits))


def digits(p, s):
    most = 10**p - 1
    v = rng.choice([most, -most, 0, rng.randrange(-most, most)])
    return decimal.Decimal(v).scaleb(-s, decimal.Context(prec=50))


def whole(bits):
    return rng.choice([-2**(bits - 1), 2**(bits - 1) - 1, 0, rng.randrange(-100, 100)])


def single():
    return rng.choice([0.5, -1.5, 2.0**-126, -(2.0**127), rng.randrange(-2**20, 2**20) / 64])


TYPES = {
    "boolean": lambda: rng.random() < 0.5, "tinyint": lambda: whole(8),
    "smallint": lambda: whole(16), "int": lambda: whole(32), "bigint": lambda: whole(64),
    "float": single, "double": lambda: rng.choice([1.7976931348623157e308, -5e-324,
                                                   rng.uniform(-1e9, 1e9)]),
    "decimal(9,2)": lambda: digits(9, 2), "decimal(18,4)": lambda: digits(18, 4),
    "decimal(38,10)": lambda: digits(38, 10),
    "string": lambda: word(rng.choice([0, 1, 5, 15, 16, 17, 40])),
    "bytes": lambda: rng.randbytes(rng.choice([0, 1, 7, 40])),
    "date": lambda: rng.choice([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), moment().date()]),
    "time(3)": lambda: (EPOCH + datetime.timedelta(milliseconds=rng.randrange(86400000))).time(),
    **{f"timestamp({p})": (lambda p=p: moment(p)) for p in range(7)},
    **{f"timestamp_ltz({p})": (lambda p=p: moment(p).replace(tzinfo=UTC)) for p in range(7)},
}


def precise(p, zone=None):
    def make():
        v = moment(min(p, 6))
        return v.replace(tzinfo=zone) if zone else v
    return make


MAKE = {
    **TYPES,
    "variant": lambda: None, "blob": lambda: None,
    "char(5)": lambda: word(5), "varchar(9)": lambda: word(rng.randrange(10)),
    "binary(4)": lambda: rng.randbytes(4), "varbinary(9)": lambda: rng.randbytes(rng.randrange(10)),
    "decimal(5,0)": lambda: digits(5, 0), "decimal(20,5)": lambda: digits(20, 5), "decimal(20,2)": lambda: digits(20, 2),
    "time(0)": lambda: datetime.time(rng.randrange(24), rng.randrange(60), rng.randrange(60)),
    **{f"timestamp({p})": precise(p) for p in range(10)},
    **{f"timestamp_ltz({p})": precise(p, UTC) for p in range(10)},
}


def java_type(t):
    if t.startswith("{"):
        return t
    if t.startswith("timestamp_ltz"):
        return f"TIMESTAMP{t[13:]} WITH LOCAL TIME ZONE"
    return t.upper()


def kind_of(t):
    return "float" if t == "float" else ""


def literal(t, v):
    """As pf-query's --where takes it."""
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, bytes):
        return f"x'{v.hex()}'"
    if isinstance(v, str):
        return "'" + v.replace("'", "''") + "'"
    if isinstance(v, float):
        return repr(v) if "e" in repr(v) else repr(v) + "e0"
    if isinstance(v, datetime.datetime):
        s = v.replace(tzinfo=None).isoformat()
        return f"'{s}Z'" if v.tzinfo else f"'{s}'"
    if isinstance(v, (datetime.date, datetime.time)):
        return f"'{v.isoformat()}'"
    return str(v)

/* SPDX-License-Identifier: Apache-2.0
 *
 * The column types that ParaFlow works with: those of a Paimon table that a
 * flat row can have, and two more that only segment streams use. Everything
 * else that Arrow knows is read by arrow/ipc and converted, or refused by
 * name.
 *
 * In memory (= in Arrow buffers, little-endian):
 *   boolean            bitmap, LSB first
 *   tinyint..bigint    int8 int16 int32 int64
 *   float, double      IEEE 754
 *   decimal(p,s)       128-bit two's complement, unscaled
 *   date               int32 days since 1970-01-01
 *   time               int32 milliseconds of the day
 *   timestamp(p)       int64; milliseconds for p <= 3, microseconds for p <= 6
 *   string, bytes      int32 offsets + data
 *   large_bytes        int64 offsets + data
 *   strings            list of string: int32 offsets + a string child
 */
#ifndef PF_ARROW_TYPE_H
#define PF_ARROW_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

__extension__ typedef __int128 pf_i128;
__extension__ typedef unsigned __int128 pf_u128;

enum pf_kind {
	PF_BOOLEAN,
	PF_TINYINT,
	PF_SMALLINT,
	PF_INT,
	PF_BIGINT,
	PF_FLOAT,
	PF_DOUBLE,
	PF_DECIMAL,
	PF_STRING,
	PF_BYTES,
	PF_DATE,
	PF_TIME,
	PF_TIMESTAMP,     /* wall clock, without zone */
	PF_TIMESTAMP_LTZ, /* instant */
	PF_LARGE_BYTES,
	PF_STRINGS,
};

struct pf_type {
	enum pf_kind kind;
	uint8_t precision; /* decimal 1..38, timestamps 0..6, time 0..3 */
	uint8_t scale;     /* decimal */
};

/* Bytes of one value in the values buffer; 0 for boolean and the variable
 * ones. */
size_t pf_kind_width(enum pf_kind kind);

static inline bool pf_kind_is_variable(enum pf_kind kind)
{
	return kind == PF_STRING || kind == PF_BYTES || kind == PF_LARGE_BYTES ||
	       kind == PF_STRINGS;
}

static inline bool pf_kind_is_integer(enum pf_kind kind)
{
	return kind >= PF_TINYINT && kind <= PF_BIGINT;
}

static inline bool pf_kind_is_number(enum pf_kind kind)
{
	return pf_kind_is_integer(kind) || kind == PF_FLOAT || kind == PF_DOUBLE ||
	       kind == PF_DECIMAL;
}

static inline bool pf_kind_is_timestamp(enum pf_kind kind)
{
	return kind == PF_TIMESTAMP || kind == PF_TIMESTAMP_LTZ;
}

/* Dates, times of the day, timestamps. */
static inline bool pf_kind_is_time(enum pf_kind kind)
{
	return kind == PF_DATE || kind == PF_TIME || pf_kind_is_timestamp(kind);
}

/* Units of a timestamp per second: 1000 or 1000000. */
static inline int64_t pf_type_units(struct pf_type t)
{
	return t.precision <= 3 ? 1000 : 1000000;
}

static inline bool pf_type_equal(struct pf_type a, struct pf_type b)
{
	return a.kind == b.kind && a.precision == b.precision &&
	       a.scale == b.scale;
}

/* "timestamp(3)", "decimal(10,2)", as in a table definition. Also takes
 * Paimon's spellings (BIGINT, DECIMAL(10, 2), TIMESTAMP(3) WITH LOCAL TIME
 * ZONE, VARCHAR(20), BYTES ...), any case, and a trailing NOT NULL, which
 * clears *nullable (may be NULL). */
int pf_type_parse(const char *text, struct pf_type *type, bool *nullable,
		  struct pf_error *err);

/* Writes the definition's spelling; out of at least 40 bytes. Returns out. */
char *pf_type_name(struct pf_type type, char *out);

/* Paimon's spelling ("TIMESTAMP(3) WITH LOCAL TIME ZONE", no NOT NULL). */
char *pf_type_paimon_name(struct pf_type type, char *out);

#endif

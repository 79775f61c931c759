/* SPDX-License-Identifier: Apache-2.0
 *
 * Random schemas and rows from a seed, for tests: every type a file can have,
 * nulls, repeated and unique values, extremes, long and empty strings.
 */
#ifndef PF_TESTS_RANDOM_ROWS_H
#define PF_TESTS_RANDOM_ROWS_H

#include <math.h>
#include <stdio.h>

#include "arrow/batch.h"

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return n ? random_next(state) % n : 0;
}

static inline struct pf_type random_type(uint64_t *state)
{
	static const enum pf_kind kinds[] = {
		PF_BOOLEAN, PF_TINYINT, PF_SMALLINT, PF_INT, PF_BIGINT, PF_FLOAT,
		PF_DOUBLE, PF_DECIMAL, PF_STRING, PF_BYTES, PF_DATE, PF_TIME,
		PF_TIMESTAMP, PF_TIMESTAMP_LTZ,
	};
	struct pf_type t = { .kind = kinds[random_below(state, 14)] };
	if (t.kind == PF_DECIMAL) {
		t.precision = (uint8_t)(1 + random_below(state, 38));
		t.scale = (uint8_t)random_below(state, t.precision + 1u);
	} else if (pf_kind_is_timestamp(t.kind)) {
		t.precision = (uint8_t)random_below(state, 7);
	} else if (t.kind == PF_TIME) {
		t.precision = (uint8_t)random_below(state, 4);
	}
	return t;
}

static inline struct pf_schema *random_schema(uint64_t *state, size_t columns)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < columns; i++) {
		char name[24];
		snprintf(name, sizeof name, "c%zu", i);
		struct pf_type type = random_type(state);
		struct pf_field *f = pf_schema_add(s, name, type,
						   random_below(state, 3) > 0);
		f->id = (int32_t)(10 + i);
	}
	return s;
}

/* How a column's values are drawn. */
struct random_style {
	uint64_t distinct;   /* 0: all of them */
	unsigned null_every; /* 0: never */
	bool ascending, runs;
	uint64_t salt;
};

static inline struct random_style random_style_of(uint64_t *state, bool nullable)
{
	static const uint64_t distinct[] = { 1, 2, 7, 200, 3000, 100000, 0, 0 };
	static const unsigned nulls[] = { 0, 1, 2, 3, 10, 1000 };
	/* One statement each: all compilers shall draw the same. */
	struct random_style s = { .distinct = distinct[random_below(state, 8)] };
	s.null_every = nullable ? nulls[random_below(state, 6)] : 0;
	s.ascending = random_below(state, 4) == 0;
	s.runs = random_below(state, 3) == 0;
	s.salt = random_next(state);
	return s;
}

static inline pf_i128 random_decimal(uint64_t *state, unsigned precision)
{
	pf_u128 most = 1, v = random_next(state);
	v = v << 64 | random_next(state);
	for (unsigned i = 0; i < precision; i++)
		most *= 10;
	v %= most;
	return random_next(state) & 1 ? (pf_i128)v : -(pf_i128)v;
}

static inline void random_string(struct pf_colbuf *c, uint64_t *state, bool text)
{
	static const char *const pieces[] = { "a", "user-", "é", "漢", "😀", "/index.html",
					      "\x7f", "Zz", " ", "" };
	char out[400];
	size_t n = 0, most = random_below(state, 50) ? 24 : 300;
	size_t want = random_below(state, most);
	while (n < want) {
		if (!text) {
			out[n++] = (char)random_next(state);
			continue;
		}
		const char *p = pieces[random_below(state, 10)];
		size_t len = strlen(p);
		memcpy(out + n, p, len);
		n += len;
		if (!len)
			out[n++] = (char)('0' + random_below(state, 10));
	}
	pf_col_bytes(c, out, n);
}

static inline double random_double(uint64_t *state)
{
	switch (random_below(state, 20)) {
	case 0:
		return NAN;
	case 1:
		return 0.0;
	case 2:
		return -0.0;
	case 3:
		return INFINITY;
	case 4:
		return -1e300;
	default:
		return (double)(int64_t)random_next(state) / 1e12;
	}
}

static inline void random_value(struct pf_colbuf *c, struct pf_type t, uint64_t *state)
{
	uint64_t r = random_next(state);
	switch (t.kind) {
	case PF_BOOLEAN:
		pf_col_bool(c, r & 1);
		break;
	case PF_TINYINT:
		pf_col_i8(c, (int8_t)r);
		break;
	case PF_SMALLINT:
		pf_col_i16(c, (int16_t)r);
		break;
	case PF_INT:
		pf_col_i32(c, (int32_t)(random_below(state, 2) ? r : r % 1000));
		break;
	case PF_DATE:
		pf_col_i32(c, (int32_t)(r % 40000) - 10000);
		break;
	case PF_TIME:
		pf_col_i32(c, (int32_t)(r % 86400000));
		break;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		pf_col_i64(c, (int64_t)(r % 4000000000000u) - 1000000000000);
		break;
	case PF_FLOAT:
		pf_col_f32(c, (float)random_double(state));
		break;
	case PF_DOUBLE:
		pf_col_f64(c, random_double(state));
		break;
	case PF_DECIMAL:
		pf_col_i128(c, random_decimal(state, t.precision));
		break;
	case PF_STRING:
	case PF_BYTES:
		random_string(c, state, t.kind == PF_STRING);
		break;
	default:
		pf_col_i64(c, random_below(state, 30) ? (int64_t)r >> (r & 63) :
			   r & 1 ? INT64_MAX : INT64_MIN);
		break;
	}
}

/* Fill rows rows of every column. Values are functions of (column, key), so
 * that a key that comes again brings the same value. */
static inline struct pf_builder *random_rows(struct pf_schema *schema,
					     uint64_t *state, int64_t rows)
{
	struct pf_builder *b = pf_builder_new(schema);
	for (size_t i = 0; i < schema->n; i++) {
		struct pf_type t = schema->fields[i].type;
		struct random_style s = random_style_of(state, schema->fields[i].nullable);
		uint64_t key = 0;
		for (int64_t r = 0; r < rows; r++) {
			if (s.null_every && !random_below(state, s.null_every)) {
				pf_col_null(&b->columns[i]);
				continue;
			}
			if (s.ascending)
				key = (uint64_t)r / (s.runs ? 9 : 1);
			else if (!s.runs || !random_below(state, 12))
				key = s.distinct ? random_below(state, s.distinct) :
						   random_next(state);
			if (s.ascending && pf_kind_is_integer(t.kind) &&
			    t.kind >= PF_INT) {
				pf_col_int(&b->columns[i], (int64_t)key);
				continue;
			}
			uint64_t own = s.salt ^ key * 0x9e3779b97f4a7c15u;
			random_value(&b->columns[i], t, &own);
		}
	}
	return b;
}

#endif

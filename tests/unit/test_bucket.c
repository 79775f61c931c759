/* SPDX-License-Identifier: Apache-2.0
 *
 * BinaryRow and the bucket function, against worked examples and against the
 * 15 000 rows whose buckets Paimon's Java code computed.
 */
#include "paimon/bucket.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"
#include "ext/json.h"
#include "shared.h"
#include "unit.h"


static struct pf_datum integer(enum pf_kind kind, int64_t i)
{
	return (struct pf_datum){ .type = { .kind = kind }, .i = i };
}

static struct pf_datum text(const char *s)
{
	return (struct pf_datum){ .type = { .kind = PF_STRING },
				  .bytes = pf_view_str(s) };
}

static void check_row(const char *what, const struct pf_datum *v, size_t n,
		      const char *hex, int32_t hash)
{
	struct pf_buf row = { 0 }, got = { 0 };
	pf_row_encode(&row, v, n);
	for (size_t i = 0; i < row.len; i++)
		pf_buf_printf(&got, "%02x", row.data[i]);
	unit_check(!strcmp(pf_buf_cstr(&got), hex), __FILE__, __LINE__,
		   "%s is %s, not %s", what, pf_buf_cstr(&got), hex);
	unit_check(pf_bucket_hash(row.data, row.len) == hash, __FILE__, __LINE__,
		   "%s hashes to %d, not %d", what,
		   pf_bucket_hash(row.data, row.len), hash);
	pf_buf_free(&row);
	pf_buf_free(&got);
}

/* Reference paimon-format.md 5.2. */
TEST(worked_examples)
{
	struct pf_datum v = integer(PF_INT, 5);
	check_row("5", &v, 1, "00000000000000000500000000000000", 260196596);
	CHECK_INT(pf_bucket_of(&v, 1, 5), 1);
	v = text("2024-01-01");
	check_row("2024-01-01", &v, 1,
		  "00000000000000000a00000010000000323032342d30312d3031000000000000",
		  306517490);
	CHECK_INT(pf_bucket_of(&v, 1, 4), 2);
	struct pf_datum two[2] = { integer(PF_BIGINT, 42), text("longer than seven") };
	check_row("two", two, 2,
		  "00000000000000002a00000000000000110000001800000"
		  "06c6f6e676572207468616e20736576656e00000000000000",
		  1643421655);
	v = text("alice");
	check_row("alice", &v, 1, "0000000000000000616c696365000085", -2099467358);
	CHECK_INT(pf_bucket_of(&v, 1, 4), 2);
	CHECK_INT(pf_bucket_of(&v, 1, 5), 3);
	v = integer(PF_BIGINT, 42);
	check_row("42", &v, 1, "00000000000000002a00000000000000", 907821237);
	v = integer(PF_BIGINT, -1);
	check_row("-1", &v, 1, "0000000000000000ffffffffffffffff", -821098432);
	v = integer(PF_INT, 0);
	check_row("0", &v, 1, "00000000000000000000000000000000", -300363099);
	v.null = true;
	check_row("null", &v, 1, "00010000000000000000000000000000", -1748325344);
	v = (struct pf_datum){ .type = { PF_DECIMAL, 20, 2 }, .dec = 12345 };
	check_row("123.45", &v, 1,
		  "0000000000000000020000001000000030390000000000000000000000000000",
		  -118192725);
	v = (struct pf_datum){ .type = { PF_TIMESTAMP, 6, 0 },
			       .i = 1704067200000001 };
	check_row("ts", &v, 1,
		  "0000000000000000e80300001000000000f451c28c010000", 1301129195);
	v.null = true;
	check_row("null ts", &v, 1,
		  "000100000000000000000000100000000000000000000000", -340882661);
	check_row("()", &v, 0, "0000000000000000", -1670924195);
}

TEST(serialized_form)
{
	struct pf_buf b = { 0 };
	pf_row_serialize(&b, NULL, 0);
	CHECK_INT(b.len, 12);
	CHECK_INT(b.data[3], 0);
	b.len = 0;
	struct pf_datum v[] = {
		integer(PF_TINYINT, -3),      integer(PF_SMALLINT, -300),
		integer(PF_DATE, -1),         integer(PF_BIGINT, INT64_MIN),
		text("a longer piece of text"), text(""),
		text("seven77"),
		{ .type = { PF_DECIMAL, 38, 3 }, .dec = -((pf_i128)1 << 100) },
		{ .type = { PF_DECIMAL, 18, 3 }, .dec = -5 },
		{ .type = { PF_TIMESTAMP_LTZ, 6, 0 }, .i = -1 },
		{ .type = { PF_DOUBLE, 0, 0 }, .d = -0.5 },
		{ .type = { PF_FLOAT, 0, 0 }, .d = 1.5 },
		{ .type = { PF_DECIMAL, 30, 0 }, .null = true },
	};
	size_t n = sizeof v / sizeof *v;
	struct pf_error err = { 0 };
	pf_row_serialize(&b, v, n);
	struct pf_view row = pf_view_of(b.data, b.len);
	CHECK_OK(pf_row_check(row, n, "a row", &err), &err);
	CHECK_INT(pf_row_check(row, n + 1, "a row", &err), PF_E_TABLE_CORRUPT);
	for (size_t i = 0; i < n; i++) {
		struct pf_datum got;
		CHECK_OK(pf_row_get(row, i, v[i].type, &got, &err), &err);
		CHECK_INT(got.null, v[i].null);
		if (v[i].null)
			continue;
		switch (v[i].type.kind) {
		case PF_STRING:
			CHECK(!pf_view_cmp(got.bytes, v[i].bytes));
			break;
		case PF_DECIMAL:
			CHECK(got.dec == v[i].dec);
			break;
		case PF_DOUBLE:
		case PF_FLOAT:
			CHECK(got.d == v[i].d);
			break;
		default:
			CHECK_INT(got.i, v[i].i);
		}
	}
	/* Cut anywhere: an error or a value, never a read outside. */
	for (size_t len = 0; len < b.len; len++) {
		uint8_t *copy = malloc(len ? len : 1);
		memcpy(copy, b.data, len);
		struct pf_view cut = pf_view_of(copy, len);
		struct pf_datum got;
		for (size_t i = 0; i < n; i++)
			pf_row_get(cut, i, v[i].type, &got, &err);
		free(copy);
	}
	pf_buf_free(&b);
}

/* --- vectors --- */

static pf_i128 parse_decimal(const char *s, int scale)
{
	bool minus = *s == '-', seen = false;
	pf_i128 v = 0;
	int digits = 0;
	for (s += minus; *s; s++) {
		if (*s == '.') {
			seen = true;
			continue;
		}
		v = v * 10 + (*s - '0');
		digits += seen;
	}
	for (; digits < scale; digits++)
		v *= 10;
	return minus ? -v : v;
}

/* "1812-09-26T13:12:15.957808123" to nanoseconds and milliseconds. */
static void parse_time(const char *s, int64_t *us, int32_t *nanos)
{
	int y, mo, d, h, mi, sec = 0, n = 0;
	sscanf(s, "%d-%d-%dT%d:%d%n", &y, &mo, &d, &h, &mi, &n);
	if (s[n] == ':') {
		int m = 0;
		sscanf(s + n, ":%d%n", &sec, &m);
		n += m;
	}
	int32_t frac = 0;
	if (s[n] == '.') {
		int digits = 0;
		for (n++; s[n] >= '0' && s[n] <= '9'; n++, digits++)
			frac = frac * 10 + (s[n] - '0');
		for (; digits < 9; digits++)
			frac *= 10;
	}
	int64_t secs = pf_days_from_civil(y, (unsigned)mo, (unsigned)d) * 86400 +
		       h * 3600 + mi * 60 + sec;
	*us = secs * 1000000 + frac / 1000;
	*nanos = frac % 1000;
}

struct vector_column {
	struct pf_type type;
	bool nanos; /* timestamp(9): nanoseconds that a pf_datum cannot hold */
};

static struct pf_datum vector_value(const struct pf_json *v,
				    const struct vector_column *c, int32_t *nanos)
{
	struct pf_datum d = { .type = c->type };
	bool b;
	double f;
	int64_t i;
	*nanos = 0;
	if (pf_json_kind(v) == PF_JSON_NULL) {
		d.null = true;
	} else if (c->type.kind == PF_BOOLEAN) {
		pf_json_bool(v, &b);
		d.i = b;
	} else if (c->type.kind == PF_FLOAT || c->type.kind == PF_DOUBLE) {
		pf_json_number(v, &f);
		d.d = f;
	} else if (c->type.kind == PF_STRING || c->type.kind == PF_BYTES) {
		d.bytes = pf_view_str(pf_json_text(v));
	} else if (c->type.kind == PF_DECIMAL) {
		d.dec = parse_decimal(pf_json_text(v), c->type.scale);
	} else if (c->nanos && pf_json_int(v, &i)) {
		d.i = pf_floor_div(i, 1000);
		*nanos = (int32_t)pf_floor_mod(i, 1000);
	} else if (pf_kind_is_timestamp(c->type.kind)) {
		parse_time(pf_json_text(v), &d.i, nanos);
		if (c->type.precision <= 3)
			d.i = pf_floor_div(d.i, 1000);
	} else {
		pf_json_int(v, &i);
		d.i = i;
	}
	return d;
}

static void check_vectors(const char *file, const struct vector_column *cols,
			  size_t n)
{
	char path[512];
	struct pf_buf all = { 0 }, row = { 0 };
	struct pf_error err = { 0 };
	if (!shared_path(path, sizeof path, file))
		return;
	CHECK_OK(pf_read_file(path, 16 << 20, &all, &err), &err);
	int good = 0, lines = 0;
	char *at = (char *)(uintptr_t)pf_buf_cstr(&all);
	for (char *end; (end = strchr(at, '\n')); at = end + 1) {
		struct pf_json *v = NULL;
		size_t len = (size_t)(end - at);
		while (len && (at[len - 1] == ',' || at[len - 1] == ' '))
			len--;
		if (pf_json_parse(at, len, file, &v, &err) ||
		    pf_json_size(v) != n + 1) {
			CHECK_OK(err.code, &err);
			pf_json_free(v);
			break;
		}
		struct pf_datum d[16];
		int32_t nanos[16];
		for (size_t i = 0; i < n; i++)
			d[i] = vector_value(pf_json_at(v, i), &cols[i], &nanos[i]);
		row.len = 0;
		pf_row_encode(&row, d, n);
		for (size_t i = 0; i < n; i++) {
			uint8_t *slot = row.data + (n + 71) / 64 * 8 + 8 * i;
			uint32_t low;
			memcpy(&low, slot, 4);
			low += (uint32_t)nanos[i];
			memcpy(slot, &low, 4);
		}
		int64_t want = -1;
		pf_json_int(pf_json_at(v, n), &want);
		good += pf_bucket_of_hash(pf_bucket_hash(row.data, row.len),
					  12345) == want;
		lines++;
		pf_json_free(v);
	}
	CHECK_INT(lines, 5000);
	CHECK_INT(good, 5000);
	pf_buf_free(&all);
	pf_buf_free(&row);
}

TEST(java_vectors)
{
	static const struct vector_column cols[] = {
		{ { PF_BOOLEAN, 0, 0 }, false },  { { PF_TINYINT, 0, 0 }, false },
		{ { PF_SMALLINT, 0, 0 }, false }, { { PF_INT, 0, 0 }, false },
		{ { PF_BIGINT, 0, 0 }, false },   { { PF_FLOAT, 0, 0 }, false },
		{ { PF_DOUBLE, 0, 0 }, false },   { { PF_DATE, 0, 0 }, false },
		{ { PF_TIMESTAMP, 6, 0 }, true }, { { PF_DECIMAL, 30, 20 }, false },
		{ { PF_STRING, 0, 0 }, false },   { { PF_BYTES, 0, 0 }, false },
	};
	check_vectors("corpora/paimon/record_for_bucket_id.data", cols, 12);
}

TEST(java_vectors_with_nulls)
{
	static const struct vector_column cols[] = {
		{ { PF_BOOLEAN, 0, 0 }, false },  { { PF_TINYINT, 0, 0 }, false },
		{ { PF_SMALLINT, 0, 0 }, false }, { { PF_INT, 0, 0 }, false },
		{ { PF_BIGINT, 0, 0 }, false },   { { PF_FLOAT, 0, 0 }, false },
		{ { PF_DOUBLE, 0, 0 }, false },   { { PF_DATE, 0, 0 }, false },
		{ { PF_TIMESTAMP, 6, 0 }, true }, { { PF_DECIMAL, 5, 2 }, false },
		{ { PF_DECIMAL, 30, 2 }, false }, { { PF_STRING, 0, 0 }, false },
		{ { PF_BYTES, 0, 0 }, false },
	};
	check_vectors("corpora/paimon/record_with_null_for_bucket_id.data", cols, 13);
}

TEST(java_vectors_of_timestamps)
{
	static const struct vector_column cols[] = {
		{ { PF_TIMESTAMP, 0, 0 }, false },
		{ { PF_TIMESTAMP, 3, 0 }, false },
		{ { PF_TIMESTAMP, 6, 0 }, false },
		{ { PF_TIMESTAMP, 6, 0 }, true },
		{ { PF_TIMESTAMP_LTZ, 0, 0 }, false },
		{ { PF_TIMESTAMP_LTZ, 3, 0 }, false },
		{ { PF_TIMESTAMP_LTZ, 6, 0 }, false },
		{ { PF_TIMESTAMP_LTZ, 6, 0 }, true },
	};
	check_vectors("corpora/paimon/record_with_timestamp_for_bucket_id.data",
		      cols, 8);
}

/* The batch function says what the general one says, for every kind, with
 * and without nulls. */
TEST(batches_agree)
{
	static const struct pf_type types[] = {
		{ PF_BOOLEAN, 0, 0 },    { PF_TINYINT, 0, 0 },
		{ PF_SMALLINT, 0, 0 },   { PF_INT, 0, 0 },
		{ PF_BIGINT, 0, 0 },     { PF_FLOAT, 0, 0 },
		{ PF_DOUBLE, 0, 0 },     { PF_DECIMAL, 10, 2 },
		{ PF_DECIMAL, 30, 2 },   { PF_STRING, 0, 0 },
		{ PF_BYTES, 0, 0 },      { PF_DATE, 0, 0 },
		{ PF_TIME, 0, 0 },       { PF_TIMESTAMP, 3, 0 },
		{ PF_TIMESTAMP, 6, 0 },  { PF_TIMESTAMP_LTZ, 6, 0 },
	};
	enum { ROWS = 300 };
	struct pf_error err = { 0 };
	unsigned seed = 1;
	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		struct pf_schema *s = pf_schema_new();
		pf_schema_add(s, "k", types[t], true);
		struct pf_builder *b = pf_builder_new(s);
		struct pf_datum want[ROWS];
		static char texts[ROWS][40];
		for (int r = 0; r < ROWS; r++) {
			seed = seed * 1103515245u + 12345u;
			int64_t v = (int64_t)((uint64_t)seed << 33 ^ seed);
			struct pf_datum d = { .type = types[t] };
			switch (types[t].kind) {
			case PF_BOOLEAN: d.i = v & 1; break;
			case PF_TINYINT: d.i = (int8_t)(v >> 16); break;
			case PF_SMALLINT: d.i = (int16_t)(v >> 16); break;
			case PF_INT: case PF_DATE: d.i = (int32_t)(v >> 8); break;
			case PF_TIME: d.i = (v >> 8) & 0x3ffffff; break;
			case PF_FLOAT: d.d = (double)(float)((double)v / 7); break;
			case PF_DOUBLE: d.d = (double)v / 7; break;
			case PF_DECIMAL: d.dec = types[t].precision > 18
				? (pf_i128)v * 1000003 : v % 1000000000; break;
			case PF_STRING: case PF_BYTES:
				memset(texts[r], 'a' + r % 26, sizeof texts[r]);
				d.bytes = pf_view_of(texts[r], (size_t)(r % 40));
				break;
			default: d.i = v >> 12;
			}
			d.null = r >= 100 && r % 7 == 0;
			want[r] = d;
			struct pf_colbuf *c = &b->columns[0];
			float f = (float)d.d;
			if (d.null)
				pf_col_null(c);
			else if (types[t].kind == PF_BOOLEAN)
				pf_col_bool(c, d.i);
			else if (types[t].kind == PF_FLOAT)
				pf_col_f32(c, f);
			else if (types[t].kind == PF_DOUBLE)
				pf_col_f64(c, d.d);
			else if (types[t].kind == PF_DECIMAL)
				pf_col_i128(c, d.dec);
			else if (pf_kind_is_variable(types[t].kind))
				pf_col_bytes(c, d.bytes.data, d.bytes.len);
			else
				pf_col_int(c, d.i);
		}
		struct pf_batch batch = pf_builder_batch(b);
		int32_t got[ROWS];
		CHECK_OK(pf_bucket_rows(batch.columns, types[t], ROWS, 997, got, &err),
			 &err);
		int differ = 0;
		for (int r = 0; r < ROWS; r++)
			differ += got[r] != pf_bucket_of(&want[r], 1, 997);
		char name[40];
		unit_check(!differ, __FILE__, __LINE__, "%s: %d rows differ",
			   pf_type_name(types[t], name), differ);
		pf_builder_free(b);
		pf_schema_unref(s);
	}
}

/* Reference 15.1: ids 0..19 in four buckets. */
TEST(twenty_ids)
{
	static const int32_t want[20] = { 3, 2, 0, 1, 2, 0, 0, 3, 0, 3,
					  0, 1, 0, 3, 1, 1, 0, 0, 0, 0 };
	int64_t ids[20];
	int32_t got[20];
	for (int i = 0; i < 20; i++)
		ids[i] = i;
	struct pf_column c = { .values = ids };
	struct pf_error err = { 0 };
	CHECK_OK(pf_bucket_rows(&c, (struct pf_type){ .kind = PF_BIGINT }, 20, 4, got,
				&err), &err);
	CHECK(!memcmp(got, want, sizeof want));
}

UNIT_MAIN(CASE(worked_examples), CASE(serialized_form), CASE(java_vectors),
	  CASE(java_vectors_with_nulls), CASE(java_vectors_of_timestamps),
	  CASE(batches_agree), CASE(twenty_ids))

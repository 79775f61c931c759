/* SPDX-License-Identifier: Apache-2.0
 *
 * Roaring bitmaps and Paimon's file index: against bytes of the roaring
 * library, against hash vectors and index files that Paimon's Java code wrote,
 * and against looking at every row.
 */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "ext/hash.h"
#include "paimon/file_index_parts.h"
#include "paimon/roaring.h"
#include "shared.h"
#include "unit.h"

/* --- help --- */

static uint64_t seed = 20240131;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static struct pf_type type_of(enum pf_kind kind)
{
	return (struct pf_type){ .kind = kind, .precision = 6 };
}

static struct pf_datum integer(enum pf_kind kind, int64_t i)
{
	return (struct pf_datum){ .type = type_of(kind), .i = i };
}

static struct pf_datum number(double d)
{
	return (struct pf_datum){ .type = type_of(PF_DOUBLE), .d = d };
}

static struct pf_datum text(const char *s)
{
	return (struct pf_datum){ .type = type_of(PF_STRING), .bytes = pf_view_str(s) };
}

/* The range of column = value. */
static struct pf_range equals(const struct pf_datum *value)
{
	return (struct pf_range){ .values = true, .has_min = true, .has_max = true,
				  .min = *value, .max = *value, .has_set = true,
				  .set = value, .nset = 1 };
}

static bool may(struct pf_file_index *x, const char *column,
		enum pf_kind kind, struct pf_datum value)
{
	struct pf_range r = equals(&value);
	return pf_file_index_may_match(x, column, type_of(kind), &r);
}

/* The rows that the index leaves, as "0 5 7"; "?" when it cannot tell. */
static const char *rows_of(struct pf_file_index *x, const char *column,
			   enum pf_kind kind, const struct pf_range *r, int64_t rows)
{
	static char out[4096];
	size_t bytes = (size_t)(rows + 7) / 8, at = 0;
	uint8_t *bits = pf_alloc(bytes, 1);
	memset(bits, 0xff, bytes);
	out[0] = '\0';
	if (!pf_file_index_rows(x, column, type_of(kind), r, bits)) {
		free(bits);
		return "?";
	}
	for (int64_t i = 0; i < rows && at < sizeof out - 24; i++)
		if (pf_bit(bits, i))
			at += (size_t)snprintf(out + at, sizeof out - at, "%s%lld",
					       at ? " " : "", (long long)i);
	free(bits);
	return out;
}

static const char *rows_equal(struct pf_file_index *x, const char *column,
			      enum pf_kind kind, struct pf_datum value, int64_t rows)
{
	struct pf_range r = equals(&value);
	return rows_of(x, column, kind, &r, rows);
}

static bool fixture(const char *name, struct pf_buf *out)
{
	char path[512], file[256];
	struct pf_error err = { 0 };
	snprintf(file, sizeof file, "corpora/paimon/%s", name);
	if (!shared_path(path, sizeof path, file))
		return false;
	CHECK_OK(pf_read_file(path, 64 << 20, out, &err), &err);
	return out->len > 0;
}

/* --- roaring --- */

static void check_written(const uint32_t *rows, size_t n, const char *hex)
{
	struct pf_buf out = { 0 }, got = { 0 };
	pf_roaring_write(&out, rows, n);
	for (size_t i = 0; i < out.len; i++)
		pf_buf_printf(&got, "%02x", out.data[i]);
	CHECK_STR(pf_buf_cstr(&got), hex);
	pf_buf_free(&out);
	pf_buf_free(&got);
}

/* Bytes of the roaring library (CRoaring), run-optimized. */
TEST(roaring_bytes)
{
	static const uint32_t two[] = { 0, 5 };
	static const uint32_t run[] = { 1, 2, 3, 4, 5, 100 };
	static const uint32_t few[] = { 7, 65536, 65537, 65538, 65539, 200000 };
	static const uint32_t five[] = { 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
					 65536, 131072, 196608, 262153 };
	check_written(two, 2, "3a30000001000000000001001000000000000500");
	check_written(run, 6, "3b300000010000050002000100040064000000");
	check_written(few, 6,
		      "3b300200020000000001000300030000000700010000000300400d");
	check_written(five, 14,
		      "3b3004000100000900010000000200000003000000040000002d0000003300"
		      "000035000000370000003900000001000a0009000000000000000900");
}

static bool in_mixed(uint32_t i)
{
	return i * 2654435761u >> 28 < 3 || (i > 70000 && i < 90000);
}

static void check_big(const char *what, bool (*in)(uint32_t), uint32_t limit,
		      size_t n, size_t len, uint32_t crc)
{
	struct pf_buf out = { 0 };
	struct pf_error err = { 0 };
	uint32_t *rows = pf_alloc(limit, sizeof *rows);
	uint8_t *bits = pf_zalloc(limit / 8 + 1, 1);
	size_t k = 0, wrong = 0, used = 0;
	for (uint32_t i = 0; i < limit; i++)
		if (in(i))
			rows[k++] = i;
	printf("# %s\n", what);
	CHECK_INT(k, n);
	pf_roaring_write(&out, rows, k);
	CHECK_INT(out.len, len);
	CHECK_INT(pf_crc32(0, out.data, out.len), crc);
	CHECK_OK(pf_roaring_read(pf_view_of(out.data, out.len), limit, bits, &used,
				 &err), &err);
	CHECK_INT(used, len);
	for (uint32_t i = 0; i < limit; i++)
		wrong += pf_bit(bits, i) != in(i);
	CHECK_INT(wrong, 0);
	/* A row too many, and every shorter length: refused. */
	CHECK_INT(pf_roaring_read(pf_view_of(out.data, out.len), rows[k - 1], bits,
				  NULL, NULL), PF_E_CORRUPT);
	for (size_t cut = 0; cut < out.len; cut += 1 + out.len / 100)
		CHECK_INT(pf_roaring_read(pf_view_of(out.data, cut), limit, bits,
					  NULL, NULL), PF_E_CORRUPT);
	free(rows);
	free(bits);
	pf_buf_free(&out);
}

static bool in_thirds(uint32_t i)
{
	return i % 3 == 0;
}

static bool in_all(uint32_t i)
{
	return i < UINT32_MAX;
}

TEST(roaring_big)
{
	check_big("every third", in_thirds, 65536, 21846, 8208, 2427790985);
	check_big("all", in_all, 300000, 300000, 75, 1783757178);
	check_big("mixed", in_mixed, 400000, 91251, 51760, 4079023733);
}

TEST(roaring_malformed)
{
	/* Descending keys, descending values, overlapping runs, a count that
	 * is not the container's, an unknown cookie. */
	static const struct { const char *bytes; size_t len; } bad[] = {
		{ "\x3a\x30\0\0\2\0\0\0\1\0\0\0\0\0\0\0\x18\0\0\0\x1a\0\0\0\1\0\1\0", 28 },
		{ "\x3a\x30\0\0\1\0\0\0\0\0\1\0\x10\0\0\0\5\0\4\0", 20 },
		{ "\x3b\x30\0\0\1\0\0\3\0\2\0\1\0\1\0\2\0\1\0", 19 },
		{ "\x3b\x30\0\0\1\0\0\5\0\1\0\1\0\1\0", 15 },
		{ "\x3c\x30\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\5\0", 18 },
		{ "\x3a\x30\0\0\xff\xff\xff\xff\0\0\0\0\x10\0\0\0\5\0", 18 },
	};
	uint8_t bits[16384] = { 0 };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(pf_roaring_read(pf_view_of(bad[i].bytes, bad[i].len), 131072,
					  bits, NULL, NULL), PF_E_CORRUPT);
}

/* --- what Java wrote --- */

TEST(hash_vectors)
{
	CHECK_INT(pf_index_hash_int(0), 0);
	CHECK_INT(pf_index_hash_int(1), 6614235796240398542);
	CHECK_INT(pf_index_hash_int(42), 1098236396662648698);
	CHECK_INT(pf_index_hash_int(-1), 6614246905173314819);
	CHECK_INT(pf_index_hash_int(1704067200000), 6220571039240662465);
}

static void check_java_bitmap(const char *name)
{
	struct pf_buf bytes = { 0 };
	enum { ROWS = 100000, VALUES = 10000 };
	if (!fixture(name, &bytes))
		return;
	/* A bare body, without container. */
	struct pf_view body = pf_view_of(bytes.data, bytes.len);
	uint8_t *bits = pf_zalloc(ROWS / 8, 1), *all = pf_zalloc(ROWS / 8, 1);
	int64_t total = 0;
	bool any, ok = true;
	for (int i = 0; i < VALUES; i++) {
		char value[32];
		snprintf(value, sizeof value, "asdfghjkl123_%d", i);
		struct pf_datum v = text(value);
		struct pf_range r = equals(&v);
		memset(bits, 0, ROWS / 8);
		ok &= pf_index_bitmap_rows(body, v.type, ROWS, &r, bits, &any) && any;
		for (int k = 0; k < ROWS / 8; k++) {
			total += __builtin_popcount(bits[k]);
			all[k] |= bits[k];
		}
		/* As another reader of roaring bitmaps finds them. */
		if (i == 0) {
			CHECK(pf_bit(bits, 19333) && pf_bit(bits, 20668) &&
			      pf_bit(bits, 40475) && pf_bit(bits, 69953) &&
			      pf_bit(bits, 74883) && pf_bit(bits, 96605) &&
			      pf_bit(bits, 96698));
			CHECK_INT(total, 7);
		}
		if (i == 2489 || i == 7423)
			CHECK(pf_bit(bits, i == 2489 ? 54620 : 28422));
		if (i > 100 && i < VALUES - 100)
			i += 36;
	}
	CHECK(ok);

	/* Everything at once: each row once. */
	struct pf_range every = { .values = true };
	memset(bits, 0, ROWS / 8);
	CHECK(pf_index_bitmap_rows(body, type_of(PF_STRING), ROWS, &every, bits, &any));
	total = 0;
	for (int k = 0; k < ROWS / 8; k++)
		total += __builtin_popcount(bits[k]);
	CHECK_INT(total, ROWS);

	struct pf_range none = { .nulls = true };
	CHECK(pf_index_bitmap_rows(body, type_of(PF_STRING), ROWS, &none, NULL, &any));
	CHECK(!any);
	static const char *const absent[] = { "", "asdfghjkl123_", "asdfghjkl123_10000",
					      "zzz", "asdfghjkl123_05" };
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		struct pf_datum v = text(absent[i]);
		struct pf_range r = equals(&v);
		CHECK(pf_index_bitmap_rows(body, v.type, ROWS, &r, NULL, &any));
		CHECK(!any);
	}
	CHECK(!pf_index_bitmap_rows(body, type_of(PF_STRING), ROWS - 1, &every, NULL, &any));
	free(bits);
	free(all);
	pf_buf_free(&bytes);
}

TEST(java_bitmap_v1)
{
	check_java_bitmap("file_index/bitmap-index-v1");
}

TEST(java_bitmap_v2)
{
	check_java_bitmap("file_index/bitmap-index-v2");
}

#define PK "tables/pk_with_bitmap_dv.db/pk_with_bitmap_dv/bucket-0/" \
	   "data-bfa36b28-40e7-4026-893b-d23116973174-"

TEST(java_bitmap_container)
{
	struct pf_buf bytes = { 0 };
	struct pf_file_index *x;
	struct pf_error err = { 0 };
	if (!fixture(PK "0.parquet.index", &bytes))
		return;
	CHECK_OK(pf_file_index_open(pf_view_of(bytes.data, bytes.len), 8, &x, &err), &err);
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Alice"), 8), "0 7");
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Bob"), 8), "1 5");
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Emily"), 8), "2");
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Carol"), 8), "");
	CHECK_STR(rows_equal(x, "f1", PF_INT, integer(PF_INT, 10), 8), "0 1 2 3 5");
	CHECK_STR(rows_equal(x, "f1", PF_INT, integer(PF_BIGINT, 20), 8), "4 6 7");
	CHECK_STR(rows_equal(x, "f2", PF_INT, integer(PF_INT, 0), 8), "2 3 6");
	struct pf_range null = { .nulls = true };
	CHECK_STR(rows_of(x, "f2", PF_INT, &null, 8), "7");
	CHECK_STR(rows_of(x, "f1", PF_INT, &null, 8), "");
	struct pf_range from = { .values = true, .has_min = true,
				 .min = integer(PF_INT, 11) };
	CHECK_STR(rows_of(x, "f1", PF_INT, &from, 8), "4 6 7");
	CHECK_STR(rows_of(x, "f3", PF_DOUBLE, &from, 8), "?");
	CHECK(may(x, "f0", PF_STRING, text("Tony")));
	CHECK(!may(x, "f0", PF_STRING, text("Carol")));
	CHECK(may(x, "f3", PF_DOUBLE, number(5)));
	CHECK(!pf_file_index_may_match(x, "f1", type_of(PF_INT), &null));
	CHECK(pf_file_index_may_match(NULL, "f1", type_of(PF_INT), &null));
	pf_file_index_free(x);

	/* About another file: it says nothing. */
	CHECK_OK(pf_file_index_open(pf_view_of(bytes.data, bytes.len), 9, &x, &err), &err);
	CHECK(may(x, "f0", PF_STRING, text("Carol")));
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Alice"), 9), "?");
	pf_file_index_free(x);
	pf_buf_free(&bytes);
}

static struct pf_builder *people(int first, int last)
{
	static const struct { const char *f0; int f1, f2; } rows[] = {
		{ "Alice", 10, 1 }, { "Bob", 10, 1 }, { "Emily", 10, 0 },
		{ "Tony", 10, 0 }, { "Lucy", 20, 1 }, { "Bob", 10, 1 },
		{ "Tony", 20, 0 }, { "Alice", 20, -1 },
	};
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "f0", type_of(PF_STRING), true);
	pf_schema_add(s, "f1", type_of(PF_INT), true);
	pf_schema_add(s, "f2", type_of(PF_INT), true);
	struct pf_builder *b = pf_builder_new(s);
	for (int i = first; i < 8; i += last) {
		pf_col_bytes(&b->columns[0], rows[i].f0, strlen(rows[i].f0));
		pf_col_i32(&b->columns[1], rows[i].f1);
		if (rows[i].f2 < 0)
			pf_col_null(&b->columns[2]);
		else
			pf_col_i32(&b->columns[2], rows[i].f2);
	}
	pf_schema_unref(s);
	return b;
}

static const struct pf_file_index_spec three_bitmaps[] = {
	{ PF_FILE_INDEX_BITMAP, 0, 0 },
	{ PF_FILE_INDEX_BITMAP, 1, 0 },
	{ PF_FILE_INDEX_BITMAP, 2, 0 },
};

/* Of the same rows we make what Java made, byte for byte; only that the
 * bitmaps of a column may lie in another order, for Java takes that of its
 * hash map: of the first file this shows in f1, bytes 0x110 to 0x175. */
TEST(same_bytes_as_java)
{
	struct pf_buf want = { 0 }, got = { 0 };
	struct pf_error err = { 0 };
	struct pf_file_index_builder *x;
	if (!fixture(PK "0.parquet.index", &want))
		return;
	struct pf_builder *b = people(0, 1);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(pf_file_index_builder_new(b->schema, three_bitmaps, 3, &x, &err), &err);
	for (int again = 0; again < 2; again++) {
		got.len = 0;
		CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
		CHECK_OK(pf_file_index_builder_finish(x, NULL, &got, &err), &err);
		CHECK_INT(got.len, want.len);
		CHECK(got.len == want.len && !memcmp(got.data, want.data, 0x110) &&
		      !memcmp(got.data + 0x176, want.data + 0x176, got.len - 0x176));
	}
	pf_builder_free(b);

	/* The other file: rows 0 and 4, every value but one alone. */
	want.len = got.len = 0;
	if (fixture(PK "1.parquet.index", &want)) {
		b = people(0, 4);
		batch = pf_builder_batch(b);
		CHECK_INT(batch.rows, 2);
		CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
		CHECK_OK(pf_file_index_builder_finish(x, NULL, &got, &err), &err);
		CHECK(got.len == want.len && !memcmp(got.data, want.data, got.len));
		pf_builder_free(b);
	}
	pf_file_index_builder_free(x);
	pf_buf_free(&want);
	pf_buf_free(&got);
}

TEST(java_bloom)
{
	static const char *const names[] = { "Alice", "Bob", "Emily", "Tony", "Lucy" };
	static const int f1[] = { 100, 200, 300, 50, 500, 20 };
	struct pf_buf bytes = { 0 };
	struct pf_file_index *x;
	struct pf_error err = { 0 };
	if (!fixture("tables/append_with_bloomfilter.db/append_with_bloomfilter/bucket-0/"
		     "data-79a27bc0-bcec-4062-9915-83ec8eb1622d-0.parquet.index", &bytes))
		return;
	CHECK_OK(pf_file_index_open(pf_view_of(bytes.data, bytes.len), 8, &x, &err), &err);
	for (int i = 0; i < 5; i++)
		CHECK(may(x, "f0", PF_STRING, text(names[i])));
	for (int i = 0; i < 6; i++)
		CHECK(may(x, "f1", PF_INT, integer(PF_INT, f1[i])));
	for (int i = 1; i <= 8; i++)
		CHECK(may(x, "f3", PF_DOUBLE, number(strtod((char[]){ '1', (char)('0' + i),
						     '.', '1', 0 }, NULL))));
	for (int i = -3; i <= 2; i++)
		CHECK(may(x, "f2", PF_INT, integer(PF_INT, i)) == (i != 0));
	CHECK(may(x, "f4", PF_TIMESTAMP, integer(PF_TIMESTAMP, 1745542802000123)));
	/* Five values among a million: hardly anything else passes. */
	int passed = 0;
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		passed += may(x, "f0", PF_STRING, text(name));
		passed += may(x, "f1", PF_INT, integer(PF_INT, 1000 + i));
		passed += may(x, "f3", PF_DOUBLE, number(i + 0.5));
		passed += may(x, "f4", PF_TIMESTAMP, integer(PF_TIMESTAMP, i));
	}
	CHECK_INT(passed, 0);
	struct pf_range null = { .nulls = true };
	CHECK(pf_file_index_may_match(x, "f0", type_of(PF_STRING), &null));
	CHECK_STR(rows_equal(x, "f0", PF_STRING, text("Alice"), 8), "?");
	pf_file_index_free(x);
	pf_buf_free(&bytes);
}

/* --- what we write --- */

static const enum pf_kind kinds[] = {
	PF_BOOLEAN, PF_TINYINT, PF_SMALLINT, PF_INT, PF_BIGINT, PF_FLOAT, PF_DOUBLE,
	PF_STRING, PF_DATE, PF_TIME, PF_TIMESTAMP, PF_TIMESTAMP_LTZ,
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void random_value(struct pf_colbuf *c, uint64_t spread)
{
	static const double odd[] = { 0.0, -0.0, NAN, INFINITY, -INFINITY };
	char word[64];
	int64_t i = (int64_t)draw(spread) - (int64_t)spread / 2;
	if (draw(10) == 0) {
		pf_col_null(c);
		return;
	}
	switch (c->kind) {
	case PF_STRING:
		snprintf(word, sizeof word, "%.*s%lld", (int)draw(12), "\xc3\xa9t\xc3\xa9 long",
			 (long long)i);
		pf_col_bytes(c, word, strlen(word));
		break;
	case PF_FLOAT:
		pf_col_f32(c, draw(8) ? (float)i / 4 : (float)odd[draw(5)]);
		break;
	case PF_DOUBLE:
		pf_col_f64(c, draw(8) ? (double)i / 8 : odd[draw(5)]);
		break;
	case PF_BOOLEAN:
		pf_col_bool(c, i & 1);
		break;
	case PF_TINYINT:
		pf_col_i8(c, (int8_t)i);
		break;
	case PF_SMALLINT:
		pf_col_i16(c, (int16_t)i);
		break;
	case PF_BIGINT:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		pf_col_i64(c, i * 1000000007);
		break;
	default:
		pf_col_i32(c, (int32_t)i);
		break;
	}
}

/* A range as a predicate could say it, bounds drawn from the column. */
static struct pf_range random_range(struct pf_type type, const struct pf_column *c,
				    int64_t rows, struct pf_datum set[3])
{
	struct pf_range r = { .nulls = draw(4) == 0, .values = draw(8) > 0 };
	size_t n = 0;
	for (int tries = 0; n < 3 && tries < 20; tries++) {
		struct pf_datum d = pf_datum_at(type, c, (int64_t)draw((uint64_t)rows));
		if (d.null || (n && pf_datum_cmp(&set[n - 1], &d) >= 0))
			continue;
		set[n++] = d;
	}
	if (!n)
		return r;
	switch (draw(4)) {
	case 0:
		n = 1; /* fall through */
	case 1:
		r.has_set = r.has_min = r.has_max = true;
		r.set = set;
		r.nset = n;
		r.min = set[0];
		r.max = set[n - 1];
		break;
	case 2:
		r.has_min = true;
		r.min = set[0];
		r.min_open = draw(2);
		break;
	default:
		r.has_min = r.has_max = true;
		r.min = set[0];
		r.max = set[n - 1];
		r.min_open = draw(2);
		r.max_open = draw(2);
		break;
	}
	return r;
}

static bool matches(const struct pf_range *r, struct pf_type type,
		    const struct pf_column *c, int64_t row)
{
	struct pf_datum d = pf_datum_at(type, c, row);
	return d.null ? r->nulls : r->values && pf_range_has(r, &d);
}

/* Every kind, many ranges: the bitmap's rows are the rows that match, exactly;
 * the bloom filter passes every file that has a match. */
TEST(same_as_looking)
{
	struct pf_error err = { 0 };
	int pruned = 0;
	for (int k = 0; k < KINDS; k++) {
		struct pf_type type = type_of(kinds[k]);
		struct pf_schema *s = pf_schema_new();
		pf_schema_add(s, "other", type_of(PF_INT), true);
		pf_schema_add(s, "c\xf0\x9f\x90\x9f", type, true);
		const char *name = s->fields[1].name;
		struct pf_file_index_spec specs[2] = {
			{ PF_FILE_INDEX_BITMAP, 1, 0 }, { PF_FILE_INDEX_BLOOM, 1, 0.01 } };
		bool bloom = pf_file_index_takes(PF_FILE_INDEX_BLOOM, type);
		struct pf_file_index_builder *builder;
		CHECK_OK(pf_file_index_builder_new(s, specs, bloom ? 2 : 1, &builder,
						   &err), &err);
		for (int round = 0; round < 6; round++) {
			struct pf_builder *b = pf_builder_new(s);
			struct pf_buf bytes = { 0 };
			struct pf_file_index *x;
			int64_t rows = 1 + (int64_t)draw(round < 3 ? 50 : 5000);
			uint64_t spread = draw(2) ? 7 : 20000;
			for (int64_t i = 0; i < rows; i++) {
				pf_col_i32(&b->columns[0], 0);
				random_value(&b->columns[1], spread);
			}
			struct pf_batch batch = pf_builder_batch(b);
			const struct pf_column *c = &batch.columns[1];
			CHECK_OK(pf_file_index_builder_add(builder, &batch, &err), &err);
			CHECK_OK(pf_file_index_builder_finish(builder, NULL, &bytes, &err), &err);
			CHECK_OK(pf_file_index_open(pf_view_of(bytes.data, bytes.len), rows,
						    &x, &err), &err);
			uint8_t *bits = pf_alloc((size_t)rows / 8 + 1, 1);
			for (int q = 0; q < 60; q++) {
				struct pf_datum set[3];
				struct pf_range r = random_range(type, c, rows, set);
				int64_t wrong = 0, hits = 0;
				bool any;
				memset(bits, 0xff, (size_t)rows / 8 + 1);
				CHECK(pf_file_index_rows(x, name, type, &r, bits));
				for (int64_t i = 0; i < rows; i++) {
					bool hit = matches(&r, type, c, i);
					/* NaN: equal to itself, and never left out. */
					wrong += hit != pf_bit(bits, i);
					hits += hit;
				}
				CHECK_INT(wrong, 0);
				any = pf_file_index_may_match(x, name, type, &r);
				CHECK(any == (hits > 0));
				pruned += !any;
			}
			CHECK(!pf_file_index_may_match(x, name, type, &(struct pf_range){ 0 }));
			free(bits);
			pf_file_index_free(x);
			pf_buf_free(&bytes);
			pf_builder_free(b);
		}
		pf_file_index_builder_free(builder);
		pf_schema_unref(s);
	}
	CHECK(pruned > 100);
}

TEST(bloom_is_as_good_as_asked)
{
	enum { ROWS = 50000, VALUES = 20000 };
	static const double fpps[] = { 0.1, 0.01, 0.001 };
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "s", type_of(PF_STRING), false);
	pf_schema_add(s, "i", type_of(PF_BIGINT), false);
	struct pf_builder *b = pf_builder_new(s);
	char word[32];
	for (int i = 0; i < ROWS; i++) {
		snprintf(word, sizeof word, "user-%d", i % VALUES);
		pf_col_bytes(&b->columns[0], word, strlen(word));
		pf_col_i64(&b->columns[1], i % VALUES * 3);
	}
	struct pf_batch batch = pf_builder_batch(b);
	for (size_t f = 0; f < 3; f++) {
		struct pf_file_index_spec specs[2] = {
			{ PF_FILE_INDEX_BLOOM, 0, fpps[f] }, { PF_FILE_INDEX_BLOOM, 1, fpps[f] } };
		struct pf_file_index_builder *x;
		struct pf_file_index *index;
		struct pf_buf out = { 0 };
		struct pf_error err = { 0 };
		CHECK_OK(pf_file_index_builder_new(s, specs, 2, &x, &err), &err);
		CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
		CHECK_OK(pf_file_index_builder_finish(x, NULL, &out, &err), &err);
		CHECK_OK(pf_file_index_open(pf_view_of(out.data, out.len), ROWS, &index,
					    &err), &err);
		/* Bits for the distinct values, not for the rows. */
		double bits = -log(fpps[f]) / (log(2) * log(2)) * (double)VALUES;
		CHECK(fabs((double)out.len - 2 * bits / 8) < 200);
		int missed = 0, passed = 0;
		for (int i = 0; i < VALUES; i++) {
			snprintf(word, sizeof word, "user-%d", i);
			missed += !may(index, "s", PF_STRING, text(word));
			missed += !may(index, "i", PF_BIGINT, integer(PF_BIGINT, i * 3));
			snprintf(word, sizeof word, "user-%d", i + VALUES);
			passed += may(index, "s", PF_STRING, text(word));
			passed += may(index, "i", PF_BIGINT, integer(PF_BIGINT, i * 3 + 1));
		}
		CHECK_INT(missed, 0);
		unit_check(passed < 1.5 * fpps[f] * 2 * (double)VALUES, __FILE__, __LINE__,
			   "fpp %g: %d of %d", fpps[f], passed, 2 * VALUES);
		pf_file_index_free(index);
		pf_file_index_builder_free(x);
		pf_buf_free(&out);
	}
	pf_builder_free(b);
	pf_schema_unref(s);
}

/* Values of other types than the column's are compared exactly, or not
 * judged. */
TEST(mixed_types)
{
	struct pf_schema *s = pf_schema_new();
	struct pf_type ms = { .kind = PF_TIMESTAMP, .precision = 3 };
	pf_schema_add(s, "i", type_of(PF_SMALLINT), false);
	pf_schema_add(s, "f", type_of(PF_FLOAT), false);
	pf_schema_add(s, "t", ms, false);
	struct pf_builder *b = pf_builder_new(s);
	pf_col_i16(&b->columns[0], 300);
	pf_col_f32(&b->columns[1], -0.0f);
	pf_col_i64(&b->columns[2], 1700000000123);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_file_index_spec specs[3] = { { PF_FILE_INDEX_BLOOM, 0, 0.0001 },
					       { PF_FILE_INDEX_BLOOM, 1, 0.0001 },
					       { PF_FILE_INDEX_BLOOM, 2, 0.0001 } };
	struct pf_file_index_builder *x;
	struct pf_file_index *index;
	struct pf_buf out = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_file_index_builder_new(s, specs, 3, &x, &err), &err);
	CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
	CHECK_OK(pf_file_index_builder_finish(x, NULL, &out, &err), &err);
	CHECK_OK(pf_file_index_open(pf_view_of(out.data, out.len), 1, &index, &err), &err);

	CHECK(may(index, "i", PF_SMALLINT, integer(PF_BIGINT, 300)));
	CHECK(may(index, "i", PF_SMALLINT, number(300)));
	CHECK(!may(index, "i", PF_SMALLINT, integer(PF_TINYINT, 44)));
	CHECK(!may(index, "i", PF_SMALLINT, number(301)));
	CHECK(may(index, "f", PF_FLOAT, number(0)));
	CHECK(may(index, "f", PF_FLOAT, number(-0.0)));
	CHECK(may(index, "f", PF_FLOAT, integer(PF_INT, 0)));
	CHECK(may(index, "f", PF_FLOAT, number(NAN)));
	CHECK(!may(index, "f", PF_FLOAT, number(1)));
	struct pf_datum t = integer(PF_TIMESTAMP, 1700000000123000);
	struct pf_range r = equals(&t);
	CHECK(pf_file_index_may_match(index, "t", ms, &r));
	t.i = 1700000000124000;
	r = equals(&t);
	CHECK(!pf_file_index_may_match(index, "t", ms, &r));

	specs[0] = (struct pf_file_index_spec){ PF_FILE_INDEX_BITMAP, 0, 0 };
	CHECK(!pf_file_index_takes(PF_FILE_INDEX_BITMAP, type_of(PF_DECIMAL)));
	CHECK(!pf_file_index_takes(PF_FILE_INDEX_BLOOM, type_of(PF_BOOLEAN)));
	pf_file_index_free(index);
	pf_file_index_builder_free(x);
	pf_buf_free(&out);
	pf_builder_free(b);
	pf_schema_unref(s);
}

static bool exact(struct pf_type type, struct pf_datum value, struct pf_datum *out)
{
	return pf_datum_exact(type, &value, out);
}

/* Decimals are asked of Parquet's filters only. */
TEST(exact_decimals)
{
	struct pf_type money = { .kind = PF_DECIMAL, .precision = 6, .scale = 2 };
	struct pf_datum out, d = { .type = { PF_DECIMAL, 10, 4 }, .dec = 1234500 };
	CHECK(exact(money, d, &out) && out.dec == 12345);
	d.dec = 1234567;
	CHECK(!exact(money, d, &out));
	d.dec = 99999900;
	CHECK(exact(money, d, &out) && out.dec == 999999);
	d.dec = 100000000;
	CHECK(!exact(money, d, &out));
	CHECK(exact(money, integer(PF_BIGINT, -9999), &out) && out.dec == -999900);
	CHECK(!exact(money, integer(PF_BIGINT, 10000), &out));
	CHECK(!exact(money, integer(PF_BIGINT, INT64_MAX), &out));
	CHECK(!exact(money, number(1), &out));
	CHECK(!exact(type_of(PF_INT), (struct pf_datum){ .type = type_of(PF_INT),
							  .null = true }, &out));
	CHECK(!exact(type_of(PF_TIMESTAMP), integer(PF_TIMESTAMP_LTZ, 1), &out));
}

/* What a file has already stays, also parts of types unknown to us; what is
 * built anew replaces its like. */
TEST(kept_parts)
{
	struct pf_buf first = { 0 }, second = { 0 }, third = { 0 };
	struct pf_file_index_builder *x, *y;
	struct pf_file_index *old, *new;
	struct pf_error err = { 0 };
	struct pf_builder *b = people(0, 1);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_file_index_spec bitmaps[2] = { three_bitmaps[2], three_bitmaps[0] };
	struct pf_file_index_spec more[2] = { { PF_FILE_INDEX_BLOOM, 2, 0.01 },
					      { PF_FILE_INDEX_BITMAP, 1, 0 } };
	CHECK_OK(pf_file_index_builder_new(b->schema, bitmaps, 2, &x, &err), &err);
	CHECK_OK(pf_file_index_builder_new(b->schema, more, 2, &y, &err), &err);
	CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
	CHECK_OK(pf_file_index_builder_finish(x, NULL, &first, &err), &err);
	/* f2's bitmap becomes something that only others know. */
	uint8_t *at = memmem(first.data, first.len, "bitmap", 6);
	CHECK(at != NULL);
	memcpy(at, "foobar", 6);
	CHECK_OK(pf_file_index_open(pf_view_of(first.data, first.len), 8, &old, &err), &err);
	CHECK(!pf_file_index_has(old, "f2", PF_FILE_INDEX_BITMAP));
	CHECK(pf_file_index_has(old, "f0", PF_FILE_INDEX_BITMAP));
	CHECK(may(old, "f2", PF_INT, integer(PF_INT, 77)));

	CHECK_OK(pf_file_index_builder_add(y, &batch, &err), &err);
	CHECK_OK(pf_file_index_builder_finish(y, old, &second, &err), &err);
	CHECK_OK(pf_file_index_open(pf_view_of(second.data, second.len), 8, &new, &err), &err);
	CHECK(pf_file_index_has(new, "f2", PF_FILE_INDEX_BLOOM));
	CHECK(pf_file_index_has(new, "f1", PF_FILE_INDEX_BITMAP));
	CHECK(!may(new, "f2", PF_INT, integer(PF_INT, 77)));
	CHECK_STR(rows_equal(new, "f0", PF_STRING, text("Bob"), 8), "1 5");
	CHECK_STR(rows_equal(new, "f1", PF_INT, integer(PF_INT, 20), 8), "4 6 7");
	CHECK(memmem(second.data, second.len, "foobar", 6) != NULL);

	/* The same again changes nothing. */
	CHECK_OK(pf_file_index_builder_add(y, &batch, &err), &err);
	CHECK_OK(pf_file_index_builder_finish(y, new, &third, &err), &err);
	CHECK_INT(third.len, second.len);
	CHECK(third.len == second.len && !memcmp(third.data, second.data, third.len));
	pf_file_index_free(old);
	pf_file_index_free(new);
	pf_file_index_builder_free(x);
	pf_file_index_builder_free(y);
	pf_builder_free(b);
	pf_buf_free(&first);
	pf_buf_free(&second);
	pf_buf_free(&third);
}

struct counted {
	struct pf_view bytes;
	int reads;
	bool broken;
};

static int counted_pread(void *ctx, void *data, size_t len, uint64_t offset,
			 struct pf_error *err)
{
	struct counted *c = ctx;
	c->reads++;
	if (c->broken || offset > c->bytes.len || len > c->bytes.len - offset)
		return pf_fail(err, PF_E_IO, "no");
	memcpy(data, c->bytes.data + offset, len);
	return 0;
}

/* An index beside its file: the head, then only what is asked for. */
TEST(from_a_file)
{
	enum { COLUMNS = 80 };
	struct pf_schema *s = pf_schema_new();
	struct pf_file_index_spec specs[COLUMNS];
	struct pf_file_index_builder *x;
	struct pf_file_index *index;
	struct pf_error err = { 0 };
	struct pf_buf bytes = { 0 };
	char name[80];
	for (int few = 1; few >= 0; few--) {
		int n = few ? 2 : COLUMNS;
		while ((int)s->n < n) {
			snprintf(name, sizeof name, "a column whose name is rather long %d",
				 (int)s->n);
			pf_schema_add(s, name, type_of(PF_INT), false);
		}
		struct pf_builder *b = pf_builder_new(s);
		for (int i = 0; i < n; i++) {
			specs[i] = (struct pf_file_index_spec){
				i % 2 ? PF_FILE_INDEX_BLOOM : PF_FILE_INDEX_BITMAP, i, 0.001 };
			for (int r = 0; r < 1000; r++)
				pf_col_i32(&b->columns[i], i * 1000 + r / 2);
		}
		struct pf_batch batch = pf_builder_batch(b);
		CHECK_OK(pf_file_index_builder_new(s, specs, (size_t)n, &x, &err), &err);
		CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
		bytes.len = 0;
		CHECK_OK(pf_file_index_builder_finish(x, NULL, &bytes, &err), &err);
		struct counted c = { .bytes = { bytes.data, bytes.len } };
		struct pf_random_source source = { .pread = counted_pread, .size = bytes.len,
						   .ctx = &c, .name = "index" };
		CHECK_OK(pf_file_index_open_source(&source, 1000, &index, &err), &err);
		CHECK_INT(c.reads, few ? 1 : 2);
		CHECK(may(index, "another", PF_INT, integer(PF_INT, 1)));
		CHECK_INT(c.reads, few ? 1 : 2);
		for (int i = 0; i < n; i++) {
			const char *column = s->fields[i].name;
			CHECK(may(index, column, PF_INT, integer(PF_INT, i * 1000 + 499)));
			CHECK(!may(index, column, PF_INT, integer(PF_INT, i * 1000 + 500)));
		}
		CHECK_INT(c.reads, (few ? 1 : 2) + n);
		pf_file_index_free(index);

		/* What cannot be read says nothing. */
		CHECK_OK(pf_file_index_open_source(&source, 1000, &index, &err), &err);
		c.broken = true;
		CHECK(may(index, s->fields[0].name, PF_INT, integer(PF_INT, 500)));
		CHECK(may(index, s->fields[1].name, PF_INT, integer(PF_INT, 1500)));
		pf_file_index_free(index);
		CHECK_INT(pf_file_index_open_source(&source, 1000, &index, &err), PF_E_IO);
		CHECK(!index);
		c.broken = false;
		for (source.size = 0; source.size < (few ? 200 : 5000); source.size += 37) {
			pf_file_index_open_source(&source, 1000, &index, NULL);
			CHECK(may(index, s->fields[0].name, PF_INT, integer(PF_INT, 1)));
			pf_file_index_free(index);
		}
		pf_file_index_builder_free(x);
		pf_builder_free(b);
	}
	pf_buf_free(&bytes);
	pf_schema_unref(s);
}

/* Cut anywhere or with any byte changed: an error, or an index that answers
 * something, and where it was cut never a wrong "no". */
TEST(damaged)
{
	struct pf_buf bytes = { 0 };
	struct pf_file_index_builder *x;
	struct pf_error err = { 0 };
	struct pf_builder *b = people(0, 1);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_file_index_spec specs[4] = { three_bitmaps[0], three_bitmaps[1],
					       three_bitmaps[2],
					       { PF_FILE_INDEX_BLOOM, 0, 0.01 } };
	CHECK_OK(pf_file_index_builder_new(b->schema, specs, 4, &x, &err), &err);
	CHECK_OK(pf_file_index_builder_add(x, &batch, &err), &err);
	CHECK_OK(pf_file_index_builder_finish(x, NULL, &bytes, &err), &err);
	pf_file_index_builder_free(x);
	for (size_t cut = 0; cut < bytes.len; cut++) {
		uint8_t *copy = pf_alloc(cut, 1);
		struct pf_file_index *index;
		memcpy(copy, bytes.data, cut);
		int rc = pf_file_index_open(pf_view_of(copy, cut), 8, &index, NULL);
		CHECK(!rc || rc == PF_E_CORRUPT);
		CHECK(may(index, "f0", PF_STRING, text("Tony")));
		CHECK(may(index, "f2", PF_INT, integer(PF_INT, 0)));
		pf_file_index_free(index);
		free(copy);
	}
	for (size_t at = 0; at < bytes.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			struct pf_file_index *index;
			struct pf_range all = { .values = true, .nulls = true };
			uint8_t bits = 0xff;
			bytes.data[at] = (uint8_t)(bytes.data[at] ^ 1u << bit);
			pf_file_index_open(pf_view_of(bytes.data, bytes.len), 8, &index, NULL);
			may(index, "f0", PF_STRING, text("Tony"));
			may(index, "f1", PF_INT, integer(PF_INT, 10));
			pf_file_index_rows(index, "f0", type_of(PF_STRING), &all, &bits);
			pf_file_index_rows(index, "f2", type_of(PF_INT), &all, &bits);
			pf_file_index_free(index);
			bytes.data[at] = (uint8_t)(bytes.data[at] ^ 1u << bit);
		}
	pf_builder_free(b);
	pf_buf_free(&bytes);
}

UNIT_MAIN(CASE(roaring_bytes), CASE(roaring_big), CASE(roaring_malformed),
	  CASE(hash_vectors), CASE(java_bitmap_v1), CASE(java_bitmap_v2),
	  CASE(java_bitmap_container), CASE(same_bytes_as_java), CASE(java_bloom),
	  CASE(same_as_looking), CASE(bloom_is_as_good_as_asked), CASE(mixed_types),
	  CASE(exact_decimals),
	  CASE(kept_parts), CASE(from_a_file),
	  CASE(damaged))

/* SPDX-License-Identifier: Apache-2.0
 *
 * The record stream: what is written comes back, whole or not at all.
 */
#include "arrow/stream.h"

#include <math.h>
#include <stdlib.h>

#include "arrow/flatbuf.h"
#include "ext/hash.h"
#include "drip.h"
#include "unit.h"

static struct pf_type type_of(const char *text)
{
	struct pf_type t = { 0 };
	CHECK(pf_type_parse(text, &t, NULL, NULL) == 0);
	return t;
}

/* A column of every type there is. */
static struct pf_schema *all_types(void)
{
	static const char *const types[] = {
		"boolean", "tinyint", "smallint", "int", "bigint", "float", "double",
		"decimal(9,2)", "decimal(38,10)", "string", "bytes", "date", "time(0)",
		"time(3)", "timestamp(0)", "timestamp(1)", "timestamp(3)",
		"timestamp(4)", "timestamp(6)", "timestamp_ltz(0)", "timestamp_ltz(3)",
		"timestamp_ltz(6)", "large_bytes", "strings",
	};
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		char name[16];
		snprintf(name, sizeof name, "c%zu", i);
		struct pf_field *f = pf_schema_add(s, name, type_of(types[i]), true);
		f->id = (int32_t)i * 3;
	}
	pf_meta_set(&s->fields[1].meta, "comment", "one byte");
	pf_meta_set(&s->meta, "pf:id", "c4");
	pf_meta_set(&s->meta, "pf:time", "c16");
	return s;
}

static void add_value(struct pf_colbuf *c, uint64_t x)
{
	char text[40];
	if (x % 5 == 0) {
		pf_col_null(c);
		return;
	}
	snprintf(text, sizeof text, "v%llu", (unsigned long long)(x % 100003));
	switch (c->kind) {
	case PF_FLOAT:
		pf_col_f32(c, (float)x);
		break;
	case PF_DOUBLE:
		pf_col_f64(c, x % 7 ? (double)x / 3 : NAN);
		break;
	case PF_DECIMAL:
		pf_col_i128(c, (pf_i128)(x % 1999999) - 999999);
		break;
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		pf_col_bytes(c, text, x % 11 ? strlen(text) : 0);
		break;
	case PF_STRINGS: {
		struct pf_view items[3] = { pf_view_str(text), pf_view_str(""),
					    pf_view_str("ä") };
		pf_col_strings(c, items, x % 4);
		break;
	}
	case PF_BOOLEAN:
		pf_col_bool(c, x % 2);
		break;
	case PF_TIME:
		pf_col_int(c, (int64_t)(x % 86400000));
		break;
	default:
		pf_col_int(c, (int64_t)x);
	}
}

static void add_rows(struct pf_builder *b, size_t n, uint64_t seed)
{
	for (size_t r = 0; r < n; r++)
		for (size_t i = 0; i < b->schema->n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			add_value(&b->columns[i], seed >> 33);
		}
}

static bool same_column(enum pf_kind kind, const struct pf_column *a,
			const struct pf_column *b, int64_t rows)
{
	if (a->nulls != b->nulls)
		return false;
	for (int64_t r = 0; r < rows; r++) {
		if (pf_is_null(a, r) != pf_is_null(b, r))
			return false;
		if (pf_is_null(a, r))
			continue;
		if (kind == PF_STRINGS) {
			int32_t n = a->offsets[r + 1] - a->offsets[r];
			if (n != b->offsets[r + 1] - b->offsets[r])
				return false;
			for (int32_t k = 0; k < n; k++)
				if (pf_view_cmp(pf_bytes_at(a->child, a->offsets[r] + k),
						pf_bytes_at(b->child, b->offsets[r] + k)))
					return false;
		} else if (pf_value_cmp(kind, a, r, b, r)) {
			return false;
		}
	}
	return true;
}

static void check_same(const struct pf_batch *a, const struct pf_batch *b)
{
	CHECK_INT(a->rows, b->rows);
	for (size_t i = 0; i < a->schema->n && a->rows == b->rows; i++)
		unit_check(same_column(a->schema->fields[i].type.kind, &a->columns[i],
				       &b->columns[i], a->rows),
			   __FILE__, __LINE__, "column %zu differs", i);
}

/* A stream of three batches of 1, 700 and 2000 rows with a mark behind each
 * of the last two. */
static struct pf_schema *write_stream(struct pf_buf *buf, struct pf_builder **batches)
{
	struct pf_error err = { 0 };
	struct pf_schema *s = all_types();
	struct pf_byte_sink sink = pf_sink_buf(buf);
	struct pf_stream_out *out;
	static const size_t sizes[] = { 1, 700, 2000 };
	CHECK_OK(pf_stream_out_open(&sink, s, &out, &err), &err);
	for (int i = 0; i < 3; i++) {
		struct pf_builder *b = pf_builder_new(s);
		add_rows(b, sizes[i], (uint64_t)i + 1);
		struct pf_batch batch = pf_builder_batch(b);
		struct pf_meta meta = { 0 };
		pf_meta_set(&meta, "pf:bucket", i == 1 ? "7" : "0");
		batch.meta = i ? &meta : NULL;
		CHECK_OK(pf_stream_out_batch(out, &batch, &err), &err);
		pf_meta_free(&meta);
		if (i) {
			struct pf_mark_part parts[2] = {
				{ 0, i * 100, i * 100 + 100, "abc" },
				{ 7, i * 10, i * 10 + 10, "" },
			};
			struct pf_mark mark = { .stage = "stage-1",
						.parts = parts,
						.nparts = 2,
						.sources = (char *)(uintptr_t) "{\"a\":1}" };
			CHECK_OK(pf_stream_out_mark(out, &mark, &err), &err);
		}
		batches[i] = b;
	}
	struct pf_counts counts = { 2705, 2701, 1, 2, 1 };
	CHECK_OK(pf_stream_out_end(out, &counts, &err), &err);
	CHECK_INT(pf_stream_out_rows(out), 2701);
	pf_stream_out_close(out);
	return s;
}

static void free_stream(struct pf_schema *s, struct pf_builder **batches)
{
	for (int i = 0; i < 3; i++)
		pf_builder_free(batches[i]);
	pf_schema_unref(s);
}

static bool drip_ready(void *ctx, int timeout_ms)
{
	(void)ctx, (void)timeout_ms;
	return false;
}

TEST(round_trip)
{
	struct pf_buf buf = { 0 };
	struct pf_builder *batches[3];
	struct pf_error err = { 0 };
	struct pf_schema *s = write_stream(&buf, batches);
	static const size_t steps[] = { 1, 13, 4096, 1 << 30 };
	for (int k = 0; k < 4; k++) {
		struct drip d = { { buf.data, buf.len }, 0, steps[k] };
		struct pf_byte_source source = { drip_read, drip_ready, &d, "drip" };
		struct pf_stream_in *in;
		struct pf_event e;
		CHECK_OK(pf_stream_in_open(&source, 0, &in, &err), &err);
		CHECK(!pf_stream_in_foreign(in));
		struct pf_schema *got = pf_stream_in_schema(in);
		CHECK_OK(pf_schema_same(got, "out", s, "in", &err), &err);
		CHECK_INT(got->fields[5].id, 15);
		CHECK_INT(got->fields[1].meta.n, 1);
		CHECK_STR(pf_meta_get(&got->fields[1].meta, "comment"), "one byte");
		CHECK_STR(pf_meta_get(&got->meta, "pf:time"), "c16");
		for (int i = 0; i < 3; i++) {
			CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
			CHECK_INT(e.kind, PF_EVENT_BATCH);
			struct pf_batch want = pf_builder_batch(batches[i]);
			check_same(&e.batch, &want);
			if (!i) {
				CHECK(!e.batch.meta);
				continue;
			}
			CHECK_STR(pf_meta_get(e.batch.meta, "pf:bucket"),
				  i == 1 ? "7" : "0");
			CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
			CHECK_INT(e.kind, PF_EVENT_MARK);
			CHECK_STR(e.mark->stage, "stage-1");
			CHECK_INT(e.mark->nparts, 2);
			CHECK_INT(e.mark->rows, i == 1 ? 701 : 2000);
			CHECK_INT(e.mark->parts[0].from, i * 100);
			CHECK_INT(e.mark->parts[0].to, i * 100 + 100);
			CHECK_STR(e.mark->parts[0].anchor, "abc");
			CHECK_INT(e.mark->parts[1].partition, 7);
			CHECK_STR(e.mark->parts[1].anchor, "");
			CHECK_STR(e.mark->sources, "{\"a\":1}");
			CHECK(!e.mark->gaps);
		}
		CHECK_INT(pf_stream_in_streams(in), 0);
		for (int again = 0; again < 2; again++) {
			CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
			CHECK_INT(e.kind, PF_EVENT_END);
			CHECK_INT(e.rows, 2701);
			CHECK_INT(e.counts.in, 2705);
			CHECK_INT(e.counts.duplicate, 2);
			CHECK(pf_stream_in_ready(in, 0));
		}
		CHECK_INT(pf_stream_in_streams(in), 1);
		CHECK(pf_stream_in_hash(in) != 0);
		pf_stream_in_close(in);
	}
	free_stream(s, batches);
	pf_buf_free(&buf);
}

/* Read to the end; the code of the first failure. */
static int drain(const void *data, size_t len, size_t step, int64_t *rows,
		 struct pf_error *err)
{
	struct drip d = { { data, len }, 0, step };
	struct pf_byte_source source = { drip_read, NULL, &d, "drip" };
	struct pf_stream_in *in;
	struct pf_event e = { 0 };
	int code = pf_stream_in_open(&source, 0, &in, err);
	*rows = 0;
	if (code)
		return code;
	while (!code && e.kind != PF_EVENT_END && e.kind != PF_EVENT_ABORT)
		code = pf_stream_in_next(in, &e, err);
	*rows = pf_stream_in_rows(in);
	if (!code && e.kind == PF_EVENT_ABORT)
		code = PF_E_UPSTREAM;
	pf_stream_in_close(in);
	return code;
}

/* Cut anywhere: never a success. */
TEST(cut_anywhere)
{
	struct pf_buf buf = { 0 };
	struct pf_builder *batches[3];
	struct pf_schema *s = write_stream(&buf, batches);
	struct pf_error err = { 0 };
	int64_t rows;
	for (size_t n = 0; n < buf.len; n += n < 9000 || n + 900 > buf.len ? 1 : 101) {
		uint8_t *copy = pf_alloc(n, 1);
		if (n)
			memcpy(copy, buf.data, n);
		err.message[0] = '\0';
		int code = drain(copy, n, 1 << 20, &rows, &err);
		unit_check(code == PF_E_TRUNCATED, __FILE__, __LINE__,
			   "cut at %zu of %zu: %d %s", n, buf.len, code, err.message);
		free(copy);
	}
	CHECK_OK(drain(buf.data, buf.len, 1 << 20, &rows, &err), &err);
	CHECK_INT(rows, 2701);
	free_stream(s, batches);
	pf_buf_free(&buf);
}

/* Any byte changed: an error, never a success with other rows. */
TEST(p05_flipped_bytes)
{
	struct pf_buf buf = { 0 };
	struct pf_builder *batches[3];
	struct pf_schema *s = write_stream(&buf, batches);
	struct pf_error err = { 0 };
	int64_t rows;
	uint64_t schema = 0, accepted = 0;
	memcpy(&schema, buf.data + 4, 4);
	schema += 8;
	for (size_t n = 0; n < buf.len; n += n < 9000 || n + 2500 > buf.len ? 3 : 211) {
		buf.data[n] ^= (uint8_t)(1 + n % 255);
		int code = drain(buf.data, buf.len, 1 << 20, &rows, &err);
		/* The schema's names have no hash; padding and the counts in
		 * end have none either. */
		if (!code) {
			accepted++;
			CHECK_INT(rows, 2701);
			unit_check(n < schema || n + 2500 > buf.len, __FILE__, __LINE__,
				   "byte %zu of %zu was not missed", n, buf.len);
		}
		buf.data[n] ^= (uint8_t)(1 + n % 255);
	}
	CHECK(accepted < 900);
	free_stream(s, batches);
	pf_buf_free(&buf);
}

TEST(p06_concatenated)
{
	struct pf_buf buf = { 0 }, two = { 0 };
	struct pf_builder *batches[3];
	struct pf_schema *s = write_stream(&buf, batches);
	struct pf_error err = { 0 };
	int64_t rows;
	pf_buf_add(&two, buf.data, buf.len);
	pf_buf_add(&two, buf.data, buf.len);
	CHECK_OK(drain(two.data, two.len, 5000, &rows, &err), &err);
	CHECK_INT(rows, 2 * 2701);
	CHECK_INT(drain(two.data, two.len - 3, 5000, &rows, &err), PF_E_TRUNCATED);
	/* Another schema behind it. */
	struct pf_schema *other = pf_schema_new();
	struct pf_stream_out *out;
	struct pf_byte_sink sink = pf_sink_buf(&two);
	pf_schema_add(other, "x", (struct pf_type){ .kind = PF_INT }, true);
	two.len = buf.len;
	CHECK_OK(pf_stream_out_open(&sink, other, &out, &err), &err);
	CHECK_OK(pf_stream_out_end(out, NULL, &err), &err);
	pf_stream_out_close(out);
	CHECK_INT(drain(two.data, two.len, 5000, &rows, &err), PF_E_SCHEMA_MISMATCH);
	CHECK_STR(err.message,
		  "'drip': column 1 is 'c0' in the first stream and 'x' in a later one");
	/* Something else behind it. */
	two.len = buf.len;
	pf_buf_str(&two, "garbage garbage");
	CHECK_INT(drain(two.data, two.len, 5000, &rows, &err), PF_E_ARROW);
	pf_schema_unref(other);
	free_stream(s, batches);
	pf_buf_free(&buf);
	pf_buf_free(&two);
}

TEST(aborted)
{
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	struct pf_schema *s = all_types();
	struct pf_builder *b = pf_builder_new(s);
	struct pf_stream_out *out;
	struct pf_stream_in *in;
	struct pf_event e;
	struct pf_byte_sink sink = pf_sink_buf(&buf);
	add_rows(b, 10, 3);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(pf_stream_out_open(&sink, s, &out, &err), &err);
	CHECK_OK(pf_stream_out_batch(out, &batch, &err), &err);
	CHECK_OK(pf_stream_out_abort(out, "pf-stage", "disk \"x\" is full\n", &err), &err);
	pf_stream_out_close(out);
	struct pf_memory_source m = { { buf.data, buf.len }, 0 };
	struct pf_byte_source source = pf_source_memory(&m, "memory");
	CHECK_OK(pf_stream_in_open(&source, 0, &in, &err), &err);
	CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
	CHECK_INT(e.kind, PF_EVENT_BATCH);
	CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
	CHECK_INT(e.kind, PF_EVENT_ABORT);
	CHECK_STR(e.who, "pf-stage");
	CHECK_STR(e.why, "disk \"x\" is full\\x0a");
	CHECK_INT(e.rows, 10);
	CHECK_INT(pf_stream_in_next(in, &e, &err), PF_E_UPSTREAM);
	pf_stream_in_close(in);
	pf_builder_free(b);
	pf_schema_unref(s);
	pf_buf_free(&buf);
}

TEST(empty_streams)
{
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	int64_t rows = 1;
	struct pf_schema *s = all_types();
	struct pf_stream_out *out;
	struct pf_byte_sink sink = pf_sink_buf(&buf);
	CHECK_INT(drain("", 0, 1, &rows, &err), PF_E_TRUNCATED);
	CHECK_STR(err.message, "'drip': the input is empty: not even a schema came");
	CHECK_OK(pf_stream_out_open(&sink, s, &out, &err), &err);
	CHECK_OK(pf_stream_out_end(out, NULL, &err), &err);
	pf_stream_out_close(out);
	CHECK_OK(drain(buf.data, buf.len, 9, &rows, &err), &err);
	CHECK_INT(rows, 0);
	pf_schema_unref(s);
	pf_buf_free(&buf);
}

/* Small batches wait for a flush, and then go out in one write. */
struct counter {
	size_t writes, bytes;
};

static int count_write(void *ctx, const void *data, size_t len, struct pf_error *err)
{
	struct counter *c = ctx;
	(void)data, (void)err;
	c->writes++;
	c->bytes += len;
	return 0;
}

TEST(few_writes)
{
	struct counter c = { 0 };
	struct pf_byte_sink sink = { count_write, &c, "counter" };
	struct pf_error err = { 0 };
	struct pf_schema *s = all_types();
	struct pf_builder *b = pf_builder_new(s);
	struct pf_stream_out *out;
	add_rows(b, 3, 5);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(pf_stream_out_open(&sink, s, &out, &err), &err);
	CHECK_INT(c.writes, 1);
	for (int i = 0; i < 10; i++)
		CHECK_OK(pf_stream_out_batch(out, &batch, &err), &err);
	CHECK_INT(c.writes, 1);
	CHECK_OK(pf_stream_out_flush(out, &err), &err);
	CHECK_INT(c.writes, 2);
	CHECK_OK(pf_stream_out_flush(out, &err), &err);
	CHECK_OK(pf_stream_out_end(out, NULL, &err), &err);
	CHECK_INT(c.writes, 3);
	pf_stream_out_close(out);
	pf_builder_free(b);
	pf_schema_unref(s);
}

/* Length of the message at p. */
static size_t message_bytes(const uint8_t *p)
{
	uint32_t size;
	memcpy(&size, p + 4, 4);
	struct pf_fb fb = { .data = p + 8, .len = size };
	return 8 + size + (size_t)pf_fb_int(pf_fb_root(&fb), 3, 8, 0);
}

static bool contains(const uint8_t *p, size_t len, const char *text)
{
	return memmem(p, len, text, strlen(text)) != NULL;
}

/* The hashes of pf-stream(5), computed from the bytes alone. */
TEST(documented_hashes)
{
	struct pf_buf buf = { 0 };
	struct pf_builder *batches[3];
	struct pf_schema *s = write_stream(&buf, batches);
	uint64_t whole[16], since[16], hash;
	size_t n = 0, m = 0, marks = 0, bytes = 0;
	char text[40];
	for (size_t at = message_bytes(buf.data); at + 8 < buf.len;) {
		const uint8_t *p = buf.data + at;
		size_t len = message_bytes(p);
		at += len;
		hash = pf_xxh3(p, len);
		if (contains(p, len, "pf:status")) {
			snprintf(text, sizeof text, "%016" PRIx64, pf_xxh3(whole, n * 8));
			CHECK(contains(p, len, text));
			snprintf(text, sizeof text, "%zu", bytes);
			CHECK(contains(p, len, text));
			CHECK_INT(at + 8, buf.len);
			continue;
		}
		bytes += len;
		whole[n++] = hash;
		if (contains(p, len, "pf:parts")) {
			snprintf(text, sizeof text, "%016" PRIx64, pf_xxh3(since, m * 8));
			CHECK(contains(p, len, text));
			marks++;
			m = 0;
		} else if (!contains(p, len, "pf:stream")) {
			since[m++] = hash;
		}
	}
	CHECK_INT(n, 6);
	CHECK_INT(marks, 2);
	free_stream(s, batches);
	pf_buf_free(&buf);
}

UNIT_MAIN(CASE(round_trip), CASE(cut_anywhere), CASE(p05_flipped_bytes), CASE(p06_concatenated),
	  CASE(aborted), CASE(empty_streams), CASE(few_writes), CASE(documented_hashes))

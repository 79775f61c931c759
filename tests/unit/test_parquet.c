/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../tools/random_rows.h"
#include "parquet/reader.h"
#include "parquet/shift.h"
#include "parquet/writer.h"
#include "unit.h"

/* --- helpers --- */

static struct pf_parquet_options small = { .row_group_rows = 1000, .page_rows = 130 };

/* The rows as a file, in batches of `step` rows (0: one), or gathered. */
static int to_file(const struct pf_batch *batch, const struct pf_parquet_options *o,
		   int64_t step, bool gather, struct pf_buf *out, struct pf_error *err)
{
	struct pf_parquet_writer *w;
	struct pf_byte_sink sink = pf_sink_buf(out);
	out->len = 0;
	PF_TRY(pf_parquet_writer_open(&sink, batch->schema, o, &w, err));
	int code = 0;
	for (int64_t at = 0; at < batch->rows && !code;) {
		int64_t n = step && step < batch->rows - at ? step : batch->rows - at;
		if (gather) {
			uint32_t *rows = malloc((size_t)n * sizeof *rows);
			for (int64_t i = 0; i < n; i++)
				rows[i] = (uint32_t)(at + i);
			code = pf_parquet_writer_gather(w, batch, rows, (size_t)n,
							at + n == batch->rows, err);
			free(rows);
		} else {
			code = pf_parquet_writer_add(w, batch, at, n, err);
		}
		at += n;
	}
	if (!code)
		code = pf_parquet_writer_finish(w, err);
	if (!code) {
		CHECK_INT(pf_parquet_writer_rows(w), batch->rows);
		CHECK_INT(pf_parquet_writer_bytes(w), out->len);
	}
	pf_parquet_writer_free(w);
	return code;
}

struct opened {
	struct pf_view view;
	struct pf_random_source source;
	struct pf_parquet_file *file;
};

static int open_view(struct opened *o, const void *data, size_t len, struct pf_error *err)
{
	o->view = pf_view_of(data, len);
	o->source = pf_random_view(&o->view, "test.parquet");
	return pf_parquet_open(&o->source, &o->file, err);
}

static bool same_value(enum pf_kind kind, const struct pf_column *a, int64_t i,
		       const struct pf_column *b, int64_t k)
{
	if (pf_is_null(a, i) || pf_is_null(b, k))
		return pf_is_null(a, i) && pf_is_null(b, k);
	/* Bits, so that NaNs and zeros count. */
	size_t width = pf_kind_width(kind);
	if (width)
		return !memcmp((const char *)a->values + (size_t)i * width,
			       (const char *)b->values + (size_t)k * width, width);
	return !pf_value_cmp(kind, a, i, b, k);
}

/* Are the rows [from, to) of a what b has from row `at`? */
static bool same_rows(const struct pf_batch *a, int64_t from, int64_t to,
		      const struct pf_batch *b, int64_t at)
{
	for (size_t c = 0; c < a->schema->n; c++)
		for (int64_t i = from; i < to; i++)
			if (!same_value(a->schema->fields[c].type.kind, &a->columns[c],
					i, &b->columns[c], at + i - from)) {
				printf("# column %zu row %" PRId64 "\n", c, i);
				return false;
			}
	return true;
}

static void read_all(struct pf_parquet_file *f, struct pf_builder *out)
{
	struct pf_error err = { 0 };
	int columns[64];
	for (int i = 0; i < 64; i++)
		columns[i] = i;
	for (size_t g = 0; g < pf_parquet_groups(f); g++)
		CHECK_OK(pf_parquet_read(f, g, columns, out->schema->n, NULL, 0, out,
					 &err), &err);
}

/* Three ascending ranges of a row group, at random. */
static size_t some_ranges(uint64_t *seed, int64_t rows, struct pf_parquet_range *r)
{
	size_t n = 0;
	int64_t at = 0;
	while (n < 3 && at < rows) {
		int64_t from = at + (int64_t)random_below(seed, (uint64_t)(rows - at) + 1);
		int64_t to = from + (int64_t)random_below(seed, (uint64_t)(rows - from) + 1) / 2;
		r[n++] = (struct pf_parquet_range){ from, to };
		at = to;
	}
	return n;
}

/* --- round trips --- */

static void check_ranges(struct pf_parquet_file *f, const struct pf_batch *batch,
			 uint64_t *seed)
{
	struct pf_error err = { 0 };
	struct pf_builder *b = pf_builder_new((struct pf_schema *)(uintptr_t)batch->schema);
	int columns[64];
	for (int i = 0; i < 64; i++)
		columns[i] = i;
	int64_t first = 0;
	for (size_t g = 0; g < pf_parquet_groups(f); g++) {
		int64_t rows = pf_parquet_group_rows(f, g), at = 0;
		struct pf_parquet_range ranges[3];
		size_t n = some_ranges(seed, rows, ranges);
		pf_builder_reset(b);
		CHECK_OK(pf_parquet_read(f, g, columns, batch->schema->n, ranges, n, b,
					 &err), &err);
		struct pf_batch got = pf_builder_batch(b);
		for (size_t i = 0; i < n; i++) {
			CHECK(same_rows(batch, first + ranges[i].from,
					first + ranges[i].to, &got, at));
			at += ranges[i].to - ranges[i].from;
		}
		CHECK_INT(got.rows, at);
		first += rows;
	}
	pf_builder_free(b);
}

TEST(random_schemas_round_trip)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct pf_error err = { 0 };
		uint64_t state = seed;
		struct pf_schema *schema = random_schema(&state, 8);
		int64_t rows = (int64_t)random_below(&state, 3500);
		struct pf_builder *b = random_rows(schema, &state, rows);
		struct pf_batch batch = pf_builder_batch(b);
		struct pf_buf file = { 0 };
		struct opened o;
		CHECK_OK(to_file(&batch, &small, 700, false, &file, &err), &err);
		CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
		CHECK_INT(pf_parquet_rows(o.file), rows);
		CHECK_INT(pf_parquet_groups(o.file), (rows + 999) / 1000);
		struct pf_builder *out = pf_builder_new(schema);
		read_all(o.file, out);
		struct pf_batch got = pf_builder_batch(out);
		CHECK_INT(got.rows, rows);
		CHECK(got.rows == rows && same_rows(&batch, 0, rows, &got, 0));
		check_ranges(o.file, &batch, &state);
		pf_parquet_close(o.file);
		pf_builder_free(out);
		pf_builder_free(b);
		pf_schema_unref(schema);
		pf_buf_free(&file);
	}
}

TEST(batch_boundaries_do_not_show)
{
	struct pf_error err = { 0 };
	uint64_t state = 77;
	struct pf_schema *schema = random_schema(&state, 10);
	struct pf_builder *b = random_rows(schema, &state, 2500);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf whole = { 0 }, parts = { 0 };
	CHECK_OK(to_file(&batch, &small, 0, false, &whole, &err), &err);
	for (int64_t step = 1; step < 3000; step = step * 3 + 1)
		for (int gather = 0; gather < 2; gather++) {
			CHECK_OK(to_file(&batch, &small, step, gather, &parts, &err), &err);
			CHECK(parts.len == whole.len &&
			      !memcmp(parts.data, whole.data, whole.len));
		}
	pf_buf_free(&whole);
	pf_buf_free(&parts);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

/* --- statistics, page index, blooms --- */

static bool inside(enum pf_kind kind, const struct pf_parquet_stats *s,
		   const struct pf_column *c, int64_t row)
{
	struct pf_parquet_value v = pf_parquet_value_at(kind, c, row);
	if (v.d != v.d)
		return s->nan_count != 0;
	return (!s->min.known || pf_parquet_value_cmp(kind, &s->min, &v) <= 0) &&
	       (!s->max.known || pf_parquet_value_cmp(kind, &v, &s->max) <= 0);
}

/* Bounds hold, are reached when exact, and nulls are counted. */
static void check_stats(enum pf_kind kind, const struct pf_parquet_stats *s,
			const struct pf_column *c, int64_t from, int64_t to)
{
	int64_t nulls = 0, outside = 0, numbers = 0;
	bool low = false, high = false;
	for (int64_t i = from; i < to; i++) {
		if (pf_is_null(c, i)) {
			nulls++;
			continue;
		}
		struct pf_parquet_value v = pf_parquet_value_at(kind, c, i);
		outside += !inside(kind, s, c, i);
		numbers += v.d == v.d;
		low = low || (s->min.known && !pf_parquet_value_cmp(kind, &v, &s->min));
		high = high || (s->max.known && !pf_parquet_value_cmp(kind, &v, &s->max));
	}
	CHECK_INT(outside, 0);
	CHECK_INT(s->null_count, nulls);
	CHECK_INT(s->rows, to - from);
	if (s->min.known && s->min.exact)
		CHECK(low);
	if (s->max.known && s->max.exact)
		CHECK(high);
	CHECK(s->min.known == (numbers > 0));
}

TEST(statistics_and_page_index_hold)
{
	size_t with_index = 0;
	for (uint64_t seed = 100; seed < 120; seed++) {
		struct pf_error err = { 0 };
		uint64_t state = seed;
		struct pf_schema *schema = random_schema(&state, 10);
		struct pf_builder *b = random_rows(schema, &state, 2200);
		struct pf_batch batch = pf_builder_batch(b);
		struct pf_buf file = { 0 };
		struct opened o;
		CHECK_OK(to_file(&batch, &small, 0, false, &file, &err), &err);
		CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
		int64_t first = 0;
		for (size_t g = 0; g < pf_parquet_groups(o.file); g++) {
			int64_t rows = pf_parquet_group_rows(o.file, g);
			for (size_t c = 0; c < schema->n; c++) {
				enum pf_kind kind = schema->fields[c].type.kind;
				const struct pf_column *column = &batch.columns[c];
				const struct pf_parquet_pages *pages;
				struct pf_parquet_stats s =
					pf_parquet_group_stats(o.file, g, c);
				check_stats(kind, &s, column, first, first + rows);
				CHECK_OK(pf_parquet_pages(o.file, g, c, &pages, &err), &err);
				CHECK(pages != NULL);
				if (!pages)
					continue;
				CHECK_INT(pages->n, (rows + 129) / 130);
				CHECK_INT(pages->first_row[pages->n], rows);
				for (size_t p = 0; p < pages->n; p++) {
					if (pages->stats[p].null_count < 0) {
						/* No index with a page of NaNs. */
						CHECK(kind == PF_FLOAT || kind == PF_DOUBLE);
						continue;
					}
					with_index++;
					check_stats(kind, &pages->stats[p], column,
						    first + pages->first_row[p],
						    first + pages->first_row[p + 1]);
				}
			}
			first += rows;
		}
		pf_parquet_close(o.file);
		pf_builder_free(b);
		pf_schema_unref(schema);
		pf_buf_free(&file);
	}
	CHECK(with_index > 1000);
}

/* Pages of long texts are short. Where others have DELTA pages nobody may be
 * led to want a part of these: no bounds, but still places. */
TEST(short_pages_are_found_but_not_skipped_by)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "n", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, false);
	struct pf_builder *b = pf_builder_new(schema);
	uint64_t state = 5;
	for (int i = 0; i < 4000; i++) {
		uint64_t text[12];
		for (size_t k = 0; k < 12; k++)
			text[k] = random_below(&state, UINT64_MAX) & 0x7f7f7f7f7f7f7f7f;
		pf_col_i64(&b->columns[0], (int64_t)random_below(&state, 1 << 30));
		pf_col_bytes(&b->columns[1], text, sizeof text);
	}
	struct pf_batch batch = pf_builder_batch(b);
	for (int old_readers = 0; old_readers < 2; old_readers++) {
		struct pf_parquet_options o = { .old_readers = old_readers };
		struct pf_buf file = { 0 };
		struct opened in;
		const struct pf_parquet_pages *n, *s;
		CHECK_OK(to_file(&batch, &o, 0, false, &file, &err), &err);
		CHECK_OK(open_view(&in, file.data, file.len, &err), &err);
		CHECK_INT(pf_parquet_has_delta(in.file), !old_readers);
		CHECK_OK(pf_parquet_pages(in.file, 0, 0, &n, &err), &err);
		CHECK_OK(pf_parquet_pages(in.file, 0, 1, &s, &err), &err);
		CHECK(n && n->n == 1 && n->stats[0].min.known);
		CHECK(s && s->n > 4 && s->first_row[1] < 1000);
		for (size_t p = 0; s && p < s->n; p++)
			CHECK_INT(s->stats[p].min.known, old_readers);
		CHECK(pf_parquet_group_stats(in.file, 0, 1).min.known);
		pf_parquet_close(in.file);
		pf_buf_free(&file);
	}
	pf_builder_free(b);
	pf_schema_unref(schema);
}

TEST(long_strings_are_cut_in_bounds)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, false);
	pf_schema_add(schema, "b", (struct pf_type){ .kind = PF_BYTES }, false);
	struct pf_builder *b = pf_builder_new(schema);
	char text[101], high[101];
	/* 63 letters, then a character of two bytes across the cut. */
	memset(text, 'm', 100);
	memcpy(text + 63, "\xc3\xa9", 2);
	memset(high, (char)0xff, 100);
	pf_col_bytes(&b->columns[0], text, 100);
	pf_col_bytes(&b->columns[1], high, 100);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf file = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, NULL, 0, false, &file, &err), &err);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	struct pf_parquet_stats s = pf_parquet_group_stats(o.file, 0, 0);
	CHECK(s.min.known && !s.min.exact && s.min.bytes.len == 63);
	CHECK(s.max.known && !s.max.exact && s.max.bytes.len == 63);
	CHECK(s.max.bytes.data[62] == 'n' && s.max.bytes.data[61] == 'm');
	/* There is nothing greater of 64 bytes: the value itself. */
	s = pf_parquet_group_stats(o.file, 0, 1);
	CHECK(s.min.known && !s.min.exact && s.min.bytes.len == 64);
	CHECK(s.max.known && s.max.exact && s.max.bytes.len == 100);
	pf_parquet_close(o.file);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

TEST(bloom_filters_contain_their_rows)
{
	size_t probes = 0, wrong = 0;
	for (uint64_t seed = 200; seed < 212; seed++) {
		struct pf_error err = { 0 };
		uint64_t state = seed;
		struct pf_schema *schema = random_schema(&state, 6);
		struct pf_builder *b = random_rows(schema, &state, 1500);
		struct pf_builder *other = random_rows(schema, &state, 500);
		struct pf_batch batch = pf_builder_batch(b), absent = pf_builder_batch(other);
		struct pf_parquet_options options = small;
		struct pf_buf file = { 0 };
		struct opened o;
		int all[] = { 0, 1, 2, 3, 4, 5 };
		options.bloom_columns = all;
		options.n_bloom = 6;
		CHECK_OK(to_file(&batch, &options, 0, false, &file, &err), &err);
		CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
		for (size_t c = 0; c < schema->n; c++) {
			enum pf_kind kind = schema->fields[c].type.kind;
			CHECK(pf_parquet_has_bloom(o.file, 0, c) == (kind != PF_BOOLEAN));
			for (int64_t i = 0; i < batch.rows; i++) {
				bool maybe = false;
				if (pf_is_null(&batch.columns[c], i))
					continue;
				struct pf_parquet_value v =
					pf_parquet_value_at(kind, &batch.columns[c], i);
				CHECK_OK(pf_parquet_bloom(o.file, i >= 1000, c, &v, &maybe,
							  &err), &err);
				CHECK(maybe);
			}
			if (pf_kind_width(kind) < 8 && kind != PF_STRING)
				continue;
			for (int64_t i = 0; i < absent.rows; i++) {
				bool maybe;
				if (pf_is_null(&absent.columns[c], i))
					continue;
				struct pf_parquet_value v =
					pf_parquet_value_at(kind, &absent.columns[c], i);
				CHECK_OK(pf_parquet_bloom(o.file, 0, c, &v, &maybe, &err),
					 &err);
				probes++;
				wrong += maybe;
			}
		}
		pf_parquet_close(o.file);
		pf_builder_free(b);
		pf_builder_free(other);
		pf_schema_unref(schema);
		pf_buf_free(&file);
	}
	/* Some of the other rows do stand in the file (zeros, short strings). */
	CHECK(probes > 1000 && wrong * 3 < probes);
}

/* --- types --- */

static struct pf_buf file_of(struct pf_type type, bool nullable, const int64_t *values,
			     size_t n)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	struct pf_buf file = { 0 };
	pf_schema_add(schema, "x", type, nullable)->id = 5;
	struct pf_builder *b = pf_builder_new(schema);
	for (size_t i = 0; i < n; i++) {
		if (type.kind == PF_FLOAT)
			pf_col_f32(&b->columns[0], (float)values[i]);
		else if (type.kind == PF_DECIMAL)
			pf_col_i128(&b->columns[0], values[i]);
		else
			pf_col_int(&b->columns[0], values[i]);
	}
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(to_file(&batch, NULL, 0, false, &file, &err), &err);
	pf_builder_free(b);
	pf_schema_unref(schema);
	return file;
}

/* Read column x as that type; 0 or the error's code. */
static int read_as(const struct pf_buf *file, struct pf_type type, struct pf_builder **out,
		   struct pf_error *err)
{
	struct opened o;
	int column = 0;
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "x", type, true);
	*out = pf_builder_new(schema);
	pf_schema_unref(schema);
	CHECK_OK(open_view(&o, file->data, file->len, err), err);
	int code = pf_parquet_read(o.file, 0, &column, 1, NULL, 0, *out, err);
	pf_parquet_close(o.file);
	return code;
}

TEST(columns_widen_and_never_narrow)
{
	struct pf_error err = { 0 };
	static const int64_t values[] = { -7, 0, 100 };
	struct pf_builder *b;
	struct pf_buf file = file_of((struct pf_type){ .kind = PF_INT }, false, values, 3);
	CHECK_OK(read_as(&file, (struct pf_type){ .kind = PF_BIGINT }, &b, &err), &err);
	struct pf_batch got = pf_builder_batch(b);
	CHECK_INT(((const int64_t *)got.columns[0].values)[0], -7);
	CHECK_INT(((const int64_t *)got.columns[0].values)[2], 100);
	pf_builder_free(b);
	CHECK_INT(read_as(&file, (struct pf_type){ .kind = PF_SMALLINT }, &b, &err),
		  PF_E_UNSUPPORTED);
	CHECK_STR(err.message,
		  "'test.parquet': column 'x' is int and cannot be read as smallint");
	pf_builder_free(b);
	CHECK_INT(read_as(&file, (struct pf_type){ .kind = PF_STRING }, &b, &err),
		  PF_E_UNSUPPORTED);
	pf_builder_free(b);
	pf_buf_free(&file);

	file = file_of((struct pf_type){ PF_TIMESTAMP, 3, 0 }, false, values, 3);
	CHECK_OK(read_as(&file, (struct pf_type){ PF_TIMESTAMP, 6, 0 }, &b, &err), &err);
	got = pf_builder_batch(b);
	CHECK_INT(((const int64_t *)got.columns[0].values)[0], -7000);
	pf_builder_free(b);
	CHECK_INT(read_as(&file, (struct pf_type){ PF_TIMESTAMP_LTZ, 3, 0 }, &b, &err),
		  PF_E_UNSUPPORTED);
	pf_builder_free(b);
	pf_buf_free(&file);

	file = file_of((struct pf_type){ .kind = PF_FLOAT }, false, values, 3);
	CHECK_OK(read_as(&file, (struct pf_type){ .kind = PF_DOUBLE }, &b, &err), &err);
	got = pf_builder_batch(b);
	CHECK(((const double *)got.columns[0].values)[2] == 100.0);
	pf_builder_free(b);
	pf_buf_free(&file);

	file = file_of((struct pf_type){ PF_DECIMAL, 9, 2 }, false, values, 3);
	CHECK_OK(read_as(&file, (struct pf_type){ PF_DECIMAL, 30, 2 }, &b, &err), &err);
	got = pf_builder_batch(b);
	struct pf_parquet_value v = pf_parquet_value_at(PF_DECIMAL, &got.columns[0], 0);
	CHECK(v.dec == -7);
	pf_builder_free(b);
	CHECK_INT(read_as(&file, (struct pf_type){ PF_DECIMAL, 9, 3 }, &b, &err),
		  PF_E_UNSUPPORTED);
	pf_builder_free(b);
	pf_buf_free(&file);
}

TEST(missing_columns_are_null)
{
	struct pf_error err = { 0 };
	static const int64_t values[] = { 1, 2, 3, 4 };
	struct pf_buf file = file_of((struct pf_type){ .kind = PF_INT }, false, values, 4);
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "new", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(schema, "x", (struct pf_type){ .kind = PF_INT }, true);
	struct pf_builder *b = pf_builder_new(schema);
	struct opened o;
	int columns[] = { -1, 0 };
	struct pf_parquet_range ranges[] = { { 1, 2 }, { 3, 4 } };
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_OK(pf_parquet_read(o.file, 0, columns, 2, ranges, 2, b, &err), &err);
	struct pf_batch got = pf_builder_batch(b);
	CHECK_INT(got.rows, 2);
	CHECK_INT(got.columns[0].nulls, 2);
	CHECK_INT(pf_int_at(&got.columns[1], PF_INT, 0), 2);
	CHECK_INT(pf_int_at(&got.columns[1], PF_INT, 1), 4);
	pf_parquet_close(o.file);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

TEST(nulls_are_refused_where_they_must_not_be)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "x", (struct pf_type){ .kind = PF_INT }, false);
	struct pf_builder *b = pf_builder_new(schema);
	struct pf_buf file = { 0 };
	pf_col_i32(&b->columns[0], 1);
	pf_col_null(&b->columns[0]);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_INT(to_file(&batch, NULL, 0, false, &file, &err), PF_E_BAD_ROW);
	CHECK_STR(err.message, "column 'x' is not nullable and row 1 has no value in it");
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

/* --- the footer --- */

TEST(the_footer_says_what_it_was_told)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "id", (struct pf_type){ .kind = PF_STRING }, false)->id = 3;
	pf_schema_add(schema, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, false)->id = 1;
	pf_schema_add(schema, "v", (struct pf_type){ PF_DECIMAL, 20, 4 }, true);
	struct pf_builder *b = pf_builder_new(schema);
	pf_col_bytes(&b->columns[0], "a", 1);
	pf_col_i64(&b->columns[1], 5);
	pf_col_null(&b->columns[2]);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_meta meta = { 0 };
	pf_meta_set(&meta, "pf:schema-id", "0");
	int sort[] = { 0, 1 };
	struct pf_parquet_options options = {
		.created_by = "pf-pack version 9.8.7 (build 6)",
		.sort_columns = sort, .n_sort = 2, .meta = &meta,
	};
	struct pf_buf file = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, &options, 0, false, &file, &err), &err);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_STR(pf_parquet_created_by(o.file), "pf-pack version 9.8.7 (build 6)");
	CHECK_STR(pf_meta_get(pf_parquet_meta(o.file), "pf:schema-id"), "0");
	CHECK_INT(pf_parquet_columns(o.file), 3);
	CHECK_INT(pf_parquet_find(o.file, "ts"), 1);
	CHECK_INT(pf_parquet_find(o.file, "nope"), -1);
	CHECK_INT(pf_parquet_find_id(o.file, 3), 0);
	CHECK_INT(pf_parquet_column(o.file, 2)->id, 2); /* its position */
	size_t n;
	const struct pf_parquet_sorting *s = pf_parquet_group_sorting(o.file, 0, &n);
	CHECK_INT(n, 2);
	CHECK(s[0].column == 0 && s[1].column == 1 && !s[0].descending);
	struct pf_schema *read = pf_parquet_schema(o.file, NULL);
	CHECK_OK(pf_schema_same(schema, "written", read, "read", &err), &err);
	CHECK(!read->fields[0].nullable && read->fields[2].nullable);
	struct pf_parquet_stats stats = pf_parquet_group_stats(o.file, 0, 2);
	CHECK(!stats.min.known && stats.null_count == 1);
	pf_schema_unref(read);
	pf_parquet_close(o.file);
	pf_meta_free(&meta);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

/* Bounds of decimals in byte strings: of writers that are known to compare them
 * with their sign. Those of numbers are everybody's. */
TEST(bounds_of_decimals_are_not_everybodys)
{
	static const struct {
		const char *writer;
		bool known;
	} cases[] = {
		{ "pf-put version 0.1.0 (build release)", true },
		{ "parquet-mr version 1.15.2 (build abc)", true },
		{ "parquet-cpp-arrow version 21.0.0", true },
		{ "parquet-rs version 56.0.0", true },
		{ "DuckDB version v1.4.1 (build b390a7c)", true },
		{ "Polars", false },
		{ "ClickHouse v25.5.1", false },
		{ "github.com/parquet-go/parquet-go version 0.25.0", false },
		{ "parquet-cpp version 1.5.1-SNAPSHOT", false },
	};
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "wide", (struct pf_type){ PF_DECIMAL, 38, 4 }, true);
	pf_schema_add(schema, "narrow", (struct pf_type){ PF_DECIMAL, 18, 4 }, true);
	struct pf_builder *b = pf_builder_new(schema);
	for (int i = -5; i < 5; i++) {
		pf_col_i128(&b->columns[0], i);
		pf_col_i128(&b->columns[1], i);
	}
	struct pf_batch batch = pf_builder_batch(b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_parquet_options options = { .created_by = cases[i].writer };
		struct pf_buf file = { 0 };
		struct opened o;
		const struct pf_parquet_pages *pages;
		CHECK_OK(to_file(&batch, &options, 0, false, &file, &err), &err);
		CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
		CHECK_INT(pf_parquet_group_stats(o.file, 0, 0).min.known, cases[i].known);
		CHECK_INT(pf_parquet_group_stats(o.file, 0, 1).min.known, true);
		CHECK_OK(pf_parquet_pages(o.file, 0, 0, &pages, &err), &err);
		CHECK(pages && pages->stats[0].max.known == cases[i].known);
		pf_parquet_close(o.file);
		pf_buf_free(&file);
	}
	pf_builder_free(b);
	pf_schema_unref(schema);
}

TEST(no_rows_are_a_file_too)
{
	struct pf_error err = { 0 };
	struct pf_buf file = file_of((struct pf_type){ .kind = PF_INT }, true, NULL, 0);
	struct opened o;
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_INT(pf_parquet_rows(o.file), 0);
	CHECK_INT(pf_parquet_groups(o.file), 0);
	CHECK_INT(pf_parquet_columns(o.file), 1);
	pf_parquet_close(o.file);
	pf_buf_free(&file);
}

TEST(a_row_group_ends_with_the_row_that_fills_it)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, false);
	struct pf_builder *b = pf_builder_new(schema);
	size_t mib = 1 << 20;
	char *text = calloc(mib, 1);
	for (int i = 0; i < 100; i++) {
		text[0] = (char)i;
		pf_col_bytes(&b->columns[0], text, mib);
	}
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf file = { 0 }, parts = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, NULL, 0, false, &file, &err), &err);
	CHECK_OK(to_file(&batch, NULL, 7, true, &parts, &err), &err);
	CHECK(parts.len == file.len && !memcmp(parts.data, file.data, file.len));
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_INT(pf_parquet_groups(o.file), 2);
	CHECK_INT(pf_parquet_group_rows(o.file, 0), 64);
	const struct pf_parquet_pages *pages;
	CHECK_OK(pf_parquet_pages(o.file, 0, 0, &pages, &err), &err);
	/* The first has one text: how alike they are is not known before. */
	CHECK_INT(pages ? pages->n : 0, 17);
	pf_parquet_close(o.file);
	free(text);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
	pf_buf_free(&parts);
}

TEST(first_pages_of_nulls_do_not_settle_the_codec)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, true);
	struct pf_builder *b = pf_builder_new(schema);
	for (int i = 0; i < 100000; i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "the same words and %d", i);
		if (i < 50000)
			pf_col_null(&b->columns[0]);
		else
			pf_col_bytes(&b->columns[0], text, (size_t)n);
	}
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf file = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, NULL, 0, false, &file, &err), &err);
	/* 50,000 strings of 23 bytes are more than a megabyte when plain. */
	CHECK(file.len < 400000);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	struct pf_builder *out = pf_builder_new(schema);
	read_all(o.file, out);
	struct pf_batch got = pf_builder_batch(out);
	CHECK(got.rows == 100000 && same_rows(&batch, 0, 100000, &got, 0));
	pf_parquet_close(o.file);
	pf_builder_free(out);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

TEST(a_footer_may_be_longer_than_the_tail)
{
	struct pf_error err = { 0 };
	uint64_t state = 9;
	struct pf_schema *schema = random_schema(&state, 6);
	struct pf_builder *b = random_rows(schema, &state, 1500);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_parquet_options tiny = { .row_group_rows = 2, .page_rows = 1 };
	struct pf_buf file = { 0 };
	struct opened o;
	uint32_t footer;
	CHECK_OK(to_file(&batch, &tiny, 0, false, &file, &err), &err);
	memcpy(&footer, file.data + file.len - 8, 4);
	CHECK(footer > 2 * 65536);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_INT(pf_parquet_counters(o.file)->reads, 2);
	CHECK_INT(pf_parquet_groups(o.file), 750);
	struct pf_builder *out = pf_builder_new(schema);
	read_all(o.file, out);
	struct pf_batch got = pf_builder_batch(out);
	CHECK(got.rows == 1500 && same_rows(&batch, 0, 1500, &got, 0));
	check_ranges(o.file, &batch, &state);
	pf_parquet_close(o.file);
	pf_builder_free(out);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

/* --- looking up --- */

/* The longest page, in bytes of text, of 50,000 texts of 20 bytes. */
static int64_t longest_page(bool alike)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, false);
	struct pf_builder *b = pf_builder_new(schema);
	uint64_t state = 5;
	for (int i = 0; i < 50000; i++) {
		char text[40];
		if (alike)
			snprintf(text, sizeof text, "a kind of text %05d", i);
		else
			snprintf(text, sizeof text, "%020llu",
				 (unsigned long long)random_below(&state, UINT64_MAX));
		pf_col_bytes(&b->columns[0], text, 20);
	}
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf file = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, NULL, 0, false, &file, &err), &err);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	const struct pf_parquet_pages *pages;
	CHECK_OK(pf_parquet_pages(o.file, 0, 0, &pages, &err), &err);
	int64_t most = 0;
	for (size_t i = 0; pages && i < pages->n; i++)
		if (pages->first_row[i + 1] - pages->first_row[i] > most)
			most = pages->first_row[i + 1] - pages->first_row[i];
	pf_parquet_close(o.file);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
	return most * 20;
}

TEST(pages_of_plain_texts_are_short)
{
	CHECK_INT(longest_page(false), 65536 / 20 * 20);
	/* Much alike: as many rows as of any other column. */
	CHECK_INT(longest_page(true), 20480 * 20);
}

TEST(a_lookup_touches_few_pages)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "id", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(schema, "a", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(schema, "b", (struct pf_type){ .kind = PF_DOUBLE }, true);
	struct pf_builder *b = pf_builder_new(schema);
	for (int64_t i = 0; i < 300000; i++) {
		pf_col_i64(&b->columns[0], i / 10);
		pf_col_f64(&b->columns[1], (double)i / 7);
		pf_col_f64(&b->columns[2], (double)i / 3);
	}
	struct pf_batch batch = pf_builder_batch(b);
	int id = 0;
	struct pf_parquet_options options = { .sort_columns = &id, .n_sort = 1,
					      .bloom_columns = &id, .n_bloom = 1 };
	struct pf_buf file = { 0 };
	struct opened o;
	CHECK_OK(to_file(&batch, &options, 0, false, &file, &err), &err);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	const struct pf_parquet_pages *pages;
	CHECK_OK(pf_parquet_pages(o.file, 1, 0, &pages, &err), &err);
	struct pf_parquet_value want = { .known = true, .exact = true, .i = 20000 };
	size_t hits = 0;
	for (size_t i = 0; pages && i < pages->n; i++)
		hits += pf_parquet_value_cmp(PF_BIGINT, &pages->stats[i].min, &want) <= 0 &&
			pf_parquet_value_cmp(PF_BIGINT, &want, &pages->stats[i].max) <= 0;
	CHECK_INT(hits, 1);
	struct pf_builder *out = pf_builder_new(schema);
	int columns[] = { 0, 1, 2 };
	int64_t at = 200000 - 131072;
	struct pf_parquet_range range = { at, at + 10 };
	CHECK_OK(pf_parquet_read(o.file, 1, columns, 3, &range, 1, out, &err), &err);
	struct pf_batch got = pf_builder_batch(out);
	CHECK_INT(got.rows, 10);
	CHECK(same_rows(&batch, 200000, 200010, &got, 0));
	const struct pf_parquet_counters *c = pf_parquet_counters(o.file);
	CHECK_INT(c->pages_decoded, 3);
	CHECK(c->reads <= 8);
	CHECK((size_t)c->bytes < file.len / 3);
	pf_parquet_close(o.file);
	pf_builder_free(out);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

/* --- damage --- */

static struct pf_buf damaged_sample(uint64_t state, struct pf_builder **rows,
				    struct pf_schema **schema)
{
	struct pf_error err = { 0 };
	*schema = random_schema(&state, 5);
	*rows = random_rows(*schema, &state, 400);
	struct pf_batch batch = pf_builder_batch(*rows);
	struct pf_buf file = { 0 };
	struct pf_parquet_options o = { .row_group_rows = 250, .page_rows = 60 };
	CHECK_OK(to_file(&batch, &o, 0, false, &file, &err), &err);
	return file;
}

/* Flip a bit of each byte in turn where pages stand: an error or the same
 * rows. */
static void flip_bytes(uint64_t seed)
{
	struct pf_builder *rows;
	struct pf_schema *schema;
	struct pf_buf file = damaged_sample(seed, &rows, &schema);
	struct pf_batch batch = pf_builder_batch(rows);
	struct pf_builder *out = pf_builder_new(schema);
	uint32_t footer;
	memcpy(&footer, file.data + file.len - 8, 4);
	int columns[] = { 0, 1, 2, 3, 4 };
	size_t refused = 0, other = 0;
	for (size_t i = 0; i < file.len - 8 - footer; i++) {
		struct pf_error err = { 0 };
		struct opened o;
		struct pf_parquet_range ranges[] = { { 0, 50 }, { 60, 150 } };
		file.data[i] ^= (uint8_t)(1u << ((i + seed) & 7));
		CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
		pf_builder_reset(out);
		int code = pf_parquet_read(o.file, 0, columns, 5, NULL, 0, out, &err);
		if (!code)
			code = pf_parquet_read(o.file, 1, columns, 5, ranges, 2, out, &err);
		struct pf_batch got = pf_builder_batch(out);
		refused += code != 0;
		other += !code && (!same_rows(&batch, 0, 300, &got, 0) ||
				   !same_rows(&batch, 310, 400, &got, 300));
		pf_parquet_close(o.file);
		file.data[i] ^= (uint8_t)(1u << ((i + seed) & 7));
	}
	CHECK_INT(other, 0);
	CHECK(refused * 2 > file.len - 8 - footer);
	pf_builder_free(out);
	pf_builder_free(rows);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

TEST(no_flipped_byte_gives_other_rows)
{
	for (uint64_t seed = 5; seed < 9; seed++)
		flip_bytes(seed);
}

TEST(no_flipped_byte_or_cut_breaks_the_footer_reader)
{
	struct pf_builder *rows;
	struct pf_schema *schema;
	struct pf_buf file = damaged_sample(5, &rows, &schema);
	uint32_t footer;
	memcpy(&footer, file.data + file.len - 8, 4);
	int columns[] = { 0, 1, 2, 3, 4 };
	for (size_t i = file.len - 8 - footer; i < file.len; i++) {
		struct pf_error err = { 0 };
		struct opened o;
		file.data[i] ^= 0x41;
		if (!open_view(&o, file.data, file.len, &err)) {
			struct pf_schema *s = pf_parquet_schema(o.file, NULL);
			struct pf_builder *out = pf_builder_new(s);
			for (size_t g = 0; g < pf_parquet_groups(o.file); g++)
				(void)pf_parquet_read(o.file, g, columns,
						      s->n < 5 ? s->n : 5, NULL, 0,
						      out, &err);
			pf_builder_free(out);
			pf_schema_unref(s);
			pf_parquet_close(o.file);
		} else {
			CHECK(err.code == PF_E_PARQUET || err.code == PF_E_UNSUPPORTED);
		}
		file.data[i] ^= 0x41;
	}
	for (size_t len = 0; len < file.len; len++) {
		struct pf_error err = { 0 };
		struct opened o;
		CHECK(open_view(&o, file.data, len, &err) == PF_E_PARQUET);
	}
	pf_builder_free(rows);
	pf_schema_unref(schema);
	pf_buf_free(&file);
}

/* Numbers of a movable column move where they lie; nothing else does. */
TEST(movable_numbers_move)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "n", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, "other", (struct pf_type){ .kind = PF_BIGINT }, false);
	struct pf_builder *b = pf_builder_new(s), *back = pf_builder_new(s);
	struct pf_buf file = { 0 }, moved = { 0 };
	struct pf_error err = { 0 };
	struct pf_parquet_span span;
	struct opened o;
	int movable = 0, columns[] = { 0, 1 };
	struct pf_parquet_options options = small;
	for (int64_t i = 0; i < 2500; i++) {
		pf_col_i64(&b->columns[0], (i * 7919) % 2500);
		pf_col_i64(&b->columns[1], i % 3);
	}
	options.movable_columns = &movable;
	options.n_movable = 1;
	struct pf_batch rows = pf_builder_batch(b);
	CHECK_OK(to_file(&rows, &options, 0, true, &file, &err), &err);
	CHECK_OK(open_view(&o, file.data, file.len, &err), &err);
	CHECK_OK(pf_parquet_movable_span(o.file, o.view, 0, &span, &err), &err);
	CHECK_INT(span.least, 0);
	CHECK_INT(span.most, 2499);
	CHECK(pf_parquet_movable_span(o.file, o.view, 1, &span, &err) == PF_E_PARQUET);
	CHECK(!pf_parquet_group_stats(o.file, 0, 0).min.known);
	pf_buf_add(&moved, file.data, file.len);
	CHECK_OK(pf_parquet_shift(o.file, moved.data, moved.len, 0, 1000000, &err), &err);
	CHECK(pf_parquet_shift(o.file, moved.data, moved.len, 0, INT64_MAX, &err) ==
	      PF_E_PARQUET);
	pf_parquet_close(o.file);
	size_t differ = 0;
	for (size_t i = 0; i < file.len; i++)
		differ += file.data[i] != moved.data[i];
	CHECK(differ > 2500 && differ <= 3 * 2500);
	CHECK_OK(to_file(&rows, &options, 0, true, &moved, &err), &err);
	CHECK_OK(open_view(&o, moved.data, moved.len, &err), &err);
	CHECK_OK(pf_parquet_shift(o.file, moved.data, moved.len, 0, 1000000, &err), &err);
	pf_parquet_close(o.file);
	CHECK_OK(open_view(&o, moved.data, moved.len, &err), &err);
	for (size_t g = 0; g < pf_parquet_groups(o.file); g++)
		CHECK_OK(pf_parquet_read(o.file, g, columns, 2, NULL, 0, back, &err), &err);
	struct pf_batch got = pf_builder_batch(back);
	CHECK_INT(got.rows, 2500);
	for (int64_t i = 0; i < got.rows; i++) {
		CHECK_INT(((const int64_t *)got.columns[0].values)[i],
			  1000000 + (i * 7919) % 2500);
		CHECK_INT(((const int64_t *)got.columns[1].values)[i], i % 3);
	}
	pf_parquet_close(o.file);
	pf_buf_free(&file);
	pf_buf_free(&moved);
	pf_builder_free(b);
	pf_builder_free(back);
	pf_schema_unref(s);
}

UNIT_MAIN(CASE(movable_numbers_move), CASE(random_schemas_round_trip), CASE(batch_boundaries_do_not_show),
	  CASE(statistics_and_page_index_hold),
	  CASE(short_pages_are_found_but_not_skipped_by), CASE(long_strings_are_cut_in_bounds),
	  CASE(bloom_filters_contain_their_rows), CASE(columns_widen_and_never_narrow),
	  CASE(missing_columns_are_null), CASE(nulls_are_refused_where_they_must_not_be),
	  CASE(the_footer_says_what_it_was_told),
	  CASE(bounds_of_decimals_are_not_everybodys), CASE(no_rows_are_a_file_too),
	  CASE(a_row_group_ends_with_the_row_that_fills_it),
	  CASE(first_pages_of_nulls_do_not_settle_the_codec),
	  CASE(a_footer_may_be_longer_than_the_tail),
	  CASE(pages_of_plain_texts_are_short),
	  CASE(a_lookup_touches_few_pages), CASE(no_flipped_byte_gives_other_rows),
	  CASE(no_flipped_byte_or_cut_breaks_the_footer_reader))

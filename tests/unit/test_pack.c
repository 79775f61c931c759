/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing and packing together: rows of many entities and days, cut into
 * batches at random, must come out as sorted segments that hold exactly the
 * rows that went in, with the same bytes whatever the batches, the threads and
 * (for the rows) the memory were.
 */
#include "unit.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "load/pack.h"
#include "load/route.h"
#include "parquet/reader.h"

enum { DAYS = 3, BUCKETS = 4, ENTITIES = 300 };

static uint64_t state;
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static struct pf_schema *make_schema(enum pf_kind id)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "n", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, "id", (struct pf_type){ .kind = id }, false);
	pf_schema_add(s, "ts", (struct pf_type){ .kind = PF_TIMESTAMP, .precision = 3 }, false);
	pf_schema_add(s, "note", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(s, "flag", (struct pf_type){ .kind = PF_BOOLEAN }, true);
	for (size_t i = 0; i < s->n; i++)
		s->fields[i].id = (int32_t)i;
	pf_layout_write(&(struct pf_layout){ .table = (char[]){ "t" },
					     .id = (char[]){ "id" },
					     .time = (char[]){ "ts" },
					     .grain = PF_GRAIN_DAY,
					     .buckets = BUCKETS }, s);
	return s;
}

/* n counts the rows, so that stability can be seen; times repeat. */
static void make_rows(struct pf_builder *b, size_t rows)
{
	state = 7;
	for (size_t i = 0; i < rows; i++) {
		char text[40];
		uint64_t entity = next() % ENTITIES;
		pf_col_i64(&b->columns[0], (int64_t)i);
		if (b->columns[1].kind == PF_STRING) {
			snprintf(text, sizeof text, "host-%" PRIu64, entity);
			pf_col_bytes(&b->columns[1], text, strlen(text));
		} else {
			pf_col_i64(&b->columns[1], (int64_t)entity - ENTITIES / 2);
		}
		int64_t minute = (int64_t)(next() % (DAYS * 1440));
		pf_col_i64(&b->columns[2], (1700000000 / 86400 * 86400 + minute * 60) * 1000);
		if (next() % 5 == 0) {
			pf_col_null(&b->columns[3]);
		} else {
			snprintf(text, sizeof text, "%" PRIx64, next() * (next() % 2));
			pf_col_bytes(&b->columns[3], text, strlen(text));
		}
		if (i % 7 == 3)
			pf_col_null(&b->columns[4]);
		else
			pf_col_bool(&b->columns[4], i % 3 == 0);
	}
}

struct result {
	struct pf_packer *packer;
	uint64_t hash;    /* of all segments, in order of partition, bucket */
	int64_t rows, segments;
	int64_t sum;      /* of n */
	uint8_t *seen;    /* which n came out */
	bool sorted, right_cell, right_values;
};

static int take_cell(void *ctx, const struct pf_cell *cell,
		     const struct pf_batch *batch, struct pf_error *err)
{
	(void)cell;
	return pf_packer_add(((struct result *)ctx)->packer, batch, err);
}

static int take_segment(void *ctx, const struct pf_segment *segment,
			struct pf_error *err)
{
	struct result *r = ctx;
	r->hash += pf_xxh3(segment->data.data, segment->data.len);
	r->segments++;
	r->rows += segment->rows;
	struct pf_random_source source = pf_random_view(&segment->data, "segment");
	struct pf_parquet_file *file;
	PF_TRY(pf_parquet_open(&source, &file, err));
	struct pf_schema *schema = pf_parquet_schema(file, NULL);
	struct pf_builder *b = pf_builder_new(schema);
	int columns[] = { 0, 1, 2, 3, 4, 5 };
	int code = 0;
	for (size_t g = 0; g < pf_parquet_groups(file) && !code; g++)
		code = pf_parquet_read(file, g, columns, 6, NULL, 0, b, err);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_INT(batch.rows, segment->rows);
	const int64_t *n = batch.columns[0].values;
	for (int64_t i = 0; i < batch.rows && !code; i++) {
		r->seen[n[i]]++;
		r->sum += n[i];
		r->right_cell &= !pf_view_cmp(pf_bytes_at(&batch.columns[5], i),
					      segment->cell.partition);
		bool null = pf_is_null(&batch.columns[4], i);
		r->right_values &= null == (n[i] % 7 == 3) &&
				   (null || pf_bit(batch.columns[4].values, i) == (n[i] % 3 == 0));
		if (!i)
			continue;
		int c = 0;
		for (int k = 1; k <= 2 && !c; k++)
			c = pf_value_cmp(schema->fields[k].type.kind,
					 &batch.columns[k], i - 1,
					 &batch.columns[k], i);
		r->sorted &= c < 0 || (c == 0 && n[i - 1] < n[i]);
	}
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_parquet_close(file);
	return code;
}

static struct result pack(enum pf_kind id, size_t rows, size_t batch_rows,
			  const struct pf_pack_options *options)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = make_schema(id);
	struct pf_builder *all = pf_builder_new(schema);
	make_rows(all, rows);
	struct pf_batch batch = pf_builder_batch(all);
	struct result r = { .seen = calloc(rows, 1), .sorted = true, .right_cell = true,
			    .right_values = true };
	struct pf_router *router;
	CHECK_OK(pf_router_new(schema, 1 << 20, take_cell, &r, &router, &err), &err);
	CHECK_OK(pf_packer_new(pf_router_schema(router), options, take_segment, &r,
			       &r.packer, &err), &err);
	struct pf_builder *piece = pf_builder_new(schema);
	for (size_t at = 0; at < rows;) {
		size_t n = next() % batch_rows + 1;
		n = n < rows - at ? n : rows - at;
		pf_builder_reset(piece);
		pf_builder_append(piece, &batch, (int64_t)at, (int64_t)n);
		struct pf_batch b = pf_builder_batch(piece);
		CHECK_OK(pf_router_add(router, &b, &err), &err);
		at += n;
	}
	CHECK_OK(pf_router_flush(router, &err), &err);
	CHECK_OK(pf_packer_flush(r.packer, &err), &err);
	CHECK_INT(pf_packer_waiting(r.packer), 0);
	CHECK_INT(r.rows, rows);
	CHECK(r.sorted);
	CHECK(r.right_cell);
	CHECK(r.right_values);
	bool each_once = true;
	for (size_t i = 0; i < rows; i++)
		each_once &= r.seen[i] == 1;
	CHECK(each_once);
	pf_packer_free(r.packer);
	pf_router_free(router);
	pf_builder_free(piece);
	pf_builder_free(all);
	pf_schema_unref(schema);
	free(r.seen);
	return r;
}

static const struct pf_pack_options roomy = {
	.memory_bytes = 256u << 20, .segment_bytes = 64u << 20, .threads = 1,
	.zstd_level = 1, .created_by = "test version 1.0.0 (build x)",
};

TEST(bytes_do_not_depend_on_batches_or_threads)
{
	struct pf_pack_options threads = roomy;
	threads.threads = 3;
	struct result a = pack(PF_BIGINT, 50000, 20000, &roomy);
	struct result b = pack(PF_BIGINT, 50000, 100, &threads);
	CHECK_INT(a.segments, DAYS * BUCKETS);
	CHECK_INT(a.segments, b.segments);
	CHECK(a.hash == b.hash);
}

TEST(little_memory_spills_and_loses_nothing)
{
	struct pf_pack_options tight = roomy;
	tight.memory_bytes = 16u << 20;
	struct result a = pack(PF_STRING, 600000, 8192, &tight);
	tight.threads = 2;
	struct result b = pack(PF_STRING, 600000, 50000, &tight);
	CHECK(a.hash == b.hash);
	CHECK(a.segments >= DAYS * BUCKETS);
}

TEST(segments_close_at_their_size)
{
	struct pf_pack_options small = roomy;
	small.segment_bytes = 64u << 10;
	struct result a = pack(PF_BIGINT, 600000, 8192, &small);
	CHECK(a.segments > 2 * DAYS * BUCKETS);
}

TEST(a_null_id_is_refused)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = make_schema(PF_BIGINT);
	struct pf_builder *b = pf_builder_new(schema);
	make_rows(b, 3);
	pf_col_i64(&b->columns[0], 3);
	pf_col_null(&b->columns[1]);
	pf_col_i64(&b->columns[2], 0);
	pf_col_null(&b->columns[3]);
	pf_col_null(&b->columns[4]);
	struct pf_batch batch = pf_builder_batch(b);
	struct result r = { 0 };
	struct pf_router *router;
	CHECK_OK(pf_router_new(schema, 1 << 20, take_cell, &r, &router, &err), &err);
	CHECK_INT(pf_router_add(router, &batch, &err), PF_E_BAD_ROW);
	CHECK_STR(err.message, "row 4 has no ID: 'id' is null");
	pf_router_free(router);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

UNIT_MAIN(CASE(bytes_do_not_depend_on_batches_or_threads),
	  CASE(little_memory_spills_and_loses_nothing),
	  CASE(segments_close_at_their_size), CASE(a_null_id_is_refused))

/* SPDX-License-Identifier: Apache-2.0 */
#include "load/route.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "base/zone.h"
#include "paimon/bucket.h"

enum {
	/* Rows per batch that make its overhead (about 500 bytes of metadata
	 * and a few microseconds a hop) disappear. */
	WORTHY_ROWS = 1024,
	BATCH_ROWS = 65536,
};

/* Bytes of waiting rows that still fit a second-level cache when they are
 * regrouped; more only when cells are so many that batches would be tiny. */
static const size_t cosy_bytes = 1u << 20;

struct cell {
	int64_t day; /* first day of the partition */
	int32_t bucket;
	uint32_t rows;  /* waiting */
	uint32_t start; /* of its rows in the regrouped order */
};

struct pf_router {
	struct pf_layout layout;
	struct pf_schema *out_schema;
	pf_cell_fn *emit;
	void *ctx;
	size_t memory_bytes;
	struct pf_zone *zone; /* for instants only; NULL: wall clock already */
	int64_t units;
	enum pf_kind time_kind;
	/* waiting rows and the cell of each */
	struct pf_builder *waiting;
	uint32_t *cell_of;
	size_t cell_of_cap;
	uint32_t *order;
	size_t order_cap;
	/* cells among them, found by hash of (day, bucket) */
	struct cell *cells;
	size_t n_cells, cells_cap;
	uint32_t *slots; /* cell number + 1 */
	size_t n_slots;
	uint32_t *guess; /* the cell of each bucket's last row */
	/* one batch on its way out */
	struct pf_builder *leaving;
	/* reused per batch */
	int32_t *buckets;
	size_t buckets_cap;
	/* counted for the skew report */
	int64_t *bucket_rows;
	struct pf_skew skew;
};

int pf_router_new(struct pf_schema *in, size_t memory_bytes, pf_cell_fn *emit,
		  void *ctx, struct pf_router **router, struct pf_error *err)
{
	struct pf_layout layout;
	PF_TRY(pf_layout_read(in, &layout, err));
	struct pf_type time = in->fields[layout.time_column].type;
	int code = 0;
	if (layout.grain != PF_GRAIN_NONE &&
	    pf_schema_find(in, PF_PARTITION_COLUMN) >= 0)
		code = pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the rows have a column '%s' already",
			       PF_PARTITION_COLUMN);
	else if (!pf_kind_is_timestamp(time.kind) && time.kind != PF_DATE)
		code = pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the time column '%s' is not a timestamp or a date",
			       layout.time);
	struct pf_zone *zone = NULL;
	if (!code && time.kind == PF_TIMESTAMP_LTZ)
		code = pf_zone_open(layout.zone, &zone, err);
	if (code) {
		pf_layout_free(&layout);
		return code;
	}
	struct pf_router *r = pf_zalloc(1, sizeof *r);
	r->layout = layout;
	r->zone = zone;
	r->emit = emit;
	r->ctx = ctx;
	r->memory_bytes = memory_bytes;
	r->time_kind = time.kind;
	r->units = time.kind == PF_DATE ? 0 : pf_type_units(time);
	r->waiting = pf_builder_new(in);
	r->out_schema = pf_schema_copy(in);
	if (layout.grain != PF_GRAIN_NONE)
		pf_schema_add(r->out_schema, PF_PARTITION_COLUMN,
			      (struct pf_type){ .kind = PF_STRING }, !layout.nkey)
			->id = pf_layout_partition_id_of(in);
	r->leaving = pf_builder_new(r->out_schema);
	r->n_slots = 1024;
	r->slots = pf_zalloc(r->n_slots, sizeof *r->slots);
	r->guess = pf_zalloc((size_t)layout.buckets, sizeof *r->guess);
	r->bucket_rows = pf_zalloc((size_t)layout.buckets, sizeof *r->bucket_rows);
	*router = r;
	return 0;
}

struct pf_schema *pf_router_schema(struct pf_router *r)
{
	return r->out_schema;
}

void pf_router_free(struct pf_router *r)
{
	if (!r)
		return;
	pf_layout_free(&r->layout);
	pf_zone_close(r->zone);
	pf_builder_free(r->waiting);
	pf_builder_free(r->leaving);
	pf_schema_unref(r->out_schema);
	free(r->cell_of);
	free(r->order);
	free(r->cells);
	free(r->slots);
	free(r->guess);
	free(r->buckets);
	free(r->bucket_rows);
	free(r);
}

int64_t pf_router_waiting(const struct pf_router *r)
{
	return r->waiting->columns[0].rows;
}

/* --- which cell --- */

static size_t slot_of(const struct pf_router *r, int64_t day, int32_t bucket)
{
	uint64_t h = (uint64_t)day * 0x9e3779b97f4a7c15u + (uint64_t)bucket;
	h *= 0xff51afd7ed558ccdu;
	size_t mask = r->n_slots - 1, at = (h >> 32) & mask;
	while (r->slots[at]) {
		const struct cell *c = &r->cells[r->slots[at] - 1];
		if (c->day == day && c->bucket == bucket)
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static uint32_t look_up_cell(struct pf_router *r, int64_t day, int32_t bucket)
{
	size_t at = slot_of(r, day, bucket);
	if (r->slots[at])
		return r->slots[at] - 1;
	if (r->n_cells == r->cells_cap) {
		r->cells_cap = pf_grow(r->cells_cap, r->n_cells + 1);
		r->cells = pf_realloc(r->cells, r->cells_cap, sizeof *r->cells);
	}
	uint32_t n = (uint32_t)r->n_cells++;
	r->cells[n] = (struct cell){ .day = day, .bucket = bucket };
	r->slots[at] = n + 1;
	if (r->n_cells * 2 > r->n_slots) {
		free(r->slots);
		r->n_slots *= 2;
		r->slots = pf_zalloc(r->n_slots, sizeof *r->slots);
		for (size_t i = 0; i < r->n_cells; i++)
			r->slots[slot_of(r, r->cells[i].day, r->cells[i].bucket)] =
				(uint32_t)i + 1;
	}
	return n;
}

/* Rows of a bucket mostly come from one partition, one after the other. */
static inline uint32_t find_cell(struct pf_router *r, int64_t day, int32_t bucket)
{
	uint32_t n = r->guess[bucket];
	if (n >= r->n_cells || r->cells[n].day != day || r->cells[n].bucket != bucket)
		r->guess[bucket] = n = look_up_cell(r, day, bucket);
	return n;
}

/* The first day of the partition that a day belongs to. */
static int64_t partition_day(enum pf_grain grain, int64_t day)
{
	if (grain == PF_GRAIN_NONE)
		return 0;
	if (grain == PF_GRAIN_DAY)
		return day;
	int64_t year;
	unsigned month, dom;
	pf_civil_from_days(day, &year, &month, &dom);
	return pf_days_from_civil(year, grain == PF_GRAIN_MONTH ? month : 1, 1);
}

static int64_t day_of(const struct pf_router *r, int64_t time)
{
	if (!r->units)
		return time;
	if (r->zone) {
		int64_t utc_s = pf_floor_div(time, r->units);
		return pf_floor_div(utc_s + pf_zone_offset(r->zone, utc_s), 86400);
	}
	return pf_floor_div(time, r->units * 86400);
}

/* The cell of each row into r->cell_of, from place `from` on. */
static void assign_cells(struct pf_router *r, const struct pf_column *time,
			 size_t rows, size_t from)
{
	/* Neighbours usually share their day, if not their time. */
	int64_t last_time = 0, last_day = INT64_MIN, first_day = 0;
	for (size_t i = 0; i < rows; i++) {
		int64_t t = pf_int_at(time, r->time_kind, (int64_t)i);
		if (t != last_time || !i) {
			int64_t day = day_of(r, t);
			if (day != last_day)
				first_day = partition_day(r->layout.grain, day);
			last_time = t;
			last_day = day;
		}
		uint32_t cell = find_cell(r, first_day, r->buckets[i]);
		r->cells[cell].rows++;
		r->cell_of[from + i] = cell;
	}
}

static int check_not_null(const struct pf_router *r, const struct pf_batch *b,
			  int column, const char *what, struct pf_error *err)
{
	const struct pf_column *c = &b->columns[column];
	for (int64_t i = 0; c->nulls && i < b->rows; i++)
		if (pf_is_null(c, i))
			return pf_fail(err, PF_E_BAD_ROW,
				       "row %lld has no %s: '%s' is null",
				       (long long)(r->skew.rows + i + 1), what,
				       b->schema->fields[column].name);
	return 0;
}

/* --- regrouping --- */

static int cmp_cells(const void *a, const void *b, void *ctx)
{
	const struct pf_router *r = ctx;
	const struct cell *x = &r->cells[*(const uint32_t *)a];
	const struct cell *y = &r->cells[*(const uint32_t *)b];
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

/* Send rows [from, from + n) of the regrouped order, all of one cell. */
static int send(struct pf_router *r, const struct cell *cell, size_t from,
		size_t n, const struct pf_batch *rows, struct pf_error *err)
{
	pf_builder_reset(r->leaving);
	pf_builder_gather(r->leaving, rows, r->order + from, n);
	char text[24];
	struct pf_cell out = { .bucket = cell->bucket };
	if (r->layout.grain != PF_GRAIN_NONE) {
		out.partition.data = (const uint8_t *)text;
		out.partition.len = pf_grain_format(r->layout.grain, cell->day * 86400,
						    1, text);
		out.has_partition = true;
		struct pf_colbuf *dt = &r->leaving->columns[r->out_schema->n - 1];
		pf_col_repeat(dt, out.partition, n);
	}
	struct pf_meta meta = { 0 };
	pf_cell_write(&out, &meta);
	struct pf_batch batch = pf_builder_batch(r->leaving);
	batch.meta = &meta;
	int code = r->emit(r->ctx, &out, &batch, err);
	pf_meta_free(&meta);
	r->skew.batches++;
	return code;
}

/* Send all rows, whose cells are known, cell by cell. */
static int regroup(struct pf_router *r, const struct pf_batch *rows,
		   struct pf_error *err)
{
	size_t n_rows = (size_t)rows->rows;
	if (n_rows > r->order_cap) {
		r->order_cap = r->cell_of_cap;
		free(r->order);
		r->order = pf_alloc(r->order_cap, sizeof *r->order);
	}
	uint32_t *by_cell = pf_alloc(r->n_cells, sizeof *by_cell);
	for (size_t i = 0; i < r->n_cells; i++)
		by_cell[i] = (uint32_t)i;
	qsort_r(by_cell, r->n_cells, sizeof *by_cell, cmp_cells, r);
	uint32_t start = 0;
	for (size_t i = 0; i < r->n_cells; i++) {
		struct cell *c = &r->cells[by_cell[i]];
		c->start = start;
		start += c->rows;
		r->bucket_rows[c->bucket] += c->rows;
	}
	for (size_t i = 0; i < n_rows; i++)
		r->order[r->cells[r->cell_of[i]].start++] = (uint32_t)i;
	int code = 0;
	size_t at = 0;
	for (size_t i = 0; i < r->n_cells && !code; i++) {
		const struct cell *c = &r->cells[by_cell[i]];
		for (size_t done = 0; done < c->rows && !code;) {
			size_t n = c->rows - done < BATCH_ROWS ? c->rows - done :
								 BATCH_ROWS;
			code = send(r, c, at + done, n, rows, err);
			done += n;
		}
		at += c->rows;
	}
	free(by_cell);
	r->skew.cells += (int64_t)r->n_cells;
	r->n_cells = 0;
	memset(r->slots, 0, r->n_slots * sizeof *r->slots);
	return code;
}

int pf_router_flush(struct pf_router *r, struct pf_error *err)
{
	if (!pf_router_waiting(r))
		return 0;
	struct pf_batch waiting = pf_builder_batch(r->waiting);
	int code = regroup(r, &waiting, err);
	pf_builder_reset(r->waiting);
	return code;
}

int pf_router_add(struct pf_router *r, const struct pf_batch *batch,
		  struct pf_error *err)
{
	if (!batch->rows)
		return 0;
	PF_TRY(check_not_null(r, batch, r->layout.id_column, "ID", err));
	PF_TRY(check_not_null(r, batch, r->layout.time_column, "time", err));
	size_t rows = (size_t)batch->rows;
	size_t before = (size_t)pf_router_waiting(r);
	if (rows > r->buckets_cap) {
		r->buckets_cap = rows;
		free(r->buckets);
		r->buckets = pf_alloc(rows, sizeof *r->buckets);
	}
	PF_TRY(pf_bucket_rows(&batch->columns[r->layout.id_column],
			      batch->schema->fields[r->layout.id_column].type,
			      batch->rows, r->layout.buckets, r->buckets, err));
	if (before + rows > r->cell_of_cap) {
		r->cell_of_cap = pf_grow(r->cell_of_cap, before + rows);
		r->cell_of = pf_realloc(r->cell_of, r->cell_of_cap, sizeof *r->cell_of);
	}
	assign_cells(r, &batch->columns[r->layout.time_column], rows, before);
	r->skew.rows += batch->rows;
	bool worthy = before + rows >= WORTHY_ROWS * r->n_cells;
	/* Enough for a batch of each cell: no need to wait for more. */
	if (worthy && !before)
		return regroup(r, batch, err);
	pf_builder_append(r->waiting, batch, 0, batch->rows);
	size_t bytes = pf_builder_bytes(r->waiting);
	if ((bytes >= cosy_bytes && worthy) || bytes >= r->memory_bytes / 2)
		return pf_router_flush(r, err);
	return 0;
}

struct pf_skew pf_router_skew(const struct pf_router *r)
{
	struct pf_skew s = r->skew;
	s.least = s.most = r->bucket_rows[0];
	for (int32_t b = 1; b < r->layout.buckets; b++) {
		if (r->bucket_rows[b] < s.least) {
			s.least = r->bucket_rows[b];
			s.least_bucket = b;
		}
		if (r->bucket_rows[b] > s.most) {
			s.most = r->bucket_rows[b];
			s.most_bucket = b;
		}
	}
	return s;
}

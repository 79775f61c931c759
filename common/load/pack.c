/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pack.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "load/workers.h"
#include "paimon/create.h"

enum {
	LEAST_MEMORY = 16 << 20,
	/* Thirds: rows waiting, and two for sorting and encoding. */
	SHARES = 3,
};

struct cell {
	char *partition; /* NULL: none */
	size_t partition_len;
	int32_t bucket;
	uint64_t hash;
	struct pf_chunks rows; /* in memory */
	struct pf_extent *extents;
	size_t n_extents;
	/* of all its rows, here and put aside */
	int64_t n_rows;
	size_t row_bytes;
};

struct pf_packer {
	struct pf_encode_plan plan;
	struct pf_table_schema *table; /* whose rules the plan has; or NULL */
	struct pf_spill *spill;
	struct pf_workers *workers;
	pf_segment_fn *emit;
	void *ctx;
	size_t share_bytes;
	struct cell *cells;
	size_t n_cells, cells_cap;
	uint32_t *slots; /* cell number + 1 */
	size_t n_slots;
	size_t memory_bytes; /* of all rows in memory */
	int64_t waiting;
	struct pf_pack_stats stats;
};

static int deliver(void *ctx, struct pf_encode_job *job, struct pf_error *err)
{
	struct pf_packer *p = ctx;
	p->stats.superseded += job->superseded;
	p->stats.ignored += job->ignored;
	p->waiting -= job->superseded + job->ignored;
	for (size_t i = 0; i < job->n_segments; i++) {
		struct pf_encoded *s = &job->segments[i];
		struct pf_segment segment = {
			.cell = { .has_partition = job->partition != NULL,
				  .bucket = job->bucket },
			.rows = s->rows,
			.data = pf_view_of(s->data.data, s->data.len),
			.changelog = pf_view_of(s->changelog.data, s->changelog.len),
		};
		if (job->partition)
			segment.cell.partition = pf_view_str(job->partition);
		PF_TRY(p->emit(p->ctx, &segment, err));
		p->stats.segments++;
		p->stats.bytes += s->data.len;
		p->waiting -= s->rows;
		pf_buf_free(&s->data);
		pf_buf_free(&s->changelog);
	}
	return 0;
}

/* What the versions of a row with a primary key become. */
static int plan_versions(struct pf_packer *p, struct pf_error *err)
{
	struct pf_encode_plan *plan = &p->plan;
	if (!plan->layout.nkey)
		return 0;
	PF_TRY(pf_versions_plan_new(plan->rows, &plan->layout, &plan->versions, err));
	PF_TRY(pf_table_schema_of_rows(plan->rows, &p->table, err));
	PF_TRY(pf_rules_read(p->table, &plan->rules, err));
	if (plan->rules->engine == PF_FIRST_ROW)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "a table with merge-engine = first-row can be read, but not written");
	return 0;
}

int pf_packer_new(struct pf_schema *rows, const struct pf_pack_options *options,
		  pf_segment_fn *emit, void *ctx, struct pf_packer **packer,
		  struct pf_error *err)
{
	struct pf_layout layout;
	PF_TRY(pf_layout_read(rows, &layout, err));
	struct pf_packer *p = pf_zalloc(1, sizeof *p);
	size_t memory = options->memory_bytes > LEAST_MEMORY ? options->memory_bytes :
							       LEAST_MEMORY;
	p->plan = (struct pf_encode_plan){
		.rows = pf_schema_ref(rows),
		.layout = layout,
		.segment_bytes = options->segment_bytes,
		.zstd_level = options->zstd_level,
		.old_readers = options->old_readers,
		.created_by = options->created_by,
	};
	p->plan.chunks = pf_chunk_pool_new(rows);
	p->spill = pf_spill_new(options->tmp_dir);
	p->emit = emit;
	p->ctx = ctx;
	p->share_bytes = memory / SHARES;
	p->n_slots = 256;
	p->slots = pf_zalloc(p->n_slots, sizeof *p->slots);
	/* A cell is packed when it has just passed a share. */
	size_t budget = 2 * p->share_bytes + p->share_bytes / 16;
	p->plan.keep_bytes = budget / (size_t)options->threads;
	int code = plan_versions(p, err);
	if (!code)
		code = pf_workers_new(options->threads, budget, &p->plan, p->spill,
				  deliver, p, &p->workers, err);
	if (code) {
		pf_packer_free(p);
		return code;
	}
	*packer = p;
	return 0;
}

static void cell_clear(struct pf_packer *p, struct cell *c)
{
	free(c->partition);
	pf_chunks_give(p->plan.chunks, &c->rows);
	free(c->extents);
}

void pf_packer_free(struct pf_packer *p)
{
	if (!p)
		return;
	pf_workers_free(p->workers);
	for (size_t i = 0; i < p->n_cells; i++)
		cell_clear(p, &p->cells[i]);
	free(p->cells);
	free(p->slots);
	pf_spill_free(p->spill);
	pf_chunk_pool_free(p->plan.chunks);
	pf_versions_plan_free(p->plan.versions);
	pf_rules_free(p->plan.rules);
	pf_table_schema_free(p->table);
	pf_layout_free(&p->plan.layout);
	pf_schema_unref(p->plan.rows);
	free(p);
}

int64_t pf_packer_waiting(const struct pf_packer *p)
{
	return p->waiting;
}

struct pf_pack_stats pf_packer_stats(const struct pf_packer *p)
{
	struct pf_pack_stats s = p->stats;
	s.spilled_bytes = pf_spill_written(p->spill);
	return s;
}

/* --- cells --- */

static bool is_cell(const struct cell *c, uint64_t hash, const struct pf_cell *key)
{
	return c->hash == hash && c->bucket == key->bucket &&
	       (c->partition != NULL) == key->has_partition &&
	       (!c->partition ||
		!pf_view_cmp(pf_view_of(c->partition, c->partition_len),
			     key->partition));
}

static void place(struct pf_packer *p, uint32_t number)
{
	size_t mask = p->n_slots - 1, at = p->cells[number].hash & mask;
	while (p->slots[at])
		at = (at + 1) & mask;
	p->slots[at] = number + 1;
}

static struct cell *find_cell(struct pf_packer *p, const struct pf_cell *key)
{
	uint64_t hash = pf_xxh3(key->partition.data,
				key->has_partition ? key->partition.len : 0) ^
			(uint64_t)key->bucket * 0x9e3779b97f4a7c15u;
	size_t mask = p->n_slots - 1;
	for (size_t at = hash & mask; p->slots[at]; at = (at + 1) & mask)
		if (is_cell(&p->cells[p->slots[at] - 1], hash, key))
			return &p->cells[p->slots[at] - 1];
	if (p->n_cells == p->cells_cap) {
		p->cells_cap = pf_grow(p->cells_cap, p->n_cells + 1);
		p->cells = pf_realloc(p->cells, p->cells_cap, sizeof *p->cells);
	}
	struct cell *c = &p->cells[p->n_cells++];
	*c = (struct cell){ .bucket = key->bucket, .hash = hash };
	if (key->has_partition) {
		c->partition = pf_strndup((const char *)key->partition.data,
					  key->partition.len);
		c->partition_len = key->partition.len;
	}
	if (p->n_cells * 2 > p->n_slots) {
		free(p->slots);
		p->n_slots *= 2;
		p->slots = pf_zalloc(p->n_slots, sizeof *p->slots);
		for (size_t i = 0; i < p->n_cells; i++)
			place(p, (uint32_t)i);
	} else {
		place(p, (uint32_t)(p->n_cells - 1));
	}
	return c;
}

/* --- putting aside, packing --- */

static int put_aside(struct pf_packer *p, struct cell *c, struct pf_error *err)
{
	c->extents = pf_realloc(c->extents, c->n_extents + c->rows.n, sizeof *c->extents);
	for (size_t i = 0; i < c->rows.n; i++) {
		struct pf_batch rows = pf_builder_batch(c->rows.list[i]);
		PF_TRY(pf_spill_write(p->spill, &rows, &c->extents[c->n_extents], err));
		c->n_extents++;
	}
	p->memory_bytes -= c->rows.memory_bytes;
	pf_chunks_give(p->plan.chunks, &c->rows);
	return 0;
}

/* Larger cells first, until half of the share is free: small cells stay, so
 * that extents are worth a read. */
static int make_room(struct pf_packer *p, struct pf_error *err)
{
	size_t bar = p->memory_bytes / (p->n_cells ? p->n_cells : 1);
	while (p->memory_bytes > p->share_bytes / 2) {
		for (size_t i = 0; i < p->n_cells; i++) {
			struct cell *c = &p->cells[i];
			if (c->rows.n && c->rows.memory_bytes >= bar)
				PF_TRY(put_aside(p, c, err));
			if (p->memory_bytes <= p->share_bytes / 2)
				break;
		}
		bar /= 2;
	}
	return 0;
}

static size_t cost_of(const struct pf_packer *p, const struct cell *c)
{
	return pf_encode_cost(&p->plan, c->row_bytes, c->n_rows);
}

/* Rows in memory and chunks that wait for rows take no more than the share. */
static int keep_to_share(struct pf_packer *p, struct pf_error *err)
{
	if (p->memory_bytes > p->share_bytes)
		PF_TRY(make_room(p, err));
	pf_chunk_pool_trim(p->plan.chunks, p->share_bytes - p->memory_bytes);
	return 0;
}

/* Hand the cell's rows to the workers; it begins anew. */
static int pack_cell(struct pf_packer *p, struct cell *c, struct pf_error *err)
{
	struct pf_encode_job *job = pf_zalloc(1, sizeof *job);
	job->partition = c->partition ? pf_strdup(c->partition) : NULL;
	job->bucket = c->bucket;
	job->extents = c->extents;
	job->n_extents = c->n_extents;
	job->rows = c->rows;
	size_t cost = cost_of(p, c);
	p->memory_bytes -= c->rows.memory_bytes;
	c->rows = (struct pf_chunks){ 0 };
	c->extents = NULL;
	c->n_extents = 0;
	c->n_rows = 0;
	c->row_bytes = 0;
	return pf_workers_submit(p->workers, job, cost, err);
}

/* Bytes of rows [from, to), by their values alone. */
static size_t rows_bytes(const struct pf_batch *b, int64_t from, int64_t to)
{
	size_t bytes = 0;
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_column *c = &b->columns[i];
		size_t width = pf_kind_width(b->schema->fields[i].type.kind);
		if (c->offsets)
			bytes += (size_t)(c->offsets[to] - c->offsets[from]) +
				 (size_t)(to - from) * 4;
		else
			bytes += (size_t)(to - from) * (width ? width : 1);
	}
	return bytes;
}

/* How many of the rows from `from` on the cell takes until it is to be packed
 * (all, if that does not happen): the first row that reaches the share. */
static int64_t rows_until_full(const struct pf_packer *p, const struct cell *c,
			       const struct pf_batch *b, int64_t from)
{
	struct cell grown = *c;
	grown.n_rows += b->rows - from;
	grown.row_bytes += rows_bytes(b, from, b->rows);
	if (cost_of(p, &grown) < p->share_bytes)
		return b->rows - from;
	int64_t low = from + 1, high = b->rows;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		grown = *c;
		grown.n_rows += middle - from;
		grown.row_bytes += rows_bytes(b, from, middle);
		if (cost_of(p, &grown) < p->share_bytes)
			low = middle + 1;
		else
			high = middle;
	}
	return low - from;
}

static int check_keys(const struct pf_packer *p, const struct pf_batch *b,
		      struct pf_error *err)
{
	int keys[] = { p->plan.layout.id_column, p->plan.layout.time_column };
	for (int k = 0; k < 2; k++)
		if (b->columns[keys[k]].nulls)
			return pf_fail(err, PF_E_BAD_ROW,
				       "a row without %s: '%s' is null",
				       k ? "time" : "ID",
				       b->schema->fields[keys[k]].name);
	if (!p->plan.versions)
		return 0;
	size_t n;
	const int *key = pf_versions_keys(p->plan.versions, &n);
	for (size_t k = 0; k < n; k++)
		if (b->columns[key[k]].nulls)
			return pf_fail(err, PF_E_BAD_ROW,
				       "a row without its primary key: '%s' is null",
				       b->schema->fields[key[k]].name);
	int kind = pf_schema_find(b->schema, PF_KIND_COLUMN);
	const int8_t *kinds = kind < 0 ? NULL : b->columns[kind].values;
	for (int64_t i = 0; kinds && i < b->rows; i++) {
		if (kinds[i] < PF_ROW_INSERT || kinds[i] > PF_ROW_DELETE ||
		    pf_is_null(&b->columns[kind], i))
			return pf_fail(err, PF_E_BAD_ROW, "a row of no kind: '%s' is %d",
				       PF_KIND_COLUMN, kinds[i]);
		if (kinds[i] != PF_ROW_INSERT && kinds[i] != PF_ROW_AFTER)
			PF_TRY(pf_rules_take(p->plan.rules, kinds[i], err));
	}
	return 0;
}

int pf_packer_add(struct pf_packer *p, const struct pf_batch *batch,
		  struct pf_error *err)
{
	struct pf_cell key;
	PF_TRY(pf_cell_read(batch->meta, &key, err));
	PF_TRY(check_keys(p, batch, err));
	struct cell *c = find_cell(p, &key);
	for (int64_t from = 0; from < batch->rows;) {
		int64_t n = rows_until_full(p, c, batch, from);
		size_t before = c->rows.memory_bytes;
		pf_chunks_append(p->plan.chunks, &c->rows, batch, from, n);
		p->memory_bytes += c->rows.memory_bytes - before;
		c->n_rows += n;
		c->row_bytes += rows_bytes(batch, from, from + n);
		p->waiting += n;
		p->stats.rows += n;
		from += n;
		if (cost_of(p, c) >= p->share_bytes)
			PF_TRY(pack_cell(p, c, err));
	}
	return keep_to_share(p, err);
}

static int cmp_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	if (x->partition && y->partition) {
		int c = pf_view_cmp(pf_view_of(x->partition, x->partition_len),
				    pf_view_of(y->partition, y->partition_len));
		if (c)
			return c;
	} else if (x->partition || y->partition) {
		return x->partition ? 1 : -1;
	}
	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

int pf_packer_flush(struct pf_packer *p, struct pf_error *err)
{
	if (p->n_cells > 1)
		qsort(p->cells, p->n_cells, sizeof *p->cells, cmp_cells);
	for (size_t i = 0; i < p->n_cells; i++)
		if (p->cells[i].n_rows)
			PF_TRY(pack_cell(p, &p->cells[i], err));
	PF_TRY(pf_workers_drain(p->workers, err));
	for (size_t i = 0; i < p->n_cells; i++)
		cell_clear(p, &p->cells[i]);
	p->n_cells = 0;
	memset(p->slots, 0, p->n_slots * sizeof *p->slots);
	return pf_spill_reset(p->spill, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "query/order.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/spill.h"

enum {
	OUT_ROWS = 8192,
	RUN_ROWS = 4096,   /* of a piece of a run on disk */
	RUNS_MAX = 512,    /* merged at a time */
	ROWS_MAX = 1 << 30,
};

/* A sorted run on disk, read piece by piece. */
struct run {
	struct pf_extent *pieces;
	size_t n, next;
	struct pf_builder *rows;
	struct pf_batch batch;
	int64_t at;
};

struct pf_order {
	struct pf_schema *schema, *shown;
	struct pf_order_key *keys;
	size_t nkeys, visible;
	int64_t limit, given;
	size_t run_bytes; /* sorted at a time */
	struct pf_builder *rows, *spare;
	struct pf_batch batch;   /* of rows, while sorting */
	uint32_t *order;
	size_t at;
	struct pf_spill *spill;
	struct run *runs;
	size_t nruns;
	size_t *heap;
	size_t nheap;
	bool sorted;
	struct pf_builder *out;
};

int pf_order_new(struct pf_schema *schema, const struct pf_order_key *keys,
		 size_t nkeys, size_t visible, int64_t limit, size_t memory,
		 struct pf_order **out, struct pf_error *err)
{
	struct pf_order *o = pf_zalloc(1, sizeof *o);
	(void)err;
	o->schema = pf_schema_ref(schema);
	o->keys = pf_zalloc(nkeys + 1, sizeof *o->keys);
	memcpy(o->keys, keys, nkeys * sizeof *keys);
	o->nkeys = nkeys;
	o->visible = visible;
	o->limit = limit;
	/* texts of a batch are at most 2 GiB */
	o->run_bytes = memory / 2 < (size_t)1 << 30 ? memory / 2 : (size_t)1 << 30;
	o->rows = pf_builder_new(schema);
	o->spare = pf_builder_new(schema);
	o->shown = pf_schema_new();
	for (size_t i = 0; i < visible; i++)
		pf_schema_add(o->shown, schema->fields[i].name, schema->fields[i].type,
			      schema->fields[i].nullable);
	o->out = pf_builder_new(o->shown);
	*out = o;
	return 0;
}

void pf_order_free(struct pf_order *o)
{
	if (!o)
		return;
	pf_schema_unref(o->schema);
	pf_schema_unref(o->shown);
	free(o->keys);
	pf_builder_free(o->rows);
	pf_builder_free(o->spare);
	pf_builder_free(o->out);
	free(o->order);
	for (size_t i = 0; i < o->nruns; i++) {
		free(o->runs[i].pieces);
		pf_builder_free(o->runs[i].rows);
	}
	free(o->runs);
	free(o->heap);
	pf_spill_free(o->spill);
	free(o);
}

static int compare(const struct pf_order *o, const struct pf_batch *a, int64_t i,
		   const struct pf_batch *b, int64_t k)
{
	for (size_t n = 0; n < o->nkeys; n++) {
		const struct pf_order_key *key = &o->keys[n];
		const struct pf_column *l = &a->columns[key->column];
		const struct pf_column *r = &b->columns[key->column];
		bool ln = pf_is_null(l, i), rn = pf_is_null(r, k);
		if (ln || rn) {
			if (ln && rn)
				continue;
			return ln == key->nulls_first ? -1 : 1;
		}
		int c = pf_value_cmp(o->schema->fields[key->column].type.kind, l, i, r, k);
		if (c)
			return key->descending ? -c : c;
	}
	return 0;
}

/* A row, and a number that rises with its first key. Equal numbers may stand
 * for different keys, so that texts need not fit. */
struct entry {
	uint64_t prefix;
	uint32_t row;
};

static uint64_t prefix_of(const struct pf_order *o, const struct pf_column *c,
			  enum pf_kind kind, int64_t row)
{
	const struct pf_order_key *key = &o->keys[0];
	uint64_t v = 0;
	if (pf_is_null(c, row))
		return key->nulls_first ? 0 : UINT64_MAX;
	if (pf_kind_is_variable(kind)) {
		struct pf_view text = pf_bytes_at(c, row);
		for (size_t i = 0; i < 8; i++)
			v = v << 8 | (i < text.len ? text.data[i] : 0);
	} else if (kind == PF_FLOAT || kind == PF_DOUBLE) {
		double d = kind == PF_FLOAT ? (double)((const float *)c->values)[row] :
					      ((const double *)c->values)[row];
		d = d == 0 ? 0.0 : d != d ? __builtin_nan("") : d;
		memcpy(&v, &d, sizeof v);
		v = v >> 63 ? ~v : v | (uint64_t)1 << 63;
	} else if (kind == PF_DECIMAL) {
		pf_i128 d;
		memcpy(&d, (const uint8_t *)c->values + row * 16, 16);
		d = d > INT64_MAX ? INT64_MAX : d < INT64_MIN ? INT64_MIN : d;
		v = (uint64_t)(int64_t)d ^ (uint64_t)1 << 63;
	} else {
		v = (uint64_t)pf_int_at(c, kind, row) ^ (uint64_t)1 << 63;
	}
	return key->descending ? ~v : v;
}

static int compare_entries(const void *a, const void *b, void *ctx)
{
	const struct pf_order *o = ctx;
	const struct entry *l = a, *r = b;
	if (l->prefix != r->prefix)
		return l->prefix < r->prefix ? -1 : 1;
	int c = compare(o, &o->batch, l->row, &o->batch, r->row);
	return c ? c : (l->row > r->row) - (l->row < r->row);
}

static void sort(struct pf_order *o)
{
	o->batch = pf_builder_batch(o->rows);
	size_t n = (size_t)o->batch.rows;
	const struct pf_column *c = &o->batch.columns[o->keys[0].column];
	enum pf_kind kind = o->schema->fields[o->keys[0].column].type.kind;
	struct entry *entries = pf_alloc(n + 1, sizeof *entries);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct entry){ prefix_of(o, c, kind, (int64_t)i), (uint32_t)i };
	qsort_r(entries, n, sizeof *entries, compare_entries, o);
	o->order = pf_realloc(o->order, n + 1, sizeof *o->order);
	for (size_t i = 0; i < n; i++)
		o->order[i] = entries[i].row;
	free(entries);
}

/* Keep the best limit rows. */
static void cut(struct pf_order *o)
{
	sort(o);
	size_t n = (size_t)o->batch.rows;
	if (n > (size_t)o->limit)
		n = (size_t)o->limit;
	pf_builder_reset(o->spare);
	pf_builder_gather(o->spare, &o->batch, o->order, n);
	struct pf_builder *swap = o->rows;
	o->rows = o->spare;
	o->spare = swap;
}

static int write_run(struct pf_order *o, struct pf_error *err)
{
	if (o->nruns >= RUNS_MAX) {
		pf_fail(err, PF_E_LIMIT, "more rows to sort than %d times the memory",
			RUNS_MAX);
		return pf_hint(err, "--memory raises the bound, -n keeps fewer rows");
	}
	sort(o);
	if (!o->spill)
		o->spill = pf_spill_new(NULL);
	o->runs = pf_realloc(o->runs, o->nruns + 1, sizeof *o->runs);
	struct run *r = &o->runs[o->nruns++];
	size_t n = (size_t)o->batch.rows;
	*r = (struct run){ .pieces = pf_alloc(n / RUN_ROWS + 1, sizeof *r->pieces) };
	for (size_t at = 0; at < n; at += RUN_ROWS) {
		pf_builder_reset(o->spare);
		pf_builder_gather(o->spare, &o->batch, o->order + at,
				  n - at < RUN_ROWS ? n - at : RUN_ROWS);
		struct pf_batch piece = pf_builder_batch(o->spare);
		PF_TRY(pf_spill_write(o->spill, &piece, &r->pieces[r->n++], err));
	}
	pf_builder_reset(o->rows);
	return 0;
}

int pf_order_add(struct pf_order *o, const struct pf_batch *batch, struct pf_error *err)
{
	if (o->limit == 0)
		return 0;
	pf_builder_append(o->rows, batch, 0, batch->rows);
	int64_t rows = o->schema->n ? o->rows->columns[0].rows : 0;
	size_t bytes = pf_builder_bytes(o->rows) +
		       (size_t)rows * (sizeof *o->order + 2 * sizeof(struct entry));
	if (o->limit > 0 && rows > o->limit * 4 + 65536)
		cut(o);
	else if (bytes > o->run_bytes || rows > ROWS_MAX)
		return write_run(o, err);
	return 0;
}

/* --- giving out --- */

static int refill(struct pf_order *o, struct run *r, struct pf_error *err)
{
	r->at = 0;
	pf_builder_reset(r->rows);
	if (r->next < r->n)
		PF_TRY(pf_spill_read(o->spill, &r->pieces[r->next++], r->rows, err));
	r->batch = pf_builder_batch(r->rows);
	return 0;
}

/* Which run's row comes first; ties by the run, which keeps rows stable. */
static bool before(const struct pf_order *o, size_t a, size_t b)
{
	const struct run *l = &o->runs[a], *r = &o->runs[b];
	int c = compare(o, &l->batch, l->at, &r->batch, r->at);
	return c ? c < 0 : a < b;
}

static void sift(struct pf_order *o, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t k = left; k < left + 2 && k < o->nheap; k++)
			if (before(o, o->heap[k], o->heap[least]))
				least = k;
		if (least == i)
			return;
		size_t swap = o->heap[i];
		o->heap[i] = o->heap[least];
		o->heap[least] = swap;
		i = least;
	}
}

static int start(struct pf_order *o, struct pf_error *err)
{
	o->sorted = true;
	if (!o->nruns) {
		sort(o);
		return 0;
	}
	if (o->rows->columns[0].rows)
		PF_TRY(write_run(o, err));
	o->heap = pf_alloc(o->nruns, sizeof *o->heap);
	for (size_t i = 0; i < o->nruns; i++) {
		o->runs[i].rows = pf_builder_new(o->schema);
		PF_TRY(refill(o, &o->runs[i], err));
		o->heap[o->nheap++] = i;
	}
	for (size_t i = o->nheap; i-- > 0;)
		sift(o, i);
	return 0;
}

static int merge(struct pf_order *o, int64_t want, struct pf_error *err)
{
	for (int64_t n = 0; n < want && o->nheap; n++) {
		struct run *r = &o->runs[o->heap[0]];
		for (size_t c = 0; c < o->visible; c++)
			pf_col_append(&o->out->columns[c], &r->batch.columns[c], r->at, 1);
		if (++r->at >= r->batch.rows)
			PF_TRY(refill(o, r, err));
		if (!r->batch.rows)
			o->heap[0] = o->heap[--o->nheap];
		sift(o, 0);
	}
	return 0;
}

int pf_order_next(struct pf_order *o, struct pf_batch *batch, struct pf_error *err)
{
	int64_t want = OUT_ROWS;
	if (!o->sorted)
		PF_TRY(start(o, err));
	if (o->limit >= 0 && o->limit - o->given < want)
		want = o->limit - o->given;
	pf_builder_reset(o->out);
	if (o->nruns) {
		PF_TRY(merge(o, want, err));
	} else {
		int64_t left = o->batch.rows - (int64_t)o->at;
		want = want < left ? want : left;
		for (size_t c = 0; c < o->visible && want; c++)
			pf_col_gather(&o->out->columns[c], &o->batch.columns[c],
				      o->order + o->at, (size_t)want);
		o->at += (size_t)want;
	}
	*batch = pf_builder_batch(o->out);
	o->given += batch->rows;
	return 0;
}

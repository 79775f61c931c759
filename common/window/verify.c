/* SPDX-License-Identifier: Apache-2.0 */
#include "window/verify.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "window/combine.h"
#include "window/fold.h"
#include "window/keyed_rows.h"
#include "window/table_rows.h"
#include "window/window.h"

static bool is_chosen(const struct pf_verify *v, int64_t day)
{
	const struct pf_snapshot *at = v->tables[0].snapshot;
	const int64_t seed[2] = { day, at ? at->id : 0 };
	return (double)(pf_xxh3(seed, sizeof seed) >> 11) < v->share * 0x1p53;
}

static bool chosen_cell(void *ctx, int64_t day, int32_t bucket)
{
	(void)bucket;
	return is_chosen(ctx, day);
}

static int fold_keyed(struct pf_state *s, struct pf_verify *v, size_t table,
		      struct pf_fold *fold, struct pf_error *err)
{
	const struct pf_update_table *t = &v->tables[table];
	const struct pf_fold_from from = { .from_us = s->from_us, .to_us = INT64_MAX,
					   .cell = chosen_cell, .ctx = v };
	struct pf_keyed_rows r = { .shape = v->shape, .table = t->table, .rules = t->rules,
				   .name = s->tables[table].name, .memory = v->memory };
	int code = pf_keyed_rows_fold(&r, t->snapshot, s->from_us, INT64_MAX, fold, &from, err);
	v->rows = pf_fold_rows(fold);
	return code;
}

/* The chosen days from a table. */
static int fold_table(struct pf_state *s, struct pf_verify *v, size_t table,
		      struct pf_fold *fold, struct pf_error *err)
{
	const struct pf_update_table *t = &v->tables[table];
	struct pf_table_rows *rows;
	struct pf_file_list list;
	int64_t from_us = s->from_us;
	const struct pf_scan_filter read = { .use = PF_SCAN_READ };
	if (t->rules)
		return fold_keyed(s, v, table, fold, err);
	PF_TRY(pf_scan_files(t->table, t->snapshot, &read, &list, err));
	int code = pf_table_rows_open(v->shape, t->table, s->tables[table].name, from_us,
				      INT64_MAX, &rows, err);
	if (code) {
		pf_file_list_free(&list);
		return code;
	}
	for (size_t i = 0; i < list.n && !code; i++) {
		const struct pf_data_file *f = &list.files[i];
		struct pf_fold_from from = { .bucket = f->bucket, .from_us = from_us,
					     .to_us = INT64_MAX, .cell = chosen_cell,
					     .ctx = v };
		struct pf_batch batch = { .rows = 1 };
		if (!pf_table_rows_may(rows, f))
			continue;
		code = pf_table_rows_file(rows, f, false, err);
		while (!code && batch.rows) {
			code = pf_table_rows_next(rows, &batch, err);
			if (!code && batch.rows)
				code = pf_fold_add(fold, &batch, &from, err);
		}
	}
	v->rows = pf_fold_rows(fold);
	pf_table_rows_close(rows);
	pf_file_list_free(&list);
	return code;
}

/* One day's runs as one run, cell by cell. */
static int write_day(struct pf_verify *v, const struct pf_combine_input *inputs, size_t n,
		     struct pf_run_out *out, struct pf_sorted *run, struct pf_error *err)
{
	struct pf_combine *m;
	PF_TRY(pf_combine_open(v->shape, inputs, n, true, v->memory, &m, err));
	int code = pf_combine_write(m, out, run, err);
	pf_combine_free(m);
	return code;
}

static int differs(const struct pf_verify *v, const struct pf_state *s, int64_t day,
		   struct pf_error *err)
{
	char text[48];
	pf_fail(err, PF_E_STATE_DIFFERS, "state '%s' differs from the table on %s", s->dir,
		pf_window_format(pf_shape_cell_us(v->shape, day), text));
	return pf_hint(err, "--fresh builds the state anew from the table");
}

/* Days of both, in order; cells: of the table. */
static int compare(struct pf_state *s, struct pf_verify *v,
		   const struct pf_fold_cell *cells, size_t ncells, struct pf_run_out *out,
		   struct pf_error *err)
{
	struct pf_combine_input *a = pf_alloc(s->ncells + 1, sizeof *a);
	struct pf_combine_input *b = pf_alloc(ncells + 1, sizeof *b);
	size_t i = 0, k = 0;
	int code = 0;
	while (!code) {
		size_t na = 0, nb = 0;
		struct pf_sorted x = { 0 }, y = { 0 };
		while (i < s->ncells && !is_chosen(v, s->cells[i].day))
			i++;
		if (i == s->ncells && k == ncells)
			break;
		int64_t day = k == ncells || (i < s->ncells && s->cells[i].day < cells[k].day) ?
				      s->cells[i].day : cells[k].day;
		for (; i < s->ncells && s->cells[i].day == day && !code; i++) {
			a[na] = (struct pf_combine_input){ .partial = true };
			code = pf_state_run(s, s->cells[i].file, &s->cells[i].run,
					    &a[na++].run, err);
		}
		for (; k < ncells && cells[k].day == day; k++)
			b[nb++] = (struct pf_combine_input){ .partial = true,
							     .run = cells[k].run };
		if (!code)
			code = write_day(v, a, na, out, &x, err);
		if (!code)
			code = write_day(v, b, nb, out, &y, err);
		if (!code && (x.rows != y.rows || x.bytes != y.bytes || x.hash != y.hash))
			code = differs(v, s, day, err);
		v->days++;
	}
	free(a);
	free(b);
	return code;
}

int pf_state_verify(struct pf_state *s, struct pf_verify *v, struct pf_error *err)
{
	struct pf_fold *fold = pf_fold_new(v->shape, v->memory);
	struct pf_fold_cell *cells = NULL;
	struct pf_run_out *out = NULL;
	size_t n = 0;
	int fd = -1;
	int code = 0;
	for (size_t i = 0; i < s->ntables && !code; i++)
		code = fold_table(s, v, i, fold, err);
	if (!code)
		code = pf_run_scratch(&fd, err);
	if (!code)
		code = pf_run_out_open(fd, "scratch", v->shape->partial, &out, err);
	if (!code)
		code = pf_fold_write(fold, out, &cells, &n, err);
	if (!code)
		code = compare(s, v, cells, n, out, err);
	free(cells);
	pf_run_out_free(out);
	if (fd >= 0)
		close(fd);
	pf_fold_free(fold);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "query/file_changes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/deletion.h"
#include "query/order.h"
#include "query/table_files.h"

enum { LEAST_MEMORY = 1 << 20, GIVE_ROWS = 8192 };

/* A file to be read, or some of its rows. */
struct piece {
	const struct pf_data_file *file;   /* of this state's list */
	const struct pf_data_file *other;  /* the same one with another vector */
	int side;
};

/* Pieces of one partition; what both sides have is no change if `both`. */
struct group {
	size_t from, n;
	bool both;
};

struct side {
	struct pf_file_list list; /* files are allocated */
	struct pf_table_files *files;
	struct pf_order *order;   /* rows of a group of both sides */
	struct pf_batch rows;
	int64_t at;
};

struct pf_file_changes {
	struct pf_file_changes_of of;
	struct pf_between between;
	struct pf_filter nothing;
	struct pf_wanted wanted;
	struct piece *pieces;
	size_t npieces;
	struct group *groups;
	size_t ngroups, at, piece;
	struct side sides[2];
	struct pf_parquet_scan *scan;
	struct pf_order_key *keys;
	struct pf_schema *columns; /* that are read */
	struct pf_builder *out;
	bool sorted; /* the group at hand has been */
};

/* --- what to read --- */

static void add_piece(struct pf_file_changes *c, const struct pf_data_file *file,
		      const struct pf_data_file *other, int side)
{
	c->pieces[c->npieces++] = (struct piece){ file, other, side };
}

/* Only appends and compactions: what was appended. */
static void take_appended(struct pf_file_changes *c)
{
	struct pf_between *b = &c->between;
	c->groups[0] = (struct group){ 0 };
	c->ngroups = 1;
	for (size_t i = 0; i < b->ndeltas; i++)
		for (size_t k = 0; k < b->deltas[i].n; k++)
			add_piece(c, &b->deltas[i].files[k], NULL, PF_AFTER);
	c->groups[0].n = c->npieces;
}

/* By partition and path; a state's file before the other's. */
struct known {
	const struct pf_data_file *file;
	int side;
};

static int by_partition(const struct known *x, const struct known *y)
{
	return pf_view_cmp(x->file->partition, y->file->partition);
}

static int by_path(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int c = by_partition(x, y);
	if (!c)
		c = strcmp(x->file->path, y->file->path);
	return c ? c : x->side - y->side;
}

static bool is_pair(const struct known *a, const struct known *b)
{
	return a->side != b->side && !strcmp(a->file->path, b->file->path) &&
	       !by_partition(a, b);
}

static void take_lists(struct pf_file_changes *c)
{
	const struct pf_file_list *lists = c->between.files;
	size_t n = 0, to;
	struct known *all = pf_alloc(lists[0].n + lists[1].n + 1, sizeof *all);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++)
		for (size_t i = 0; i < lists[s].n; i++)
			all[n++] = (struct known){ &lists[s].files[i], s };
	qsort(all, n, sizeof *all, by_path);
	for (size_t from = 0; from < n; from = to) {
		struct group *g = &c->groups[c->ngroups];
		bool has[2] = { false };
		*g = (struct group){ .from = c->npieces };
		for (to = from; to < n && !by_partition(&all[from], &all[to]); to++) {
			bool pair = to + 1 < n && is_pair(&all[to], &all[to + 1]);
			const struct pf_data_file *f = all[to].file;
			if (pair && pf_between_same(f, all[to + 1].file)) {
				to++;
				continue;
			}
			add_piece(c, f, pair ? all[to + 1].file : NULL, all[to].side);
			has[all[to].side] = true;
			if (!pair)
				continue;
			/* Rows that one of the vectors takes away and the other not. */
			add_piece(c, all[to + 1].file, f, all[to + 1].side);
			has[all[to + 1].side] = true;
			to++;
		}
		g->n = c->npieces - g->from;
		g->both = has[PF_BEFORE] && has[PF_AFTER];
		c->ngroups += g->n > 0;
	}
	free(all);
}

/* The files that are read, as lists of their own. */
static int hold(struct pf_file_changes *c, struct pf_error *err)
{
	const struct pf_snapshot *of[2] = { c->of.before, c->of.after };
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		struct pf_file_list *l = &c->sides[s].list;
		l->files = pf_alloc(c->npieces + 1, sizeof *l->files);
		for (size_t i = 0; i < c->npieces; i++) {
			if (c->pieces[i].side != s)
				continue;
			l->files[l->n] = *c->pieces[i].file;
			c->pieces[i].file = &l->files[l->n++];
		}
		PF_TRY(pf_table_files_new(c->of.table, of[s] ? of[s]->id : 0, c->of.counts,
					  &c->sides[s].files, err));
		PF_TRY(pf_table_files_hold(c->sides[s].files, l, NULL, NULL, err));
		c->of.counts->manifests += c->between.files[s].manifests;
		c->of.counts->files += c->between.files[s].live;
		c->of.counts->files_stats += c->between.files[s].live - (int64_t)l->n;
	}
	return 0;
}

/* --- reading --- */

/* Of two vectors of a file: the rows that are not to be read, since they are
 * not there here, or are there in the other state, too. */
static int difference(struct pf_file_changes *c, const struct piece *p, uint8_t **without,
		      struct pf_error *err)
{
	uint8_t *here = NULL, *there = NULL;
	size_t bytes = ((size_t)p->file->rows + 7) / 8;
	*without = NULL;
	PF_TRY(pf_deletion_read(c->of.table, p->file, &here, err));
	int code = pf_deletion_read(c->of.table, p->other, &there, err);
	if (!code) {
		uint8_t *bits = pf_zalloc(bytes + 1, 1);
		for (size_t i = 0; i < bytes; i++)
			bits[i] = (uint8_t)((here ? here[i] : 0) | ~(there ? there[i] : 0));
		*without = bits;
	}
	free(here);
	free(there);
	return code;
}

static int open_piece(struct pf_file_changes *c, const struct piece *p, struct pf_error *err)
{
	uint8_t *without = NULL;
	if (p->other) {
		int code = difference(c, p, &without, err);
		if (code == PF_E_NO_FILE)
			return pf_table_files_gone(c->sides[p->side].files,
						   p->file->deletion.path ?
							   p->file->deletion.path :
							   p->other->deletion.path, err);
		PF_TRY(code);
	}
	return pf_table_files_open_only(c->sides[p->side].files, p->file, &c->wanted, without,
					&c->scan, err);
}

/* The next rows of the group's pieces, one after the other. */
static int next_piece(struct pf_file_changes *c, const struct group *g,
		      struct pf_batch *rows, int *side, struct pf_error *err)
{
	rows->rows = 0;
	while (c->piece < g->n) {
		const struct piece *p = &c->pieces[g->from + c->piece];
		int code = c->scan ? 0 : open_piece(c, p, err);
		if (!code)
			code = pf_parquet_scan_next(c->scan, rows, err);
		if (code)
			return pf_context(err, "'%s/%s'", pf_table_name(c->of.table),
					  p->file->path);
		*side = p->side;
		if (rows->rows)
			return 0;
		pf_parquet_scan_free(c->scan);
		c->scan = NULL;
		pf_table_files_done(c->sides[p->side].files, p->file);
		c->piece++;
	}
	return 0;
}

/* --- what both sides have --- */

static int sort(struct pf_file_changes *c, const struct group *g, struct pf_error *err)
{
	size_t memory = c->of.memory / 2 > LEAST_MEMORY ? c->of.memory / 2 : LEAST_MEMORY;
	struct pf_batch rows;
	int side;
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		PF_TRY(pf_order_new(c->columns, c->keys, c->columns->n, c->columns->n, -1,
				    memory, &c->sides[s].order, err));
		c->sides[s].rows.rows = c->sides[s].at = 0;
	}
	for (;;) {
		PF_TRY(next_piece(c, g, &rows, &side, err));
		if (!rows.rows)
			break;
		rows.schema = c->columns;
		PF_TRY(pf_order_add(c->sides[side].order, &rows, err));
	}
	c->sorted = true;
	return 0;
}

static int fetch(struct side *s, bool *there, struct pf_error *err)
{
	if (s->order && s->at == s->rows.rows) {
		PF_TRY(pf_order_next(s->order, &s->rows, err));
		s->at = 0;
		if (!s->rows.rows) {
			pf_order_free(s->order);
			s->order = NULL;
		}
	}
	*there = s->at < s->rows.rows;
	return 0;
}

static int compare(const struct pf_file_changes *c)
{
	const struct side *a = &c->sides[PF_BEFORE], *b = &c->sides[PF_AFTER];
	for (size_t i = 0; i < c->columns->n; i++) {
		const struct pf_column *x = &a->rows.columns[i], *y = &b->rows.columns[i];
		bool no_x = pf_is_null(x, a->at), no_y = pf_is_null(y, b->at);
		int order = no_x || no_y ? (int)no_x - (int)no_y :
			    pf_value_cmp(c->columns->fields[i].type.kind, x, a->at, y, b->at);
		if (order)
			return order;
	}
	return 0;
}

/* Rows that only one side has; all of a batch are of one side. */
static int next_sorted(struct pf_file_changes *c, int *side, struct pf_error *err)
{
	const struct pf_colbuf *first = &c->out->columns[0];
	pf_builder_reset(c->out);
	while (first->rows < GIVE_ROWS) {
		bool old, now;
		PF_TRY(fetch(&c->sides[PF_BEFORE], &old, err));
		PF_TRY(fetch(&c->sides[PF_AFTER], &now, err));
		if (!old && !now)
			return 0;
		int order = !old ? 1 : !now ? -1 : compare(c);
		int from = order < 0 ? PF_BEFORE : PF_AFTER;
		if (order && first->rows && from != *side)
			return 0;
		if (order) {
			struct side *s = &c->sides[from];
			pf_builder_append(c->out, &s->rows, s->at, 1);
			*side = from;
		}
		c->sides[PF_BEFORE].at += order <= 0;
		c->sides[PF_AFTER].at += order >= 0;
	}
	return 0;
}

int pf_file_changes_next(struct pf_file_changes *c, struct pf_batch *rows,
			 enum pf_row_kind *kind, struct pf_error *err)
{
	rows->rows = 0;
	for (; c->at < c->ngroups; c->at++, c->piece = 0, c->sorted = false) {
		const struct group *g = &c->groups[c->at];
		int side = PF_AFTER;
		if (g->both && !c->sorted)
			PF_TRY(sort(c, g, err));
		if (g->both) {
			PF_TRY(next_sorted(c, &side, err));
			*rows = pf_builder_batch(c->out);
		} else {
			PF_TRY(next_piece(c, g, rows, &side, err));
		}
		*kind = side == PF_AFTER ? PF_ROW_INSERT : PF_ROW_DELETE;
		if (rows->rows)
			return 0;
	}
	return 0;
}

/* --- opening and closing --- */

static void find_pieces(struct pf_file_changes *c)
{
	size_t n = c->between.files[PF_BEFORE].n + c->between.files[PF_AFTER].n;
	for (size_t i = 0; i < c->between.ndeltas; i++)
		n += c->between.deltas[i].n;
	c->pieces = pf_alloc(n + 1, sizeof *c->pieces);
	c->groups = pf_alloc(n + 1, sizeof *c->groups);
	if (c->between.walked && c->between.appended)
		take_appended(c);
	else
		take_lists(c);
}

/* Rows that are compared are so as a whole. */
static void choose_columns(struct pf_file_changes *c)
{
	size_t n = c->of.needed;
	for (size_t i = 0; i < c->ngroups; i++)
		n = c->groups[i].both ? c->of.columns->n : n;
	c->columns = pf_schema_new();
	for (size_t i = 0; i < n; i++) {
		const struct pf_field *f = &c->of.columns->fields[i];
		pf_schema_add(c->columns, f->name, f->type, true)->id = f->id;
	}
	c->wanted = (struct pf_wanted){ .schema = c->columns, .filter = &c->nothing,
					.memory = c->of.memory };
	c->out = pf_builder_new(c->columns);
	c->keys = pf_zalloc(n + 1, sizeof *c->keys);
	for (size_t i = 0; i < n; i++)
		c->keys[i].column = (int)i;
}

int pf_file_changes_open(const struct pf_file_changes_of *of, struct pf_file_changes **changes,
			 struct pf_error *err)
{
	struct pf_file_changes *c = pf_zalloc(1, sizeof *c);
	c->of = *of;
	int code = pf_between_find(of->table, NULL, of->before, of->after, &c->between, err);
	if (!code) {
		find_pieces(c);
		choose_columns(c);
		code = hold(c, err);
	}
	if (code) {
		pf_file_changes_close(c);
		return code;
	}
	*changes = c;
	return 0;
}

void pf_file_changes_close(struct pf_file_changes *c)
{
	if (!c)
		return;
	pf_parquet_scan_free(c->scan);
	for (int s = PF_BEFORE; s <= PF_AFTER; s++) {
		pf_order_free(c->sides[s].order);
		pf_table_files_free(c->sides[s].files);
		free(c->sides[s].list.files);
	}
	free(c->nothing.rows);
	free(c->pieces);
	free(c->groups);
	free(c->keys);
	pf_between_free(&c->between);
	pf_schema_unref(c->columns);
	pf_builder_free(c->out);
	free(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "query/table_index.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/cast.h"
#include "paimon/file_index.h"
#include "paimon/place.h"

/* The file that holds the index of a data file, or NULL. */
static const char *side_file(const struct pf_data_file *d)
{
	static const char suffix[] = ".index";
	size_t tail = sizeof suffix - 1;
	for (size_t i = 0; i < d->nextra_files; i++) {
		size_t len = strlen(d->extra_files[i]);
		if (len > tail && !strcmp(d->extra_files[i] + len - tail, suffix))
			return d->extra_files[i];
	}
	return NULL;
}

/* The index of a data file, open. */
struct opened {
	struct pf_store_file *file;
	struct pf_file_index *index; /* NULL: there is none */
};

static struct opened open_index(struct pf_table *table, const struct pf_data_file *d)
{
	struct opened o = { 0 };
	const char *side = d->has_index ? NULL : side_file(d);
	if (d->has_index) {
		pf_file_index_open(d->index, d->rows, &o.index, NULL);
	} else if (side) {
		char *path = pf_asprintf("%s/%s", d->dir, side);
		if (!pf_place_open(table, path, &o.file, NULL))
			pf_file_index_open_source(pf_store_file_source(o.file), d->rows,
						  &o.index, NULL);
		free(path);
	}
	return o;
}

static void close_index(struct opened *o)
{
	pf_file_index_free(o->index);
	pf_store_close_file(o->file);
}

/* A wanted column that conditions speak about, under the name and type that it
 * had when the file was written; NULL when there is nothing to ask. */
static const struct pf_table_field *field_then(struct pf_table *table,
					       const struct pf_data_file *d,
					       const struct pf_wanted *wanted,
					       size_t column)
{
	const struct pf_table_schema *now = pf_table_schema(table);
	if (!pf_filter_bounds(wanted->filter, (int)column)->n)
		return NULL;
	int field = pf_table_field_by_name(now, wanted->schema->fields[column].name);
	int then = field < 0 ? -1 : pf_table_field_by_id(d->schema, now->fields[field].id);
	if (then < 0 || !d->schema->fields[then].known || d->schema->fields[then].nested ||
	    pf_cast_since(now, d->schema, now->fields[field].id))
		return NULL;
	return &d->schema->fields[then];
}

bool pf_table_index_may_match(struct pf_table *table, const struct pf_data_file *d,
			      const struct pf_wanted *wanted)
{
	struct opened o = open_index(table, d);
	bool may = true;
	for (size_t c = 0; o.index && may && c < wanted->schema->n; c++) {
		const struct pf_table_field *f = field_then(table, d, wanted, c);
		const struct pf_column_bounds *b = pf_filter_bounds(wanted->filter, (int)c);
		for (size_t i = 0; f && may && i < b->n; i++)
			may = pf_file_index_may_match(o.index, f->name, f->type,
						      &b->ranges[i]);
	}
	close_index(&o);
	return may;
}

uint8_t *pf_table_index_rows(struct pf_table *table, const struct pf_data_file *d,
			     const struct pf_wanted *wanted)
{
	struct opened o = open_index(table, d);
	size_t bytes = d->rows > 0 ? ((size_t)d->rows + 7) / 8 : 0;
	uint8_t *rows = NULL;
	bool known = false;
	if (o.index && bytes) {
		rows = pf_alloc(bytes, 1);
		memset(rows, 0xff, bytes);
	}
	for (size_t c = 0; rows && c < wanted->schema->n; c++) {
		const struct pf_table_field *f = field_then(table, d, wanted, c);
		const struct pf_column_bounds *b = pf_filter_bounds(wanted->filter, (int)c);
		for (size_t i = 0; f && i < b->n; i++)
			known |= pf_file_index_rows(o.index, f->name, f->type,
						    &b->ranges[i], rows);
	}
	close_index(&o);
	if (!known) {
		free(rows);
		rows = NULL;
	}
	return rows;
}

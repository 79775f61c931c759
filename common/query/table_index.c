/* SPDX-License-Identifier: Apache-2.0 */
#include "query/table_index.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "paimon/file_index.h"

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

/* What the conditions say about a column, asked of the index. */
static bool column_may_match(struct pf_file_index *index, struct pf_table *table,
			     const struct pf_data_file *d,
			     const struct pf_wanted *wanted, size_t column)
{
	const struct pf_table_schema *now = pf_table_schema(table);
	const struct pf_column_bounds *b = pf_filter_bounds(wanted->filter, (int)column);
	int field = pf_table_field_by_name(now, wanted->schema->fields[column].name);
	if (!b->n || field < 0)
		return true;
	/* Its name and type when the file was written. */
	int then = pf_table_field_by_id(d->schema, now->fields[field].id);
	if (then < 0 || !d->schema->fields[then].known)
		return true;
	const struct pf_table_field *f = &d->schema->fields[then];
	for (size_t i = 0; i < b->n; i++)
		if (!pf_file_index_may_match(index, f->name, f->type, &b->ranges[i]))
			return false;
	return true;
}

static bool may_match(struct pf_file_index *index, struct pf_table *table,
		      const struct pf_data_file *d, const struct pf_wanted *wanted)
{
	for (size_t c = 0; c < wanted->schema->n; c++)
		if (!column_may_match(index, table, d, wanted, c))
			return false;
	return true;
}

bool pf_table_index_may_match(struct pf_table *table, const struct pf_data_file *d,
			      const struct pf_wanted *wanted)
{
	const char *side = d->has_index ? NULL : side_file(d);
	struct pf_store_file *file = NULL;
	struct pf_file_index *index = NULL;
	if (d->has_index) {
		pf_file_index_open(d->index, d->rows, &index, NULL);
	} else if (side) {
		char *path = pf_asprintf("%s/%s", d->dir, side);
		if (!pf_store_open_file(pf_table_store(table), path, &file, NULL))
			pf_file_index_open_source(pf_store_file_source(file), d->rows,
						  &index, NULL);
		free(path);
	}
	bool may = !index || may_match(index, table, d, wanted);
	pf_file_index_free(index);
	pf_store_close_file(file);
	return may;
}

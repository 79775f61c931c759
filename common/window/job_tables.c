/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables that a state is of, and those that were named.
 */
#include "window/job_internal.h"

#include <stdlib.h>

#include "base/alloc.h"

int pf_job_table(const struct pf_state *s, const char *name)
{
	for (size_t i = 0; i < s->ntables; i++)
		if (!strcmp(s->tables[i].name, name))
			return (int)i;
	return -1;
}

static int fail_tables(const struct pf_job *j, const char *name, const char *why,
		       struct pf_error *err)
{
	struct pf_buf names = { 0 };
	for (size_t i = 0; i < j->st->ntables; i++)
		pf_buf_printf(&names, "%s'%s'", i ? ", " : "", j->st->tables[i].name);
	pf_fail(err, PF_E_USAGE, "state '%s' is of %s: '%s' is %s", j->state,
		pf_buf_cstr(&names), name, why);
	pf_buf_free(&names);
	return pf_hint(err, "give each set of tables a state of its own, or --fresh to begin anew");
}

/* Is the state of these tables? A new one takes them on. The only table of a
 * state may have moved: which files it has says whether it is the same. */
static int match_tables(struct pf_job *j, struct pf_source **sources, size_t n,
			struct pf_error *err)
{
	struct pf_state *s = j->st;
	if (!s->ntables)
		for (size_t i = 0; i < n; i++)
			pf_state_add_table(s, &(struct pf_state_table){
				.name = sources[i]->name,
				.snapshot_list = (char *)(uintptr_t)"" });
	else if (n == 1 && s->ntables == 1 && j->shape->tag_column < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (pf_job_table(s, sources[i]->name) < 0)
			return fail_tables(j, sources[i]->name, "not among them", err);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(sources[i]->name, sources[k]->name))
				return pf_fail(err, PF_E_USAGE, "'%s' is given twice",
					       sources[i]->name);
	}
	for (size_t k = 0; k < s->ntables; k++) {
		bool given = false;
		for (size_t i = 0; i < n; i++)
			given = given || !strcmp(sources[i]->name, s->tables[k].name);
		if (!given)
			return fail_tables(j, s->tables[k].name, "not given", err);
	}
	return 0;
}

/* A table that has a column has it in a type that can be read as the shape's. */
static int check_table(const struct pf_job *j, const struct pf_source *source,
		       const struct pf_table *table, struct pf_error *err)
{
	const struct pf_schema *own = pf_table_schema(table)->columns;
	const struct pf_source has = { .name = source->name,
				       .schema = pf_table_schema(table)->columns };
	struct pf_schema *wanted = pf_schema_new();
	for (size_t i = 0; i < j->shape->needed->n; i++) {
		const struct pf_field *f = &j->shape->needed->fields[i];
		if (pf_schema_find(own, f->name) >= 0 || j->shape->tag_column < 0)
			pf_schema_add(wanted, f->name, f->type, true);
	}
	int *columns = pf_alloc(wanted->n + 1, sizeof *columns);
	int code = pf_source_columns(&has, wanted, columns, err);
	free(columns);
	pf_schema_unref(wanted);
	return code;
}

/* How rows of a table with a primary key are merged. */
static int read_rules(const struct pf_job *j, const struct pf_source *source,
		      struct pf_update_table *t, struct pf_error *err)
{
	if (!pf_table_schema(t->table)->nprimary_keys)
		return 0;
	if (j->keep_dropped)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "--keep-dropped: '%s' has a primary key, its state is what the table is",
			       source->name);
	if (pf_source_merges_stage(source)) {
		pf_fail(err, PF_E_UNSUPPORTED,
			"'%s' has a primary key: rows in flight change its rows, a state cannot take them in",
			source->name);
		return pf_hint(err, "leave the stage out, or --state");
	}
	return pf_rules_read(pf_table_schema(t->table), &t->rules, err);
}

int pf_job_open_tables(struct pf_job *j, struct pf_source **sources, size_t n,
		       struct pf_error *err)
{
	PF_TRY(match_tables(j, sources, n, err));
	j->tables = pf_zalloc(n, sizeof *j->tables);
	j->snapshots = pf_zalloc(n, sizeof *j->snapshots);
	j->ntables = n;
	for (size_t i = 0; i < n; i++) {
		int at = n == 1 ? 0 : pf_job_table(j->st, sources[i]->name);
		struct pf_update_table *t = &j->tables[at];
		PF_TRY(pf_table_open(sources[i]->name, &t->table, err));
		PF_TRY(check_table(j, sources[i], t->table, err));
		PF_TRY(read_rules(j, sources[i], t, err));
	}
	return 0;
}

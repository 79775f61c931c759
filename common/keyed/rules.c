/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static const char *option(const struct pf_table_schema *s, const char *key)
{
	return pf_meta_get(&s->options, key);
}

static bool is_on(const struct pf_table_schema *s, const char *key)
{
	const char *v = option(s, key);
	return v && !strcasecmp(v, "true");
}

static int refuse(struct pf_error *err, const char *what)
{
	return pf_fail(err, PF_E_TABLE_FEATURE, "the table has %s, which is not supported",
		       what);
}

bool pf_rules_is_key(const struct pf_table_schema *s, const char *column)
{
	for (size_t i = 0; i < s->nprimary_keys; i++)
		if (!strcmp(s->primary_keys[i], column))
			return true;
	for (size_t i = 0; i < s->npartition_keys; i++)
		if (!strcmp(s->partition_keys[i], column))
			return true;
	return false;
}

/* --- keys --- */

static bool is_partition(const struct pf_table_schema *s, const char *column)
{
	for (size_t i = 0; i < s->npartition_keys; i++)
		if (!strcmp(s->partition_keys[i], column))
			return true;
	return false;
}

/* A column whose values decide: it must be read as it was written. */
static int check_decides(const struct pf_table_schema *s, const char *what,
			 const char *column, struct pf_error *err)
{
	int f = pf_table_field_by_name(s, column);
	if (f < 0)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the table's %s names '%s', which is no column", what,
			       column);
	if (!s->fields[f].known || s->fields[f].cut)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "the table's %s has column '%s' of type %s, which is not supported there",
			       what, column, s->fields[f].type_text);
	return 0;
}

static int read_keys(const struct pf_table_schema *s, struct pf_rules *r,
		     struct pf_error *err)
{
	r->keys = pf_alloc(s->nprimary_keys + 1, sizeof *r->keys);
	for (size_t i = 0; i < s->nprimary_keys; i++) {
		PF_TRY(check_decides(s, "primary key", s->primary_keys[i], err));
		if (!is_partition(s, s->primary_keys[i]))
			r->keys[r->nkeys++] = s->primary_keys[i];
	}
	if (!r->nkeys)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the table's primary key is nothing but its partition");
	return 0;
}

/* --- which version is newer --- */

static int read_sequence(const struct pf_table_schema *s, struct pf_rules *r,
			 struct pf_error *err)
{
	const char *list = option(s, "sequence.field");
	const char *order = option(s, "sequence.field.sort-order");
	for (const char *p = list ? list : ""; *p;) {
		size_t len = strcspn(p, ",");
		const char *from = p + strspn(p, " ");
		size_t n = from < p + len ? (size_t)(p + len - from) : 0;
		while (n && from[n - 1] == ' ')
			n--;
		r->sequence = pf_realloc(r->sequence, r->nsequence + 1,
					 sizeof *r->sequence);
		r->sequence[r->nsequence++] = pf_strndup(from, n);
		PF_TRY(check_decides(s, "sequence.field",
				     r->sequence[r->nsequence - 1], err));
		p += len + (p[len] == ',');
	}
	r->sequence_descends = order && !strcasecmp(order, "descending");
	return 0;
}

/* --- engines --- */

static const struct {
	const char *name;
	enum pf_merge_engine engine;
	const char *ignore_delete; /* how it was called before it was for all */
	const char *remove_on_delete;
} engines[] = {
	{ "deduplicate", PF_DEDUPLICATE, "deduplicate.ignore-delete", NULL },
	{ "partial-update", PF_PARTIAL_UPDATE, "partial-update.ignore-delete",
	  "partial-update.remove-record-on-delete" },
	{ "aggregation", PF_AGGREGATION, NULL, "aggregation.remove-record-on-delete" },
	{ "first-row", PF_FIRST_ROW, "first-row.ignore-delete", NULL },
};

static int read_engine(const struct pf_table_schema *s, struct pf_rules *r,
		       struct pf_error *err)
{
	const char *name = option(s, "merge-engine");
	size_t i = 0, n = sizeof engines / sizeof *engines;
	while (name && i < n && strcasecmp(engines[i].name, name))
		i++;
	if (i == n)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "the table has merge engine '%s', which is not supported",
			       name);
	r->engine = engines[i].engine;
	r->ignore_delete = is_on(s, "ignore-delete") ||
			   (engines[i].ignore_delete && is_on(s, engines[i].ignore_delete));
	r->remove_on_delete = engines[i].remove_on_delete &&
			      is_on(s, engines[i].remove_on_delete);
	r->compacted_only = r->engine == PF_FIRST_ROW ||
			    is_on(s, "deletion-vectors.enabled");
	return 0;
}

/* Options that make partial-update work by groups of columns. */
static int check_partial_update(const struct pf_table_schema *s, struct pf_error *err)
{
	static const char *const endings[] = { ".sequence-group", ".aggregate-function",
					       "default-aggregate-function" };
	for (size_t i = 0; i < s->options.n; i++) {
		const char *key = s->options.items[i].key;
		size_t len = strlen(key);
		for (size_t k = 0; k < 3 && !strncmp(key, "fields.", 7); k++) {
			size_t tail = strlen(endings[k]);
			if (len > tail && !strcmp(key + len - tail, endings[k]))
				return pf_fail(err, PF_E_TABLE_FEATURE,
					       "the table has partial updates by groups of columns (%s), which are not supported",
					       key);
		}
	}
	return 0;
}

/* --- aggregation --- */

static const char *field_option(const struct pf_table_schema *s, const char *column,
				const char *what)
{
	char *key = pf_asprintf("fields.%s.%s", column, what);
	const char *v = option(s, key);
	free(key);
	return v;
}

static const char *function_name(const struct pf_table_schema *s,
				 const struct pf_rules *r, const char *column)
{
	for (size_t i = 0; i < r->nsequence; i++)
		if (!strcmp(r->sequence[i], column))
			return "last_value";
	for (size_t i = 0; i < s->nprimary_keys; i++)
		if (!strcmp(s->primary_keys[i], column))
			return "primary-key";
	const char *name = field_option(s, column, "aggregate-function");
	if (!name)
		name = option(s, "fields.default-aggregate-function");
	return name ? name : "last_non_null_value";
}

static int read_column(const struct pf_table_schema *s, const struct pf_rules *r,
		       const struct pf_table_field *f, struct pf_column_rule *out,
		       struct pf_error *err)
{
	const char *name = function_name(s, r, f->name);
	const struct pf_keyed_function *fn = pf_keyed_function_of(name);
	if (!f->known)
		return 0; /* refused when it is asked for */
	if (!fn || !fn->takes(f->type))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "column '%s' of type %s has aggregate function '%s', which is not supported",
			       f->name, f->type_text, name);
	const char *delimiter = field_option(s, f->name, "list-agg-delimiter");
	const char *distinct = field_option(s, f->name, "distinct");
	const char *ignore = field_option(s, f->name, "ignore-retract");
	out->function = fn;
	out->rule = (struct pf_keyed_rule){
		.type = f->type,
		.column = f->name,
		.delimiter = delimiter ? delimiter : ",",
		.distinct = distinct && !strcasecmp(distinct, "true"),
		.ignore_retract = ignore && !strcasecmp(ignore, "true"),
	};
	return 0;
}

static int read_columns(const struct pf_table_schema *s, struct pf_rules *r,
			struct pf_error *err)
{
	r->columns = pf_zalloc(s->n + 1, sizeof *r->columns);
	r->ncolumns = s->n;
	for (size_t i = 0; i < s->n; i++)
		PF_TRY(read_column(s, r, &s->fields[i], &r->columns[i], err));
	return 0;
}

static int read_all(const struct pf_table_schema *s, struct pf_rules *r,
		    struct pf_error *err)
{
	PF_TRY(read_keys(s, r, err));
	PF_TRY(read_sequence(s, r, err));
	PF_TRY(read_engine(s, r, err));
	if (is_on(s, "deletion-vectors.merge-on-read"))
		return refuse(err, "deletion vectors beside rows that are merged "
				   "(deletion-vectors.merge-on-read)");
	if (is_on(s, "sequence.snapshot-ordering"))
		return refuse(err, "sequence numbers by snapshot "
				   "(sequence.snapshot-ordering)");
	if (r->engine == PF_PARTIAL_UPDATE)
		PF_TRY(check_partial_update(s, err));
	return r->engine == PF_AGGREGATION ? read_columns(s, r, err) : 0;
}

int pf_rules_read(const struct pf_table_schema *schema, struct pf_rules **rules,
		  struct pf_error *err)
{
	struct pf_rules *r = pf_zalloc(1, sizeof *r);
	int code = read_all(schema, r, err);
	if (code) {
		pf_rules_free(r);
		r = NULL;
	}
	*rules = r;
	return code;
}

void pf_rules_free(struct pf_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nsequence; i++)
		free(r->sequence[i]);
	free(r->sequence);
	free(r->keys);
	free(r->columns);
	free(r);
}

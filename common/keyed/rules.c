/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "paimon/create.h"

static const char *option(const struct pf_table_schema *s, const char *key)
{
	return pf_meta_get(&s->options, key);
}

static int refuse(struct pf_error *err, const char *what)
{
	return pf_fail(err, PF_E_TABLE_FEATURE, "the table has %s, which is not supported",
		       what);
}

static int conflict(struct pf_error *err, const char *one, const char *other)
{
	return pf_fail(err, PF_E_TABLE_FEATURE,
		       "the table has both %s and %s, which do not go together", one, other);
}

/* --- lists of names --- */

static void split(const char *list, char ***names, size_t *n)
{
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ","), from = strspn(p, " "), to = len;
		while (to > from && p[to - 1] == ' ')
			to--;
		*names = pf_realloc(*names, *n + 1, sizeof **names);
		(*names)[(*n)++] = pf_strndup(p + from, to > from ? to - from : 0);
		p += len + (p[len] == ',');
	}
}

bool pf_rules_is_key(const struct pf_table_schema *s, const char *column)
{
	return pf_strings_have(s->primary_keys, s->nprimary_keys, column) ||
	       pf_strings_have(s->partition_keys, s->npartition_keys, column);
}

/* --- keys --- */

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
		if (!pf_strings_have(s->partition_keys, s->npartition_keys,
				     s->primary_keys[i]))
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
	split(list ? list : "", &r->sequence, &r->nsequence);
	for (size_t i = 0; i < r->nsequence; i++)
		PF_TRY(check_decides(s, "sequence.field", r->sequence[i], err));
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
	r->ignore_delete = pf_option_is_on(&s->options, "ignore-delete") ||
			   (engines[i].ignore_delete &&
			    pf_option_is_on(&s->options, engines[i].ignore_delete));
	const char *producer = option(s, "changelog-producer");
	r->changelog = producer && !strcasecmp(producer, "input");
	r->ignore_before = pf_option_is_on(&s->options, "ignore-update-before");
	r->remove_on_delete = engines[i].remove_on_delete &&
			      pf_option_is_on(&s->options, engines[i].remove_on_delete);
	r->compacted_only = r->engine == PF_FIRST_ROW ||
			    pf_option_is_on(&s->options, "deletion-vectors.enabled");
	return 0;
}

/* --- groups of columns that are updated together --- */

/* A column of a group; it is in no other one, and not of the key. */
static int join_group(const struct pf_table_schema *s, struct pf_rules *r,
		      const char *key, const char *column, bool orders,
		      struct pf_error *err)
{
	int f = pf_table_field_by_name(s, column);
	if (f < 0)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the table's option '%s' names '%s', which is no column",
			       key, column);
	if (pf_strings_have(s->primary_keys, s->nprimary_keys, column))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "the table's option '%s' names column '%s' of the primary key, which belongs to no group",
			       key, column);
	struct pf_column_rule *c = &r->columns[f];
	if (c->group)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "column '%s' is in two sequence groups, which is not supported",
			       column);
	c->group = r->ngroups;
	c->orders = orders;
	return 0;
}

/* fields.ORDERING.sequence-group = UPDATED, both lists of columns. */
static int read_group(const struct pf_table_schema *s, struct pf_rules *r,
		      const struct pf_pair *option, struct pf_error *err)
{
	static const size_t head = sizeof "fields." - 1, tail = sizeof ".sequence-group" - 1;
	char *ordering = pf_strndup(option->key + head, strlen(option->key) - head - tail);
	char **updated = NULL;
	size_t n = 0;
	r->groups = pf_realloc(r->groups, r->ngroups + 1, sizeof *r->groups);
	struct pf_sequence_group *g = &r->groups[r->ngroups++];
	*g = (struct pf_sequence_group){ 0 };
	split(ordering, &g->fields, &g->n);
	split(option->value, &updated, &n);
	int code = 0;
	for (size_t i = 0; i < g->n && !code; i++)
		code = check_decides(s, option->key, g->fields[i], err);
	for (size_t i = 0; i < g->n && !code; i++)
		code = join_group(s, r, option->key, g->fields[i], true, err);
	for (size_t i = 0; i < n && !code; i++)
		if (!pf_strings_have(g->fields, g->n, updated[i]))
			code = join_group(s, r, option->key, updated[i], false, err);
	pf_strings_free(updated, n);
	free(ordering);
	return code;
}

static int read_groups(const struct pf_table_schema *s, struct pf_rules *r,
		       struct pf_error *err)
{
	static const char ending[] = ".sequence-group",
			  remove[] = "partial-update.remove-record-on-sequence-group";
	char **removing = NULL;
	size_t n = 0, found = 0;
	for (size_t i = 0; i < s->options.n; i++) {
		const char *key = s->options.items[i].key;
		size_t len = strlen(key), tail = sizeof ending - 1;
		if (!strncmp(key, "fields.", 7) && len > tail + 7 &&
		    !strcmp(key + len - tail, ending))
			PF_TRY(read_group(s, r, &s->options.items[i], err));
	}
	if (option(s, remove))
		split(option(s, remove), &removing, &n);
	for (size_t i = 0; i < r->ngroups; i++)
		for (size_t k = 0; k < n; k++)
			if (pf_strings_have(r->groups[i].fields, r->groups[i].n, removing[k])) {
				r->groups[i].removes = true;
				found++;
			}
	pf_strings_free(removing, n);
	if (found < n)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "the table's option '%s' names a column that orders no sequence group",
			       remove);
	if (r->remove_on_delete && r->ngroups)
		return conflict(err, "sequence groups", "partial-update.remove-record-on-delete");
	if (r->ignore_delete && (r->remove_on_delete || n))
		return conflict(err, "ignore-delete",
				n ? remove : "partial-update.remove-record-on-delete");
	return 0;
}

/* --- aggregation --- */

/* NULL: none, the newest value. */
static const char *function_name(const struct pf_table_schema *s,
				 const struct pf_rules *r, const char *column,
				 const struct pf_column_rule *rule)
{
	bool partial = r->engine == PF_PARTIAL_UPDATE;
	if (partial ? rule->orders : pf_strings_have(r->sequence, r->nsequence, column))
		return partial ? NULL : "last_value";
	if (pf_strings_have(s->primary_keys, s->nprimary_keys, column))
		return "primary-key";
	const char *name = pf_option_of_field(&s->options, column, "aggregate-function");
	if (!name)
		name = option(s, "fields.default-aggregate-function");
	return name || partial ? name : "last_non_null_value";
}

/* Outside of groups partial updates know nothing but the newest value. */
static int check_function(const struct pf_rules *r, const struct pf_column_rule *rule,
			  const char *column, const char *name, struct pf_error *err)
{
	if (r->engine != PF_PARTIAL_UPDATE || rule->group || !strcmp(name, "primary-key") ||
	    !strcmp(name, "last_non_null_value"))
		return 0;
	return pf_fail(err, PF_E_TABLE_FEATURE,
		       "column '%s' has aggregate function '%s', but is in no sequence group",
		       column, name);
}

static int read_column(const struct pf_table_schema *s, const struct pf_rules *r,
		       const struct pf_table_field *f, struct pf_column_rule *out,
		       struct pf_error *err)
{
	const char *name = function_name(s, r, f->name, out);
	if (!f->known)
		return 0; /* refused when it is asked for */
	out->rule = (struct pf_keyed_rule){ .type = f->type, .column = f->name };
	out->nullable = f->nullable;
	if (!name)
		return 0;
	const struct pf_keyed_function *fn = pf_keyed_function_of(name);
	PF_TRY(check_function(r, out, f->name, name, err));
	if (!fn || !fn->takes(f->type))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "column '%s' of type %s has aggregate function '%s', which is not supported",
			       f->name, f->type_text, name);
	const char *delimiter = pf_option_of_field(&s->options, f->name, "list-agg-delimiter");
	const char *distinct = pf_option_of_field(&s->options, f->name, "distinct");
	const char *ignore = pf_option_of_field(&s->options, f->name, "ignore-retract");
	out->function = fn;
	out->rule = (struct pf_keyed_rule){
		.type = f->type,
		.column = f->name,
		.delimiter = delimiter ? delimiter : ",",
		.distinct = distinct && !strcasecmp(distinct, "true"),
		.ignore_retract = ignore && !strcasecmp(ignore, "true"),
	};
	if (out->rule.ignore_retract &&
	    pf_option_is_on(&s->options, "aggregation.remove-record-on-delete"))
		return conflict(err, "ignore-retract", "aggregation.remove-record-on-delete");
	return 0;
}

static int read_columns(const struct pf_table_schema *s, struct pf_rules *r,
			struct pf_error *err)
{
	r->columns = pf_zalloc(s->n + 1, sizeof *r->columns);
	r->ncolumns = s->n;
	if (r->engine == PF_PARTIAL_UPDATE)
		PF_TRY(read_groups(s, r, err));
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
	if (pf_option_is_on(&s->options, "deletion-vectors.merge-on-read"))
		return refuse(err, "deletion vectors beside rows that are merged "
				   "(deletion-vectors.merge-on-read)");
	if (pf_option_is_on(&s->options, "sequence.snapshot-ordering"))
		return refuse(err, "sequence numbers by snapshot "
				   "(sequence.snapshot-ordering)");
	if (r->engine == PF_PARTIAL_UPDATE || r->engine == PF_AGGREGATION)
		return read_columns(s, r, err);
	return 0;
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
	pf_strings_free(r->sequence, r->nsequence);
	for (size_t i = 0; i < r->ngroups; i++)
		pf_strings_free(r->groups[i].fields, r->groups[i].n);
	free(r->groups);
	free(r->keys);
	free(r->columns);
	free(r);
}

int pf_rules_check(const struct pf_tabledef *def, struct pf_error *err)
{
	struct pf_table_schema *schema = NULL;
	struct pf_rules *rules = NULL;
	if (!def->nprimary_key)
		return 0;
	struct pf_schema *rows = pf_tabledef_schema(def);
	int code = pf_table_schema_of_rows(rows, &schema, err);
	if (!code)
		code = pf_rules_read(schema, &rules, err);
	pf_rules_free(rules);
	pf_table_schema_free(schema);
	pf_schema_unref(rows);
	return code;
}

/* --- what follows from them --- */

bool pf_rules_ignore(const struct pf_rules *r, int8_t kind)
{
	return pf_kind_retracts(kind) &&
	       (r->ignore_delete || (r->ignore_before && kind == PF_ROW_BEFORE));
}

int pf_rules_take(const struct pf_rules *r, int8_t kind, struct pf_error *err)
{
	bool deletes = kind == PF_ROW_DELETE;
	if (!pf_kind_retracts(kind) || pf_rules_ignore(r, kind) ||
	    r->engine == PF_DEDUPLICATE || (r->remove_on_delete && deletes))
		return 0;
	if (r->engine == PF_FIRST_ROW)
		return pf_fail(err, PF_E_BAD_ROW, "a row is taken away from a table that keeps the first one");
	if (r->engine == PF_PARTIAL_UPDATE && !r->ngroups && !r->remove_on_delete) {
		pf_fail(err, PF_E_BAD_ROW, "a row is taken away from a table of partial updates");
		return pf_hint(err, "ignore-delete, partial-update.remove-record-on-delete "
				    "or a sequence group says what that means");
	}
	for (size_t i = 0; i < r->ncolumns; i++) {
		const struct pf_column_rule *c = &r->columns[i];
		bool grouped = r->engine == PF_AGGREGATION || (c->group && !c->orders);
		if (!grouped || !c->rule.column || c->rule.ignore_retract)
			continue;
		if (c->function && !c->function->retract)
			pf_fail(err, PF_E_BAD_ROW, "a row is taken away, but column '%s' cannot take a value back from its %s",
				c->rule.column, c->function->name);
		else if (!c->nullable && (!c->function || c->function->forgets))
			pf_fail(err, PF_E_BAD_ROW, "a row is taken away, but column '%s' may not be null, which it would be then",
				c->rule.column);
		else
			continue;
		return pf_hint(err, "fields.%s.ignore-retract leaves such values out",
			       c->rule.column);
	}
	return 0;
}

static void need(struct pf_schema *versions, const struct pf_table_schema *s,
		 const char *name)
{
	int f = pf_table_field_by_name(s, name);
	if (pf_schema_find(versions, name) < 0 && f >= 0)
		pf_schema_add(versions, name, s->fields[f].type, true)->id = s->fields[f].id;
}

/* Does merging the columns so far need the group's fields? */
static bool needs_group(const struct pf_rules *r, size_t group,
			const struct pf_schema *versions)
{
	if (r->groups[group].removes)
		return true;
	for (size_t i = 0; i < r->ncolumns; i++)
		if (r->columns[i].group == group + 1 && r->columns[i].rule.column &&
		    pf_schema_find(versions, r->columns[i].rule.column) >= 0)
			return true;
	return false;
}

void pf_rules_need(const struct pf_rules *r, const struct pf_table_schema *s,
		   struct pf_schema *versions)
{
	for (size_t i = 0; i < r->nkeys; i++)
		need(versions, s, r->keys[i]);
	for (size_t i = 0; i < r->nsequence; i++)
		need(versions, s, r->sequence[i]);
	for (size_t g = 0; g < r->ngroups; g++)
		for (size_t i = 0; i < r->groups[g].n && needs_group(r, g, versions); i++)
			need(versions, s, r->groups[g].fields[i]);
}

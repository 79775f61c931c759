/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of a table definition that belong to rows which are updated:
 * primary_key, sequence, merge, options, row_kind, and the columns' aggregates.
 * Here names and values are checked; what goes together and what does not is
 * decided where the rules are read (keyed/rules.c), for tables of all makers.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "base/near.h"
#include "text/tabledef_load.h"
#include "text/tabledef_text.h"

/* What aggregates there are; those that Paimon makes of plain columns. */
static const char *const aggregates[] = {
	"sum", "product", "min", "max", "first_value", "first_non_null_value",
	"first_not_null_value", "last_value", "last_non_null_value", "listagg", "bool_and",
	"bool_or",
};
static const char *const merges[] = { "deduplicate", "partial-update", "aggregation",
				      "first-row" };

static int find(const struct pf_def_load *l, unsigned line, const char *what,
		const char *name, struct pf_coldef **column)
{
	PF_TRY(pf_def_column(l, line, what, name, column));
	if (!strchr(name, ','))
		return 0;
	return pf_def_refuse(l, line, "'%s': the name '%s' has a comma, which Paimon's options cannot hold",
			     what, name);
}

static int one_of(const struct pf_def_load *l, unsigned line, const char *what,
		  const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(words[i], word))
			return 0;
	const char *near = pf_near_of(word, words, n);
	pf_def_refuse(l, line, "'%s' cannot be '%s'", what, word);
	if (near)
		return pf_hint(l->err, "did you mean '%s'?", near);
	struct pf_buf list = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
	pf_hint(l->err, "one of %s", pf_buf_cstr(&list));
	pf_buf_free(&list);
	return PF_E_SCHEMA_FILE;
}

/* Values of which it is certain when two are the same. */
static bool can_be_key(enum pf_kind kind)
{
	return kind != PF_FLOAT && kind != PF_DOUBLE && kind != PF_BYTES;
}

static int load_key(const struct pf_def_load *l, const struct pf_yaml *node)
{
	struct pf_tabledef *def = l->def;
	char **words = NULL;
	size_t n = 0;
	char type[40];
	int code = pf_def_words(l, node, &words, &n);
	def->primary_key = pf_zalloc(n + 1, sizeof *def->primary_key);
	for (size_t i = 0; i < n && !code; i++) {
		struct pf_coldef *c;
		/* It is part of the key in any case. */
		if (def->grain != PF_GRAIN_NONE && !strcmp(words[i], PF_PARTITION_COLUMN))
			continue;
		code = find(l, node->line, "primary_key", words[i], &c);
		for (size_t k = 0; k < def->nprimary_key && !code; k++)
			if (!strcmp(def->primary_key[k], words[i]))
				code = pf_def_refuse(l, node->line,
						     "'primary_key' names '%s' twice", words[i]);
		if (!code && !can_be_key(c->type.kind))
			code = pf_def_refuse(l, c->line ? c->line : node->line,
					     "the key's column '%s' cannot be of type '%s'",
					     c->name, pf_type_name(c->type, type));
		if (code)
			break;
		c->nullable = false;
		def->primary_key[def->nprimary_key++] = pf_strdup(words[i]);
	}
	if (!code && !def->nprimary_key)
		code = pf_def_refuse(l, node->line, "'primary_key' names no column");
	pf_strings_free(words, n);
	return code;
}

static int load_sequence(const struct pf_def_load *l, const struct pf_yaml *node)
{
	struct pf_tabledef *def = l->def;
	PF_TRY(pf_def_words(l, node, &def->sequence, &def->nsequence));
	for (size_t i = 0; i < def->nsequence; i++) {
		struct pf_coldef *c;
		PF_TRY(find(l, node->line, "sequence", def->sequence[i], &c));
		for (size_t k = 0; k < i; k++)
			if (!strcmp(def->sequence[k], def->sequence[i]))
				return pf_def_refuse(l, node->line, "'sequence' names '%s' twice",
						     def->sequence[i]);
	}
	if (!strcmp(def->merge, "first-row"))
		return pf_def_refuse(l, node->line,
				     "'sequence' does not go with 'merge: first-row'");
	return 0;
}

bool pf_def_is_key(const struct pf_tabledef *def, const char *column)
{
	for (size_t k = 0; k < def->nprimary_key; k++)
		if (!strcmp(def->primary_key[k], column))
			return true;
	return false;
}

static int check_aggregate(const struct pf_def_load *l, unsigned line, const char *what,
			   const char *column, const char *function)
{
	const struct pf_tabledef *def = l->def;
	if (!def->merge || (strcmp(def->merge, "aggregation") &&
			    strcmp(def->merge, "partial-update")))
		return pf_def_refuse(l, line, "'%s' goes with 'merge: aggregation' or 'merge: partial-update'",
				     what);
	if (pf_def_is_key(def, column))
		return pf_def_refuse(l, line,
				     "'%s' is part of the key: all its versions have the same value",
				     column);
	for (size_t i = 0; i < def->nsequence; i++)
		if (!strcmp(def->sequence[i], column))
			return pf_def_refuse(l, line, "'%s' is part of the sequence: the newest version's value stays",
					     column);
	if (strchr(column, '.'))
		return pf_def_refuse(l, line, "'%s': the name '%s' has a dot, which Paimon's options cannot hold",
				     what, column);
	return one_of(l, line, what, function, aggregates,
		      sizeof aggregates / sizeof *aggregates);
}

static int check_aggregates(const struct pf_def_load *l)
{
	const struct pf_tabledef *def = l->def;
	for (size_t i = 0; i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		if (c->aggregate)
			PF_TRY(check_aggregate(l, c->line, "aggregate", c->name,
					       c->aggregate));
	}
	return 0;
}

/* --- options --- */

/* Every name of a list is a column. */
static int check_names(const struct pf_def_load *l, const struct pf_yaml *node,
		       const char *list, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = strcspn(list + at, ",");
		if (n > len - at)
			n = len - at;
		char *name = pf_strndup(list + at, n);
		struct pf_coldef *c;
		int code = find(l, node->line, node->key, name, &c);
		if (!code && strchr(name, '.'))
			code = pf_def_refuse(l, node->line, "'%s': the name '%s' has a dot, which Paimon's options cannot hold",
					     node->key, name);
		free(name);
		PF_TRY(code);
		at += n + 1;
	}
	return 0;
}

/* As Paimon spells it. */
static int take_bool(const struct pf_def_load *l, const struct pf_yaml *node,
		     const char **value)
{
	bool on = false;
	int code = pf_def_bool(l, node, &on);
	*value = on ? "true" : "false";
	return code;
}

/* fields.COLUMNS.WHAT */
static int check_field_option(const struct pf_def_load *l, const struct pf_yaml *node,
			      const char **value)
{
	static const char fallback[] = "fields.default-aggregate-function";
	const char *column = node->key + 7, *what = strrchr(node->key, '.') + 1;
	if (!strcmp(node->key, fallback))
		return check_aggregate(l, node->line, node->key, "", node->text);
	if (what - 1 <= column)
		return pf_def_refuse(l, node->line, "'%s' names no column", node->key);
	PF_TRY(check_names(l, node, column, (size_t)(what - 1 - column)));
	if (!strcmp(what, "ignore-retract") || !strcmp(what, "distinct"))
		return take_bool(l, node, value);
	if (!strcmp(what, "sequence-group")) {
		if (strcmp(l->def->merge, "partial-update"))
			return pf_def_refuse(l, node->line, "'%s' goes with 'merge: partial-update'",
					     node->key);
		return check_names(l, node, node->text, strlen(node->text));
	}
	if (strcmp(what, "aggregate-function"))
		return 0;
	char *name = pf_strndup(column, (size_t)(what - 1 - column));
	int code = check_aggregate(l, node->line, node->key, name, node->text);
	free(name);
	return code;
}

static int check_option(const struct pf_def_load *l, const struct pf_yaml *node,
			const char **value)
{
	static const char *const orders[] = { "ascending", "descending" };
	size_t to_dot = strcspn(node->key, ".");
	if (!pf_is_merge_option(node->key)) {
		pf_def_refuse(l, node->key_line, "unknown option '%s'", node->key);
		return pf_hint(l->err, "those that say how versions are merged, by Paimon's names: ignore-delete, "
				       "fields.COLUMN.aggregate-function, fields.COLUMN.sequence-group ...");
	}
	if (node->kind != PF_YAML_SCALAR || !*node->text)
		return pf_def_refuse(l, node->line, "'%s' must be a single value", node->key);
	if (!strncmp(node->key, "fields.", 7))
		return check_field_option(l, node, value);
	if (!strcmp(node->key, "sequence.field.sort-order")) {
		if (!l->def->nsequence)
			return pf_def_refuse(l, node->line, "'%s' goes with 'sequence'", node->key);
		return one_of(l, node->line, node->key, node->text, orders, 2);
	}
	if (!strcmp(node->key, "changelog-producer")) {
		static const char *const producers[] = { "none", "input" };
		return one_of(l, node->line, node->key, node->text, producers, 2);
	}
	if (node->key[to_dot] && (strlen(l->def->merge) != to_dot ||
				  strncmp(l->def->merge, node->key, to_dot)))
		return pf_def_refuse(l, node->line, "'%s' goes with 'merge: %.*s'", node->key,
				     (int)to_dot, node->key);
	if (!strcmp(node->key, "partial-update.remove-record-on-sequence-group"))
		return check_names(l, node, node->text, strlen(node->text));
	return take_bool(l, node, value);
}

static int load_options(const struct pf_def_load *l, const struct pf_yaml *node)
{
	if (node->kind != PF_YAML_MAPPING)
		return pf_def_refuse(l, node->line, "'options' must be a mapping from names to values");
	for (size_t i = 0; i < node->n; i++) {
		const char *value = node->items[i].text;
		PF_TRY(check_option(l, &node->items[i], &value));
		pf_meta_set(&l->def->options, node->items[i].key, value);
	}
	return 0;
}

/* One column more, which is not the table's. */
static void add_kind(struct pf_tabledef *def)
{
	def->columns = pf_realloc(def->columns, def->n + 1, sizeof *def->columns);
	struct pf_coldef *c = &def->columns[def->n++];
	*c = (struct pf_coldef){
		.name = pf_strdup(PF_KIND_COLUMN),
		.type = { .kind = PF_TINYINT },
		.is_kind = true,
		.field_id = PF_KIND_ID,
		.nfrom = 1,
	};
	c->from = pf_zalloc(1, sizeof *c->from);
	c->from[0] = pf_strdup(def->row_kind);
}

static int no_key_for_changes(const struct pf_def_load *l)
{
	pf_def_refuse(l, 0, "a change stream updates and deletes rows: 'primary_key' is missing");
	return pf_hint(l->err, "primary_key: [...] names the columns by which a row is found again");
}

int pf_tabledef_take_kinds(struct pf_tabledef *def, const char *name, struct pf_error *err)
{
	const struct pf_def_load l = { .name = name, .def = def, .err = err };
	if (!def->nprimary_key)
		return no_key_for_changes(&l);
	if (def->row_kind)
		return 0;
	def->row_kind = pf_strdup(PF_KIND_COLUMN);
	add_kind(def);
	free(def->text);
	def->text = pf_tabledef_print(def);
	return 0;
}

/* A field that says +I, or a mapping: which texts of a field delete. */
static int load_row_kind(const struct pf_def_load *l, const struct pf_yaml *root)
{
	static const char *const keys[] = { "from", "delete" };
	struct pf_tabledef *def = l->def;
	const struct pf_yaml *node = pf_yaml_get(root, "row_kind");
	if (!node || node->kind != PF_YAML_MAPPING)
		return pf_def_copy(l, root, "row_kind", &def->row_kind);
	PF_TRY(pf_def_keys(l, node, "'row_kind'", keys, 2));
	PF_TRY(pf_def_copy(l, node, "from", &def->row_kind));
	PF_TRY(pf_def_copy(l, node, "delete", &def->row_delete));
	if (!def->row_kind || !def->row_delete)
		return pf_def_refuse(l, node->line, "'row_kind' needs 'from' and 'delete'");
	return pf_def_regex(l, pf_yaml_get(node, "delete")->line, "delete", def->row_delete,
			    NULL);
}

int pf_def_key(const struct pf_def_load *l, const struct pf_yaml *root)
{
	static const char *const need_key[] = { "sequence", "merge", "options", "row_kind" };
	struct pf_tabledef *def = l->def;
	const struct pf_yaml *key = pf_yaml_get(root, "primary_key"), *node;
	for (size_t i = 0; i < 4 && !key; i++)
		if ((node = pf_yaml_get(root, need_key[i])))
			return pf_def_refuse(l, node->key_line, "'%s' goes with 'primary_key'",
					     need_key[i]);
	if (!key && pf_text_format_changes(def->input.format))
		return no_key_for_changes(l);
	if (!key)
		return check_aggregates(l);
	PF_TRY(load_key(l, key));
	PF_TRY(pf_def_copy(l, root, "merge", &def->merge));
	if (!def->merge)
		def->merge = pf_strdup("deduplicate");
	node = pf_yaml_get(root, "merge");
	PF_TRY(one_of(l, node ? node->line : 0, "merge", def->merge, merges,
		      sizeof merges / sizeof *merges));
	if ((node = pf_yaml_get(root, "sequence")))
		PF_TRY(load_sequence(l, node));
	PF_TRY(check_aggregates(l));
	if ((node = pf_yaml_get(root, "options")))
		PF_TRY(load_options(l, node));
	PF_TRY(load_row_kind(l, root));
	if (!def->row_kind && pf_text_format_changes(def->input.format))
		def->row_kind = pf_strdup(PF_KIND_COLUMN);
	if (!def->id)
		def->id = pf_strdup(def->primary_key[0]);
	bool among = false;
	for (size_t i = 0; i < def->nprimary_key; i++)
		among |= !strcmp(def->primary_key[i], def->id);
	if (!among) {
		pf_def_refuse(l, pf_yaml_get(root, "id")->line,
			      "the ID column '%s' is not part of the primary key", def->id);
		return pf_hint(l->err, "rows are spread over buckets by it, and all versions of a row belong into one");
	}
	if (def->row_kind)
		add_kind(def);
	return 0;
}

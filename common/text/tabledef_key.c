/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of a table definition that belong to rows which are updated:
 * primary_key, sequence, merge, row_kind, and the columns' aggregates.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/near.h"
#include "text/tabledef_load.h"

/* What aggregates there are; those that Paimon makes of plain columns. */
static const char *const aggregates[] = {
	"sum", "product", "min", "max", "first_value", "first_non_null_value",
	"last_value", "last_non_null_value", "listagg", "bool_and", "bool_or",
};
static const char *const merges[] = { "deduplicate", "partial-update", "aggregation",
				      "first-row" };

static int find(const struct pf_def_load *l, unsigned line, const char *what,
		const char *name, struct pf_coldef **column)
{
	const struct pf_tabledef *def = l->def;
	const char **names = pf_alloc(def->n + 1, sizeof *names);
	*column = NULL;
	for (size_t i = 0; i < def->n; i++) {
		names[i] = def->columns[i].name;
		if (!strcmp(names[i], name))
			*column = &def->columns[i];
	}
	int code = 0;
	if (!*column) {
		const char *near = pf_near_of(name, names, def->n);
		code = pf_def_refuse(l, line, "'%s' names the column '%s', which is not there",
				     what, name);
		if (near)
			pf_hint(l->err, "did you mean '%s'?", near);
	} else if (strchr(name, ',')) {
		code = pf_def_refuse(l, line, "'%s': the name '%s' has a comma, which Paimon's options cannot hold",
				     what, name);
	}
	free(names);
	return code;
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
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
	return code;
}

static int load_sequence(const struct pf_def_load *l, const struct pf_yaml *node)
{
	struct pf_tabledef *def = l->def;
	PF_TRY(pf_def_words(l, node, &def->sequence, &def->nsequence));
	for (size_t i = 0; i < def->nsequence; i++) {
		struct pf_coldef *c;
		PF_TRY(find(l, node->line, "sequence", def->sequence[i], &c));
	}
	if (!strcmp(def->merge, "first-row"))
		return pf_def_refuse(l, node->line,
				     "'sequence' does not go with 'merge: first-row'");
	return 0;
}

static int check_aggregates(const struct pf_def_load *l)
{
	const struct pf_tabledef *def = l->def;
	bool may = def->merge && !strcmp(def->merge, "aggregation");
	for (size_t i = 0; i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		if (!c->aggregate)
			continue;
		if (!may)
			return pf_def_refuse(l, c->line, "'aggregate' goes with 'merge: aggregation'");
		PF_TRY(one_of(l, c->line, "aggregate", c->aggregate, aggregates,
			      sizeof aggregates / sizeof *aggregates));
		for (size_t k = 0; k < def->nprimary_key; k++)
			if (!strcmp(def->primary_key[k], c->name))
				return pf_def_refuse(l, c->line,
						     "'%s' is part of the key: all its versions have the same value",
						     c->name);
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

int pf_def_key(const struct pf_def_load *l, const struct pf_yaml *root)
{
	static const char *const need_key[] = { "sequence", "merge", "row_kind" };
	struct pf_tabledef *def = l->def;
	const struct pf_yaml *key = pf_yaml_get(root, "primary_key"), *node;
	for (size_t i = 0; i < 3 && !key; i++)
		if ((node = pf_yaml_get(root, need_key[i])))
			return pf_def_refuse(l, node->key_line, "'%s' goes with 'primary_key'",
					     need_key[i]);
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
	PF_TRY(pf_def_copy(l, root, "row_kind", &def->row_kind));
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

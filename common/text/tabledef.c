/* SPDX-License-Identifier: Apache-2.0 */
#include "text/tabledef.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/zone.h"
#include "text/tabledef_load.h"
#include "text/tabledef_text.h"

enum { MOST_BUCKETS = 1 << 16 };

static bool can_be_id(enum pf_kind kind)
{
	return pf_kind_is_integer(kind) || kind == PF_STRING || kind == PF_DECIMAL ||
	       kind == PF_DATE;
}

static int check_whole(const struct pf_def_load *l, unsigned id_line, unsigned time_line)
{
	struct pf_tabledef *def = l->def;
	char type[40];
	struct pf_coldef *id, *time;
	PF_TRY(pf_def_column(l, id_line, "id", def->id, &id));
	PF_TRY(pf_def_column(l, time_line, "time", def->time, &time));
	def->id_column = (int)(id - def->columns);
	def->time_column = (int)(time - def->columns);
	if (!can_be_id(id->type.kind)) {
		pf_def_refuse(l, id->line ? id->line : id_line,
		       "the ID column '%s' cannot be of type '%s'", id->name,
		       pf_type_name(id->type, type));
		return pf_hint(l->err, "integers, string, decimal or date");
	}
	if (time->type.kind != PF_DATE && !pf_kind_is_timestamp(time->type.kind)) {
		pf_def_refuse(l, time->line ? time->line : time_line,
		       "the time column '%s' cannot be of type '%s'", time->name,
		       pf_type_name(time->type, type));
		return pf_hint(l->err, "timestamp(0..6), timestamp_ltz(0..6) or date");
	}
	for (size_t i = 0; i < def->n; i++)
		if (def->grain != PF_GRAIN_NONE &&
		    !strcmp(def->columns[i].name, PF_PARTITION_COLUMN))
			return pf_def_refuse(l, def->columns[i].line,
				      "a column named '" PF_PARTITION_COLUMN
				      "' would clash with the partition column");
	/* What the table refuses is refused before it is accepted. */
	def->columns[def->id_column].nullable = false;
	def->columns[def->time_column].nullable = false;
	pf_def_kinds(def);
	return 0;
}

/* By day; but a key that does not name the partition's column says that there
 * is one row of it in the table, not one a day. */
static int load_grain(const struct pf_def_load *l, const struct pf_yaml *root)
{
	const struct pf_yaml *node = pf_yaml_get(root, "partition");
	const struct pf_yaml *key = pf_yaml_get(root, "primary_key");
	const char *text;
	PF_TRY(pf_def_word(l, root, "partition", &text));
	if (text)
		return pf_def_placed(l, node->line,
				     pf_grain_parse(text, &l->def->grain, l->err));
	bool named = false;
	char **words = NULL;
	size_t n = 0;
	int code = key ? pf_def_words(l, key, &words, &n) : 0;
	for (size_t i = 0; i < n; i++) {
		named |= !strcmp(words[i], PF_PARTITION_COLUMN);
		free(words[i]);
	}
	free(words);
	l->def->grain = key && !named ? PF_GRAIN_NONE : PF_GRAIN_DAY;
	return code;
}

static int load_buckets(const struct pf_def_load *l, const struct pf_yaml *root)
{
	const char *text;
	l->def->buckets = 1;
	PF_TRY(pf_def_word(l, root, "buckets", &text));
	if (!text)
		return 0;
	char *end;
	long n = strtol(text, &end, 10);
	if (*end || !isdigit((unsigned char)*text) || n < 1 || n > MOST_BUCKETS)
		return pf_def_refuse(l, pf_yaml_get(root, "buckets")->line,
			      "'buckets' must be a number from 1 to %d", MOST_BUCKETS);
	l->def->buckets = (int32_t)n;
	return 0;
}

static int load_root(const struct pf_def_load *l, const struct pf_yaml *root)
{
	static const char *const keys[] = { "table", "id", "time", "zone",
					    "partition", "buckets", "columns",
					    "input", "null", "primary_key",
					    "sequence", "merge", "options",
					    "row_kind" };
	struct pf_tabledef *def = l->def;
	if (root->kind != PF_YAML_MAPPING)
		return pf_def_refuse(l, root->line,
			      "a table definition is a mapping: id, time, columns ...");
	PF_TRY(pf_def_keys(l, root, "the table definition", keys,
			  sizeof keys / sizeof *keys));
	static const char *const needed[] = { "id", "time", "columns" };
	for (size_t i = 0; i < 3; i++)
		if (!pf_yaml_get(root, needed[i]) &&
		    (i || !pf_yaml_get(root, "primary_key")))
			return pf_def_refuse(l, 0, "'%s' is missing", needed[i]);
	PF_TRY(pf_def_copy(l, root, "table", &def->table));
	PF_TRY(pf_def_copy(l, root, "id", &def->id));
	PF_TRY(pf_def_copy(l, root, "time", &def->time));
	PF_TRY(pf_def_copy(l, root, "zone", &def->zone));
	if (!def->table)
		def->table = pf_strdup("");
	if (strpbrk(def->table, "/\\") || def->table[0] == '.')
		return pf_def_refuse(l, pf_yaml_get(root, "table")->line,
			      "'%s' cannot name a table", def->table);
	if (!def->zone)
		def->zone = pf_strdup("UTC");
	struct pf_zone *zone = NULL;
	const struct pf_yaml *node = pf_yaml_get(root, "zone");
	PF_TRY(pf_def_placed(l, node ? node->line : 0,
		      pf_zone_open(def->zone, &zone, l->err)));
	pf_zone_close(zone);
	PF_TRY(load_grain(l, root));
	PF_TRY(load_buckets(l, root));
	if ((node = pf_yaml_get(root, "null"))) {
		PF_TRY(pf_def_words(l, node, &def->nulls, &def->nnulls));
		def->has_nulls = true;
	}
	if ((node = pf_yaml_get(root, "input")))
		PF_TRY(pf_def_input(l, node));
	PF_TRY(pf_def_columns(l, pf_yaml_get(root, "columns")));
	PF_TRY(pf_def_key(l, root));
	node = pf_yaml_get(root, "id");
	return check_whole(l, node ? node->line : 0, pf_yaml_get(root, "time")->line);
}

int pf_tabledef_parse(const char *yaml, size_t len, const char *name,
		      struct pf_tabledef **def, struct pf_error *err)
{
	struct pf_yaml *root;
	*def = NULL;
	PF_TRY(pf_yaml_parse(yaml, len, name, &root, err));
	struct pf_tabledef *d = pf_zalloc(1, sizeof *d);
	const struct pf_def_load l = { .name = name, .def = d, .err = err };
	int code = load_root(&l, root);
	pf_yaml_free(root);
	if (code) {
		pf_tabledef_free(d);
		return code;
	}
	d->text = pf_tabledef_print(d);
	*def = d;
	return 0;
}

int pf_tabledef_load(const char *path, struct pf_tabledef **def,
		     struct pf_error *err)
{
	struct pf_buf text = { 0 };
	*def = NULL;
	int code = pf_read_file(path, PF_YAML_LIMIT_BYTES, &text, err);
	if (!code)
		code = pf_tabledef_parse((const char *)text.data, text.len, path, def,
					 err);
	pf_buf_free(&text);
	return code;
}

void pf_tabledef_free(struct pf_tabledef *def)
{
	if (!def)
		return;
	for (size_t i = 0; i < def->n; i++) {
		struct pf_coldef *c = &def->columns[i];
		free(c->name);
		pf_strings_free(c->from, c->nfrom);
		free(c->match);
		free(c->was);
		free(c->aggregate);
		free(c->format);
		free(c->zone);
		pf_strings_free(c->nulls, c->nnulls);
	}
	free(def->columns);
	pf_strings_free(def->nulls, def->nnulls);
	pf_strings_free(def->input.names, def->input.nnames);
	pf_strings_free(def->primary_key, def->nprimary_key);
	pf_strings_free(def->sequence, def->nsequence);
	free(def->merge);
	pf_meta_free(&def->options);
	free(def->row_kind);
	free(def->row_delete);
	free(def->input.comment);
	free(def->input.pattern);
	free(def->input.database);
	free(def->input.table);
	free(def->table);
	free(def->id);
	free(def->time);
	free(def->zone);
	free(def->text);
	free(def);
}

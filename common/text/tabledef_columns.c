/* SPDX-License-Identifier: Apache-2.0
 *
 * The member `columns` of a table definition.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "base/zone.h"
#include "text/tabledef_load.h"
#include "text/timefmt.h"

enum { MOST_COLUMNS = 2000, LONGEST_NAME = 255 };

static int load_type(const struct pf_def_load *l, const struct pf_yaml *node,
		     struct pf_coldef *c)
{
	if (node->kind != PF_YAML_SCALAR)
		return pf_def_refuse(l, node->line, "the type of '%s' must be a word", c->name);
	c->nullable = true;
	PF_TRY(pf_def_placed(l, node->line,
		      pf_type_parse(node->text, &c->type, &c->nullable, l->err)));
	if (c->type.kind == PF_LARGE_BYTES || c->type.kind == PF_STRINGS)
		return pf_def_refuse(l, node->line, "'%s' cannot be of type '%s'", c->name,
			      node->text);
	return 0;
}

static int load_source(const struct pf_def_load *l, const struct pf_yaml *map,
		       struct pf_coldef *c)
{
	const struct pf_yaml *node = pf_yaml_get(map, "from");
	if (node) {
		PF_TRY(pf_def_words(l, node, &c->from, &c->nfrom));
		for (size_t i = 0; i < c->nfrom; i++)
			if (!*c->from[i])
				return pf_def_refuse(l, node->line, "'from' is empty");
		if (!c->nfrom)
			return pf_def_refuse(l, node->line, "'from' is empty");
	}
	c->from_filename = c->nfrom == 1 && !strcmp(c->from[0], "filename");
	PF_TRY(pf_def_copy(l, map, "match", &c->match));
	if (!c->match)
		return 0;
	unsigned line = pf_yaml_get(map, "match")->line;
	if (!c->from_filename)
		return pf_def_refuse(l, line, "'match' goes with 'from: filename'");
	return pf_def_regex(l, line, "match", c->match, NULL);
}

static int load_column_extras(const struct pf_def_load *l, const struct pf_yaml *map,
			      struct pf_coldef *c)
{
	const struct pf_yaml *node;
	PF_TRY(load_source(l, map, c));
	PF_TRY(pf_def_copy(l, map, "was", &c->was));
	PF_TRY(pf_def_copy(l, map, "aggregate", &c->aggregate));
	PF_TRY(pf_def_copy(l, map, "format", &c->format));
	PF_TRY(pf_def_copy(l, map, "zone", &c->zone));
	if ((node = pf_yaml_get(map, "year"))) {
		const char *text = node->kind == PF_YAML_SCALAR ? node->text : "";
		if (strlen(text) != 4 || strspn(text, "0123456789") != 4 || *text == '0')
			return pf_def_refuse(l, node->line, "'year' is a year like 2024");
		c->year = (int)strtol(text, NULL, 10);
	}
	if (c->format) {
		unsigned line = pf_yaml_get(map, "format")->line;
		struct pf_timefmt ignored;
		if (!pf_kind_is_time(c->type.kind))
			return pf_def_refuse(l, line,
				      "'format' goes with dates and times, not with '%s'",
				      c->name);
		PF_TRY(pf_def_placed(l, line,
			      pf_timefmt_parse(c->format, c->type.kind != PF_TIME,
					       c->type.kind != PF_DATE, c->year,
					       &ignored, l->err)));
	} else if (c->year) {
		return pf_def_refuse(l, pf_yaml_get(map, "year")->line,
			      "'year' goes with a 'format' that has none");
	}
	if (c->zone) {
		unsigned line = pf_yaml_get(map, "zone")->line;
		struct pf_zone *zone = NULL;
		if (!pf_kind_is_time(c->type.kind))
			return pf_def_refuse(l, line, "'zone' goes with times, not with '%s'",
				      c->name);
		PF_TRY(pf_def_placed(l, line, pf_zone_open(c->zone, &zone, l->err)));
		pf_zone_close(zone);
	}
	if ((node = pf_yaml_get(map, "null"))) {
		PF_TRY(pf_def_words(l, node, &c->nulls, &c->nnulls));
		c->has_nulls = true;
	}
	if ((node = pf_yaml_get(map, "round"))) {
		if (node->kind != PF_YAML_SCALAR || strcmp(node->text, "down"))
			return pf_def_refuse(l, node->line, "'round' can only be: down");
		c->round_down = true;
		if (!pf_kind_is_time(c->type.kind) && c->type.kind != PF_DECIMAL)
			return pf_def_refuse(l, node->line,
				      "'round' goes with times and decimals, not with '%s'",
				      c->name);
	}
	return 0;
}

static int check_name(const struct pf_def_load *l, unsigned line, const char *name)
{
	static const char *const taken[] = { "_SEQUENCE_NUMBER", "_VALUE_KIND",
					     "_LEVEL", "_ROW_ID", "rowkind",
					     "pf_pos" };
	char shown[96];
	size_t len = strlen(name);
	pf_quote(shown, sizeof shown, name, len);
	if (!len || len > LONGEST_NAME || !pf_utf8_valid(name, len))
		return pf_def_refuse(l, line, "'%s' cannot name a column (1 to %d bytes of UTF-8)",
			      shown, LONGEST_NAME);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return pf_def_refuse(l, line,
				      "the column name '%s' has a control character",
				      shown);
	bool bad = !strncmp(name, "_KEY_", 5);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		bad = bad || !strcmp(name, taken[i]);
	if (bad)
		return pf_def_refuse(l, line, "the column name '%s' is reserved", shown);
	return 0;
}

static int load_column(const struct pf_def_load *l, const struct pf_yaml *node,
		       struct pf_coldef *c)
{
	static const char *const keys[] = { "type", "from", "format", "zone",
					    "null", "round", "match", "year",
					    "was", "aggregate" };
	c->line = node->key_line;
	c->field_id = (int32_t)(c - l->def->columns);
	c->name = pf_strdup(node->key);
	PF_TRY(check_name(l, node->key_line, node->key));
	if (node->kind == PF_YAML_SCALAR)
		return load_type(l, node, c);
	char where[128];
	snprintf(where, sizeof where, "the column '%.80s'", node->key);
	if (node->kind != PF_YAML_MAPPING)
		return pf_def_refuse(l, node->line, "%s must be a type or a mapping", where);
	PF_TRY(pf_def_keys(l, node, where, keys, sizeof keys / sizeof *keys));
	const struct pf_yaml *type = pf_yaml_get(node, "type");
	if (!type)
		return pf_def_refuse(l, node->key_line, "%s has no 'type'", where);
	PF_TRY(load_type(l, type, c));
	return load_column_extras(l, node, c);
}

int pf_def_columns(const struct pf_def_load *l, const struct pf_yaml *node)
{
	struct pf_tabledef *def = l->def;
	if (node->kind != PF_YAML_MAPPING || !node->n)
		return pf_def_refuse(l, node->line,
			      "'columns' must be a mapping from names to types");
	if (node->n > MOST_COLUMNS)
		return pf_def_refuse(l, node->line, "more than %d columns", MOST_COLUMNS);
	def->columns = pf_zalloc(node->n, sizeof *def->columns);
	for (size_t i = 0; i < node->n; i++) {
		def->n++;
		PF_TRY(load_column(l, &node->items[i], &def->columns[i]));
	}
	return 0;
}

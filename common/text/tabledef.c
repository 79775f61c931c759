/* SPDX-License-Identifier: Apache-2.0 */
#include "text/tabledef.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/near.h"
#include "base/utf8.h"
#include "base/zone.h"
#include "ext/yaml.h"
#include "text/tabledef_text.h"
#include "text/timefmt.h"

enum { MOST_COLUMNS = 2000, MOST_BUCKETS = 1 << 16, LONGEST_NAME = 255 };

struct load {
	const char *name; /* of the file */
	struct pf_tabledef *def;
	struct pf_error *err;
};

static int refuse(const struct load *l, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct load *l, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (!line)
		return pf_fail(l->err, PF_E_SCHEMA_FILE, "'%s': %s", l->name, text);
	return pf_fail(l->err, PF_E_SCHEMA_FILE, "'%s' line %u: %s", l->name, line,
		       text);
}

/* An error of another module gets the place in front. */
static int placed(const struct load *l, unsigned line, int code)
{
	if (code) {
		pf_context(l->err, "'%s' line %u", l->name, line);
		if (l->err)
			l->err->code = PF_E_SCHEMA_FILE;
	}
	return code ? PF_E_SCHEMA_FILE : 0;
}

/* --- pieces of YAML --- */

static int unknown_key(const struct load *l, const struct pf_yaml *node,
		       const char *where, const char *const *keys, size_t n)
{
	char shown[96];
	pf_quote(shown, sizeof shown, node->key, strlen(node->key));
	refuse(l, node->key_line, "unknown key '%s' in %s", shown, where);
	const char *near = pf_near_of(node->key, keys, n);
	if (near)
		return pf_hint(l->err, "did you mean '%s'?", near);
	struct pf_buf list = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_buf_printf(&list, "%s%s", i ? ", " : "", keys[i]);
	pf_hint(l->err, "known are: %s", pf_buf_cstr(&list));
	pf_buf_free(&list);
	return PF_E_SCHEMA_FILE;
}

static int check_keys(const struct load *l, const struct pf_yaml *map,
		      const char *where, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < map->n; i++) {
		bool known = false;
		for (size_t k = 0; k < n && !known; k++)
			known = !strcmp(map->items[i].key, keys[k]);
		if (!known)
			return unknown_key(l, &map->items[i], where, keys, n);
	}
	return 0;
}

/* The text of a member, NULL when absent; a collection is refused. */
static int word(const struct load *l, const struct pf_yaml *map, const char *key,
		const char **out)
{
	const struct pf_yaml *node = pf_yaml_get(map, key);
	*out = NULL;
	if (!node)
		return 0;
	if (node->kind != PF_YAML_SCALAR)
		return refuse(l, node->line, "'%s' must be a single value", key);
	if (!*node->text)
		return refuse(l, node->line, "'%s' is empty", key);
	*out = node->text;
	return 0;
}

static int copy_word(const struct load *l, const struct pf_yaml *map,
		     const char *key, char **out)
{
	const char *text;
	PF_TRY(word(l, map, key, &text));
	if (text)
		*out = pf_strdup(text);
	return 0;
}

static int boolean(const struct load *l, const struct pf_yaml *node, bool *out)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };
	for (size_t i = 0; node->kind == PF_YAML_SCALAR && i < 3; i++) {
		if (!strcmp(node->text, yes[i]) || !strcmp(node->text, no[i])) {
			*out = !strcmp(node->text, yes[i]);
			return 0;
		}
	}
	return refuse(l, node->line, "'%s' must be true or false", node->key);
}

/* A scalar or a sequence of scalars. */
static int words(const struct load *l, const struct pf_yaml *node, char ***out,
		 size_t *n)
{
	const struct pf_yaml *items = node->kind == PF_YAML_SCALAR ? node :
								     node->items;
	*n = 0;
	if (node->kind == PF_YAML_MAPPING)
		return refuse(l, node->line, "'%s' must be a value or a list",
			      node->key);
	size_t count = node->kind == PF_YAML_SCALAR ? 1 : node->n;
	*out = pf_zalloc(count + 1, sizeof **out);
	for (size_t i = 0; i < count; i++) {
		if (items[i].kind != PF_YAML_SCALAR)
			return refuse(l, items[i].line,
				      "'%s' must be a list of plain values", node->key);
		(*out)[(*n)++] = pf_strdup(items[i].text);
	}
	return 0;
}

/* --- input: --- */

static int one_character(const struct load *l, const struct pf_yaml *node,
			 bool may_be_none, char *out)
{
	static const struct {
		const char *name;
		char value;
	} names[] = { { "tab", '\t' },	 { "comma", ',' }, { "semicolon", ';' },
		      { "pipe", '|' },	 { "blank", ' ' }, { "space", ' ' },
		      { "\\t", '\t' } };
	const char *text = node->kind == PF_YAML_SCALAR ? node->text : "";
	*out = '\0';
	if (may_be_none && !strcmp(text, "none"))
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(text, names[i].name))
			*out = names[i].value;
	if (strlen(text) == 1)
		*out = *text;
	if (!*out || (unsigned char)*out >= 0x80 || *out == '\n' || *out == '\r' ||
	    isalnum((unsigned char)*out))
		return refuse(l, node->line,
			      "'%s' must be one character (ASCII, no letter or digit), or tab, comma, semicolon, pipe, blank%s",
			      node->key, may_be_none ? ", none" : "");
	return 0;
}

static int load_header(const struct load *l, const struct pf_yaml *node,
		       struct pf_text_input *in)
{
	bool line = false;
	if (node->kind == PF_YAML_SEQUENCE) {
		in->header = PF_HEADER_NAMES;
		if (!node->n)
			return refuse(l, node->line, "'header' is an empty list");
		return words(l, node, &in->names, &in->nnames);
	}
	if (node->kind == PF_YAML_SCALAR && !strcmp(node->text, "zeek")) {
		in->header = PF_HEADER_ZEEK;
		return 0;
	}
	if (boolean(l, node, &line))
		return refuse(l, node->line,
			      "'header' must be true, false, zeek, or the list of names");
	in->header = line ? PF_HEADER_LINE : PF_HEADER_NONE;
	return 0;
}

/* Compiles? Then how many groups it has. */
static int check_regex(const struct load *l, unsigned line, const char *key,
		       const char *text, size_t *groups)
{
	regex_t regex;
	int bad = regcomp(&regex, text, REG_EXTENDED | REG_NEWLINE);
	if (bad) {
		char why[128];
		regerror(bad, &regex, why, sizeof why);
		return refuse(l, line, "'%s' is no regular expression: %s", key, why);
	}
	if (groups)
		*groups = regex.re_nsub;
	regfree(&regex);
	return 0;
}

/* What takes lines apart: the pattern's groups are named by the header. */
static int load_pattern(const struct load *l, const struct pf_yaml *node,
			struct pf_text_input *in)
{
	PF_TRY(copy_word(l, node, "pattern", &in->pattern));
	if (!in->pattern) {
		if (in->format == PF_TEXT_LINES)
			return refuse(l, node->line, "'format: lines' needs a 'pattern'");
		return 0;
	}
	unsigned line = pf_yaml_get(node, "pattern")->line;
	if (in->format != PF_TEXT_LINES)
		return refuse(l, line, "'pattern' goes with 'format: lines'");
	if (in->header == PF_HEADER_LINE || in->header == PF_HEADER_ZEEK ||
	    in->delimiter || in->has_quote)
		return refuse(l, line,
			      "lines with a 'pattern' have no header line, delimiter or quote");
	size_t groups = 0;
	PF_TRY(check_regex(l, line, "pattern", in->pattern, &groups));
	if (!groups)
		return refuse(l, line, "'pattern' has no group: what stands in () becomes a field");
	if (in->header == PF_HEADER_NAMES && in->nnames != groups)
		return refuse(l, line, "'pattern' has %zu groups and 'header' %zu names",
			      groups, in->nnames);
	if (in->header == PF_HEADER_AUTO)
		in->header = PF_HEADER_NONE;
	return 0;
}

static int load_input(const struct load *l, const struct pf_yaml *node)
{
	static const char *const keys[] = { "format", "delimiter", "header",
					    "comment", "quote", "escape",
					    "pattern" };
	struct pf_text_input *in = &l->def->input;
	if (node->kind != PF_YAML_MAPPING)
		return refuse(l, node->line, "'input' must be a mapping");
	PF_TRY(check_keys(l, node, "'input'", keys, sizeof keys / sizeof *keys));
	const char *text;
	PF_TRY(word(l, node, "format", &text));
	if (text)
		PF_TRY(placed(l, pf_yaml_get(node, "format")->line,
			      pf_text_format_parse(text, &in->format, l->err)));
	const struct pf_yaml *member = pf_yaml_get(node, "delimiter");
	if (member)
		PF_TRY(one_character(l, member, false, &in->delimiter));
	if ((member = pf_yaml_get(node, "quote"))) {
		PF_TRY(one_character(l, member, true, &in->quote));
		in->has_quote = true;
	}
	if ((member = pf_yaml_get(node, "header")))
		PF_TRY(load_header(l, member, in));
	PF_TRY(copy_word(l, node, "comment", &in->comment));
	PF_TRY(load_pattern(l, node, in));
	PF_TRY(word(l, node, "escape", &text));
	if (text && strcmp(text, "backslash") && strcmp(text, "none"))
		return refuse(l, pf_yaml_get(node, "escape")->line,
			      "'escape' must be backslash or none");
	in->escapes = text && !strcmp(text, "backslash");
	if (in->delimiter && in->delimiter == in->quote)
		return refuse(l, node->line, "'delimiter' and 'quote' are the same");
	return 0;
}

/* --- columns: --- */

static int load_type(const struct load *l, const struct pf_yaml *node,
		     struct pf_coldef *c)
{
	if (node->kind != PF_YAML_SCALAR)
		return refuse(l, node->line, "the type of '%s' must be a word", c->name);
	c->nullable = true;
	PF_TRY(placed(l, node->line,
		      pf_type_parse(node->text, &c->type, &c->nullable, l->err)));
	if (c->type.kind == PF_LARGE_BYTES || c->type.kind == PF_STRINGS)
		return refuse(l, node->line, "'%s' cannot be of type '%s'", c->name,
			      node->text);
	return 0;
}

static int load_source(const struct load *l, const struct pf_yaml *map,
		       struct pf_coldef *c)
{
	const struct pf_yaml *node = pf_yaml_get(map, "from");
	if (node) {
		PF_TRY(words(l, node, &c->from, &c->nfrom));
		for (size_t i = 0; i < c->nfrom; i++)
			if (!*c->from[i])
				return refuse(l, node->line, "'from' is empty");
		if (!c->nfrom)
			return refuse(l, node->line, "'from' is empty");
	}
	c->from_filename = c->nfrom == 1 && !strcmp(c->from[0], "filename");
	PF_TRY(copy_word(l, map, "match", &c->match));
	if (!c->match)
		return 0;
	unsigned line = pf_yaml_get(map, "match")->line;
	if (!c->from_filename)
		return refuse(l, line, "'match' goes with 'from: filename'");
	return check_regex(l, line, "match", c->match, NULL);
}

static bool is_time_kind(enum pf_kind kind)
{
	return kind == PF_DATE || kind == PF_TIME || pf_kind_is_timestamp(kind);
}

static int load_column_extras(const struct load *l, const struct pf_yaml *map,
			      struct pf_coldef *c)
{
	const struct pf_yaml *node;
	PF_TRY(load_source(l, map, c));
	PF_TRY(copy_word(l, map, "format", &c->format));
	PF_TRY(copy_word(l, map, "zone", &c->zone));
	if ((node = pf_yaml_get(map, "year"))) {
		const char *text = node->kind == PF_YAML_SCALAR ? node->text : "";
		if (strlen(text) != 4 || strspn(text, "0123456789") != 4 || *text == '0')
			return refuse(l, node->line, "'year' is a year like 2024");
		c->year = (int)strtol(text, NULL, 10);
	}
	if (c->format) {
		unsigned line = pf_yaml_get(map, "format")->line;
		struct pf_timefmt ignored;
		if (!is_time_kind(c->type.kind))
			return refuse(l, line,
				      "'format' goes with dates and times, not with '%s'",
				      c->name);
		PF_TRY(placed(l, line,
			      pf_timefmt_parse(c->format, c->type.kind != PF_TIME,
					       c->type.kind != PF_DATE, c->year,
					       &ignored, l->err)));
	} else if (c->year) {
		return refuse(l, pf_yaml_get(map, "year")->line,
			      "'year' goes with a 'format' that has none");
	}
	if (c->zone) {
		unsigned line = pf_yaml_get(map, "zone")->line;
		struct pf_zone *zone = NULL;
		if (!is_time_kind(c->type.kind))
			return refuse(l, line, "'zone' goes with times, not with '%s'",
				      c->name);
		PF_TRY(placed(l, line, pf_zone_open(c->zone, &zone, l->err)));
		pf_zone_close(zone);
	}
	if ((node = pf_yaml_get(map, "null"))) {
		PF_TRY(words(l, node, &c->nulls, &c->nnulls));
		c->has_nulls = true;
	}
	if ((node = pf_yaml_get(map, "round"))) {
		if (node->kind != PF_YAML_SCALAR || strcmp(node->text, "down"))
			return refuse(l, node->line, "'round' can only be: down");
		c->round_down = true;
		if (!is_time_kind(c->type.kind) && c->type.kind != PF_DECIMAL)
			return refuse(l, node->line,
				      "'round' goes with times and decimals, not with '%s'",
				      c->name);
	}
	return 0;
}

static int check_name(const struct load *l, unsigned line, const char *name)
{
	static const char *const taken[] = { "_SEQUENCE_NUMBER", "_VALUE_KIND",
					     "_LEVEL", "_ROW_ID", "rowkind",
					     "pf_pos" };
	char shown[96];
	size_t len = strlen(name);
	pf_quote(shown, sizeof shown, name, len);
	if (!len || len > LONGEST_NAME || !pf_utf8_valid(name, len))
		return refuse(l, line, "'%s' cannot name a column (1 to %d bytes of UTF-8)",
			      shown, LONGEST_NAME);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return refuse(l, line,
				      "the column name '%s' has a control character",
				      shown);
	bool bad = !strncmp(name, "_KEY_", 5);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		bad = bad || !strcmp(name, taken[i]);
	if (bad)
		return refuse(l, line, "the column name '%s' is reserved", shown);
	return 0;
}

static int load_column(const struct load *l, const struct pf_yaml *node,
		       struct pf_coldef *c)
{
	static const char *const keys[] = { "type", "from", "format", "zone",
					    "null", "round", "match", "year" };
	c->line = node->key_line;
	c->field_id = (int32_t)(c - l->def->columns);
	c->name = pf_strdup(node->key);
	PF_TRY(check_name(l, node->key_line, node->key));
	if (node->kind == PF_YAML_SCALAR)
		return load_type(l, node, c);
	char where[128];
	snprintf(where, sizeof where, "the column '%.80s'", node->key);
	if (node->kind != PF_YAML_MAPPING)
		return refuse(l, node->line, "%s must be a type or a mapping", where);
	PF_TRY(check_keys(l, node, where, keys, sizeof keys / sizeof *keys));
	const struct pf_yaml *type = pf_yaml_get(node, "type");
	if (!type)
		return refuse(l, node->key_line, "%s has no 'type'", where);
	PF_TRY(load_type(l, type, c));
	return load_column_extras(l, node, c);
}

static int load_columns(const struct load *l, const struct pf_yaml *node)
{
	struct pf_tabledef *def = l->def;
	if (node->kind != PF_YAML_MAPPING || !node->n)
		return refuse(l, node->line,
			      "'columns' must be a mapping from names to types");
	if (node->n > MOST_COLUMNS)
		return refuse(l, node->line, "more than %d columns", MOST_COLUMNS);
	def->columns = pf_zalloc(node->n, sizeof *def->columns);
	for (size_t i = 0; i < node->n; i++) {
		def->n++;
		PF_TRY(load_column(l, &node->items[i], &def->columns[i]));
	}
	return 0;
}

/* --- the whole --- */

static int find_column(const struct load *l, const char *what, const char *name,
		       unsigned line, int *at)
{
	const struct pf_tabledef *def = l->def;
	const char **names = pf_alloc(def->n + 1, sizeof *names);
	*at = -1;
	for (size_t i = 0; i < def->n; i++) {
		names[i] = def->columns[i].name;
		if (!strcmp(names[i], name))
			*at = (int)i;
	}
	int code = 0;
	if (*at < 0) {
		const char *near = pf_near_of(name, names, def->n);
		code = refuse(l, line, "'%s' names the column '%s', which is not there",
			      what, name);
		if (near)
			pf_hint(l->err, "did you mean '%s'?", near);
	}
	free(names);
	return code;
}

static bool can_be_id(enum pf_kind kind)
{
	return pf_kind_is_integer(kind) || kind == PF_STRING || kind == PF_DECIMAL ||
	       kind == PF_DATE;
}

static int check_whole(const struct load *l, unsigned id_line, unsigned time_line)
{
	struct pf_tabledef *def = l->def;
	char type[40];
	PF_TRY(find_column(l, "id", def->id, id_line, &def->id_column));
	PF_TRY(find_column(l, "time", def->time, time_line, &def->time_column));
	const struct pf_coldef *id = &def->columns[def->id_column];
	const struct pf_coldef *time = &def->columns[def->time_column];
	if (!can_be_id(id->type.kind)) {
		refuse(l, id->line ? id->line : id_line,
		       "the ID column '%s' cannot be of type '%s'", id->name,
		       pf_type_name(id->type, type));
		return pf_hint(l->err, "integers, string, decimal or date");
	}
	if (time->type.kind != PF_DATE && !pf_kind_is_timestamp(time->type.kind)) {
		refuse(l, time->line ? time->line : time_line,
		       "the time column '%s' cannot be of type '%s'", time->name,
		       pf_type_name(time->type, type));
		return pf_hint(l->err, "timestamp(0..6), timestamp_ltz(0..6) or date");
	}
	for (size_t i = 0; i < def->n; i++)
		if (def->grain != PF_GRAIN_NONE &&
		    !strcmp(def->columns[i].name, PF_PARTITION_COLUMN))
			return refuse(l, def->columns[i].line,
				      "a column named '" PF_PARTITION_COLUMN
				      "' would clash with the partition column");
	/* What the table refuses is refused before it is accepted. */
	def->columns[def->id_column].nullable = false;
	def->columns[def->time_column].nullable = false;
	return 0;
}

static int refuse_later_features(const struct load *l, const struct pf_yaml *root)
{
	static const char *const later[] = { "primary_key", "primary-key",
					     "row_kind", "rowkind", "row-kind",
					     "sequence", "merge" };
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		const struct pf_yaml *node = pf_yaml_get(root, later[i]);
		if (!node)
			continue;
		refuse(l, node->key_line,
		       "'%s': tables with updates are not supported yet", later[i]);
		return pf_hint(l->err, "every row is kept; remove the line");
	}
	return 0;
}

static int load_buckets(const struct load *l, const struct pf_yaml *root)
{
	const char *text;
	l->def->buckets = 1;
	PF_TRY(word(l, root, "buckets", &text));
	if (!text)
		return 0;
	char *end;
	long n = strtol(text, &end, 10);
	if (*end || !isdigit((unsigned char)*text) || n < 1 || n > MOST_BUCKETS)
		return refuse(l, pf_yaml_get(root, "buckets")->line,
			      "'buckets' must be a number from 1 to %d", MOST_BUCKETS);
	l->def->buckets = (int32_t)n;
	return 0;
}

static int load_root(const struct load *l, const struct pf_yaml *root)
{
	static const char *const keys[] = { "table", "id", "time", "zone",
					    "partition", "buckets", "columns",
					    "input", "null" };
	struct pf_tabledef *def = l->def;
	if (root->kind != PF_YAML_MAPPING)
		return refuse(l, root->line,
			      "a table definition is a mapping: id, time, columns ...");
	PF_TRY(refuse_later_features(l, root));
	PF_TRY(check_keys(l, root, "the table definition", keys,
			  sizeof keys / sizeof *keys));
	static const char *const needed[] = { "id", "time", "columns" };
	for (size_t i = 0; i < 3; i++)
		if (!pf_yaml_get(root, needed[i]))
			return refuse(l, 0, "'%s' is missing", needed[i]);
	PF_TRY(copy_word(l, root, "table", &def->table));
	PF_TRY(copy_word(l, root, "id", &def->id));
	PF_TRY(copy_word(l, root, "time", &def->time));
	PF_TRY(copy_word(l, root, "zone", &def->zone));
	if (!def->table)
		def->table = pf_strdup("");
	if (strpbrk(def->table, "/\\") || def->table[0] == '.')
		return refuse(l, pf_yaml_get(root, "table")->line,
			      "'%s' cannot name a table", def->table);
	if (!def->zone)
		def->zone = pf_strdup("UTC");
	struct pf_zone *zone = NULL;
	const struct pf_yaml *node = pf_yaml_get(root, "zone");
	PF_TRY(placed(l, node ? node->line : 0,
		      pf_zone_open(def->zone, &zone, l->err)));
	pf_zone_close(zone);
	const char *text;
	PF_TRY(word(l, root, "partition", &text));
	def->grain = PF_GRAIN_DAY;
	if (text)
		PF_TRY(placed(l, pf_yaml_get(root, "partition")->line,
			      pf_grain_parse(text, &def->grain, l->err)));
	PF_TRY(load_buckets(l, root));
	if ((node = pf_yaml_get(root, "null"))) {
		PF_TRY(words(l, node, &def->nulls, &def->nnulls));
		def->has_nulls = true;
	}
	if ((node = pf_yaml_get(root, "input")))
		PF_TRY(load_input(l, node));
	PF_TRY(load_columns(l, pf_yaml_get(root, "columns")));
	return check_whole(l, pf_yaml_get(root, "id")->line,
			   pf_yaml_get(root, "time")->line);
}

int pf_tabledef_parse(const char *yaml, size_t len, const char *name,
		      struct pf_tabledef **def, struct pf_error *err)
{
	struct pf_yaml *root;
	*def = NULL;
	PF_TRY(pf_yaml_parse(yaml, len, name, &root, err));
	struct pf_tabledef *d = pf_zalloc(1, sizeof *d);
	const struct load l = { .name = name, .def = d, .err = err };
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

static void free_words(char **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free(list[i]);
	free(list);
}

void pf_tabledef_free(struct pf_tabledef *def)
{
	if (!def)
		return;
	for (size_t i = 0; i < def->n; i++) {
		struct pf_coldef *c = &def->columns[i];
		free(c->name);
		free_words(c->from, c->nfrom);
		free(c->match);
		free(c->format);
		free(c->zone);
		free_words(c->nulls, c->nnulls);
	}
	free(def->columns);
	free_words(def->nulls, def->nnulls);
	free_words(def->input.names, def->input.nnames);
	free(def->input.comment);
	free(def->input.pattern);
	free(def->table);
	free(def->id);
	free(def->time);
	free(def->zone);
	free(def->text);
	free(def);
}

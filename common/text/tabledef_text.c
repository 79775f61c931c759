/* SPDX-License-Identifier: Apache-2.0 */
#include "text/tabledef_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/near.h"

static const char *const format_names[] = { "auto", "csv", "tsv", "jsonl",
					    "json", "lines", "debezium-json",
					    "canal-json", "maxwell-json" };

const char *pf_text_format_name(enum pf_text_format format)
{
	return format_names[format];
}

int pf_text_format_parse(const char *name, enum pf_text_format *format,
			 struct pf_error *err)
{
	for (int i = PF_TEXT_CSV; i <= PF_TEXT_MAXWELL; i++)
		if (!strcmp(name, format_names[i])) {
			*format = (enum pf_text_format)i;
			return 0;
		}
	if (!strcmp(name, "ndjson")) {
		*format = PF_TEXT_JSONL;
		return 0;
	}
	char shown[64];
	pf_quote(shown, sizeof shown, name, strlen(name));
	pf_fail(err, PF_E_USAGE, "unknown text format '%s'", shown);
	return pf_hint(err, "csv, tsv, jsonl, json, lines, debezium-json, canal-json or maxwell-json");
}

/* Words that YAML readers take for something else than text. */
static bool is_keyword(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on",
					     "off", "null", "~", "y", "n" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

static void quoted(struct pf_buf *out, const char *text)
{
	pf_buf_byte(out, '"');
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			pf_buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			pf_buf_printf(out, "\\x%02x", c);
		else
			pf_buf_byte(out, c);
	}
	pf_buf_byte(out, '"');
}

void pf_yaml_scalar(struct pf_buf *out, const char *text)
{
	bool plain = isalpha((unsigned char)*text) || *text == '_';
	for (const char *p = text; *p && plain; p++)
		plain = isalnum((unsigned char)*p) || strchr("_-.+/(), ", *p);
	size_t len = strlen(text);
	/* Commas are safe in block context only; keep them to types. */
	if (plain && len && text[len - 1] != ' ' && !is_keyword(text) &&
	    (!strchr(text, ',') || strchr(text, '('))) {
		pf_buf_str(out, text);
		return;
	}
	quoted(out, text);
}

/* In a flow sequence or mapping commas separate: always quoted if there. */
static void flow_scalar(struct pf_buf *out, const char *text)
{
	if (strchr(text, ','))
		quoted(out, text);
	else
		pf_yaml_scalar(out, text);
}

static void member(struct pf_buf *out, const char *key, const char *value)
{
	pf_buf_printf(out, "%s: ", key);
	pf_yaml_scalar(out, value);
	pf_buf_byte(out, '\n');
}

static void list(struct pf_buf *out, char *const *items, size_t n)
{
	pf_buf_byte(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			pf_buf_str(out, ", ");
		flow_scalar(out, items[i]);
	}
	pf_buf_byte(out, ']');
}

static void print_input(struct pf_buf *out, const struct pf_text_input *in)
{
	struct pf_buf body = { 0 };
	char one[2] = { 0 };
	if (in->format != PF_TEXT_AUTO)
		pf_buf_printf(&body, "  format: %s\n", format_names[in->format]);
	if (in->delimiter) {
		one[0] = in->delimiter;
		member(&body, "  delimiter", one);
	}
	if (in->has_quote) {
		one[0] = in->quote;
		member(&body, "  quote", in->quote ? one : "none");
	}
	if (in->escapes)
		pf_buf_str(&body, "  escape: backslash\n");
	if (in->header == PF_HEADER_NAMES) {
		pf_buf_str(&body, "  header: ");
		list(&body, in->names, in->nnames);
		pf_buf_byte(&body, '\n');
	} else if (in->header != PF_HEADER_AUTO) {
		pf_buf_printf(&body, "  header: %s\n",
			      in->header == PF_HEADER_LINE ? "true" :
			      in->header == PF_HEADER_NONE ? "false" : "zeek");
	}
	if (in->comment)
		member(&body, "  comment", in->comment);
	if (in->pattern)
		member(&body, "  pattern", in->pattern);
	if (in->database)
		member(&body, "  database", in->database);
	if (in->table)
		member(&body, "  table", in->table);
	if (body.len) {
		pf_buf_str(out, "input:\n");
		pf_buf_add(out, body.data, body.len);
	}
	pf_buf_free(&body);
}

static void print_column(struct pf_buf *out, const struct pf_coldef *c)
{
	char type[40];
	const char *not_null = c->nullable ? "" : " not null";
	pf_buf_str(out, "  ");
	pf_yaml_scalar(out, c->name);
	pf_type_name(c->type, type);
	if (!c->nfrom && !c->format && !c->zone && !c->has_nulls && !c->round_down &&
	    !c->aggregate) {
		pf_buf_printf(out, ": %s%s\n", type, not_null);
		return;
	}
	pf_buf_printf(out, ":\n    type: %s%s\n", type, not_null);
	if (c->nfrom) {
		pf_buf_str(out, "    from: ");
		if (c->nfrom == 1)
			pf_yaml_scalar(out, c->from[0]);
		else
			list(out, c->from, c->nfrom);
		pf_buf_byte(out, '\n');
	}
	if (c->match)
		member(out, "    match", c->match);
	if (c->format)
		member(out, "    format", c->format);
	if (c->year)
		pf_buf_printf(out, "    year: %d\n", c->year);
	if (c->zone)
		member(out, "    zone", c->zone);
	if (c->has_nulls) {
		pf_buf_str(out, "    null: ");
		list(out, c->nulls, c->nnulls);
		pf_buf_byte(out, '\n');
	}
	if (c->round_down)
		pf_buf_str(out, "    round: down\n");
	if (c->aggregate)
		member(out, "    aggregate", c->aggregate);
}

static void print_key(struct pf_buf *out, const struct pf_tabledef *def)
{
	if (!def->nprimary_key)
		return;
	pf_buf_str(out, "primary_key: ");
	list(out, def->primary_key, def->nprimary_key);
	if (def->nsequence) {
		pf_buf_str(out, "\nsequence: ");
		list(out, def->sequence, def->nsequence);
	}
	pf_buf_byte(out, '\n');
	member(out, "merge", def->merge);
	if (def->options.n)
		pf_buf_str(out, "options:\n");
	for (size_t i = 0; i < def->options.n; i++) {
		pf_buf_str(out, "  ");
		pf_yaml_scalar(out, def->options.items[i].key);
		pf_buf_str(out, ": ");
		pf_yaml_scalar(out, def->options.items[i].value);
		pf_buf_byte(out, '\n');
	}
	if (def->row_delete) {
		pf_buf_str(out, "row_kind:\n");
		member(out, "  from", def->row_kind);
		member(out, "  delete", def->row_delete);
	} else if (def->row_kind) {
		member(out, "row_kind", def->row_kind);
	}
}

char *pf_tabledef_print(const struct pf_tabledef *def)
{
	struct pf_buf out = { 0 };
	if (*def->table)
		member(&out, "table", def->table);
	member(&out, "id", def->id);
	member(&out, "time", def->time);
	member(&out, "zone", def->zone);
	pf_buf_printf(&out, "partition: %s\nbuckets: %d\n",
		      pf_grain_name(def->grain), def->buckets);
	print_key(&out, def);
	if (def->has_nulls) {
		pf_buf_str(&out, "\"null\": ");
		list(&out, def->nulls, def->nnulls);
		pf_buf_byte(&out, '\n');
	}
	print_input(&out, &def->input);
	pf_buf_str(&out, "columns:\n");
	for (size_t i = 0; i < def->n; i++)
		if (!def->columns[i].is_kind)
			print_column(&out, &def->columns[i]);
	pf_buf_byte(&out, 0);
	return (char *)out.data;
}

const char *pf_tabledef_text(const struct pf_tabledef *def)
{
	return def->text;
}

void pf_tabledef_options(const struct pf_tabledef *def, struct pf_meta *options)
{
	for (size_t i = 0; i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		if (!c->aggregate)
			continue;
		char *key = pf_asprintf("fields.%s.aggregate-function", c->name);
		pf_meta_set(options, key, c->aggregate);
		free(key);
	}
	for (size_t i = 0; i < def->options.n; i++)
		pf_meta_set(options, def->options.items[i].key,
			    def->options.items[i].value);
}

struct pf_schema *pf_tabledef_schema(const struct pf_tabledef *def)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		pf_schema_add(s, c->name, c->type, c->nullable)->id =
			c->field_id;
	}
	struct pf_meta options = { 0 };
	struct pf_layout layout = {
		.table = def->table,
		.id = def->id,
		.time = def->time,
		.zone = def->zone,
		.grain = def->grain,
		.buckets = def->buckets,
		.key = def->primary_key,
		.nkey = def->nprimary_key,
		.sequence = def->sequence,
		.nsequence = def->nsequence,
		.merge = def->merge,
	};
	pf_tabledef_options(def, &options);
	pf_layout_take_options(&layout, &options);
	pf_layout_write(&layout, s);
	pf_meta_free(&layout.options);
	pf_meta_free(&options);
	if (def->has_partition_id)
		pf_layout_partition_id(s, def->partition_id);
	return s;
}

int pf_tabledef_from_schema(const struct pf_schema *schema,
			    struct pf_tabledef **def, struct pf_error *err)
{
	struct pf_layout layout = { 0 };
	*def = NULL;
	PF_TRY(pf_layout_read(schema, &layout, err));
	struct pf_tabledef *d = pf_zalloc(1, sizeof *d);
	d->table = pf_strdup(layout.table);
	d->id = pf_strdup(layout.id);
	d->time = pf_strdup(layout.time);
	d->zone = pf_strdup(layout.zone);
	d->grain = layout.grain;
	d->buckets = layout.buckets;
	/* Lent by the layout until the text is made. */
	d->primary_key = layout.key;
	d->nprimary_key = layout.nkey;
	d->sequence = layout.sequence;
	d->nsequence = layout.nsequence;
	d->merge = layout.merge;
	d->options = layout.options;
	d->columns = pf_zalloc(schema->n + 1, sizeof *d->columns);
	for (size_t i = 0; i < schema->n; i++) {
		const struct pf_field *f = &schema->fields[i];
		if ((int)i == layout.partition_column)
			continue;
		if (!strcmp(f->name, PF_KIND_COLUMN)) {
			d->row_kind = pf_strdup(f->name);
			continue;
		}
		d->columns[d->n++] = (struct pf_coldef){
			.name = pf_strdup(f->name),
			.type = f->type,
			.nullable = f->nullable,
		};
	}
	/* The checks of a definition made by hand apply to this one, too. */
	char *text = pf_tabledef_print(d);
	d->primary_key = d->sequence = NULL;
	d->nprimary_key = d->nsequence = 0;
	d->merge = NULL;
	d->options = (struct pf_meta){ 0 };
	pf_tabledef_free(d);
	int code = pf_tabledef_parse(text, strlen(text), "the table's schema", def,
				     err);
	free(text);
	if (!code && layout.partition_column >= 0) {
		(*def)->partition_id = schema->fields[layout.partition_column].id;
		(*def)->has_partition_id = (*def)->partition_id >= 0;
	}
	for (size_t i = 0, k = 0; !code && i < schema->n; i++)
		if ((int)i != layout.partition_column) {
			int32_t id = schema->fields[i].id;
			(*def)->columns[k].field_id = id < 0 ? (int32_t)k : id;
			k++;
		}
	pf_layout_free(&layout);
	return code;
}

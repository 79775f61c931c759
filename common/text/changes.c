/* SPDX-License-Identifier: Apache-2.0 */
#include "text/changes_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "base/time.h"

/* Rows of one message take no more than this. */
#define MOST_BYTES ((size_t)64 << 20)
enum { MOST_UNKNOWN = 256 };

/* Postgres sends it for a large value that an update left alone. */
static const char unavailable[] = "__debezium_unavailable_value";

/* --- rows --- */

bool pf_changes_refuse(struct pf_changes *c, const char *reason)
{
	pf_json_complain(c->j, PF_E_BAD_ROW, NULL, reason);
	return false;
}

/* Puts more behind the reason of a complaint. */
static bool because(struct pf_changes *c, const char *more)
{
	size_t len = strlen(c->j->reason);
	snprintf(c->j->reason + len, sizeof c->j->reason - len, "%s", more);
	return false;
}

/* Without the schema part a decimal may be anything. */
static bool undecoded(struct pf_changes *c)
{
	const struct pf_json_rows *j = c->j;
	if (c->text->format != PF_TEXT_DEBEZIUM || c->schema.len || j->code != PF_E_BAD_VALUE)
		return false;
	for (size_t i = 0; i < c->def->n; i++)
		if (c->def->columns[i].type.kind == PF_DECIMAL &&
		    !strcmp(c->def->columns[i].name, j->column))
			return because(c, "; if it is base64, the message's schema must say so");
	return false;
}

static bool read_image(struct pf_changes *c, struct pf_json_node *root,
		       const struct pf_image *image)
{
	pf_json_begin(c->j);
	for (size_t i = 0; i < image->n; i++)
		if (!pf_json_object(c->j, root, image->objects[i].data))
			return undecoded(c);
	return true;
}

/* A deleted row that does not say when would lose against the one it deletes. */
static bool has_sequence(struct pf_changes *c)
{
	const struct pf_tabledef *def = c->def;
	for (size_t i = 0; i < def->nsequence; i++)
		for (size_t k = 0; k < def->n; k++)
			if (!strcmp(def->columns[k].name, def->sequence[i]) &&
			    c->j->columns[k].rows == c->j->target && !c->j->parts[k] &&
			    !def->columns[k].from_filename) {
				pf_json_complain(c->j, PF_E_NULL_VALUE, def->sequence[i],
						 "the value is missing");
				return false;
			}
	return true;
}

static bool is_whole(struct pf_changes *c)
{
	for (size_t i = 0; i < c->def->n; i++) {
		enum pf_kind kind = c->def->columns[i].type.kind;
		struct pf_colbuf *b = &c->rows->columns[i];
		if (kind != PF_STRING && kind != PF_BYTES)
			continue;
		size_t len = sizeof unavailable - 1;
		if (b->values.len < len ||
		    memcmp(b->values.data + b->values.len - len, unavailable, len))
			continue;
		struct pf_column view = pf_colbuf_view(b);
		if (pf_is_null(&view, b->rows - 1) ||
		    pf_bytes_at(&view, b->rows - 1).len != len)
			continue;
		pf_json_complain(c->j, PF_E_BAD_VALUE, c->def->columns[i].name,
				 "the value was not sent, since it did not change "
				 "(REPLICA IDENTITY FULL sends it)");
		return false;
	}
	return true;
}

static bool add_kind(struct pf_changes *c, enum pf_row_kind kind)
{
	static const char names[][3] = { "+I", "-U", "+U", "-D" };
	char reason[160];
	const char *why = pf_conv_append_kind(&c->j->conv[c->kind],
					      &c->j->columns[c->kind], (int8_t)kind);
	c->j->filled++;
	if (!why)
		return true;
	pf_text_reason(reason, sizeof reason, names[kind], 2, why);
	return pf_changes_refuse(c, reason);
}

static bool add_row(struct pf_changes *c, enum pf_row_kind kind, const struct pf_image *image)
{
	struct pf_json_rows *j = c->j;
	char reason[256];
	j->target = c->rows->columns[0].rows;
	if (!read_image(c, &j->root, image))
		return false;
	if (j->envelope.nchildren && !pf_json_object(j, &j->envelope, c->message))
		return false;
	if (pf_kind_retracts((int8_t)kind) && !has_sequence(c))
		return false;
	if (!add_kind(c, kind))
		return false;
	if (!pf_json_finish_row(j) || !is_whole(c))
		return false;
	if (pf_text_too_large(c->text, c->rows, c->line_bytes, reason, sizeof reason) ||
	    ((j->target & 127) == 127 && pf_builder_bytes(c->rows) - c->built > MOST_BYTES)) {
		pf_json_complain(j, PF_E_ROW_SIZE, NULL,
				 pf_builder_bytes(c->rows) - c->built > MOST_BYTES ?
				 "the message's rows take more than 64 MiB" : reason);
		return false;
	}
	return true;
}

static bool add_before(struct pf_changes *c, enum pf_row_kind kind,
		       const struct pf_image *before)
{
	return add_row(c, kind, before) || because(c, ", in the row before the change");
}

/* --- has the key changed? --- */

static bool read_key(struct pf_changes *c, const struct pf_image *before)
{
	struct pf_json_rows *j = c->j;
	for (size_t i = 0; i < c->nkey; i++)
		pf_col_truncate(&c->old->columns[c->key[i]], 0);
	j->columns = c->old->columns;
	j->target = 0;
	bool good = read_image(c, &c->keys, before);
	for (size_t i = 0; good && i < c->nkey; i++)
		if (!j->columns[c->key[i]].rows)
			good = pf_json_finish_column(j, c->key[i]);
	j->columns = c->rows->columns;
	return good || because(c, ", in the row before the change");
}

/* The text of dt. */
static size_t partition_of(struct pf_changes *c, const struct pf_column *time, int64_t row,
			   char *out)
{
	const struct pf_coldef *def = &c->def->columns[c->def->time_column];
	const struct pf_conv *conv = &c->text->conv[c->def->time_column];
	int64_t value = pf_int_at(time, def->type.kind, row);
	if (def->type.kind == PF_DATE)
		return pf_grain_format(c->def->grain, value * 86400, 1, out);
	int64_t units = pf_type_units(def->type);
	if (def->type.kind == PF_TIMESTAMP_LTZ)
		return pf_grain_format(c->def->grain,
				       pf_zone_to_wall(conv->table_zone,
						       pf_floor_div(value, units)), 1, out);
	return pf_grain_format(c->def->grain, value, units, out);
}

/* The row before, of which the key was read, against the last row. */
static bool key_changed(struct pf_changes *c)
{
	for (size_t i = 0; i < c->nkey; i++) {
		uint32_t k = c->key[i];
		enum pf_kind kind = c->def->columns[k].type.kind;
		struct pf_column was = pf_colbuf_view(&c->old->columns[k]);
		struct pf_column is = pf_colbuf_view(&c->rows->columns[k]);
		int64_t row = c->rows->columns[k].rows - 1;
		if (!pf_value_cmp(kind, &was, 0, &is, row))
			continue;
		bool of_key = i < c->def->nprimary_key;
		char text[2][24];
		if (of_key)
			return true;
		size_t n = partition_of(c, &was, 0, text[0]);
		if (n != partition_of(c, &is, row, text[1]) || memcmp(text[0], text[1], n) != 0)
			return true;
	}
	return false;
}

bool pf_changes_insert(struct pf_changes *c, const struct pf_image *after)
{
	return add_row(c, PF_ROW_INSERT, after);
}

bool pf_changes_delete(struct pf_changes *c, const struct pf_image *before)
{
	return add_before(c, PF_ROW_DELETE, before);
}

bool pf_changes_update(struct pf_changes *c, const struct pf_image *before,
		       const struct pf_image *after)
{
	int64_t row = c->rows->columns[0].rows;
	if (!before->n && c->def->wants_before)
		return pf_changes_refuse(c, "the row before the update is not in the message, and "
					 "the table needs it (REPLICA IDENTITY FULL sends it)");
	if (!add_row(c, PF_ROW_AFTER, after))
		return false;
	if (!before->n)
		return true;
	if (!read_key(c, before))
		return false;
	bool moved = key_changed(c);
	if (!moved && !c->def->wants_before)
		return true;
	pf_builder_truncate(c->rows, row);
	return add_before(c, moved ? PF_ROW_DELETE : PF_ROW_BEFORE, before) &&
	       add_row(c, moved ? PF_ROW_INSERT : PF_ROW_AFTER, after);
}

/* --- what is no row --- */

static void tell(struct pf_changes *c, bool once, const char *text)
{
	const struct pf_text *t = c->text;
	const struct pf_notice notice = { .file = t->file, .line = t->line + 1,
					  .byte = t->base + t->at, .once = once,
					  .text = text };
	if (t->options.notice)
		t->options.notice(t->options.notice_ctx, &notice);
}

void pf_changes_unknown(struct pf_changes *c, struct pf_view key)
{
	char shown[128], text[256];
	pf_quote(shown, sizeof shown, key.data, key.len);
	for (size_t i = 0; i < c->nunknown; i++)
		if (!strcmp(c->unknown[i], shown))
			return;
	if (c->nunknown == MOST_UNKNOWN)
		return;
	c->unknown = pf_realloc(c->unknown, c->nunknown + 1, sizeof *c->unknown);
	c->unknown[c->nunknown++] = pf_strdup(shown);
	snprintf(text, sizeof text,
		 "rows have a column '%s' that the definition lacks: its values are left out",
		 shown);
	tell(c, true, text);
}

/* The text of a JSON string, "" of what is none. */
static const char *text_of(struct pf_changes *c, struct pf_view v)
{
	c->scratch.len = 0;
	if (v.len >= 2 && *v.data == '"')
		pf_json_decode(v.data + 1, v.len - 2, &c->scratch);
	return pf_buf_cstr(&c->scratch);
}

bool pf_changes_concern(struct pf_changes *c, struct pf_view database, struct pf_view table)
{
	const struct pf_view names[] = { database, table };
	for (size_t i = 0; i < 2; i++)
		if (c->named[i] && regexec(&c->names[i], text_of(c, names[i]), 0, NULL, 0)) {
			c->passed.other++;
			return false;
		}
	return true;
}

bool pf_changes_schema(struct pf_changes *c, struct pf_view database, struct pf_view table,
		       struct pf_view statement)
{
	char name[2][64], said[160], text[400];
	const struct pf_view names[] = { database, table };
	for (size_t i = 0; i < 2; i++) {
		const char *as = text_of(c, names[i]);
		pf_quote(name[i], sizeof name[i], as, strlen(as));
	}
	const char *as = text_of(c, statement);
	pf_quote(said, sizeof said, as, strlen(as));
	snprintf(text, sizeof text, "the schema of '%s%s%s' was changed: '%s'", name[0],
		 *name[0] && *name[1] ? "." : "", name[1], said);
	c->passed.schema_changes++;
	tell(c, false, text);
	return true;
}

/* --- the line --- */

bool pf_changes_line(struct pf_changes *c, struct pf_builder *b, const uint8_t *p,
		     const uint8_t *end)
{
	struct pf_json_rows *j = c->j;
	c->rows = b;
	c->built = pf_builder_bytes(b);
	c->line_bytes = (size_t)(end - p);
	c->message = p;
	pf_json_begin(j);
	const uint8_t *q = pf_json_skip(&j->scan, p);
	if (!q)
		return pf_json_malformed(j, p);
	if (pf_json_blanks(&j->scan, q) != end) {
		pf_json_complain(j, PF_E_JSON, NULL, "text follows the JSON object");
		return false;
	}
	if (*p == 'n') {
		c->passed.empty++;
		return true;
	}
	if (*p != '{') {
		pf_json_complain(j, PF_E_JSON, NULL, "the message is no JSON object");
		return false;
	}
	switch (c->text->format) {
	case PF_TEXT_DEBEZIUM:
		return pf_changes_debezium(c, p);
	case PF_TEXT_CANAL:
		return pf_changes_canal(c, p);
	default:
		return pf_changes_maxwell(c, p);
	}
}

const struct pf_passed *pf_changes_passed(const struct pf_changes *c)
{
	return &c->passed;
}

/* --- life --- */

static bool in_envelope(const struct pf_coldef *column)
{
	return column->nfrom == 1 && !strncmp(column->from[0], PF_ENVELOPE, strlen(PF_ENVELOPE));
}

/* A column of what tells a row from others. */
static int add_key(struct pf_changes *c, const char *name, struct pf_error *err)
{
	for (uint32_t i = 0; i < c->def->n; i++) {
		const struct pf_coldef *column = &c->def->columns[i];
		if (strcmp(column->name, name) || column->from_filename || in_envelope(column))
			continue;
		c->key[c->nkey++] = i;
		return pf_json_tree_add(c->j, &c->keys, i, err);
	}
	return 0;
}

static int open_keys(struct pf_changes *c, struct pf_error *err)
{
	const struct pf_tabledef *def = c->def;
	const struct pf_coldef *time = &def->columns[def->time_column];
	c->key = pf_alloc(def->nprimary_key + 1, sizeof *c->key);
	for (size_t i = 0; i < def->nprimary_key; i++)
		PF_TRY(add_key(c, def->primary_key[i], err));
	if (def->grain == PF_GRAIN_NONE)
		return 0;
	if (in_envelope(time)) {
		pf_fail(err, PF_E_SCHEMA_FILE,
			"the time '%s' is the message's: rows of one key would lie in several partitions",
			time->name);
		return pf_hint(err, "partition: none, or a time that a row keeps");
	}
	return add_key(c, time->name, err);
}

static int open_names(struct pf_changes *c, struct pf_error *err)
{
	const char *patterns[] = { c->def->input.database, c->def->input.table };
	for (size_t i = 0; i < 2; i++) {
		if (!patterns[i])
			continue;
		char *whole = pf_asprintf("^(%s)$", patterns[i]);
		c->named[i] = !regcomp(&c->names[i], whole, REG_EXTENDED | REG_NOSUB);
		free(whole);
		if (!c->named[i])
			return pf_fail(err, PF_E_SCHEMA_FILE, "malformed expression '%s'",
				       patterns[i]);
	}
	return 0;
}

int pf_changes_open(struct pf_json_rows *j, struct pf_error *err)
{
	const struct pf_tabledef *def = j->text->def;
	if (!def->row_kind) {
		pf_fail(err, PF_E_SCHEMA_FILE,
			"%s says what became of rows, and the definition has no kinds of rows",
			pf_text_format_name(j->text->format));
		return pf_hint(err, "primary_key: [...] and input: {format: %s} go into the definition",
			       pf_text_format_name(j->text->format));
	}
	struct pf_changes *c = j->changes = pf_zalloc(1, sizeof *c);
	c->j = j;
	c->text = j->text;
	c->def = def;
	c->kind = (uint32_t)def->n - 1;
	struct pf_schema *schema = pf_tabledef_schema(def);
	c->old = pf_builder_new(schema);
	pf_schema_unref(schema);
	c->codings = pf_zalloc(def->n, sizeof *c->codings);
	j->codings = c->codings;
	for (size_t i = 0; c->text->format == PF_TEXT_CANAL && i < def->n; i++)
		if (def->columns[i].type.kind == PF_BYTES)
			c->codings[i].kind = PF_CODING_LATIN1;
	PF_TRY(open_names(c, err));
	PF_TRY(open_keys(c, err));
	pf_json_tree_ready(j, &c->keys);
	return 0;
}

void pf_changes_close(struct pf_changes *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < 2; i++)
		if (c->named[i])
			regfree(&c->names[i]);
	pf_strings_free(c->unknown, c->nunknown);
	pf_json_tree_free(&c->keys);
	pf_builder_free(c->old);
	pf_codings_clear(c->codings, c->def->n);
	free(c->codings);
	free(c->key);
	pf_buf_free(&c->schema);
	pf_buf_free(&c->scratch);
	free(c);
}

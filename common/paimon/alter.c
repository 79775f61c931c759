/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/alter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/strings.h"
#include "base/time.h"
#include "ext/json.h"
#include "paimon/internal.h"
#include "paimon/scan.h"

struct altering {
	const struct pf_table_schema *old;
	const struct pf_json *old_json;
	const struct pf_tabledef *def;
	struct pf_alter_plan *plan;
	bool *used;   /* old fields that stay */
	int last;     /* position of the old field before, to see moves */
	bool moved;
	int32_t highest_id;
	size_t n;     /* fields written */
};

void pf_alter_plan_free(struct pf_alter_plan *p)
{
	pf_strings_free(p->changes, p->n);
	pf_buf_free(&p->json);
	*p = (struct pf_alter_plan){ 0 };
}

static void change(struct altering *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void change(struct altering *a, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	struct pf_alter_plan *p = a->plan;
	p->changes = pf_realloc(p->changes, p->n + 1, sizeof *p->changes);
	p->changes[p->n++] = pf_strdup(text);
}

static int refuse(struct pf_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(struct pf_error *err, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return pf_fail(err, PF_E_SCHEMA_MISMATCH, "%s", text);
}

/* --- what must stay --- */

static int check_layout(const struct pf_table_schema *s, const struct pf_tabledef *def,
			struct pf_error *err)
{
	const struct pf_layout *l = &s->layout;
	const char *grain = pf_table_option(s, "pf.partition-by", NULL);
	if (strcmp(def->id, l->id))
		return refuse(err, "the table's ID column is '%s' and stays so, not '%s'",
			      l->id, def->id);
	if (def->buckets != s->buckets)
		return refuse(err, "the table has %d buckets and keeps them, not %d",
			      s->buckets, def->buckets);
	if (*l->time && strcmp(def->time, l->time))
		return refuse(err, "the table's time column is '%s' and stays so, not '%s'",
			      l->time, def->time);
	if (*l->time && strcmp(def->zone, l->zone))
		return refuse(err, "the table's zone is %s and stays so, not %s", l->zone,
			      def->zone);
	if (grain && strcmp(pf_grain_name(def->grain), grain))
		return refuse(err, "the table is partitioned by %s and stays so, not by %s",
			      grain, pf_grain_name(def->grain));
	return 0;
}

static int check_list(const char *what, char *const *has, size_t nhas, char *const *wants,
		      size_t nwants, struct pf_error *err)
{
	bool same = nhas == nwants;
	for (size_t i = 0; i < nhas && same; i++)
		same = !strcmp(has[i], wants[i]);
	return same ? 0 : refuse(err, "the table's %s is what it is and stays so", what);
}

/* Rows have been merged by these rules. */
static int check_key(const struct pf_table_schema *s, const struct pf_tabledef *def,
		     struct pf_error *err)
{
	const struct pf_layout *l = &s->layout;
	PF_TRY(check_list("primary key", l->key, l->nkey, def->primary_key,
			  def->nprimary_key, err));
	if (!l->nkey)
		return 0;
	PF_TRY(check_list("sequence", l->sequence, l->nsequence, def->sequence,
			  def->nsequence, err));
	return strcmp(def->merge, l->merge) ?
		       refuse(err, "the table's versions are merged by '%s' and stay so, not by '%s'",
			      l->merge, def->merge) : 0;
}

/* Is the name one of a list between commas? */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = list; p; p = strchr(p, ',')) {
		p += strspn(p, ", ");
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ',' || p[len] == ' '))
			return true;
	}
	return false;
}

static bool ends_with(const char *text, const char *ending)
{
	size_t n = strlen(text), tail = strlen(ending);
	return n > tail && !strcmp(text + n - tail, ending);
}

/* Is an option's value a list of columns? */
static bool lists_columns(const char *key)
{
	return ends_with(key, ".columns") || ends_with(key, ".field") ||
	       ends_with(key, ".sequence-group") || ends_with(key, "-on-sequence-group");
}

/* fields.A,B.sequence-group names A and B. */
static bool in_group_key(const char *key, const char *name)
{
	if (strncmp(key, "fields.", 7) || !ends_with(key, ".sequence-group"))
		return false;
	char *list = pf_strndup(key + 7, strlen(key) - 7 - strlen(".sequence-group"));
	bool found = is_listed(list, name);
	free(list);
	return found;
}

/* The option that names a column, or NULL. */
static const char *option_with(const struct pf_table_schema *s, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < s->options.n; i++) {
		const char *key = s->options.items[i].key;
		const char *at = strstr(key, name);
		bool in_key = at && at > key && strchr(".#", at[-1]) &&
			      (!at[len] || at[len] == '.');
		if (in_key || in_group_key(key, name) ||
		    (lists_columns(key) && is_listed(s->options.items[i].value, name)))
			return key;
	}
	return NULL;
}

/* Columns that rows' places depend on. */
static bool is_fixed(const struct pf_table_schema *s, const char *name)
{
	return !strcmp(name, s->layout.id) || !strcmp(name, s->layout.time) ||
	       pf_strings_have(s->partition_keys, s->npartition_keys, name) ||
	       pf_strings_have(s->bucket_key, s->nbucket_key, name) ||
	       pf_strings_have(s->primary_keys, s->nprimary_keys, name);
}

/* Columns that say which version of a row is newer. */
static bool is_sequence(const struct pf_table_schema *s, const char *name)
{
	bool is = pf_strings_have(s->layout.sequence, s->layout.nsequence, name);
	for (size_t i = 0; i < s->options.n && !is; i++)
		is = in_group_key(s->options.items[i].key, name);
	return is;
}

static int check_free(const struct pf_table_schema *s, const char *name,
		      const char *doing, struct pf_error *err)
{
	if (is_fixed(s, name))
		return refuse(err, "column '%s' cannot be %s: rows have their places by it",
			      name, doing);
	const char *option = option_with(s, name);
	if (option)
		return refuse(err, "column '%s' cannot be %s: option '%s' names it", name,
			      doing, option);
	return 0;
}

/* --- the new schema --- */

/* A text that the old field has and we do not interpret. */
static void copy_text(struct altering *a, int field, const char *key)
{
	const struct pf_json *f = pf_json_at(pf_json_get(a->old_json, "fields"),
					     (size_t)field);
	const char *text = field < 0 ? NULL : pf_json_text(pf_json_get(f, key));
	if (!text)
		return;
	pf_buf_printf(&a->plan->json, ",\n    \"%s\" : ", key);
	pf_json_quote_str(&a->plan->json, text);
}

static void put_field(struct altering *a, int field, int32_t id, const char *name,
		      const char *type)
{
	struct pf_buf *out = &a->plan->json;
	pf_buf_printf(out, "%s{\n    \"id\" : %" PRId32 ",\n    \"name\" : ",
		      a->n++ ? ", " : "", id);
	pf_json_quote_str(out, name);
	pf_buf_str(out, ",\n    \"type\" : ");
	pf_json_quote_str(out, type);
	copy_text(a, field, "description");
	copy_text(a, field, "defaultValue");
	pf_buf_str(out, "\n  }");
	a->moved |= field >= 0 && field < a->last;
	if (field >= 0)
		a->last = field;
}

static void type_text(char out[64], struct pf_type type, bool nullable)
{
	char name[48];
	snprintf(out, 64, "%s%s", pf_type_paimon_name(type, name),
		 nullable ? "" : " NOT NULL");
}

static int add_column(struct altering *a, const struct pf_coldef *c,
		      struct pf_error *err)
{
	char type[64], name[40];
	if (!c->nullable)
		return refuse(err, "column '%s' is new and must be nullable: rows that are there have no value of it",
			      c->name);
	change(a, "add column '%s' %s", c->name, pf_type_name(c->type, name));
	type_text(type, c->type, true);
	put_field(a, -1, ++a->highest_id, c->name, type);
	return 0;
}

static int keep_column(struct altering *a, const struct pf_coldef *c, int field,
		       struct pf_error *err)
{
	const struct pf_table_field *f = &a->old->fields[field];
	char type[64], from[40], to[40];
	bool same = pf_type_equal(f->type, c->type);
	if (a->used[field])
		return refuse(err, "two columns would be what '%s' was", f->name);
	a->used[field] = true;
	if (strcmp(f->name, c->name)) {
		PF_TRY(check_free(a->old, f->name, "renamed", err));
		change(a, "rename column '%s' to '%s'", f->name, c->name);
	}
	pf_type_name(f->type, from);
	pf_type_name(c->type, to);
	if (!same) {
		if (!strcmp(f->name, a->old->layout.id) ||
		    pf_strings_have(a->old->primary_keys, a->old->nprimary_keys, f->name) ||
		    pf_strings_have(a->old->partition_keys, a->old->npartition_keys, f->name))
			return refuse(err, "column '%s' stays %s: rows have their places by it",
				      f->name, from);
		if (is_sequence(a->old, f->name))
			return refuse(err, "column '%s' stays %s: it says which version of a row is newer",
				      f->name, from);
		if (!pf_scan_widens(f->type, c->type))
			return refuse(err, "column '%s' cannot become %s: %s would lose values",
				      f->name, to, from);
		change(a, "widen column '%s' from %s to %s", c->name, from, to);
	}
	if (f->nullable && !c->nullable)
		return refuse(err, "column '%s' may be null in rows that are there", f->name);
	if (!f->nullable && c->nullable) {
		if (is_fixed(a->old, f->name))
			return refuse(err, "column '%s' must not be null", f->name);
		change(a, "let column '%s' be null", c->name);
	}
	type_text(type, c->type, c->nullable);
	put_field(a, field, f->id, c->name,
		  same && f->nullable == c->nullable ? f->type_text : type);
	return 0;
}

static int put_columns(struct altering *a, struct pf_error *err)
{
	for (size_t i = 0; i < a->def->n; i++) {
		const struct pf_coldef *c = &a->def->columns[i];
		int at = pf_table_field_by_name(a->old, c->name);
		if (c->is_kind)
			continue;
		if (at < 0 && c->was)
			at = pf_table_field_by_name(a->old, c->was);
		PF_TRY(at < 0 ? add_column(a, c, err) : keep_column(a, c, at, err));
	}
	for (size_t i = 0; i < a->old->n; i++) {
		const struct pf_table_field *f = &a->old->fields[i];
		if (a->used[i])
			continue;
		if (pf_strings_have(a->old->partition_keys, a->old->npartition_keys, f->name)) {
			put_field(a, (int)i, f->id, f->name, f->type_text);
			continue;
		}
		PF_TRY(check_free(a->old, f->name, "dropped", err));
		change(a, "drop column '%s'", f->name);
		a->plan->dropped++;
	}
	if (a->moved)
		change(a, "put the columns into the definition's order");
	return 0;
}

static void put_names(struct pf_buf *out, const char *key, char *const *names, size_t n)
{
	pf_buf_printf(out, ",\n  \"%s\" : [ ", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			pf_buf_str(out, ", ");
		pf_json_quote_str(out, names[i]);
	}
	pf_buf_str(out, " ]");
}

/* Does an option of merging concern a column that is new? */
static bool is_of_new(const struct altering *a, const char *key)
{
	const char *last = strrchr(key, '.');
	if (strncmp(key, "fields.", 7) || last < key + 7)
		return false;
	char *name = pf_strndup(key + 7, (size_t)(last - key - 7));
	bool found = false;
	for (size_t i = 0; i < a->def->n && !found; i++) {
		const struct pf_coldef *c = &a->def->columns[i];
		found = !strcmp(c->name, name) &&
			pf_table_field_by_name(a->old, name) < 0 &&
			(!c->was || pf_table_field_by_name(a->old, c->was) < 0);
	}
	free(name);
	return found;
}

/* What the definition says of merging: of the columns that are there it stays as
 * it is, of new ones it is added to the options. */
static int add_options(struct altering *a, struct pf_meta *options, struct pf_error *err)
{
	struct pf_layout wanted = { .merge = a->def->merge };
	struct pf_meta said = { 0 };
	const struct pf_meta *has = &a->old->layout.options;
	int code = 0;
	pf_tabledef_options(a->def, &said);
	pf_layout_take_options(&wanted, &said);
	for (size_t i = 0; i < wanted.options.n && !code; i++) {
		const char *key = wanted.options.items[i].key;
		const char *value = wanted.options.items[i].value, *old = pf_meta_get(has, key);
		if (!old && is_of_new(a, key)) {
			change(a, "set %s to '%s'", key, value);
			pf_meta_set(options, key, value);
		} else if (!old || strcmp(old, value)) {
			code = refuse(err, "the table's option '%s' is '%s' and stays so, not '%s'",
				      key, old ? old : "", value);
		}
	}
	for (size_t i = 0; i < has->n && !code && a->old->nprimary_keys; i++)
		if (!pf_meta_get(&wanted.options, has->items[i].key))
			code = refuse(err, "the table's option '%s' is '%s' and stays so",
				      has->items[i].key, has->items[i].value);
	pf_meta_free(&wanted.options);
	pf_meta_free(&said);
	return code;
}

static int put_schema(struct altering *a, struct pf_error *err)
{
	struct pf_buf *out = &a->plan->json;
	const struct pf_table_schema *s = a->old;
	const char *comment = pf_json_text(pf_json_get(a->old_json, "comment"));
	pf_buf_printf(out, "{\n  \"version\" : 3,\n  \"id\" : %" PRId64
		      ",\n  \"fields\" : [ ", a->plan->id);
	PF_TRY(put_columns(a, err));
	pf_buf_printf(out, " ],\n  \"highestFieldId\" : %" PRId32, a->highest_id);
	put_names(out, "partitionKeys", s->partition_keys, s->npartition_keys);
	put_names(out, "primaryKeys", s->primary_keys, s->nprimary_keys);
	pf_buf_str(out, ",\n  \"options\" : {");
	struct pf_meta options = { 0 };
	for (size_t i = 0; i < s->options.n; i++)
		pf_meta_set(&options, s->options.items[i].key, s->options.items[i].value);
	int code = add_options(a, &options, err);
	for (size_t i = 0; i < options.n; i++) {
		pf_buf_str(out, i ? ",\n    " : "\n    ");
		pf_json_quote_str(out, options.items[i].key);
		pf_buf_str(out, " : ");
		pf_json_quote_str(out, options.items[i].value);
	}
	pf_meta_free(&options);
	PF_TRY(code);
	pf_buf_str(out, "\n  }");
	if (comment) {
		pf_buf_str(out, ",\n  \"comment\" : ");
		pf_json_quote_str(out, comment);
	}
	pf_buf_printf(out, ",\n  \"timeMillis\" : %" PRId64 "\n}", pf_now_ms());
	return 0;
}

int pf_alter_plan(struct pf_table *table, const struct pf_tabledef *def,
		  struct pf_alter_plan *plan, struct pf_error *err)
{
	const struct pf_table_schema *old;
	struct pf_buf text = { 0 };
	struct pf_json *json = NULL;
	char path[48];
	*plan = (struct pf_alter_plan){ 0 };
	PF_TRY(pf_table_refresh(table, err));
	old = pf_table_schema(table);
	PF_TRY(pf_table_writable(old, err));
	PF_TRY(check_key(old, def, err));
	PF_TRY(check_layout(old, def, err));
	struct altering a = { .old = old, .def = def, .plan = plan,
			      .highest_id = old->highest_id };
	a.used = pf_zalloc(old->n + 1, sizeof *a.used);
	plan->id = old->id + 1;
	snprintf(path, sizeof path, "schema/schema-%" PRId64, old->id);
	int code = pf_store_read(table->store, path, PF_JSON_LIMIT, &text, err);
	if (!code)
		code = pf_json_parse(text.data, text.len, path, &json, err);
	a.old_json = json;
	if (!code)
		code = put_schema(&a, err);
	pf_json_free(json);
	pf_buf_free(&text);
	free(a.used);
	if (code)
		pf_alter_plan_free(plan);
	return code;
}

int pf_alter_run(struct pf_table *table, const struct pf_alter_plan *plan,
		 struct pf_error *err)
{
	char path[48];
	if (!plan->n)
		return 0;
	snprintf(path, sizeof path, "schema/schema-%" PRId64, plan->id);
	int code = pf_store_create(table->store, path, plan->json.data, plan->json.len,
				   err);
	if (code == PF_E_CONFLICT)
		return pf_fail(err, code, "somebody else altered table '%s' first",
			       table->path);
	PF_TRY(code);
	return pf_table_refresh(table, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/alter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

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
	for (size_t i = 0; i < p->n; i++)
		free(p->changes[i]);
	free(p->changes);
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

static bool is_among(const char *name, char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
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

/* The option that names a column, or NULL. */
static const char *option_with(const struct pf_table_schema *s, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < s->options.n; i++) {
		const char *key = s->options.items[i].key;
		const char *at = strstr(key, name);
		bool in_key = at && at > key && strchr(".#", at[-1]) &&
			      (!at[len] || at[len] == '.');
		size_t n = strlen(key);
		bool names = n > 8 && (!strcmp(key + n - 8, ".columns") ||
				       !strcmp(key + n - 6, ".field"));
		if (in_key || (names && is_listed(s->options.items[i].value, name)))
			return key;
	}
	return NULL;
}

/* Columns that rows' places depend on. */
static bool is_fixed(const struct pf_table_schema *s, const char *name)
{
	return !strcmp(name, s->layout.id) || !strcmp(name, s->layout.time) ||
	       is_among(name, s->partition_keys, s->npartition_keys) ||
	       is_among(name, s->bucket_key, s->nbucket_key);
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
		    is_among(f->name, a->old->partition_keys, a->old->npartition_keys))
			return refuse(err, "column '%s' stays %s: rows have their places by it",
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
		if (at < 0 && c->was)
			at = pf_table_field_by_name(a->old, c->was);
		PF_TRY(at < 0 ? add_column(a, c, err) : keep_column(a, c, at, err));
	}
	for (size_t i = 0; i < a->old->n; i++) {
		const struct pf_table_field *f = &a->old->fields[i];
		if (a->used[i])
			continue;
		if (is_among(f->name, a->old->partition_keys, a->old->npartition_keys)) {
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
	for (size_t i = 0; i < s->options.n; i++) {
		pf_buf_str(out, i ? ",\n    " : "\n    ");
		pf_json_quote_str(out, s->options.items[i].key);
		pf_buf_str(out, " : ");
		pf_json_quote_str(out, s->options.items[i].value);
	}
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
	PF_TRY(pf_table_append_only(old, err));
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

/* --- rows of older schemas --- */

/* The schema's columns but the generated one are those of the rows. */
static bool is_like(const struct pf_table_schema *s, const struct pf_schema *rows)
{
	size_t k = 0;
	bool generated = s->npartition_keys == 1 &&
			 !strcmp(s->partition_keys[0], PF_PARTITION_COLUMN) &&
			 pf_schema_find(rows, PF_PARTITION_COLUMN) < 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct pf_table_field *f = &s->fields[i];
		if (generated && !strcmp(f->name, PF_PARTITION_COLUMN))
			continue;
		if (k == rows->n || strcmp(rows->fields[k].name, f->name) || !f->known ||
		    !pf_type_equal(rows->fields[k].type, f->type))
			return false;
		k++;
	}
	return k == rows->n;
}

int pf_table_schema_like(struct pf_table *table, const struct pf_schema *rows,
			 const struct pf_table_schema **schema, struct pf_error *err)
{
	*schema = NULL;
	for (int64_t id = pf_table_schema(table)->id; id >= 0; id--) {
		const struct pf_table_schema *s;
		PF_TRY(pf_table_schema_of(table, id, &s, err));
		if (!is_like(s, rows))
			continue;
		*schema = s;
		return 0;
	}
	return 0;
}

bool pf_table_schema_accepts(const struct pf_table_schema *now,
			     const struct pf_table_schema *older)
{
	int *mapping = pf_alloc(now->n + 1, sizeof *mapping);
	bool ok = !pf_scan_mapping(now, older, mapping, NULL, NULL) &&
		  now->buckets == older->buckets &&
		  now->nbucket_key == older->nbucket_key &&
		  now->npartition_keys == older->npartition_keys;
	for (size_t i = 0; ok && i < now->nbucket_key; i++)
		ok = !strcmp(now->bucket_key[i], older->bucket_key[i]);
	for (size_t i = 0; ok && i < now->npartition_keys; i++)
		ok = !strcmp(now->partition_keys[i], older->partition_keys[i]);
	for (size_t i = 0; ok && i < now->n; i++)
		ok = now->fields[i].nullable ||
		     (mapping[i] >= 0 && !older->fields[mapping[i]].nullable);
	free(mapping);
	return ok;
}

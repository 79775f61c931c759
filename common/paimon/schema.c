/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "ext/json.h"
#include "base/strings.h"
#include "paimon/internal.h"

/* Columns beyond this are not a table of anybody's. */
enum { MAX_FIELDS = 10000 };

const char *pf_table_option(const struct pf_table_schema *s, const char *key,
			    const char *def)
{
	const char *v = pf_meta_get(&s->options, key);
	return v ? v : def;
}

static int malformed(const char *name, const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_CORRUPT, "'%s': %s", name, what);
}

/* Timestamps of seven to nine digits are read to the microsecond. */
static bool read_cut(const char *spelled, struct pf_type *type)
{
	char text[80], *digit = text + 10;
	if (strncasecmp(spelled, "TIMESTAMP(", 10) || strlen(spelled) >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%s", spelled);
	if (*digit < '7' || *digit > '9')
		return false;
	*digit = '6';
	return !pf_type_parse(text, type, NULL, NULL);
}

/* A type with all that is in it but comments, so that two can be compared. */
static void put_type(const struct pf_json *j, int deep, struct pf_buf *out)
{
	static const char *const parts[] = { "type", "id", "name", "element", "key", "value",
					     "fields", "length" };
	int64_t number;
	if (pf_json_text(j))
		pf_json_quote_str(out, pf_json_text(j));
	else if (pf_json_int(j, &number))
		pf_buf_printf(out, "%lld", (long long)number);
	pf_buf_byte(out, '(');
	for (size_t i = 0; i < pf_json_size(j) && pf_json_kind(j) == PF_JSON_ARRAY && deep; i++)
		put_type(pf_json_at(j, i), deep - 1, out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts && deep; i++) {
		const struct pf_json *part = pf_json_get(j, parts[i]);
		if (part)
			put_type(part, deep - 1, out);
	}
	pf_buf_byte(out, ')');
}

/* Lists, maps and rows are read as text. */
static void read_nested(const struct pf_json *type, struct pf_table_field *f)
{
	static const char *const kinds[] = { "ARRAY", "MAP", "MULTISET", "ROW" };
	size_t len = strcspn(f->type_text, " ");
	struct pf_buf text = { 0 };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		f->known |= len == strlen(kinds[i]) &&
			    !strncasecmp(f->type_text, kinds[i], len);
	if (!f->known)
		return;
	put_type(type, 200, &text);
	f->nested = pf_strdup(pf_buf_cstr(&text));
	f->type = (struct pf_type){ .kind = PF_STRING };
	pf_buf_free(&text);
}

static int read_field(const struct pf_json *j, const char *name,
		      struct pf_table_field *f, struct pf_error *err)
{
	int64_t id;
	const char *text = pf_json_text(pf_json_get(j, "name"));
	const struct pf_json *type = pf_json_get(j, "type");
	if (!text || !pf_json_int(pf_json_get(j, "id"), &id) || id < 0 ||
	    id > INT32_MAX)
		return malformed(name, "a field without name or id", err);
	f->name = pf_strdup(text);
	f->id = (int32_t)id;
	/* Nested types are objects whose own "type" says which. */
	const char *spelled = pf_json_text(type);
	if (!spelled) {
		spelled = pf_json_text(pf_json_get(type, "type"));
		if (!spelled)
			return malformed(name, "a field without type", err);
	}
	f->type_text = pf_strdup(spelled);
	f->nullable = true;
	size_t len = strlen(spelled);
	if (len > 9 && !strcasecmp(spelled + len - 9, " NOT NULL"))
		f->nullable = false;
	if (pf_json_kind(type) == PF_JSON_TEXT) {
		f->cut = read_cut(spelled, &f->type);
		f->known = f->cut || !pf_type_parse(spelled, &f->type, NULL, NULL);
	} else {
		read_nested(type, f);
	}
	return 0;
}

static int read_names(const struct pf_json *j, const char *name, char ***out,
		      size_t *n, struct pf_error *err)
{
	size_t count = pf_json_size(j);
	if (pf_json_kind(j) != PF_JSON_ARRAY || count > MAX_FIELDS)
		return malformed(name, "partitionKeys or primaryKeys are missing", err);
	*out = pf_zalloc(count + 1, sizeof **out);
	for (size_t i = 0; i < count; i++) {
		const char *text = pf_json_text(pf_json_at(j, i));
		if (!text)
			return malformed(name, "a key that is not a name", err);
		(*out)[(*n)++] = pf_strdup(text);
	}
	return 0;
}

static void add_name(const char *name, size_t len, char ***out, size_t *n)
{
	*out = pf_realloc(*out, *n + 1, sizeof **out);
	(*out)[(*n)++] = pf_strndup(name, len);
}

static void split_names(const char *list, char ***out, size_t *n)
{
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ","), blanks = strspn(p, " ");
		size_t to = len;
		while (to > blanks && p[to - 1] == ' ')
			to--;
		if (to > blanks)
			add_name(p + blanks, to - blanks, out, n);
		p += len + (p[len] == ',');
	}
}

static int read_options(const struct pf_json *j, const char *name,
			struct pf_table_schema *s, struct pf_error *err)
{
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	if (pf_json_kind(j) != PF_JSON_OBJECT)
		return malformed(name, "options are missing", err);
	while (pf_json_each(j, &iter, &key, &value)) {
		const char *text = pf_json_text(value);
		if (!text)
			return malformed(name, "an option that is not a text", err);
		pf_meta_set(&s->options, key, text);
	}
	/* Before version 3 a missing bucket meant one, a missing file format
	 * ORC (tables of Paimon 0.8 and older). */
	return 0;
}

static int read_buckets(struct pf_table_schema *s, int64_t version,
			const char *name, struct pf_error *err)
{
	const char *text = pf_table_option(s, "bucket", version < 2 ? "1" : "-1");
	char *end;
	long n = strtol(text, &end, 10);
	if (end == text || *end || n < -2 || n == 0 || n > 1 << 20)
		return malformed(name, "a bucket count that makes no sense", err);
	s->buckets = (int32_t)n;
	split_names(pf_table_option(s, "bucket-key", ""), &s->bucket_key,
		    &s->nbucket_key);
	/* Of a primary key: its columns that are not the partition's. */
	for (size_t i = 0; i < s->nprimary_keys && !pf_meta_get(&s->options, "bucket-key") &&
			   n > 0; i++)
		if (!pf_strings_have(s->partition_keys, s->npartition_keys,
				     s->primary_keys[i]))
			add_name(s->primary_keys[i], strlen(s->primary_keys[i]),
				 &s->bucket_key, &s->nbucket_key);
	if (version < 3 && !pf_meta_get(&s->options, "file.format"))
		pf_meta_set(&s->options, "file.format", "orc");
	return 0;
}

/* The Arrow schema and the layout, as far as they are known. */
static void read_layout(struct pf_table_schema *s)
{
	struct pf_layout *l = &s->layout;
	s->columns = pf_schema_new();
	for (size_t i = 0; i < s->n; i++) {
		const struct pf_table_field *f = &s->fields[i];
		if (f->known)
			pf_schema_add(s->columns, f->name, f->type, f->nullable)->id =
				f->id;
	}
	const char *id = pf_table_option(s, "pf.id", NULL);
	const char *time = pf_table_option(s, "pf.time", NULL);
	const char *zone = pf_table_option(s, "pf.zone", "UTC");
	const char *table = pf_table_option(s, "pf.table", "");
	const char *grain = pf_table_option(s, "pf.partition-by", NULL);
	bool ours = id && time && grain &&
		    !pf_grain_parse(grain, &l->grain, NULL) && s->buckets > 0;
	if (!id)
		id = s->nbucket_key == 1 ? s->bucket_key[0] : "";
	l->table = pf_strdup(table);
	l->id = pf_strdup(id);
	l->time = pf_strdup(time ? time : "");
	l->zone = pf_strdup(zone);
	l->buckets = s->buckets;
	l->id_column = pf_schema_find(s->columns, l->id);
	l->time_column = pf_schema_find(s->columns, l->time);
	l->partition_column = s->npartition_keys == 1
				      ? pf_schema_find(s->columns, s->partition_keys[0])
				      : -1;
	for (size_t i = 0; i < s->nprimary_keys; i++)
		if (!pf_strings_have(s->partition_keys, s->npartition_keys,
				     s->primary_keys[i]))
			add_name(s->primary_keys[i], strlen(s->primary_keys[i]), &l->key,
				 &l->nkey);
	if (l->nkey) {
		split_names(pf_table_option(s, "sequence.field", ""), &l->sequence,
			    &l->nsequence);
		l->merge = pf_strdup(pf_table_option(s, "merge-engine", "deduplicate"));
		pf_layout_take_options(l, &s->options);
	}
	if (ours && l->id_column >= 0 && l->time_column >= 0)
		pf_layout_write(l, s->columns);
}

static int read_schema(const struct pf_json *j, const char *name,
		       struct pf_table_schema *s, struct pf_error *err)
{
	int64_t version = 1, highest, n;
	pf_json_int(pf_json_get(j, "version"), &version);
	if (version > 3)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "'%s' is of version %lld; versions up to 3 are known",
			       name, (long long)version);
	if (!pf_json_int(pf_json_get(j, "id"), &s->id) ||
	    !pf_json_int(pf_json_get(j, "highestFieldId"), &highest) ||
	    highest > INT32_MAX || highest < -1)
		return malformed(name, "id or highestFieldId is missing", err);
	s->highest_id = (int32_t)highest;
	if (pf_json_int(pf_json_get(j, "timeMillis"), &n))
		s->time_ms = n;
	const struct pf_json *fields = pf_json_get(j, "fields");
	size_t count = pf_json_size(fields);
	if (pf_json_kind(fields) != PF_JSON_ARRAY || count > MAX_FIELDS)
		return malformed(name, "fields are missing", err);
	s->fields = pf_zalloc(count + 1, sizeof *s->fields);
	for (size_t i = 0; i < count; i++) {
		s->n++;
		PF_TRY(read_field(pf_json_at(fields, i), name, &s->fields[i], err));
	}
	PF_TRY(read_names(pf_json_get(j, "partitionKeys"), name, &s->partition_keys,
			  &s->npartition_keys, err));
	PF_TRY(read_names(pf_json_get(j, "primaryKeys"), name, &s->primary_keys,
			  &s->nprimary_keys, err));
	PF_TRY(read_options(pf_json_get(j, "options"), name, s, err));
	PF_TRY(read_buckets(s, version, name, err));
	for (size_t i = 0; i < s->npartition_keys; i++)
		if (pf_table_field_by_name(s, s->partition_keys[i]) < 0)
			return malformed(name, "a partition key that is no column", err);
	for (size_t i = 0; i < s->nprimary_keys; i++)
		if (pf_table_field_by_name(s, s->primary_keys[i]) < 0)
			return malformed(name, "a primary key that is no column", err);
	read_layout(s);
	return 0;
}

int pf_table_schema_parse(const void *json, size_t len, const char *name,
			  struct pf_table_schema **schema, struct pf_error *err)
{
	struct pf_json *j;
	*schema = NULL;
	PF_TRY(pf_json_parse(json, len, name, &j, err));
	struct pf_table_schema *s = pf_zalloc(1, sizeof *s);
	int code = read_schema(j, name, s, err);
	pf_json_free(j);
	if (code)
		pf_table_schema_free(s);
	else
		*schema = s;
	return code;
}

void pf_table_schema_free(struct pf_table_schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->fields[i].name);
		free(s->fields[i].type_text);
		free(s->fields[i].nested);
	}
	free(s->fields);
	pf_strings_free(s->partition_keys, s->npartition_keys);
	pf_strings_free(s->primary_keys, s->nprimary_keys);
	pf_strings_free(s->bucket_key, s->nbucket_key);
	pf_meta_free(&s->options);
	pf_layout_free(&s->layout);
	pf_schema_unref(s->columns);
	free(s);
}

int pf_table_field_by_id(const struct pf_table_schema *s, int32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].id == id)
			return (int)i;
	return -1;
}

int pf_table_field_by_name(const struct pf_table_schema *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->fields[i].name, name))
			return (int)i;
	return -1;
}

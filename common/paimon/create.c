/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/create.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "ext/json.h"
#include "paimon/internal.h"

static void put_field(struct pf_buf *out, const struct pf_field *f, size_t id)
{
	char type[48];
	pf_buf_printf(out, "%s{\n    \"id\" : %zu,\n    \"name\" : ",
		      id ? ", " : "", id);
	pf_json_quote_str(out, f->name);
	pf_buf_printf(out, ",\n    \"type\" : \"%s%s\"\n  }",
		      pf_type_paimon_name(f->type, type),
		      f->nullable ? "" : " NOT NULL");
}

static void put_option(struct pf_buf *out, bool first, const char *key,
		       const char *value)
{
	pf_buf_printf(out, "%s\n    \"%s\" : ", first ? "" : ",", key);
	pf_json_quote_str(out, value);
}

static void put_option_list(struct pf_buf *out, const char *key, char *const *names,
			    size_t n)
{
	struct pf_buf text = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_buf_printf(&text, "%s%s", i ? "," : "", names[i]);
	if (n)
		put_option(out, false, key, pf_buf_cstr(&text));
	pf_buf_free(&text);
}

/* What becomes of the versions of a row. */
static void put_key_options(struct pf_buf *out, const struct pf_tabledef *def)
{
	put_option(out, false, "merge-engine", def->merge);
	put_option_list(out, "sequence.field", def->sequence, def->nsequence);
	struct pf_meta options = { 0 };
	pf_tabledef_options(def, &options);
	for (size_t i = 0; i < options.n; i++)
		put_option(out, false, options.items[i].key, options.items[i].value);
	pf_meta_free(&options);
}

static void put_names(struct pf_buf *out, bool dt, char *const *names, size_t n)
{
	if (dt)
		pf_json_quote_str(out, PF_PARTITION_COLUMN);
	for (size_t i = 0; i < n; i++) {
		pf_buf_str(out, dt || i ? ", " : "");
		pf_json_quote_str(out, names[i]);
	}
}

static void format_schema(const struct pf_schema *s, const struct pf_tabledef *def,
			  struct pf_buf *out)
{
	char buckets[16];
	bool dt = def->grain != PF_GRAIN_NONE;
	snprintf(buckets, sizeof buckets, "%d", def->buckets);
	pf_buf_str(out, "{\n  \"version\" : 3,\n  \"id\" : 0,\n  \"fields\" : [ ");
	for (size_t i = 0; i < s->n; i++)
		put_field(out, &s->fields[i], i);
	pf_buf_printf(out, " ],\n  \"highestFieldId\" : %zu,\n  \"partitionKeys\" : [ ",
		      s->n - 1);
	put_names(out, dt, NULL, 0);
	pf_buf_str(out, " ],\n  \"primaryKeys\" : [ ");
	put_names(out, dt && def->nprimary_key, def->primary_key, def->nprimary_key);
	pf_buf_str(out, " ],\n  \"options\" : {");
	put_option(out, true, "bucket", buckets);
	put_option(out, false, "bucket-key", def->id);
	if (def->nprimary_key)
		put_key_options(out, def);
	else
		put_option(out, false, "bucket-append-ordered", "false");
	put_option(out, false, "file.format", "parquet");
	if (def->table && *def->table)
		put_option(out, false, "pf.table", def->table);
	put_option(out, false, "pf.id", def->id);
	put_option(out, false, "pf.time", def->time);
	put_option(out, false, "pf.zone", def->zone);
	put_option(out, false, "pf.partition-by", pf_grain_name(def->grain));
	pf_buf_printf(out, "\n  },\n  \"timeMillis\" : %lld\n}",
		      (long long)pf_now_ms());
}

/* The table's columns: not the kind of rows, but the partition. */
static struct pf_schema *columns_of(const struct pf_tabledef *def)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < def->n; i++)
		if (!def->columns[i].is_kind)
			pf_schema_add(s, def->columns[i].name, def->columns[i].type,
				      def->columns[i].nullable);
	if (def->grain != PF_GRAIN_NONE)
		pf_schema_add(s, PF_PARTITION_COLUMN,
			      (struct pf_type){ .kind = PF_STRING }, !def->nprimary_key);
	return s;
}

int pf_table_schema_of_rows(const struct pf_schema *rows, struct pf_table_schema **schema,
			    struct pf_error *err)
{
	struct pf_tabledef *def;
	struct pf_buf json = { 0 };
	*schema = NULL;
	PF_TRY(pf_tabledef_from_schema(rows, &def, err));
	struct pf_schema *s = columns_of(def);
	format_schema(s, def, &json);
	int code = pf_table_schema_parse(json.data, json.len, "the rows' schema", schema, err);
	pf_schema_unref(s);
	pf_buf_free(&json);
	pf_tabledef_free(def);
	return code;
}

int pf_table_create(const char *path, const struct pf_tabledef *def,
		    struct pf_error *err)
{
	struct pf_store *store;
	struct pf_buf json = { 0 };
	const char *slash = strrchr(path, '/');
	if (strchr(slash ? slash : path, '$'))
		return pf_fail(err, PF_E_USAGE,
			       "a table's name cannot have a '$': '%s'", path);
	if (pf_is_table(path))
		return pf_fail(err, PF_E_TABLE_EXISTS, "'%s' is a table already", path);
	if (strchr(def->id, ','))
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the ID column's name '%s' has a comma, which Paimon's option bucket-key cannot hold",
			       def->id);
	struct pf_schema *s = columns_of(def);
	int code = pf_store_make(path, &store, err);
	if (code) {
		pf_schema_unref(s);
		return code;
	}
	format_schema(s, def, &json);
	pf_schema_unref(s);
	code = pf_store_mkdirs(store, "schema", err);
	if (!code)
		code = pf_store_mkdirs(store, "snapshot", err);
	if (!code)
		code = pf_store_mkdirs(store, "manifest", err);
	if (!code)
		code = pf_store_create(store, "schema/schema-0", json.data, json.len,
				       err);
	if (code == PF_E_CONFLICT)
		code = pf_fail(err, PF_E_TABLE_EXISTS, "'%s' is a table already", path);
	pf_buf_free(&json);
	pf_store_close(store);
	return code;
}

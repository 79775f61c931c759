/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "ext/json.h"
#include "paimon/internal.h"

static char *text_or_null(const struct pf_json *j, const char *key)
{
	const char *text = pf_json_text(pf_json_get(j, key));
	return text ? pf_strdup(text) : NULL;
}

/* Names in a snapshot are of files in one directory. */
static bool is_name(const char *text)
{
	return text && *text && *text != '.' && !strchr(text, '/');
}

static int read_snapshot(const struct pf_json *j, const char *name,
			 struct pf_snapshot *s, struct pf_error *err)
{
	int64_t version = 0;
	if (!pf_json_int(pf_json_get(j, "version"), &version))
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "'%s' has no version: it is no snapshot", name);
	if (version > 3 || version < 1)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "'%s' is of version %" PRId64
			       "; versions up to 3 are known",
			       name, version);
	s->base_list_size = s->delta_list_size = s->changelog_list_size = -1;
	s->base_list = text_or_null(j, "baseManifestList");
	s->delta_list = text_or_null(j, "deltaManifestList");
	s->changelog_list = text_or_null(j, "changelogManifestList");
	s->index_manifest = text_or_null(j, "indexManifest");
	s->statistics = text_or_null(j, "statistics");
	s->user = text_or_null(j, "commitUser");
	s->kind = text_or_null(j, "commitKind");
	if (!pf_json_int(pf_json_get(j, "id"), &s->id) ||
	    !pf_json_int(pf_json_get(j, "schemaId"), &s->schema_id) ||
	    !pf_json_int(pf_json_get(j, "commitIdentifier"), &s->identifier) ||
	    !pf_json_int(pf_json_get(j, "timeMillis"), &s->time_ms) ||
	    !is_name(s->base_list) || !is_name(s->delta_list) || !s->user || !s->kind ||
	    (s->index_manifest && !is_name(s->index_manifest)))
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "'%s' lacks a key that every snapshot has", name);
	pf_json_int(pf_json_get(j, "baseManifestListSize"), &s->base_list_size);
	pf_json_int(pf_json_get(j, "deltaManifestListSize"), &s->delta_list_size);
	pf_json_int(pf_json_get(j, "changelogManifestListSize"), &s->changelog_list_size);
	pf_json_int(pf_json_get(j, "changelogRecordCount"), &s->changelog_rows);
	pf_json_int(pf_json_get(j, "totalRecordCount"), &s->total_rows);
	pf_json_int(pf_json_get(j, "deltaRecordCount"), &s->delta_rows);
	s->has_watermark = pf_json_int(pf_json_get(j, "watermark"), &s->watermark);
	s->has_next_row_id = pf_json_int(pf_json_get(j, "nextRowId"), &s->next_row_id);
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	while (pf_json_each(pf_json_get(j, "properties"), &iter, &key, &value)) {
		const char *text = pf_json_text(value);
		if (text)
			pf_meta_set(&s->properties, key, text);
	}
	return 0;
}

int pf_snapshot_parse(const void *json, size_t len, const char *name,
		      struct pf_snapshot **snapshot, struct pf_error *err)
{
	struct pf_json *j;
	*snapshot = NULL;
	PF_TRY(pf_json_parse(json, len, name, &j, err));
	struct pf_snapshot *s = pf_zalloc(1, sizeof *s);
	int code = read_snapshot(j, name, s, err);
	pf_json_free(j);
	if (code)
		pf_snapshot_free(s);
	else
		*snapshot = s;
	return code;
}

void pf_snapshot_free(struct pf_snapshot *s)
{
	if (!s)
		return;
	free(s->base_list);
	free(s->delta_list);
	free(s->changelog_list);
	free(s->index_manifest);
	free(s->statistics);
	free(s->user);
	free(s->kind);
	pf_meta_free(&s->properties);
	free(s);
}

static void put_text(struct pf_buf *out, const char *key, const char *value)
{
	pf_buf_printf(out, ",\n  \"%s\" : ", key);
	if (value)
		pf_json_quote_str(out, value);
	else
		pf_buf_str(out, "null");
}

static void put_int(struct pf_buf *out, const char *key, int64_t value)
{
	pf_buf_printf(out, ",\n  \"%s\" : %" PRId64, key, value);
}

void pf_snapshot_format(const struct pf_snapshot *s, struct pf_buf *out)
{
	pf_buf_str(out, "{\n  \"version\" : 3");
	put_int(out, "id", s->id);
	put_int(out, "schemaId", s->schema_id);
	put_text(out, "baseManifestList", s->base_list);
	if (s->base_list_size >= 0)
		put_int(out, "baseManifestListSize", s->base_list_size);
	put_text(out, "deltaManifestList", s->delta_list);
	if (s->delta_list_size >= 0)
		put_int(out, "deltaManifestListSize", s->delta_list_size);
	put_text(out, "changelogManifestList", s->changelog_list);
	if (s->changelog_list && s->changelog_list_size >= 0)
		put_int(out, "changelogManifestListSize", s->changelog_list_size);
	if (s->index_manifest)
		put_text(out, "indexManifest", s->index_manifest);
	put_text(out, "commitUser", s->user);
	put_int(out, "commitIdentifier", s->identifier);
	put_text(out, "commitKind", s->kind);
	put_int(out, "timeMillis", s->time_ms);
	put_int(out, "totalRecordCount", s->total_rows);
	put_int(out, "deltaRecordCount", s->delta_rows);
	put_int(out, "changelogRecordCount", s->changelog_rows);
	if (s->has_watermark)
		put_int(out, "watermark", s->watermark);
	if (s->statistics)
		put_text(out, "statistics", s->statistics);
	if (s->properties.n) {
		pf_buf_str(out, ",\n  \"properties\" : {");
		for (size_t i = 0; i < s->properties.n; i++) {
			pf_buf_str(out, i ? ",\n    " : "\n    ");
			pf_json_quote_str(out, s->properties.items[i].key);
			pf_buf_str(out, " : ");
			pf_json_quote_str(out, s->properties.items[i].value);
		}
		pf_buf_str(out, "\n  }");
	}
	if (s->has_next_row_id)
		put_int(out, "nextRowId", s->next_row_id);
	pf_buf_str(out, "\n}");
}

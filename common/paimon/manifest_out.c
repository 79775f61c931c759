/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/manifest_out.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/random.h"
#include "paimon/internal.h"
#include "paimon/partition.h"

enum { TARGET_BYTES = 8 << 20 };

void pf_manifest_out_init(struct pf_manifest_out *out, struct pf_table *table,
			  const struct pf_table_schema *schema)
{
	*out = (struct pf_manifest_out){ .table = table, .schema = schema,
					 .bytes_limit = TARGET_BYTES };
	pf_random_uuid(out->uuid);
}

void pf_manifest_out_keep(struct pf_manifest_out *out)
{
	pf_strings_free(out->written, out->nwritten);
	out->written = NULL;
	out->nwritten = 0;
}

void pf_manifest_out_drop(struct pf_manifest_out *out)
{
	/* What cannot be deleted is an orphan that nothing refers to. */
	for (size_t i = 0; i < out->nwritten; i++)
		pf_store_delete(pf_table_store(out->table), out->written[i], NULL);
	pf_manifest_out_keep(out);
}

void pf_manifest_out_free(struct pf_manifest_out *out)
{
	pf_manifest_out_keep(out);
}

static int write_file(struct pf_manifest_out *out, const char *prefix,
		      struct pf_avro_writer *w, struct pf_arena *arena, char **name,
		      int64_t *size, struct pf_error *err)
{
	char *path = pf_asprintf("manifest/%s-%s-%" PRId64, prefix, out->uuid,
				 out->next++);
	PF_TRY(pf_avro_finish(w, err));
	out->written = pf_realloc(out->written, out->nwritten + 1,
				  sizeof *out->written);
	out->written[out->nwritten++] = path;
	const char *last = strchr(path, '/') + 1;
	*name = pf_arena_text(arena, last, strlen(last));
	*size = (int64_t)w->file.len;
	struct pf_store_writer *f;
	PF_TRY(pf_store_writer_open(pf_table_store(out->table), path, &f, err));
	int code = pf_store_writer_add(f, w->file.data, w->file.len, err);
	if (code) {
		pf_store_writer_abort(f);
		return code;
	}
	return pf_store_writer_finish(f, false, err);
}

int pf_manifest_out_sync(struct pf_manifest_out *out, struct pf_error *err)
{
	return pf_store_sync_dir(pf_table_store(out->table), "manifest", err);
}

/* --- what a list says about a manifest --- */

struct bounds {
	struct pf_datum *min, *max; /* per partition key; null: none yet */
	int64_t *nulls;
};

static int widen(struct bounds *b, const struct pf_table_schema *s,
		 const struct pf_data_file *f, struct pf_datum *values,
		 struct pf_error *err)
{
	PF_TRY(pf_partition_values(s, f->partition, values, err));
	for (size_t i = 0; i < s->npartition_keys; i++) {
		if (values[i].null) {
			b->nulls[i]++;
			continue;
		}
		if (b->min[i].null || pf_datum_cmp(&values[i], &b->min[i]) < 0)
			b->min[i] = values[i];
		if (b->max[i].null || pf_datum_cmp(&values[i], &b->max[i]) > 0)
			b->max[i] = values[i];
	}
	return 0;
}

static void widen32(bool first, int32_t v, int32_t *min, int32_t *max)
{
	if (first || v < *min)
		*min = v;
	if (first || v > *max)
		*max = v;
}

static int describe(const struct pf_table_schema *s, const struct pf_data_file *files,
		    size_t n, struct pf_arena *arena, struct pf_manifest *m,
		    struct pf_error *err)
{
	size_t keys = s->npartition_keys;
	struct pf_datum *values = pf_arena_zero(arena, 3 * keys + 1, sizeof *values);
	struct bounds b = { .min = values + keys, .max = values + 2 * keys,
			    .nulls = pf_arena_zero(arena, keys + 1, sizeof *b.nulls) };
	for (size_t i = 0; i < keys; i++) {
		int f = pf_table_field_by_name(s, s->partition_keys[i]);
		b.min[i].type = b.max[i].type = s->fields[f].type;
		b.min[i].null = b.max[i].null = true;
	}
	for (size_t i = 0; i < n; i++) {
		const struct pf_data_file *f = &files[i];
		PF_TRY(widen(&b, s, f, values, err));
		widen32(!i, f->bucket, &m->min_bucket, &m->max_bucket);
		widen32(!i, f->level, &m->min_level, &m->max_level);
		m->added += f->kind == 0;
		m->deleted += f->kind == 1;
		if (f->schema_id > m->schema_id)
			m->schema_id = f->schema_id;
	}
	m->has_buckets = m->has_levels = true;
	struct pf_buf row = { 0 };
	pf_row_serialize(&row, b.min, keys);
	m->partitions.min = pf_arena_copy(arena, row.data, row.len);
	row.len = 0;
	pf_row_serialize(&row, b.max, keys);
	m->partitions.max = pf_arena_copy(arena, row.data, row.len);
	pf_buf_free(&row);
	m->partitions.nulls = b.nulls;
	m->partitions.n = keys;
	return 0;
}

int pf_manifest_out_files(struct pf_manifest_out *out,
			  const struct pf_data_file *files, size_t n,
			  struct pf_arena *arena, struct pf_manifests *list,
			  struct pf_error *err)
{
	int code = 0;
	for (size_t from = 0, to; !code && from < n; from = to) {
		struct pf_avro_writer w;
		struct pf_manifest m = { 0 };
		pf_avro_begin(&w, pf_manifest_schema);
		for (to = from; !code && to < n &&
				(int64_t)w.file.len < out->bytes_limit; to++)
			code = pf_manifest_put(&w, &files[to], err);
		if (!code)
			code = write_file(out, "manifest", &w, arena, &m.name, &m.size,
					  err);
		pf_avro_writer_free(&w);
		if (!code)
			code = describe(out->schema, files + from, to - from, arena, &m,
					err);
		if (!code)
			pf_manifests_add(list, &m);
	}
	return code;
}

int pf_manifest_out_list(struct pf_manifest_out *out,
			 const struct pf_manifests *list, struct pf_arena *arena,
			 char **name, int64_t *size, struct pf_error *err)
{
	struct pf_avro_writer w;
	int code = 0;
	pf_avro_begin(&w, pf_manifest_list_schema);
	for (size_t i = 0; !code && i < list->n; i++)
		code = pf_manifest_list_put(&w, &list->items[i], err);
	if (!code)
		code = write_file(out, "manifest-list", &w, arena, name, size, err);
	pf_avro_writer_free(&w);
	return code;
}

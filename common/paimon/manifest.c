/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/manifest.h"

#include <stdlib.h>

#include "ext/hash.h"
#include "paimon/internal.h"

void pf_data_files_add(struct pf_data_files *files, const struct pf_data_file *file)
{
	if (files->n == files->cap) {
		files->cap = pf_grow(files->cap, files->n + 1);
		files->items = pf_realloc(files->items, files->cap,
					  sizeof *files->items);
	}
	files->items[files->n++] = *file;
}

void pf_manifests_add(struct pf_manifests *list, const struct pf_manifest *m)
{
	if (list->n == list->cap) {
		list->cap = pf_grow(list->cap, list->n + 1);
		list->items = pf_realloc(list->items, list->cap, sizeof *list->items);
	}
	list->items[list->n++] = *m;
}

/* --- records by the names of their fields --- */

/* Where each field that we know stands in the records of this file: looked up
 * once, not per record. */
struct fields {
	const struct pf_avro_type *type;
	int at[24];
	uint8_t *known; /* by position in the record */
};

static void find_fields(struct fields *f, struct pf_arena *arena,
			const struct pf_avro_type *t, const char *const *names,
			size_t n)
{
	f->type = t;
	f->known = pf_arena_zero(arena, t->n + 1, 1);
	for (size_t i = 0; i < n; i++) {
		f->at[i] = -1;
		for (size_t j = 0; j < t->n; j++)
			if (!strcmp(t->names[j], names[i])) {
				f->at[i] = (int)j;
				f->known[j] = 1;
			}
	}
}

/* A field's value; NULL when the record has none or it is null. */
static const struct pf_avro_value *field(const struct fields *f,
					 const struct pf_avro_value *record, int i)
{
	if (f->at[i] < 0 ||
	    record->list.items[f->at[i]].kind == PF_AVRO_NULL)
		return NULL;
	return &record->list.items[f->at[i]];
}

static const char *find_foreign(const struct fields *f,
				const struct pf_avro_value *record)
{
	for (size_t i = 0; i < record->list.n; i++) {
		const struct pf_avro_value *v = &record->list.items[i];
		bool empty = v->kind == PF_AVRO_NULL ||
			     ((v->kind == PF_AVRO_ARRAY || v->kind == PF_AVRO_MAP) &&
			      !v->list.n);
		if (!f->known[i] && !empty)
			return record->type->names[i];
	}
	return NULL;
}

static bool is_int(const struct pf_avro_value *v)
{
	return v && (v->kind == PF_AVRO_INT || v->kind == PF_AVRO_LONG);
}

static bool is_bytes(const struct pf_avro_value *v)
{
	return v && (v->kind == PF_AVRO_BYTES || v->kind == PF_AVRO_STRING);
}

static bool get_int(const struct pf_avro_value *v, int64_t *out)
{
	if (!is_int(v))
		return false;
	*out = v->i;
	return true;
}

static bool get_int32(const struct pf_avro_value *v, int32_t *out)
{
	if (!is_int(v) || v->i < INT32_MIN || v->i > INT32_MAX)
		return false;
	*out = (int32_t)v->i;
	return true;
}

static bool get_bytes(const struct pf_avro_value *v, struct pf_arena *arena,
		      struct pf_view *out)
{
	if (!is_bytes(v))
		return false;
	*out = pf_arena_copy(arena, v->bytes.data, v->bytes.len);
	return true;
}

static bool get_text(const struct pf_avro_value *v, struct pf_arena *arena,
		     char **out)
{
	if (!is_bytes(v) || memchr(v->bytes.data, 0, v->bytes.len))
		return false;
	*out = pf_arena_text(arena, v->bytes.data, v->bytes.len);
	return true;
}

static bool get_texts(const struct pf_avro_value *v, struct pf_arena *arena,
		      char ***out, size_t *n)
{
	if (!v || v->kind != PF_AVRO_ARRAY)
		return false;
	*n = v->list.n;
	*out = pf_arena_get(arena, v->list.n + 1, sizeof **out);
	for (size_t i = 0; i < v->list.n; i++)
		if (!get_text(&v->list.items[i], arena, &(*out)[i]))
			return false;
	return true;
}

static bool get_stats(const struct pf_avro_value *v, struct pf_arena *arena,
		      struct pf_stats *s)
{
	if (!v || v->kind != PF_AVRO_RECORD)
		return false;
	const struct pf_avro_value *nulls = pf_avro_field(v, "_NULL_COUNTS");
	if (!get_bytes(pf_avro_field(v, "_MIN_VALUES"), arena, &s->min) ||
	    !get_bytes(pf_avro_field(v, "_MAX_VALUES"), arena, &s->max))
		return false;
	if (nulls && nulls->kind == PF_AVRO_ARRAY) {
		s->n = nulls->list.n;
		s->nulls = pf_arena_get(arena, s->n + 1, sizeof *s->nulls);
		for (size_t i = 0; i < s->n; i++)
			if (!get_int(&nulls->list.items[i], &s->nulls[i]))
				s->nulls[i] = -1;
	}
	return true;
}

/* A component of a path that a manifest names. */
static bool is_file_name(const char *text)
{
	return *text && !strchr(text, '/') && strcmp(text, ".") && strcmp(text, "..");
}

/* --- the three kinds of records --- */

enum { L_VERSION, L_NAME, L_SIZE, L_ADDED, L_DELETED, L_STATS, L_SCHEMA,
	L_MIN_BUCKET, L_MAX_BUCKET, L_MIN_LEVEL, L_MAX_LEVEL, L_MIN_ROW, L_MAX_ROW,
	L_TOTAL, L_FIELDS };
static const char *const list_names[L_FIELDS] = {
	"_VERSION", "_FILE_NAME", "_FILE_SIZE", "_NUM_ADDED_FILES",
	"_NUM_DELETED_FILES", "_PARTITION_STATS", "_SCHEMA_ID", "_MIN_BUCKET",
	"_MAX_BUCKET", "_MIN_LEVEL", "_MAX_LEVEL", "_MIN_ROW_ID", "_MAX_ROW_ID",
	/* Advice for pruning that may be left out when the entry is rewritten. */
	"_TOTAL_BUCKETS",
};

static bool read_list_entry(const struct fields *f, const struct pf_avro_value *v,
			    struct pf_arena *arena, struct pf_manifest *m)
{
	*m = (struct pf_manifest){ .foreign = find_foreign(f, v) };
	if (m->foreign)
		m->foreign = pf_arena_text(arena, m->foreign, strlen(m->foreign));
	m->has_buckets = get_int32(field(f, v, L_MIN_BUCKET), &m->min_bucket) &&
			 get_int32(field(f, v, L_MAX_BUCKET), &m->max_bucket);
	m->has_levels = get_int32(field(f, v, L_MIN_LEVEL), &m->min_level) &&
			get_int32(field(f, v, L_MAX_LEVEL), &m->max_level);
	m->has_row_ids = get_int(field(f, v, L_MIN_ROW), &m->min_row_id) &&
			 get_int(field(f, v, L_MAX_ROW), &m->max_row_id);
	return get_text(field(f, v, L_NAME), arena, &m->name) &&
	       is_file_name(m->name) && get_int(field(f, v, L_SIZE), &m->size) &&
	       get_int(field(f, v, L_ADDED), &m->added) &&
	       get_int(field(f, v, L_DELETED), &m->deleted) &&
	       get_stats(field(f, v, L_STATS), arena, &m->partitions) &&
	       get_int(field(f, v, L_SCHEMA), &m->schema_id);
}

enum { M_KIND, M_PARTITION, M_BUCKET, M_TOTAL, M_FILE, M_VERSION, M_FIELDS };
static const char *const entry_names[M_FIELDS] = {
	"_KIND", "_PARTITION", "_BUCKET", "_TOTAL_BUCKETS", "_FILE", "_VERSION",
};

enum { F_NAME, F_SIZE, F_ROWS, F_MIN_KEY, F_MAX_KEY, F_KEY_STATS, F_VALUE_STATS,
	F_MIN_SEQ, F_MAX_SEQ, F_SCHEMA, F_LEVEL, F_EXTRA, F_CREATED, F_DELETES,
	F_INDEX, F_SOURCE, F_STATS_COLS, F_EXTERNAL, F_FIRST_ROW, F_WRITE_COLS,
	F_FIELDS };
static const char *const file_names[F_FIELDS] = {
	"_FILE_NAME", "_FILE_SIZE", "_ROW_COUNT", "_MIN_KEY", "_MAX_KEY", "_KEY_STATS",
	"_VALUE_STATS", "_MIN_SEQUENCE_NUMBER", "_MAX_SEQUENCE_NUMBER", "_SCHEMA_ID",
	"_LEVEL", "_EXTRA_FILES", "_CREATION_TIME", "_DELETE_ROW_COUNT",
	"_EMBEDDED_FILE_INDEX", "_FILE_SOURCE", "_VALUE_STATS_COLS", "_EXTERNAL_PATH",
	"_FIRST_ROW_ID", "_WRITE_COLS",
};

static bool read_file_meta(const struct fields *f, const struct pf_avro_value *v,
			   struct pf_arena *arena, struct pf_data_file *d)
{
	d->has_created = get_int(field(f, v, F_CREATED), &d->created_ms);
	d->has_deletes = get_int(field(f, v, F_DELETES), &d->deletes);
	d->has_index = get_bytes(field(f, v, F_INDEX), arena, &d->index);
	d->has_source = get_int32(field(f, v, F_SOURCE), &d->source);
	d->has_first_row_id = get_int(field(f, v, F_FIRST_ROW), &d->first_row_id);
	const struct pf_avro_value *cols = field(f, v, F_STATS_COLS);
	const struct pf_avro_value *written = field(f, v, F_WRITE_COLS);
	const struct pf_avro_value *external = field(f, v, F_EXTERNAL);
	d->has_stats_columns = cols != NULL;
	d->has_write_columns = written != NULL;
	return (!cols || get_texts(cols, arena, &d->stats_columns,
				   &d->nstats_columns)) &&
	       (!written || get_texts(written, arena, &d->write_columns,
				      &d->nwrite_columns)) &&
	       (!external || get_text(external, arena, &d->external_path)) &&
	       get_text(field(f, v, F_NAME), arena, &d->name) &&
	       is_file_name(d->name) && get_int(field(f, v, F_SIZE), &d->size) &&
	       get_int(field(f, v, F_ROWS), &d->rows) && d->rows >= 0 && d->size >= 0 &&
	       get_bytes(field(f, v, F_MIN_KEY), arena, &d->min_key) &&
	       get_bytes(field(f, v, F_MAX_KEY), arena, &d->max_key) &&
	       get_stats(field(f, v, F_KEY_STATS), arena, &d->key_stats) &&
	       get_stats(field(f, v, F_VALUE_STATS), arena, &d->value_stats) &&
	       get_int(field(f, v, F_MIN_SEQ), &d->min_sequence) &&
	       get_int(field(f, v, F_MAX_SEQ), &d->max_sequence) &&
	       get_int(field(f, v, F_SCHEMA), &d->schema_id) &&
	       get_int32(field(f, v, F_LEVEL), &d->level) &&
	       get_texts(field(f, v, F_EXTRA), arena, &d->extra_files,
			 &d->nextra_files);
}

static bool read_entry(const struct fields *e, const struct fields *f,
		       const struct pf_avro_value *v, const struct pf_avro_value *file,
		       struct pf_arena *arena, struct pf_data_file *d)
{
	*d = (struct pf_data_file){ 0 };
	return get_int32(field(e, v, M_KIND), &d->kind) &&
	       (d->kind == 0 || d->kind == 1) &&
	       get_bytes(field(e, v, M_PARTITION), arena, &d->partition) &&
	       get_int32(field(e, v, M_BUCKET), &d->bucket) &&
	       get_int32(field(e, v, M_TOTAL), &d->total_buckets) &&
	       read_file_meta(f, file, arena, d);
}

/* --- files --- */

struct opened {
	struct pf_buf bytes;
	char *name;
	struct pf_avro_reader *reader;
	struct pf_arena record; /* of the record at hand */
};

static void close_file(struct opened *o)
{
	pf_avro_close(o->reader);
	pf_arena_free(&o->record);
	pf_buf_free(&o->bytes);
	free(o->name);
}

static int open_file(struct pf_table *t, const char *name, struct opened *o,
		     struct pf_error *err)
{
	*o = (struct opened){ 0 };
	char *path = pf_asprintf("manifest/%s", name);
	o->name = pf_asprintf("%s/%s", t->path, path);
	int code = pf_store_read(t->store, path, PF_MANIFEST_LIMIT, &o->bytes, err);
	if (!code)
		code = pf_avro_open(pf_view_of(o->bytes.data, o->bytes.len), o->name,
				    &t->avro, &o->reader, err);
	free(path);
	if (code)
		close_file(o);
	return code;
}

static int next_record(struct opened *o, struct pf_avro_value *v, bool *more,
		       struct pf_error *err)
{
	pf_arena_reset(&o->record);
	return pf_avro_next(o->reader, &o->record, v, more, err);
}

static int bad_record(const struct opened *o, const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_CORRUPT, "'%s': %s that makes no sense", o->name,
		       what);
}

int pf_manifest_list_read(struct pf_table *t, const char *name,
			  struct pf_arena *arena, struct pf_manifests *list,
			  struct pf_error *err)
{
	struct opened o;
	struct fields f = { 0 };
	PF_TRY(open_file(t, name, &o, err));
	int code;
	for (;;) {
		struct pf_avro_value v;
		struct pf_manifest m;
		bool more;
		code = next_record(&o, &v, &more, err);
		if (code || !more)
			break;
		if (v.kind != PF_AVRO_RECORD) {
			code = bad_record(&o, "an entry", err);
			break;
		}
		if (f.type != v.type)
			find_fields(&f, arena, v.type, list_names, L_FIELDS);
		if (!read_list_entry(&f, &v, arena, &m)) {
			code = bad_record(&o, "an entry", err);
			break;
		}
		pf_manifests_add(list, &m);
	}
	close_file(&o);
	return code;
}

int pf_manifest_read(struct pf_table *t, const char *name, struct pf_arena *arena,
		     struct pf_data_files *files, const char **foreign,
		     struct pf_error *err)
{
	struct opened o;
	struct fields e = { 0 }, f = { 0 };
	if (foreign)
		*foreign = NULL;
	PF_TRY(open_file(t, name, &o, err));
	int code;
	for (;;) {
		struct pf_avro_value v;
		struct pf_data_file d;
		bool more;
		code = next_record(&o, &v, &more, err);
		if (code || !more)
			break;
		if (v.kind == PF_AVRO_RECORD && e.type != v.type)
			find_fields(&e, arena, v.type, entry_names, M_FIELDS);
		const struct pf_avro_value *file =
			v.kind == PF_AVRO_RECORD ? field(&e, &v, M_FILE) : NULL;
		if (file && file->kind == PF_AVRO_RECORD && f.type != file->type)
			find_fields(&f, arena, file->type, file_names, F_FIELDS);
		if (!file || file->kind != PF_AVRO_RECORD ||
		    !read_entry(&e, &f, &v, file, arena, &d)) {
			code = bad_record(&o, "an entry", err);
			break;
		}
		if (foreign && !*foreign) {
			const char *unknown = find_foreign(&f, file);
			if (!unknown)
				unknown = find_foreign(&e, &v);
			if (unknown)
				*foreign = pf_arena_text(arena, unknown,
							 strlen(unknown));
		}
		pf_data_files_add(files, &d);
	}
	close_file(&o);
	return code;
}

static bool read_ranges(const struct pf_avro_value *v, struct pf_arena *arena,
			struct pf_index_entry *e)
{
	if (!v)
		return true;
	if (v->kind != PF_AVRO_ARRAY)
		return false;
	e->ranges = pf_arena_zero(arena, v->list.n + 1, sizeof *e->ranges);
	for (size_t i = 0; i < v->list.n; i++) {
		const struct pf_avro_value *item = &v->list.items[i];
		struct pf_index_range *r = &e->ranges[e->nranges];
		if (item->kind == PF_AVRO_NULL)
			continue;
		if (item->kind != PF_AVRO_RECORD ||
		    !get_text(pf_avro_field(item, "f0"), arena, &r->name) ||
		    !get_int(pf_avro_field(item, "f1"), &r->offset) ||
		    !get_int(pf_avro_field(item, "f2"), &r->length))
			return false;
		if (!get_int(pf_avro_field(item, "_CARDINALITY"), &r->rows))
			r->rows = -1;
		e->nranges++;
	}
	return true;
}

static bool read_index_entry(const struct pf_avro_value *v, struct pf_arena *arena,
			     struct pf_index_entry *e)
{
	const struct pf_avro_value *external;
	*e = (struct pf_index_entry){ 0 };
	if (v->kind != PF_AVRO_RECORD)
		return false;
	external = pf_avro_field(v, "_EXTERNAL_PATH");
	return get_text(pf_avro_field(v, "_INDEX_TYPE"), arena, &e->type) &&
	       get_text(pf_avro_field(v, "_FILE_NAME"), arena, &e->name) &&
	       is_file_name(e->name) &&
	       get_int(pf_avro_field(v, "_FILE_SIZE"), &e->size) &&
	       get_int(pf_avro_field(v, "_ROW_COUNT"), &e->rows) &&
	       get_bytes(pf_avro_field(v, "_PARTITION"), arena, &e->partition) &&
	       get_int32(pf_avro_field(v, "_BUCKET"), &e->bucket) &&
	       (!external || get_text(external, arena, &e->external_path)) &&
	       read_ranges(pf_avro_field(v, "_DELETIONS_VECTORS_RANGES"), arena, e);
}

int pf_index_manifest_read(struct pf_table *t, const char *name,
			   struct pf_arena *arena, struct pf_index_entry **entries,
			   size_t *n, struct pf_error *err)
{
	struct opened o;
	size_t cap = 0;
	*entries = NULL;
	*n = 0;
	PF_TRY(open_file(t, name, &o, err));
	int code;
	for (;;) {
		struct pf_avro_value v;
		struct pf_index_entry e;
		bool more;
		code = next_record(&o, &v, &more, err);
		if (code || !more)
			break;
		if (!read_index_entry(&v, arena, &e)) {
			code = bad_record(&o, "an index entry", err);
			break;
		}
		if (*n == cap) {
			struct pf_index_entry *old = *entries;
			cap = pf_grow(cap, *n + 1);
			*entries = pf_arena_get(arena, cap, sizeof **entries);
			if (*n)
				memcpy(*entries, old, *n * sizeof *old);
		}
		(*entries)[(*n)++] = e;
	}
	close_file(&o);
	return code;
}

/* --- identity --- */

static bool same_bytes(struct pf_view a, struct pf_view b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

bool pf_data_file_same(const struct pf_data_file *a, const struct pf_data_file *b)
{
	if (a->bucket != b->bucket || a->level != b->level || strcmp(a->name, b->name) ||
	    !same_bytes(a->partition, b->partition) ||
	    a->nextra_files != b->nextra_files || a->has_index != b->has_index ||
	    (a->has_index && !same_bytes(a->index, b->index)) ||
	    !a->external_path != !b->external_path ||
	    (a->external_path && strcmp(a->external_path, b->external_path)))
		return false;
	for (size_t i = 0; i < a->nextra_files; i++)
		if (strcmp(a->extra_files[i], b->extra_files[i]))
			return false;
	return true;
}

uint64_t pf_data_file_hash(const struct pf_data_file *f)
{
	return pf_xxh3(f->name, strlen(f->name)) ^ (uint64_t)(uint32_t)f->bucket;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "load/segments.h"

static const struct {
	const char *name;
	enum pf_kind kind;
	bool nullable;
} columns[PF_SEGMENT_COLUMNS] = {
	[PF_SEGMENT_PARTITION] = { "partition", PF_STRINGS, false },
	[PF_SEGMENT_BUCKET] = { "bucket", PF_INT, false },
	[PF_SEGMENT_ROWS] = { "rows", PF_BIGINT, false },
	[PF_SEGMENT_DATA] = { "data", PF_LARGE_BYTES, false },
	[PF_SEGMENT_INDEX] = { "index", PF_BYTES, true },
	[PF_SEGMENT_REPLACES] = { "replaces", PF_STRINGS, true },
	[PF_SEGMENT_CHANGELOG] = { "changelog", PF_LARGE_BYTES, true },
};

struct pf_schema *pf_segment_schema(const struct pf_schema *rows)
{
	struct pf_schema *s = pf_schema_new();
	for (int i = 0; i < PF_SEGMENT_COLUMNS; i++)
		pf_schema_add(s, columns[i].name,
			      (struct pf_type){ .kind = columns[i].kind },
			      columns[i].nullable);
	pf_meta_copy(&s->meta, &rows->meta);
	pf_meta_set(&s->meta, "pf:content", "segments");
	return s;
}

int pf_segment_check(const struct pf_schema *schema, struct pf_error *err)
{
	bool fits = schema->n == PF_SEGMENT_COLUMNS;
	for (int i = 0; fits && i < PF_SEGMENT_COLUMNS; i++)
		fits = !strcmp(schema->fields[i].name, columns[i].name) &&
		       schema->fields[i].type.kind == columns[i].kind;
	if (fits)
		return 0;
	pf_fail(err, PF_E_SCHEMA_MISMATCH,
		"the input is not a stream of segments");
	return pf_hint(err, "put pf-pack before this program");
}

int pf_segment_at(const struct pf_batch *batch, int64_t row,
		  struct pf_segment *segment, struct pf_error *err)
{
	const struct pf_column *c = batch->columns;
	for (int i = 0; i < PF_SEGMENT_COLUMNS; i++)
		if (!columns[i].nullable && pf_is_null(&c[i], row))
			return pf_fail(err, PF_E_CORRUPT,
				       "a segment's '%s' is null", columns[i].name);
	const struct pf_column *parts = &c[PF_SEGMENT_PARTITION];
	int32_t first = parts->offsets[row], last = parts->offsets[row + 1];
	if (last - first > 1)
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "a segment has %d partition columns, not one",
			       last - first);
	*segment = (struct pf_segment){
		.cell = { .has_partition = last > first,
			  .bucket = (int32_t)pf_int_at(&c[PF_SEGMENT_BUCKET], PF_INT, row) },
		.rows = pf_int_at(&c[PF_SEGMENT_ROWS], PF_BIGINT, row),
		.data = pf_bytes_at(&c[PF_SEGMENT_DATA], row),
		.replaces = !pf_is_null(&c[PF_SEGMENT_REPLACES], row),
	};
	if (last > first)
		segment->cell.partition = pf_bytes_at(parts->child, first);
	if (!pf_is_null(&c[PF_SEGMENT_INDEX], row))
		segment->index = pf_bytes_at(&c[PF_SEGMENT_INDEX], row);
	if (!pf_is_null(&c[PF_SEGMENT_CHANGELOG], row))
		segment->changelog = pf_bytes_at(&c[PF_SEGMENT_CHANGELOG], row);
	if (segment->rows <= 0 || segment->cell.bucket < 0)
		return pf_fail(err, PF_E_CORRUPT,
			       "a segment claims bucket %d and %lld rows",
			       segment->cell.bucket, (long long)segment->rows);
	return 0;
}

static const uint8_t no_byte;

/* Bytes to point to, also where there are none. */
static const uint8_t *some(struct pf_view v)
{
	return v.data ? v.data : &no_byte;
}

static void lend_names(struct pf_segment_room *r, const struct pf_view *names, size_t n)
{
	int32_t end = 0;
	r->names_text.len = r->names_ends.len = 0;
	pf_buf_add(&r->names_ends, &end, sizeof end);
	for (size_t i = 0; i < n; i++) {
		pf_buf_add(&r->names_text, names[i].data, names[i].len);
		end = (int32_t)r->names_text.len;
		pf_buf_add(&r->names_ends, &end, sizeof end);
	}
	r->names = (struct pf_column){
		.values = some(pf_view_of(r->names_text.data, r->names_text.len)),
		.offsets = (const int32_t *)(const void *)r->names_ends.data,
	};
	r->names_list[1] = (int32_t)n;
	r->columns[PF_SEGMENT_REPLACES] = (struct pf_column){
		.nulls = !n, .validity = n ? NULL : &r->null,
		.offsets = r->names_list, .child = &r->names,
	};
}

struct pf_batch pf_segment_lend(struct pf_segment_room *r, const struct pf_schema *schema,
				const struct pf_segment *s, const struct pf_view *replaces,
				size_t n_replaces)
{
	r->null = 0;
	r->partition_list[1] = s->cell.has_partition;
	r->partition_ends[1] = (int32_t)s->cell.partition.len;
	r->partition = (struct pf_column){ .values = some(s->cell.partition),
					   .offsets = r->partition_ends };
	r->bucket = s->cell.bucket;
	r->rows = s->rows;
	r->data_ends[1] = (int64_t)s->data.len;
	r->index_ends[1] = (int32_t)s->index.len;
	r->columns[PF_SEGMENT_PARTITION] = (struct pf_column){
		.offsets = r->partition_list, .child = &r->partition };
	r->columns[PF_SEGMENT_BUCKET] = (struct pf_column){ .values = &r->bucket };
	r->columns[PF_SEGMENT_ROWS] = (struct pf_column){ .values = &r->rows };
	r->columns[PF_SEGMENT_DATA] = (struct pf_column){ .values = some(s->data),
							  .offsets64 = r->data_ends };
	r->columns[PF_SEGMENT_INDEX] = (struct pf_column){
		.values = some(s->index), .offsets = r->index_ends,
		.nulls = !s->index.data, .validity = s->index.data ? NULL : &r->null };
	r->changelog_ends[1] = (int64_t)s->changelog.len;
	r->columns[PF_SEGMENT_CHANGELOG] = (struct pf_column){
		.values = some(s->changelog), .offsets64 = r->changelog_ends,
		.nulls = !s->changelog.data, .validity = s->changelog.data ? NULL : &r->null };
	lend_names(r, replaces, n_replaces);
	return (struct pf_batch){ .schema = schema, .rows = 1, .columns = r->columns };
}

void pf_segment_room_free(struct pf_segment_room *r)
{
	pf_buf_free(&r->names_text);
	pf_buf_free(&r->names_ends);
}

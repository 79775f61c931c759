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
	if (segment->rows <= 0 || segment->cell.bucket < 0)
		return pf_fail(err, PF_E_CORRUPT,
			       "a segment claims bucket %d and %lld rows",
			       segment->cell.bucket, (long long)segment->rows);
	return 0;
}

void pf_segment_add(struct pf_builder *out, const struct pf_segment *segment,
		    const struct pf_view *replaces, size_t n_replaces)
{
	struct pf_colbuf *c = out->columns;
	pf_col_strings(&c[PF_SEGMENT_PARTITION], &segment->cell.partition,
		       segment->cell.has_partition);
	pf_col_i32(&c[PF_SEGMENT_BUCKET], segment->cell.bucket);
	pf_col_i64(&c[PF_SEGMENT_ROWS], segment->rows);
	pf_col_bytes(&c[PF_SEGMENT_DATA], segment->data.data, segment->data.len);
	if (segment->index.data)
		pf_col_bytes(&c[PF_SEGMENT_INDEX], segment->index.data,
			     segment->index.len);
	else
		pf_col_null(&c[PF_SEGMENT_INDEX]);
	if (n_replaces)
		pf_col_strings(&c[PF_SEGMENT_REPLACES], replaces, n_replaces);
	else
		pf_col_null(&c[PF_SEGMENT_REPLACES]);
}

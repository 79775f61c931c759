/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/reader.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "parquet/file.h"
#include "parquet/nested.h"

/* Usually holds the whole footer and the indexes before it. */
#define TAIL_BYTES 65536
/* Magic, footer length. */
#define FRAME_BYTES 12

/* --- bytes --- */

static const uint8_t *in_window(const struct pq_window *w, size_t len, int64_t offset)
{
	if (!w->bytes.len || (uint64_t)offset < w->offset)
		return NULL;
	uint64_t skip = (uint64_t)offset - w->offset;
	if (skip > w->bytes.len || len > w->bytes.len - skip)
		return NULL;
	return w->bytes.data + skip;
}

const uint8_t *pq_in_memory(const struct pf_parquet_file *f, size_t len, int64_t offset)
{
	if (offset < 0)
		return NULL;
	const uint8_t *p = in_window(&f->window, len, offset);
	return p ? p : in_window(&f->tail, len, offset);
}

static int read_bytes(struct pf_parquet_file *f, void *data, size_t len,
		      int64_t offset, struct pf_error *err)
{
	if (offset < 0 || (uint64_t)offset > f->source.size ||
	    len > f->source.size - (uint64_t)offset)
		return pf_fail(err, PF_E_PARQUET,
			       "'%s': %zu bytes at %lld are beyond the end of the file",
			       f->source.name, len, (long long)offset);
	f->counters.reads++;
	f->counters.bytes += (int64_t)len;
	return f->source.pread(f->source.ctx, data, len, (uint64_t)offset, err);
}

int pq_pread(struct pf_parquet_file *f, void *data, size_t len, int64_t offset,
	     struct pf_error *err)
{
	const uint8_t *p = pq_in_memory(f, len, offset);
	if (!p)
		return read_bytes(f, data, len, offset, err);
	if (len)
		memcpy(data, p, len);
	return 0;
}

int pq_fetch(struct pf_parquet_file *f, size_t len, int64_t offset,
	     struct pf_error *err)
{
	if (pq_in_memory(f, len, offset))
		return 0;
	f->window.bytes.len = 0;
	/* Checked before room is made: len may be a header's claim. */
	if (offset < 0 || (uint64_t)offset > f->source.size ||
	    len > f->source.size - (uint64_t)offset)
		return read_bytes(f, NULL, len, offset, err);
	PF_TRY(read_bytes(f, pf_buf_room(&f->window.bytes, len + 16), len, offset, err));
	f->window.offset = (uint64_t)offset;
	f->window.bytes.len = len;
	return 0;
}

/* --- footer --- */

static int malformed(const struct pf_parquet_file *f, const char *what,
		     struct pf_error *err)
{
	return pf_fail(err, PF_E_PARQUET, "'%s': %s", f->source.name, what);
}

static int read_footer(struct pf_parquet_file *f, struct pf_error *err)
{
	uint64_t size = f->source.size;
	if (size < FRAME_BYTES)
		return malformed(f, "too short for a Parquet file", err);
	size_t tail = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
	PF_TRY(read_bytes(f, pf_buf_room(&f->tail.bytes, tail + 16), tail,
			  (int64_t)(size - tail), err));
	f->tail.offset = size - tail;
	f->tail.bytes.len = tail;
	const uint8_t *end = f->tail.bytes.data + tail;
	if (!memcmp(end - 4, "PARE", 4))
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "'%s': encrypted Parquet files are not supported",
			       f->source.name);
	if (memcmp(end - 4, PQ_MAGIC, 4))
		return malformed(f, "not a Parquet file (its last bytes are not PAR1)", err);
	uint32_t len;
	memcpy(&len, end - 8, sizeof len);
	if (len > size - FRAME_BYTES)
		return malformed(f, "the footer would be longer than the file", err);
	const uint8_t *footer = end - 8 - len;
	if (len > tail - 8) {
		PF_TRY(read_bytes(f, pf_buf_room(&f->footer_bytes, len), len,
				  (int64_t)(size - 8 - len), err));
		footer = f->footer_bytes.data;
	}
	if (pq_footer_parse(footer, len, &f->footer, err))
		return pf_context(err, "'%s'", f->source.name);
	return 0;
}

/* --- columns --- */

/* Why chunks of that codec are not read, or NULL. */
static const char *codec_refused(int32_t codec)
{
	switch (codec) {
	case PQ_UNCOMPRESSED:
	case PQ_SNAPPY:
	case PQ_GZIP:
	case PQ_LZ4:
	case PQ_ZSTD:
	case PQ_LZ4_RAW:
		return NULL;
	case PQ_LZO:
		return "LZO compression is not supported";
	case PQ_BROTLI:
		return "brotli compression is not supported";
	default:
		return "its compression is unknown";
	}
}

const char *pq_chunks_refused(const struct pf_parquet_file *f, size_t leaf)
{
	for (size_t g = 0; g < f->footer.n_groups; g++) {
		const struct pq_chunk *c = &f->footer.groups[g].chunks[leaf];
		if (c->encrypted)
			return "encrypted columns are not supported";
		if (c->elsewhere)
			return "its data is in another file";
		const char *why = codec_refused(c->codec);
		if (why)
			return why;
	}
	return NULL;
}

static void add_column(struct pf_parquet_file *f, size_t at, size_t leaf)
{
	const struct pq_element *e = &f->footer.elements[at];
	struct pq_leaf *l = &f->leaves[f->n_columns];
	struct pf_parquet_column *c = &f->columns[f->n_columns++];
	const char *refused = pq_mapping_read(e, &l->mapping);
	/* A nested column has several leaves or none of its own. */
	if (!refused)
		refused = pq_chunks_refused(f, leaf);
	if (e->children || e->repetition == PQ_REPEATED)
		l->nested = pq_nested_new(f, at, leaf);
	l->leaf = leaf;
	l->name = pf_strndup((const char *)e->name.data, e->name.len);
	*c = (struct pf_parquet_column){
		.name = l->name, .id = e->field_id, .type = l->mapping.type,
		.nullable = e->repetition != PQ_REQUIRED, .refused = refused,
		.nested = l->nested != NULL,
	};
}

static int list_columns(struct pf_parquet_file *f, struct pf_error *err)
{
	const struct pq_footer *t = &f->footer;
	const struct pq_element *root = &t->elements[0];
	if (root->children < 0 || (size_t)root->children >= t->n_elements)
		if (root->children || t->n_elements != 1)
			return malformed(f, "the schema's tree is broken", err);
	size_t n = (size_t)root->children, at = 1, leaf = 0;
	f->columns = pf_zalloc(n, sizeof *f->columns);
	f->leaves = pf_zalloc(n, sizeof *f->leaves);
	for (size_t i = 0; i < n; i++) {
		if (at >= t->n_elements)
			return malformed(f, "the schema's tree is broken", err);
		add_column(f, at, leaf);
		/* Step over what hangs below. */
		for (int64_t open = 1; open > 0; at++) {
			if (at >= t->n_elements || t->elements[at].children < 0)
				return malformed(f, "the schema's tree is broken", err);
			open += t->elements[at].children - 1;
			leaf += !t->elements[at].children;
		}
	}
	if (at != t->n_elements)
		return malformed(f, "the schema's tree is broken", err);
	return 0;
}

static int column_of_leaf(const struct pf_parquet_file *f, int32_t leaf)
{
	for (size_t i = 0; i < f->n_columns; i++)
		if (leaf >= 0 && f->leaves[i].leaf == (size_t)leaf &&
		    !f->columns[i].refused)
			return (int)i;
	return -1;
}

static int check_groups(struct pf_parquet_file *f, struct pf_error *err)
{
	int64_t rows = 0;
	for (size_t g = 0; g < f->footer.n_groups; g++) {
		const struct pq_group *group = &f->footer.groups[g];
		if (__builtin_add_overflow(rows, group->rows, &rows))
			return malformed(f, "too many rows", err);
		if (!group->n_sorting)
			continue;
		f->sorting[g] = pf_zalloc(group->n_sorting, sizeof **f->sorting);
		for (size_t i = 0; i < group->n_sorting; i++) {
			const struct pq_sorting *s = &group->sorting[i];
			f->sorting[g][i] = (struct pf_parquet_sorting){
				column_of_leaf(f, s->leaf), s->descending,
				s->nulls_first };
		}
	}
	/* What the row groups have is what can be read; there are writers that
	 * leave the sum at 0. */
	f->footer.rows = rows;
	return 0;
}

static int open_file(struct pf_parquet_file *f, struct pf_error *err)
{
	PF_TRY(read_footer(f, err));
	PF_TRY(list_columns(f, err));
	f->created_by = f->footer.created_by.data ?
		pf_strndup((const char *)f->footer.created_by.data,
			   f->footer.created_by.len) : pf_strdup("");
	f->sorting = pf_zalloc(f->footer.n_groups, sizeof *f->sorting);
	f->caches = pf_zalloc(pf_mul(f->footer.n_groups, f->n_columns),
			      sizeof *f->caches);
	return check_groups(f, err);
}

int pf_parquet_open(const struct pf_random_source *source,
		    struct pf_parquet_file **file, struct pf_error *err)
{
	struct pf_parquet_file *f = pf_zalloc(1, sizeof *f);
	f->source = *source;
	f->scan = pq_scan_new();
	*file = NULL;
	int code = open_file(f, err);
	if (code) {
		pf_parquet_close(f);
		return code;
	}
	*file = f;
	return 0;
}

void pf_parquet_close(struct pf_parquet_file *f)
{
	if (!f)
		return;
	if (f->caches)
		for (size_t i = 0; i < f->footer.n_groups * f->n_columns; i++)
			pq_cache_free(f->caches[i]);
	free(f->caches);
	if (f->sorting)
		for (size_t i = 0; i < f->footer.n_groups; i++)
			free(f->sorting[i]);
	free(f->sorting);
	for (size_t i = 0; i < f->n_columns; i++) {
		free(f->leaves[i].name);
		pq_nested_free(f->leaves[i].nested);
	}
	free(f->leaves);
	free(f->columns);
	free(f->created_by);
	pq_footer_free(&f->footer);
	pf_buf_free(&f->footer_bytes);
	pf_buf_free(&f->tail.bytes);
	pf_buf_free(&f->window.bytes);
	pq_scan_free(f->scan);
	free(f);
}

/* --- what the footer says --- */

int64_t pf_parquet_rows(const struct pf_parquet_file *f)
{
	return f->footer.rows;
}

const char *pf_parquet_created_by(const struct pf_parquet_file *f)
{
	return f->created_by;
}

const struct pf_meta *pf_parquet_meta(const struct pf_parquet_file *f)
{
	return &f->footer.meta;
}

size_t pf_parquet_columns(const struct pf_parquet_file *f)
{
	return f->n_columns;
}

const struct pf_parquet_column *pf_parquet_column(const struct pf_parquet_file *f,
						  size_t ordinal)
{
	return &f->columns[ordinal];
}

int pf_parquet_find(const struct pf_parquet_file *f, const char *name)
{
	for (size_t i = 0; i < f->n_columns; i++)
		if (!strcmp(f->columns[i].name, name))
			return (int)i;
	return -1;
}

int pf_parquet_find_id(const struct pf_parquet_file *f, int32_t id)
{
	for (size_t i = 0; i < f->n_columns && id >= 0; i++)
		if (f->columns[i].id == id)
			return (int)i;
	return -1;
}

struct pf_schema *pf_parquet_schema(const struct pf_parquet_file *f, int *ordinals)
{
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < f->n_columns; i++) {
		const struct pf_parquet_column *c = &f->columns[i];
		if (c->refused)
			continue;
		if (ordinals)
			ordinals[s->n] = (int)i;
		pf_schema_add(s, c->name, c->type, c->nullable)->id = c->id;
	}
	pf_meta_copy(&s->meta, &f->footer.meta);
	return s;
}

size_t pf_parquet_groups(const struct pf_parquet_file *f)
{
	return f->footer.n_groups;
}

int64_t pf_parquet_group_rows(const struct pf_parquet_file *f, size_t group)
{
	return f->footer.groups[group].rows;
}

const struct pf_parquet_sorting *pf_parquet_group_sorting(
	const struct pf_parquet_file *f, size_t group, size_t *n)
{
	*n = f->footer.groups[group].n_sorting;
	return f->sorting[group];
}

struct pq_chunk *pq_chunk_of(const struct pf_parquet_file *f, size_t group,
			     size_t column)
{
	return &f->footer.groups[group].chunks[f->leaves[column].leaf];
}

int64_t pf_parquet_chunk_bytes(const struct pf_parquet_file *f, size_t group,
			       size_t column)
{
	return f->columns[column].refused ? 0 :
		pq_chunk_of(f, group, column)->compressed_bytes;
}

int64_t pf_parquet_rows_in(const struct pf_parquet_file *f, size_t group,
			   const int *columns, size_t n, size_t bytes)
{
	enum { GUESS_ROWS = 1024 };
	int64_t rows = f->footer.groups[group].rows, most = rows;
	double width = 0;
	for (size_t i = 0; i < n && rows; i++) {
		if (columns[i] < 0 || f->columns[columns[i]].refused) {
			width += 8;
			continue;
		}
		const struct pq_chunk *c = pq_chunk_of(f, group, (size_t)columns[i]);
		size_t fixed = pf_kind_width(f->columns[columns[i]].type.kind);
		width += fixed ? (double)fixed :
			 4 + (double)c->uncompressed_bytes / (double)rows;
		if (!fixed && c->dictionary_offset >= 0 && most > GUESS_ROWS)
			most = GUESS_ROWS;
	}
	double fit = (double)bytes / (width + 1) + 1;
	return fit < (double)most ? (int64_t)fit : most > 0 ? most : 1;
}

bool pf_parquet_has_delta(const struct pf_parquet_file *f)
{
	for (size_t g = 0; g < f->footer.n_groups; g++)
		for (size_t c = 0; c < f->footer.groups[g].n_chunks; c++)
			if (f->footer.groups[g].chunks[c].encodings >>
			    PQ_DELTA_BINARY_PACKED & 1)
				return true;
	return false;
}

const struct pf_parquet_counters *pf_parquet_counters(const struct pf_parquet_file *f)
{
	return &f->counters;
}

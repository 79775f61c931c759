/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of a state as Arrow files: its runs, and the data files that these
 * were built from.
 */
#include "window/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "base/file.h"

enum { C_DAY, C_BUCKET, C_TABLE, C_ID, C_FILE, C_OFFSET, C_BYTES, C_HASH, C_ROWS, C_INPUTS };
enum { I_NUMBER, I_TABLE, I_DIR, I_NAME, I_BUCKET, I_ROWS, I_BYTES, I_LIVE, I_COVERS };

struct column {
	const char *name;
	enum pf_kind kind;
};

static const struct column cell_columns[] = {
	{ "cell", PF_BIGINT },	 { "bucket", PF_INT },	 { "table", PF_INT },
	{ "id", PF_BIGINT },	 { "file", PF_STRING },	 { "offset", PF_BIGINT }, { "bytes", PF_BIGINT },
	{ "xxh3", PF_BIGINT },	 { "keys", PF_BIGINT },	 { "inputs", PF_STRING },
	{ 0 }
};
static const struct column input_columns[] = {
	{ "number", PF_BIGINT }, { "table", PF_INT },	 { "dir", PF_STRING },
	{ "name", PF_STRING },
	{ "bucket", PF_INT },	 { "rows", PF_BIGINT },	 { "bytes", PF_BIGINT },
	{ "live", PF_BOOLEAN },	 { "covers", PF_STRING }, { 0 }
};

static struct pf_schema *schema_of(const struct column *c)
{
	struct pf_schema *s = pf_schema_new();
	for (; c->name; c++)
		pf_schema_add(s, c->name, (struct pf_type){ .kind = c->kind }, true);
	return s;
}

static void put_text(struct pf_colbuf *c, const char *text)
{
	pf_col_bytes(c, text, strlen(text));
}

static char *text_at(const struct pf_batch *b, size_t column, int64_t row)
{
	struct pf_view v = pf_bytes_at(&b->columns[column], row);
	return pf_strndup((const char *)v.data, v.len);
}

static int64_t int_at(const struct pf_batch *b, size_t column, int64_t row)
{
	return pf_int_at(&b->columns[column], b->schema->fields[column].type.kind, row);
}

/* --- writing --- */

/* Positions as numbers from 1. */
static void put_numbers(struct pf_colbuf *out, const struct pf_ids *ids)
{
	struct pf_buf text = { 0 };
	struct pf_ids numbers = { 0 };
	if (ids->n == 1)
		pf_format_int(&text, ids->items[0] + 1);
	for (size_t i = 0; i < ids->n && ids->n > 1; i++)
		pf_ids_add(&numbers, ids->items[i] + 1);
	pf_ids_print(&numbers, &text);
	pf_col_bytes(out, text.data, text.len);
	pf_ids_free(&numbers);
	pf_buf_free(&text);
}

static struct pf_builder *cells_table(const struct pf_state *s)
{
	struct pf_schema *schema = schema_of(cell_columns);
	struct pf_builder *b = pf_builder_new(schema);
	pf_schema_unref(schema);
	for (size_t i = 0; i < s->ncells; i++) {
		const struct pf_state_cell *c = &s->cells[i];
		pf_col_i64(&b->columns[C_DAY], c->day);
		pf_col_i32(&b->columns[C_BUCKET], c->bucket);
		pf_col_i32(&b->columns[C_TABLE], (int32_t)c->table);
		pf_col_i64(&b->columns[C_ID], c->id);
		put_text(&b->columns[C_FILE], s->files[c->file].name);
		pf_col_i64(&b->columns[C_OFFSET], (int64_t)c->run.offset);
		pf_col_i64(&b->columns[C_BYTES], (int64_t)c->run.bytes);
		pf_col_i64(&b->columns[C_HASH], (int64_t)c->run.hash);
		pf_col_i64(&b->columns[C_ROWS], c->run.rows);
		put_numbers(&b->columns[C_INPUTS], &c->inputs);
	}
	return b;
}

static struct pf_builder *inputs_table(const struct pf_state *s)
{
	struct pf_schema *schema = schema_of(input_columns);
	struct pf_builder *b = pf_builder_new(schema);
	pf_schema_unref(schema);
	for (size_t i = 0; i < s->ninputs; i++) {
		const struct pf_state_input *in = &s->inputs[i];
		pf_col_i64(&b->columns[I_NUMBER], (int64_t)i + 1);
		pf_col_i32(&b->columns[I_TABLE], (int32_t)in->table);
		put_text(&b->columns[I_DIR], in->dir);
		put_text(&b->columns[I_NAME], in->name);
		pf_col_i32(&b->columns[I_BUCKET], in->bucket);
		pf_col_i64(&b->columns[I_ROWS], in->rows);
		pf_col_i64(&b->columns[I_BYTES], in->bytes);
		pf_col_bool(&b->columns[I_LIVE], in->live);
		put_numbers(&b->columns[I_COVERS], &in->covers);
	}
	return b;
}

/* rows: freed. */
static int write_list(const struct pf_state *s, const char *name, struct pf_builder *rows,
		      struct pf_sorted *run, struct pf_error *err)
{
	char *path = pf_state_path(s, name);
	struct pf_run_out *out = NULL;
	int code = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot make '%s'", path);
	if (!code)
		code = pf_run_out_open(fd, path, rows->schema, &out, err);
	struct pf_batch batch = pf_builder_batch(rows);
	if (!code)
		code = pf_run_out_batch(out, &batch, 0, batch.rows, err);
	if (!code)
		code = pf_run_out_cut(out, run, err);
	if (!code)
		code = pf_run_out_finish(out, err);
	if (!code)
		code = pf_fdatasync(fd, path, err);
	pf_run_out_free(out);
	if (fd >= 0 && !code)
		code = pf_close(&fd, path, err);
	else if (fd >= 0)
		close(fd);
	free(path);
	pf_builder_free(rows);
	return code;
}

int pf_state_write_cells(const struct pf_state *s, const char *name, struct pf_sorted *run,
			 struct pf_error *err)
{
	return write_list(s, name, cells_table(s), run, err);
}

int pf_state_write_inputs(const struct pf_state *s, const char *name, struct pf_sorted *run,
			  struct pf_error *err)
{
	return write_list(s, name, inputs_table(s), run, err);
}

/* --- reading --- */

/* Every batch of a list to a function. */
static int read_list(struct pf_state *s, const char *file, const struct pf_sorted *where,
		     const struct column *columns,
		     int (*take)(struct pf_state *s, const struct pf_batch *b,
				 struct pf_error *err),
		     struct pf_error *err)
{
	struct pf_sorted run = *where;
	struct pf_run_in *in = NULL;
	struct pf_batch batch;
	char *path = pf_state_path(s, file);
	int code = 0;
	run.name = path;
	run.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (run.fd < 0)
		code = pf_fail_errno(err, errno == ENOENT ? PF_E_CORRUPT : PF_E_IO, errno,
				     "cannot open '%s'", path);
	struct pf_schema *schema = schema_of(columns);
	if (!code)
		code = pf_run_in_open(&run, schema, &in, err);
	do {
		batch.rows = 0;
		if (!code)
			code = pf_run_in_next(in, &batch, err);
		if (!code && batch.rows)
			code = take(s, &batch, err);
	} while (!code && batch.rows);
	pf_run_in_free(in);
	pf_schema_unref(schema);
	if (run.fd >= 0)
		close(run.fd);
	free(path);
	return code;
}

static int get_numbers(const struct pf_batch *b, size_t column, int64_t row,
		       struct pf_ids *ids, struct pf_error *err)
{
	struct pf_view text = pf_bytes_at(&b->columns[column], row);
	PF_TRY(pf_ids_parse((const char *)text.data, text.len, ids, err));
	for (size_t k = 0; k < ids->n; k++)
		ids->items[k]--;
	return 0;
}

/* Rows that came under names have the number 0, as those of the only table. */
static bool is_table(const struct pf_state *s, size_t table)
{
	return table < s->ntables || !table;
}

static int take_inputs(struct pf_state *s, const struct pf_batch *b, struct pf_error *err)
{
	for (int64_t i = 0; i < b->rows; i++) {
		struct pf_state_input in = {
			.table = (size_t)int_at(b, I_TABLE, i),
			.dir = text_at(b, I_DIR, i),
			.name = text_at(b, I_NAME, i),
			.bucket = (int32_t)int_at(b, I_BUCKET, i),
			.rows = int_at(b, I_ROWS, i),
			.bytes = int_at(b, I_BYTES, i),
			.live = int_at(b, I_LIVE, i) != 0,
		};
		bool right = int_at(b, I_NUMBER, i) == (int64_t)s->ninputs + 1 &&
			     is_table(s, in.table);
		int code = get_numbers(b, I_COVERS, i, &in.covers, err);
		for (size_t k = 0; k < in.covers.n; k++)
			right = right && in.covers.items[k] >= 0;
		pf_state_add_input(s, &in);
		free(in.dir);
		free(in.name);
		if (code)
			return code;
		if (!right)
			return pf_state_malformed(s, "inputs out of order", err);
	}
	return 0;
}

static int take_cells(struct pf_state *s, const struct pf_batch *b, struct pf_error *err)
{
	for (int64_t i = 0; i < b->rows; i++) {
		char *file = text_at(b, C_FILE, i);
		struct pf_state_cell c = {
			.day = int_at(b, C_DAY, i),
			.bucket = (int32_t)int_at(b, C_BUCKET, i),
			.table = (size_t)int_at(b, C_TABLE, i),
			.id = int_at(b, C_ID, i),
			.file = pf_state_file_of(s, file),
			.run = { .offset = (uint64_t)int_at(b, C_OFFSET, i),
				 .bytes = (uint64_t)int_at(b, C_BYTES, i),
				 .hash = (uint64_t)int_at(b, C_HASH, i),
				 .rows = int_at(b, C_ROWS, i) },
		};
		bool slash = strchr(file, '/');
		free(file);
		int code = get_numbers(b, C_INPUTS, i, &c.inputs, err);
		for (size_t k = 0; k < c.inputs.n; k++)
			if (c.inputs.items[k] < 0 || c.inputs.items[k] >= (int64_t)s->ninputs)
				slash = true;
		pf_state_add_cell(s, &c);
		if (code)
			return code;
		if (slash || c.id >= s->next_id || !is_table(s, c.table))
			return pf_state_malformed(s, "a run is not described right", err);
	}
	return 0;
}

int pf_state_read_cells(struct pf_state *s, const char *name, const struct pf_sorted *run,
			struct pf_error *err)
{
	return read_list(s, name, run, cell_columns, take_cells, err);
}

int pf_state_read_inputs(struct pf_state *s, const char *name, const struct pf_sorted *run,
			 struct pf_error *err)
{
	PF_TRY(read_list(s, name, run, input_columns, take_inputs, err));
	for (size_t i = 0; i < s->ninputs; i++)
		for (size_t k = 0; k < s->inputs[i].covers.n; k++)
			if (s->inputs[i].covers.items[k] >= (int64_t)s->ninputs)
				return pf_state_malformed(s, "an input covers one that is not there",
							  err);
	return 0;
}

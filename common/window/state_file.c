/* SPDX-License-Identifier: Apache-2.0 */
#include "window/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "ext/json.h"

/* --- the lists' columns --- */

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

/* --- saving --- */

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

static void put_run(struct pf_buf *b, const char *file, const struct pf_sorted *r)
{
	pf_buf_str(b, "\"file\": ");
	pf_json_quote_str(b, file);
	pf_buf_printf(b, ", \"offset\": %" PRIu64 ", \"bytes\": %" PRIu64
			 ", \"rows\": %" PRId64 ", \"xxh3\": \"%016" PRIx64 "\"",
		      r->offset, r->bytes, r->rows, r->hash);
}

static void put_windows(const struct pf_state *s, struct pf_buf *b)
{
	struct pf_buf ids = { 0 };
	pf_buf_str(b, "  \"windows\": [");
	for (size_t i = 0; i < s->nwindows; i++) {
		const struct pf_state_window *w = &s->windows[i];
		pf_buf_printf(b, "%s\n    {\"window\": ", i ? "," : "");
		pf_json_quote_str(b, w->text);
		pf_buf_printf(b, ", \"from\": %" PRId64 ", \"to\": %" PRId64 ", ", w->from_us,
			      w->to_us);
		put_run(b, s->files[w->file].name, &w->run);
		ids.len = 0;
		pf_ids_print(&w->ids, &ids);
		pf_buf_printf(b, ", \"cells\": \"%s\"", pf_buf_cstr(&ids));
		ids.len = 0;
		pf_ids_print(&w->given, &ids);
		if (w->given.n)
			pf_buf_printf(b, ", \"given\": \"%s\"", pf_buf_cstr(&ids));
		pf_buf_byte(b, '}');
	}
	pf_buf_str(b, "],\n  \"published\": [");
	for (size_t i = 0; i < s->npublished; i++) {
		const struct pf_state_published *p = &s->published[i];
		pf_buf_printf(b, "%s\n    {\"window\": ", i ? "," : "");
		pf_json_quote_str(b, p->text);
		pf_buf_printf(b, ", \"from\": %" PRId64 ", \"to\": %" PRId64
				 ", \"content\": \"%016" PRIx64 "\"}",
			      p->from_us, p->to_us, p->content);
	}
	pf_buf_str(b, "]\n}\n");
	pf_buf_free(&ids);
}

static void put_tables(const struct pf_state *s, struct pf_buf *b)
{
	for (size_t i = 0; i < s->ntables; i++) {
		const struct pf_state_table *t = &s->tables[i];
		pf_buf_printf(b, "%s\n    {\"name\": ", i ? "," : "");
		pf_json_quote_str(b, t->name);
		pf_buf_printf(b, ", \"snapshot\": %" PRId64 ", \"snapshot_ms\": %" PRId64
				 ", \"snapshot_list\": ",
			      t->snapshot, t->snapshot_ms);
		pf_json_quote_str(b, t->snapshot_list);
		pf_buf_byte(b, '}');
	}
}

static void put_state(const struct pf_state *s, const char *cells, const struct pf_sorted *c,
		      const char *inputs, const struct pf_sorted *in, struct pf_buf *b)
{
	pf_buf_printf(b, "{\n  \"format\": %d,\n  \"generation\": %" PRId64 ",\n  \"shape\": ",
		      PF_STATE_FORMAT, s->generation + 1);
	pf_json_quote_str(b, s->shape ? s->shape : "");
	pf_buf_printf(b, ",\n  \"grain\": %" PRId64 ",\n  \"tables\": [", s->grain_us);
	put_tables(s, b);
	pf_buf_byte(b, ']');
	pf_buf_printf(b, ",\n  \"from\": %" PRId64 ", \"first\": %" PRId64 ",\n  \"next_id\": %" PRId64
			 ",\n  \"cells\": {",
		      s->from_us, s->first_us, s->next_id);
	put_run(b, cells, c);
	pf_buf_str(b, "},\n  \"inputs\": {");
	put_run(b, inputs, in);
	pf_buf_str(b, "},\n");
	put_windows(s, b);
}

static int write_json(const struct pf_state *s, const struct pf_buf *json,
		      struct pf_error *err)
{
	char *path = pf_state_path(s, "state.json"), *new = pf_state_path(s, "state.json.new");
	int code = 0, fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot make '%s'", new);
	if (!code)
		code = pf_write_full(fd, new, json->data, json->len, err);
	if (!code)
		code = pf_fdatasync(fd, new, err);
	if (fd >= 0 && !code)
		code = pf_close(&fd, new, err);
	else if (fd >= 0)
		close(fd);
	if (!code)
		code = pf_fsync_dir(s->dir, err); /* the names that it names */
	pf_crash_point("W3"); /* all is there but the rename */
	if (!code && rename(new, path))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot rename '%s'", new);
	if (!code)
		code = pf_fsync_dir(s->dir, err);
	free(path);
	free(new);
	return code;
}

int pf_state_save(struct pf_state *s, struct pf_error *err)
{
	struct pf_sorted cells, inputs;
	struct pf_buf json = { 0 };
	char *names[2];
	names[0] = pf_asprintf("cells-%06" PRId64 ".arrow", s->generation + 1);
	names[1] = pf_asprintf("inputs-%06" PRId64 ".arrow", s->generation + 1);
	int code = write_list(s, names[0], cells_table(s), &cells, err);
	if (!code)
		code = write_list(s, names[1], inputs_table(s), &inputs, err);
	pf_crash_point("W2"); /* the lists are there, too */
	if (!code) {
		put_state(s, names[0], &cells, names[1], &inputs, &json);
		code = write_json(s, &json, err);
	}
	if (!code)
		s->generation++;
	free(names[0]);
	free(names[1]);
	pf_buf_free(&json);
	return code;
}

/* --- loading --- */

static int malformed(const struct pf_state *s, const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_CORRUPT, "'%s/state.json' is damaged: %s", s->dir, what);
}

static bool get_int(const struct pf_json *o, const char *key, int64_t *out)
{
	return pf_json_int(pf_json_get(o, key), out);
}

static const char *get_text(const struct pf_json *o, const char *key)
{
	return pf_json_text(pf_json_get(o, key));
}

static int get_run(const struct pf_state *s, const struct pf_json *o, const char **file,
		   struct pf_sorted *run, struct pf_error *err)
{
	int64_t offset, bytes;
	const char *hash = get_text(o, "xxh3");
	*file = get_text(o, "file");
	if (!*file || strchr(*file, '/') || !hash || !get_int(o, "offset", &offset) ||
	    !get_int(o, "bytes", &bytes) || !get_int(o, "rows", &run->rows) || offset < 0 ||
	    bytes < 0)
		return malformed(s, "a list or window is not described", err);
	run->offset = (uint64_t)offset;
	run->bytes = (uint64_t)bytes;
	run->hash = strtoull(hash, NULL, 16);
	return 0;
}

/* Every batch of a list to a function. */
static int read_list(struct pf_state *s, const struct pf_json *o,
		     const struct column *columns,
		     int (*take)(struct pf_state *s, const struct pf_batch *b,
				 struct pf_error *err),
		     struct pf_error *err)
{
	struct pf_sorted run = { 0 };
	struct pf_run_in *in = NULL;
	struct pf_batch batch;
	const char *file;
	PF_TRY(get_run(s, o, &file, &run, err));
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
			return malformed(s, "inputs out of order", err);
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
			return malformed(s, "a run is not described right", err);
	}
	return 0;
}

static int load_windows(struct pf_state *s, const struct pf_json *list,
			struct pf_error *err)
{
	for (size_t i = 0; i < pf_json_size(list); i++) {
		const struct pf_json *o = pf_json_at(list, i);
		const char *text = get_text(o, "window"), *ids = get_text(o, "cells"), *file;
		struct pf_state_window w = { .text = (char *)(uintptr_t)text };
		if (!text || !ids || !get_int(o, "from", &w.from_us) ||
		    !get_int(o, "to", &w.to_us))
			return malformed(s, "a window is not described", err);
		PF_TRY(get_run(s, o, &file, &w.run, err));
		PF_TRY(pf_ids_parse(ids, strlen(ids), &w.ids, err));
		const char *given = get_text(o, "given");
		if (given)
			PF_TRY(pf_ids_parse(given, strlen(given), &w.given, err));
		w.file = pf_state_file_of(s, file);
		char *path = pf_state_path(s, file);
		w.lost = access(path, F_OK) != 0;
		free(path);
		if (w.lost && !*text) { /* a block is made again when it is wanted */
			pf_ids_free(&w.ids);
			pf_ids_free(&w.given);
			continue;
		}
		pf_state_add_window(s, &w);
	}
	return 0;
}

static int load_published(struct pf_state *s, const struct pf_json *list,
			  struct pf_error *err)
{
	for (size_t i = 0; i < pf_json_size(list); i++) {
		const struct pf_json *o = pf_json_at(list, i);
		const char *text = get_text(o, "window"), *content = get_text(o, "content");
		struct pf_state_published p = { 0 };
		if (!text || !content || !get_int(o, "from", &p.from_us) ||
		    !get_int(o, "to", &p.to_us))
			return malformed(s, "a published window is not described", err);
		p.text = pf_strdup(text);
		p.content = strtoull(content, NULL, 16);
		s->published = pf_realloc(s->published, s->npublished + 1,
					  sizeof *s->published);
		s->published[s->npublished++] = p;
	}
	return 0;
}

static int load_tables(struct pf_state *s, const struct pf_json *list, struct pf_error *err)
{
	for (size_t i = 0; i < pf_json_size(list); i++) {
		const struct pf_json *o = pf_json_at(list, i);
		const char *name = get_text(o, "name"), *delta = get_text(o, "snapshot_list");
		struct pf_state_table t = { .name = (char *)(uintptr_t)name,
					    .snapshot_list = (char *)(uintptr_t)delta };
		if (!name || !delta || !get_int(o, "snapshot", &t.snapshot) ||
		    !get_int(o, "snapshot_ms", &t.snapshot_ms))
			return malformed(s, "a table is not described", err);
		pf_state_add_table(s, &t);
	}
	return 0;
}

static int load(struct pf_state *s, const struct pf_json *o, struct pf_error *err)
{
	int64_t format = 0;
	const char *shape = get_text(o, "shape");
	if (!get_int(o, "format", &format))
		return malformed(s, "it says no format", err);
	if (format != PF_STATE_FORMAT)
		return pf_fail(err, PF_E_CORRUPT, "'%s' is a state of format %" PRId64
			       ", this program writes %d", s->dir, format, PF_STATE_FORMAT);
	if (!get_int(o, "generation", &s->generation) || s->generation < 1 || !shape ||
	    !get_int(o, "grain", &s->grain_us) || s->grain_us < 1 ||
	    !get_int(o, "from", &s->from_us) ||
	    !get_int(o, "first", &s->first_us) || !get_int(o, "next_id", &s->next_id))
		return malformed(s, "something is missing", err);
	s->shape = pf_strdup(shape);
	PF_TRY(load_tables(s, pf_json_get(o, "tables"), err));
	PF_TRY(read_list(s, pf_json_get(o, "inputs"), input_columns, take_inputs, err));
	for (size_t i = 0; i < s->ninputs; i++)
		for (size_t k = 0; k < s->inputs[i].covers.n; k++)
			if (s->inputs[i].covers.items[k] >= (int64_t)s->ninputs)
				return malformed(s, "an input covers one that is not there", err);
	PF_TRY(read_list(s, pf_json_get(o, "cells"), cell_columns, take_cells, err));
	PF_TRY(load_windows(s, pf_json_get(o, "windows"), err));
	return load_published(s, pf_json_get(o, "published"), err);
}

int pf_state_load(struct pf_state *s, struct pf_error *err)
{
	enum { LIMIT = 64 << 20 };
	struct pf_buf text = { 0 };
	struct pf_json *root = NULL;
	char *path = pf_state_path(s, "state.json");
	int code = 0;
	if (!access(path, F_OK)) {
		code = pf_read_file(path, LIMIT, &text, err);
		if (!code)
			code = pf_json_parse(text.data, text.len, path, &root, err);
		if (!code)
			code = load(s, root, err);
	}
	pf_json_free(root);
	pf_buf_free(&text);
	free(path);
	return code;
}

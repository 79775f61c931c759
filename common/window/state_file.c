/* SPDX-License-Identifier: Apache-2.0 */
#include "window/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "ext/json.h"

/* --- saving --- */

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
	int code = pf_state_write_cells(s, names[0], &cells, err);
	if (!code)
		code = pf_state_write_inputs(s, names[1], &inputs, err);
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

int pf_state_malformed(const struct pf_state *s, const char *what, struct pf_error *err)
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
		return pf_state_malformed(s, "a list or window is not described", err);
	run->offset = (uint64_t)offset;
	run->bytes = (uint64_t)bytes;
	run->hash = strtoull(hash, NULL, 16);
	return 0;
}

static int load_window(struct pf_state *s, const struct pf_json *o, struct pf_error *err)
{
	const char *text = get_text(o, "window"), *ids = get_text(o, "cells"), *file;
	const char *given = get_text(o, "given");
	struct pf_state_window w = { .text = (char *)(uintptr_t)text };
	if (!text || !ids || !get_int(o, "from", &w.from_us) || !get_int(o, "to", &w.to_us))
		return pf_state_malformed(s, "a window is not described", err);
	PF_TRY(get_run(s, o, &file, &w.run, err));
	char *path = pf_state_path(s, file);
	w.file = pf_state_file_of(s, file);
	w.lost = access(path, F_OK) != 0;
	free(path);
	int code = pf_ids_parse(ids, strlen(ids), &w.ids, err);
	if (!code && given)
		code = pf_ids_parse(given, strlen(given), &w.given, err);
	if (code || (w.lost && !*text)) { /* a block is made again when it is wanted */
		pf_ids_free(&w.ids);
		pf_ids_free(&w.given);
		return code;
	}
	pf_state_add_window(s, &w);
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
			return pf_state_malformed(s, "a published window is not described", err);
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
			return pf_state_malformed(s, "a table is not described", err);
		pf_state_add_table(s, &t);
	}
	return 0;
}

static int load(struct pf_state *s, const struct pf_json *o, struct pf_error *err)
{
	int64_t format = 0;
	struct pf_sorted run = { 0 };
	const char *shape = get_text(o, "shape"), *file;
	if (!get_int(o, "format", &format))
		return pf_state_malformed(s, "it says no format", err);
	if (format != PF_STATE_FORMAT)
		return pf_fail(err, PF_E_CORRUPT, "'%s' is a state of format %" PRId64
			       ", this program writes %d", s->dir, format, PF_STATE_FORMAT);
	if (!get_int(o, "generation", &s->generation) || s->generation < 1 ||
	    s->generation == INT64_MAX || !shape || /* the next is one more */
	    !get_int(o, "grain", &s->grain_us) || s->grain_us < 1 ||
	    !get_int(o, "from", &s->from_us) ||
	    !get_int(o, "first", &s->first_us) || !get_int(o, "next_id", &s->next_id))
		return pf_state_malformed(s, "something is missing", err);
	s->shape = pf_strdup(shape);
	PF_TRY(load_tables(s, pf_json_get(o, "tables"), err));
	PF_TRY(get_run(s, pf_json_get(o, "inputs"), &file, &run, err));
	PF_TRY(pf_state_read_inputs(s, file, &run, err));
	PF_TRY(get_run(s, pf_json_get(o, "cells"), &file, &run, err));
	PF_TRY(pf_state_read_cells(s, file, &run, err));
	const struct pf_json *windows = pf_json_get(o, "windows");
	for (size_t i = 0; i < pf_json_size(windows); i++)
		PF_TRY(load_window(s, pf_json_at(windows, i), err));
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce: any other program is the accumulator. Lines are fields apart by
 * tabs, escaped as tsv is, the keys first. A state is lines, each with its
 * newline: those of rows, or what the command --reduce printed for some rows
 * of the key, one line. Storing a state makes one line of its rows (--reduce)
 * and one line of several such (--merge); so --merge must be associative, and
 * a single line stays as it is.
 *
 * A command is run for up to some thousands of keys at a time, always of one
 * cell, sorted by key, and may print in any order, one line a key or none.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "arrow/value_text.h"
#include "base/alloc.h"
#include "base/command.h"
#include "query/keyset.h"

enum { ANSWER_MAX = 1 << 30 };

struct slot {
	struct pf_buf rows;  /* lines for --reduce */
	struct pf_buf parts; /* lines of its making */
	size_t nparts;
};

static int bind(struct pf_agg *a, struct pf_error *err)
{
	const struct pf_type text = { .kind = PF_STRING };
	const struct pf_agg_external *e = a->external;
	if (!e || !e->reduce || !e->merge) {
		pf_fail(err, PF_E_USAGE, "reduce needs --reduce COMMAND and --merge COMMAND");
		return pf_hint(err, "--reduce makes a partial of rows, --merge one partial of several");
	}
	a->result = text;
	a->results = pf_schema_new();
	for (size_t i = 0; i < e->nnames; i++)
		pf_schema_add(a->results, e->names[i], text, true);
	if (!e->nnames)
		pf_schema_add(a->results, a->name, text, true);
	pf_agg_state_column(a, "", text);
	return 0;
}

/* --- slots --- */

static void reserve(struct pf_agg_states *s, size_t n)
{
	struct slot *slots = s->data;
	if (n > s->cap) {
		size_t cap = pf_grow(s->cap, n);
		s->data = slots = pf_realloc(slots, cap, sizeof *slots);
		memset(slots + s->cap, 0, (cap - s->cap) * sizeof *slots);
		s->bytes += (cap - s->cap) * sizeof *slots;
		s->cap = cap;
	}
	s->n = n > s->n ? n : s->n;
}

static void clear(struct pf_agg_states *s)
{
	struct slot *slots = s->data;
	for (size_t i = 0; i < s->n; i++) {
		s->bytes -= slots[i].rows.cap + slots[i].parts.cap;
		pf_buf_free(&slots[i].rows);
		pf_buf_free(&slots[i].parts);
		slots[i] = (struct slot){ 0 };
	}
	s->n = 0;
}

static void release(struct pf_agg_states *s)
{
	clear(s);
	free(s->data);
}

/* A value as tsv has it: what would break line or field is escaped. */
static void put_field(struct pf_buf *out, struct pf_type type, const struct pf_column *c,
		      int64_t row)
{
	if (pf_is_null(c, row))
		return;
	if (type.kind != PF_STRING) {
		pf_format_value(out, type, c, row, PF_VALUE_PLAIN, NULL);
		return;
	}
	struct pf_view v = pf_bytes_at(c, row);
	for (size_t i = 0; i < v.len; i++) {
		static const char special[] = "\t\n\r\\", names[] = "tnr\\";
		const char *at = v.data[i] ? strchr(special, v.data[i]) : NULL;
		if (at)
			pf_buf_byte(out, '\\');
		pf_buf_byte(out, at ? (uint8_t)names[at - special] : v.data[i]);
	}
}

static int add(struct pf_agg_states *s, const struct pf_agg_rows *rows, struct pf_error *err)
{
	struct slot *slots = s->data;
	(void)err;
	for (int64_t i = 0; i < rows->n; i++) {
		struct pf_buf *b = &slots[rows->slots[i]].rows;
		size_t before = b->cap;
		for (size_t k = 0; k < s->agg->nargs; k++) {
			if (k)
				pf_buf_byte(b, '\t');
			put_field(b, s->agg->types[k], &rows->args[k], i);
		}
		pf_buf_byte(b, '\n');
		s->bytes += b->cap - before;
	}
	return 0;
}

static int merge(struct pf_agg_states *s, const struct pf_agg_stored *in,
		 struct pf_error *err)
{
	struct slot *slots = s->data;
	(void)err;
	for (int64_t i = 0; i < in->n; i++) {
		if (pf_is_null(&in->columns[0], in->from + i))
			continue;
		struct slot *slot = &slots[in->slots ? in->slots[i] : (uint32_t)i];
		struct pf_view v = pf_bytes_at(&in->columns[0], in->from + i);
		size_t before = slot->parts.cap;
		pf_buf_add(&slot->parts, v.data, v.len);
		slot->nparts++;
		s->bytes += slot->parts.cap - before;
	}
	return 0;
}

/* --- commands --- */

/* The key fields of a line. */
static struct pf_view key_of(const struct pf_agg *a, const uint8_t *line, size_t len)
{
	size_t n = a->external->nkeys, at = 0;
	for (; at < len; at++)
		if (line[at] == '\t' && !--n)
			break;
	return pf_view_of(line, a->external->nkeys ? at : 0);
}

static int stranger(const char *command, const uint8_t *line, size_t len,
		    struct pf_error *err)
{
	char quoted[80];
	return pf_fail(err, PF_E_COMMAND, "'%s' printed a line of a key that it was not given, or twice: '%s'",
		       command, pf_quote(quoted, sizeof quoted, line, len));
}

/* What one run of a command gets. */
struct job {
	const char *command;
	struct pf_buf in;
	struct pf_keyset *keys;
	uint32_t *slots;      /* of the keys */
	size_t n;
};

/* The lines that came back become the only parts of their slots. */
static int take_lines(const struct pf_agg_states *s, const struct job *j,
		      const struct pf_buf *out, struct pf_error *err)
{
	struct slot *all = s->data;
	for (size_t at = 0, len; at < out->len; at += len) {
		const uint8_t *line = out->data + at, *end;
		end = memchr(line, '\n', out->len - at);
		len = end ? (size_t)(end - line) + 1 : out->len - at;
		struct pf_view key = key_of(s->agg, line, len - (end != NULL));
		uint32_t i = pf_keyset_find(j->keys, key.data, key.len);
		if (i == UINT32_MAX || all[j->slots[i]].nparts)
			return stranger(j->command, line, len - (end != NULL), err);
		pf_buf_add(&all[j->slots[i]].parts, line, len);
		if (!end)
			pf_buf_byte(&all[j->slots[i]].parts, '\n');
		all[j->slots[i]].nparts = 1;
	}
	return 0;
}

/* Run it, and begin anew. */
static int execute(const struct pf_agg_states *s, struct job *j, struct pf_error *err)
{
	struct slot *all = s->data;
	struct pf_buf out = { 0 };
	if (!j->n)
		return 0;
	int code = pf_command_run(j->command, pf_view_of(j->in.data, j->in.len), ANSWER_MAX,
				  &out, err);
	for (size_t i = 0; i < j->n && !code; i++) {
		struct slot *slot = &all[j->slots[i]];
		slot->rows.len = slot->parts.len = slot->nparts = 0;
	}
	if (!code)
		code = take_lines(s, j, &out, err);
	pf_buf_free(&out);
	pf_keyset_free(j->keys);
	j->keys = pf_keyset_new();
	j->in.len = j->n = 0;
	return code;
}

/* A command over the lines of some slots. Keys that look alike (nothing and
 * the empty text) go to different runs. */
static int run(const struct pf_agg_states *s, const char *command, bool rows,
	       const uint32_t *slots, size_t n, struct pf_error *err)
{
	struct slot *all = s->data;
	struct job j = { .command = command, .keys = pf_keyset_new(),
			 .slots = pf_alloc(n + 1, sizeof *j.slots) };
	int code = 0;
	for (size_t i = 0; i < n && !code; i++) {
		struct slot *slot = &all[slots[i]];
		struct pf_buf *b = rows ? &slot->rows : &slot->parts;
		bool is_new;
		if (!b->len || (!rows && slot->nparts < 2))
			continue;
		const uint8_t *end = memchr(b->data, '\n', b->len);
		struct pf_view key = key_of(s->agg, b->data, (size_t)(end - b->data));
		if (pf_keyset_find(j.keys, key.data, key.len) != UINT32_MAX)
			code = execute(s, &j, err);
		pf_keyset_put(j.keys, key.data, key.len, &is_new);
		j.slots[j.n++] = slots[i];
		pf_buf_add(&j.in, b->data, b->len);
	}
	if (!code)
		code = execute(s, &j, err);
	pf_keyset_free(j.keys);
	pf_buf_free(&j.in);
	free(j.slots);
	return code;
}

/* One line, or none, for each slot. */
static int settle(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  struct pf_error *err)
{
	uint32_t *all = pf_alloc(n + 1, sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i] = slots ? slots[i] : (uint32_t)i;
	int code = run(s, s->agg->external->reduce, true, all, n, err);
	if (!code)
		code = run(s, s->agg->external->merge, false, all, n, err);
	free(all);
	return code;
}

static int store(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		 struct pf_colbuf *out, struct pf_error *err)
{
	const struct slot *all = s->data;
	PF_TRY(settle(s, slots, n, err));
	for (size_t i = 0; i < n; i++) {
		const struct slot *slot = &all[slots ? slots[i] : i];
		if (slot->nparts)
			pf_col_bytes(out, slot->parts.data, slot->parts.len);
		else
			pf_col_null(out);
	}
	return 0;
}

/* A field, its escapes resolved. */
static void put_text(struct pf_colbuf *out, const uint8_t *p, size_t len)
{
	static const char special[] = "\t\n\r\\", names[] = "tnr\\";
	struct pf_buf plain = { 0 };
	if (!memchr(p, '\\', len)) {
		pf_col_bytes(out, p, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		const char *at = p[i] == '\\' && i + 1 < len && p[i + 1] ?
					 strchr(names, p[i + 1]) : NULL;
		pf_buf_byte(&plain, at ? (uint8_t)special[at - names] : p[i]);
		i += at != NULL;
	}
	pf_col_bytes(out, plain.data, plain.len);
	pf_buf_free(&plain);
}

/* The fields behind the keys. */
static int put_values(const struct pf_agg *a, const struct slot *slot,
		      struct pf_colbuf *out, struct pf_error *err)
{
	size_t n = pf_agg_width(a), given = 0;
	struct pf_view line = pf_view_of(slot->parts.data, slot->parts.len);
	if (!slot->nparts) {
		for (size_t i = 0; i < n; i++)
			pf_col_null(&out[i]);
		return 0;
	}
	struct pf_view key = key_of(a, line.data, line.len - 1);
	size_t at = key.len + (a->external->nkeys > 0), end = line.len - 1;
	for (; at <= end; at++, given++) {
		size_t from = at;
		while (at < end && line.data[at] != '\t')
			at++;
		if (given < n)
			put_text(&out[given], line.data + from, at - from);
	}
	if (given == n)
		return 0;
	char quoted[80];
	pf_fail(err, PF_E_COMMAND, "a line of --merge or --reduce has %zu values, not %zu: '%s'",
		given, n, pf_quote(quoted, sizeof quoted, line.data, end));
	return pf_hint(err, "--as names the values behind the keys");
}

static int finish(const struct pf_agg_states *s, const uint32_t *slots, size_t n,
		  const struct pf_agg_range *range, struct pf_colbuf *out,
		  struct pf_error *err)
{
	const struct slot *all = s->data;
	(void)range;
	PF_TRY(settle(s, slots, n, err));
	for (size_t i = 0; i < n; i++)
		PF_TRY(put_values(s->agg, &all[slots ? slots[i] : i], out, err));
	return 0;
}

const struct pf_agg_kind pf_agg_reduce = {
	.name = "reduce",
	.help = "what the command --reduce makes of the columns X, Y, ...",
	.max_args = PF_AGG_ARGS,
	.bind = bind,
	.reserve = reserve,
	.clear = clear,
	.release = release,
	.add = add,
	.merge = merge,
	.store = store,
	.finish = finish,
};

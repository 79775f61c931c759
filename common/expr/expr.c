/* SPDX-License-Identifier: Apache-2.0
 *
 * An expression as a thing: its nodes, the names that it mentions, what points
 * at a place in its text.
 */
#include "expr/ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

int pf_expr_fail(const struct pf_expr *e, size_t at, size_t len, int code,
		 struct pf_error *err, const char *fmt, ...)
{
	enum { LEFT = 40, WIDTH = 72 };
	char message[512], line[WIDTH * 4 + 1], caret[WIDTH + 8];
	va_list args;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	pf_fail(err, code, "%s in %s", message, e->what);
	size_t from = at > LEFT ? at - LEFT : 0;
	while (from < at && (e->text[from] & 0xc0) == 0x80)
		from++;
	size_t n = 0, column = 0;
	for (size_t i = from; i < e->text_len && n < WIDTH; i++) {
		unsigned char c = (unsigned char)e->text[i];
		line[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
	while (n && from + n < e->text_len &&
	       ((unsigned char)e->text[from + n] & 0xc0) == 0x80)
		n--;
	if (!pf_utf8_valid(line, n))
		for (size_t i = 0; i < n; i++)
			line[i] = (char)((line[i] & 0x80) ? '?' : line[i]);
	column = pf_utf8_width(line, at - from < n ? at - from : n);
	size_t marks = len && at - from + len <= n ?
			       pf_utf8_width(line + (at - from), len) : 1;
	if (column > WIDTH)
		column = WIDTH;
	if (!marks || column + marks > WIDTH)
		marks = 1;
	memset(caret, ' ', column);
	memset(caret + column, '^', marks);
	return pf_detail(err, "%.*s\n%.*s", (int)n, line, (int)(column + marks),
			 caret);
}

struct pf_node *pf_node_new(struct pf_expr *e, enum pf_node_op op, size_t at,
			    size_t len, size_t nkids)
{
	struct pf_node *x = pf_arena_zero(&e->arena, 1, sizeof *x);
	x->op = op;
	x->at = (uint32_t)at;
	x->len = (uint32_t)len;
	x->nkids = (uint32_t)nkids;
	x->kids = nkids ? pf_arena_zero(&e->arena, nkids, sizeof *x->kids) : NULL;
	x->height = 1;
	if (e->nall == e->cap_all) {
		e->cap_all = pf_grow(e->cap_all, e->nall + 1);
		e->all = pf_realloc(e->all, e->cap_all, sizeof *e->all);
	}
	e->all[e->nall++] = x;
	return x;
}

void pf_expr_collect_names(struct pf_expr *e)
{
	size_t n = 0;
	e->nnames = 0;
	for (size_t i = 0; i < e->nall; i++)
		n += e->all[i]->op == PF_N_COLUMN;
	e->names = pf_arena_get(&e->arena, n + 1, sizeof *e->names);
	for (size_t i = 0; i < e->nall; i++) {
		const struct pf_node *x = e->all[i];
		if (x->op == PF_N_COLUMN)
			e->names[e->nnames++] = pf_arena_text(
				&e->arena, x->name.data, x->name.len);
	}
}

/* Nothing of it is read any more. As deep as an expression may be. */
static void drop(struct pf_node *x)
{
	for (uint32_t i = 0; i < x->nkids; i++)
		drop(x->kids[i]);
	x->nkids = 0;
	x->op = PF_N_LITERAL;
	x->lit = (struct pf_datum){ .null = true };
}

void pf_expr_take_calls(struct pf_expr *e, pf_expr_call_fn name, void *ctx)
{
	/* Whatever contains a node was made behind it. */
	for (size_t i = e->nall; i-- > 0;) {
		struct pf_node *x = e->all[i];
		if (x->op != PF_N_CALL)
			continue;
		struct pf_view whole = pf_view_of(e->text + x->at, x->len);
		const uint8_t *bracket = memchr(whole.data, '(', whole.len);
		size_t before = bracket ? (size_t)(bracket + 1 - whole.data) : 0;
		if (!bracket || whole.len <= before)
			continue;
		const char *column = name(ctx, x->name, whole,
					  pf_view_of(bracket + 1, whole.len - before - 1));
		if (!column)
			continue;
		drop(x);
		x->op = PF_N_COLUMN;
		x->height = 1;
		x->name.data = (const uint8_t *)pf_arena_text(&e->arena, column,
							      strlen(column));
		x->name.len = strlen(column);
	}
	pf_expr_collect_names(e);
}

void pf_expr_free(struct pf_expr *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->nall; i++) {
		pf_buf_free(&e->all[i]->vbuf);
		pf_buf_free(&e->all[i]->sbuf);
	}
	free(e->all);
	pf_arena_free(&e->arena);
	pf_arena_free(&e->bound);
	pf_arena_free(&e->work);
	pf_schema_unref((struct pf_schema *)e->schema);
	free(e->text);
	free(e->what);
	pf_zone_close(e->zone);
	free(e);
}

size_t pf_expr_names(const struct pf_expr *e, const char ***names)
{
	*names = e->names;
	return e->nnames;
}

bool pf_expr_has_now(const struct pf_expr *e)
{
	for (size_t i = 0; i < e->nall; i++)
		if (e->all[i]->op == PF_N_CALL && pf_view_is(e->all[i]->name, "now"))
			return true;
	return false;
}

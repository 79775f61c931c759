/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical text: one spelling per operator, all brackets shown.
 */
#include <string.h>

#include "base/alloc.h"
#include "expr/ast.h"

static const char *const symbols[] = {
	[PF_N_AND] = " and ", [PF_N_OR] = " or ", [PF_N_EQ] = " = ",
	[PF_N_NE] = " <> ",   [PF_N_LT] = " < ",  [PF_N_LE] = " <= ",
	[PF_N_GT] = " > ",    [PF_N_GE] = " >= ", [PF_N_ADD] = " + ",
	[PF_N_SUB] = " - ",   [PF_N_MUL] = " * ", [PF_N_DIV] = " / ",
	[PF_N_MOD] = " % ",
};

static void print(const struct pf_node *x, struct pf_buf *out);

static void quote(struct pf_buf *out, struct pf_view name)
{
	pf_buf_byte(out, '`');
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '`')
			pf_buf_byte(out, '`');
		pf_buf_byte(out, name.data[i]);
	}
	pf_buf_byte(out, '`');
}

void pf_expr_quote(struct pf_buf *out, const char *name)
{
	quote(out, pf_view_of(name, strlen(name)));
}

char *pf_expr_quoted(const char *name)
{
	struct pf_buf text = { 0 };
	pf_expr_quote(&text, name);
	char *result = pf_strdup(pf_buf_cstr(&text));
	pf_buf_free(&text);
	return result;
}

static void print_name(struct pf_view name, struct pf_buf *out)
{
	bool plain = name.len && !(name.data[0] >= '0' && name.data[0] <= '9');
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		plain = plain && ((c | 32) >= 'a' && (c | 32) <= 'z' ? true :
				  (c >= '0' && c <= '9') || c == '_');
	}
	if (plain) {
		pf_buf_add(out, name.data, name.len);
		return;
	}
	quote(out, name);
}

static void print_list(const struct pf_node *x, uint32_t from, const char *between,
		       struct pf_buf *out)
{
	for (uint32_t i = from; i < x->nkids; i++) {
		if (i > from)
			pf_buf_str(out, between);
		print(x->kids[i], out);
	}
}

static void print_literal(const struct pf_node *x, struct pf_buf *out)
{
	struct pf_datum d = x->konst ? pf_node_datum(x) : x->lit;
	if (x->lit_interval || (x->konst && x->type.x == PF_X_INTERVAL)) {
		int64_t us = x->konst ? x->value.i : x->lit.i;
		if (us % 1000000 == 0)
			pf_buf_printf(out, "%llds", (long long)(us / 1000000));
		else
			pf_buf_printf(out, "%lldus", (long long)us);
		return;
	}
	pf_datum_print(&d, out);
}

static void print_set(const struct pf_node *x, struct pf_buf *out)
{
	pf_buf_str(out, " in (");
	for (size_t i = 0; i < x->nset; i++) {
		if (i)
			pf_buf_str(out, ", ");
		if (i == 20) {
			pf_buf_printf(out, "... %zu more", x->nset - i);
			break;
		}
		pf_datum_print(&x->set[i], out);
	}
	if (x->set_null)
		pf_buf_str(out, x->nset ? ", null" : "null");
	pf_buf_str(out, ")");
}

static void print_case(const struct pf_node *x, struct pf_buf *out)
{
	pf_buf_str(out, "case");
	for (uint32_t i = 0; i + 1 < x->nkids; i += 2) {
		pf_buf_str(out, " when ");
		print(x->kids[i], out);
		pf_buf_str(out, " then ");
		print(x->kids[i + 1], out);
	}
	if (x->nkids & 1) {
		pf_buf_str(out, " else ");
		print(x->kids[x->nkids - 1], out);
	}
	pf_buf_str(out, " end");
}

static void print(const struct pf_node *x, struct pf_buf *out)
{
	if (x->konst || x->op == PF_N_LITERAL) {
		print_literal(x, out);
		return;
	}
	switch (x->op) {
	case PF_N_COLUMN:
		print_name(x->name, out);
		break;
	case PF_N_CONVERT:
		print(x->kids[0], out);
		break;
	case PF_N_NOT:
		pf_buf_str(out, "(not ");
		print(x->kids[0], out);
		pf_buf_str(out, ")");
		break;
	case PF_N_NEG:
		pf_buf_str(out, "(- ");
		print(x->kids[0], out);
		pf_buf_str(out, ")");
		break;
	case PF_N_IN:
		pf_buf_str(out, "(");
		print(x->kids[0], out);
		if (x->set) {
			print_set(x, out);
		} else {
			pf_buf_str(out, " in (");
			print_list(x, 1, ", ", out);
			pf_buf_str(out, ")");
		}
		pf_buf_str(out, ")");
		break;
	case PF_N_BETWEEN:
		pf_buf_str(out, "(");
		print(x->kids[0], out);
		pf_buf_str(out, " between ");
		print_list(x, 1, " and ", out);
		pf_buf_str(out, ")");
		break;
	case PF_N_LIKE:
	case PF_N_MATCH:
		pf_buf_str(out, "(");
		print(x->kids[0], out);
		pf_buf_str(out, x->op == PF_N_MATCH ? " ~ " :
				x->lit.i ? " ilike " : " like ");
		print_list(x, 1, " escape ", out);
		pf_buf_str(out, ")");
		break;
	case PF_N_IS_NULL:
		pf_buf_str(out, "(");
		print(x->kids[0], out);
		pf_buf_str(out, " is null)");
		break;
	case PF_N_CASE:
		print_case(x, out);
		break;
	case PF_N_CALL:
		pf_buf_add(out, x->name.data, x->name.len);
		pf_buf_str(out, "(");
		print_list(x, 0, ", ", out);
		pf_buf_str(out, ")");
		break;
	default:
		pf_buf_str(out, "(");
		print_list(x, 0, symbols[x->op], out);
		pf_buf_str(out, ")");
		break;
	}
}

void pf_expr_print(const struct pf_expr *e, struct pf_buf *out)
{
	print(e->root, out);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch at a time, a node at a time. Every node computes all rows, also
 * those that a neighbour rules out: errors are states of single values and
 * count only where a result depends on them.
 */
#include "expr/eval.h"

void *pf_node_values(struct pf_expr *e, struct pf_node *x, size_t n)
{
	(void)e;
	size_t bytes = pf_mul(n ? n : 1, pf_x_width(x->type.x));
	x->vbuf.len = 0;
	void *v = pf_buf_room(&x->vbuf, bytes);
	x->out = (struct pf_vec){ .v = v };
	return v;
}

uint8_t *pf_node_state(struct pf_expr *e, struct pf_node *x, size_t n)
{
	(void)e;
	x->sbuf.len = 0;
	uint8_t *s = pf_buf_room(&x->sbuf, n ? n : 1);
	memset(s, PF_S_VALID, n ? n : 1);
	x->out.state = s;
	return s;
}

static void merge_into(uint8_t *s, const struct pf_vec *k, size_t n)
{
	if (!k->state)
		return;
	if (k->konst) {
		uint8_t c = k->state[0];
		for (size_t i = 0; i < n; i++)
			s[i] = s[i] > c ? s[i] : c;
	} else {
		for (size_t i = 0; i < n; i++)
			s[i] = s[i] > k->state[i] ? s[i] : k->state[i];
	}
}

const uint8_t *pf_node_merge_states(struct pf_expr *e, struct pf_node *x)
{
	uint8_t *s = NULL;
	for (uint32_t i = 0; i < x->nkids; i++) {
		if (!x->kids[i]->out.state)
			continue;
		if (!s)
			s = pf_node_state(e, x, e->n);
		merge_into(s, &x->kids[i]->out, e->n);
	}
	return s;
}

uint8_t *pf_node_own_states(struct pf_expr *e, struct pf_node *x)
{
	uint8_t *s = (uint8_t *)(uintptr_t)pf_node_merge_states(e, x);
	return s ? s : pf_node_state(e, x, e->n);
}

/* --- columns --- */

static void load_ints(struct pf_expr *e, struct pf_node *x, const struct pf_column *c)
{
	if (pf_kind_width(x->column_kind) == 8)
		x->out.v = c->values;
	else
		pf_ints_at(c, x->column_kind, 0, e->n, pf_node_values(e, x, e->n));
}

static void load_column(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_column *c = &e->batch->columns[x->column];
	size_t n = e->n;
	x->out = (struct pf_vec){ 0 };
	switch (x->column_kind) {
	case PF_BOOLEAN: {
		uint8_t *v = pf_node_values(e, x, n);
		for (size_t i = 0; i < n; i++)
			v[i] = pf_bit(c->values, (int64_t)i);
		break;
	}
	case PF_FLOAT: {
		double *v = pf_node_values(e, x, n);
		const float *src = c->values;
		for (size_t i = 0; i < n; i++)
			v[i] = (double)src[i];
		break;
	}
	case PF_DOUBLE:
		x->out.v = c->values;
		break;
	case PF_DECIMAL: {
		/* Arrow aligns to 8 bytes only */
		pf_i128 *v = pf_node_values(e, x, n);
		memcpy(v, c->values, n * sizeof *v);
		break;
	}
	case PF_STRING:
	case PF_BYTES: {
		struct pf_view *v = pf_node_values(e, x, n);
		const uint8_t *data = c->values;
		for (size_t i = 0; i < n; i++)
			v[i] = pf_view_of(data ? data + c->offsets[i] : data,
					  (size_t)(c->offsets[i + 1] - c->offsets[i]));
		break;
	}
	default:
		load_ints(e, x, c);
		break;
	}
	if (!c->validity || !c->nulls)
		return;
	uint8_t *s = pf_node_state(e, x, n);
	for (size_t i = 0; i < n; i++)
		s[i] = !pf_bit(c->validity, (int64_t)i);
}

void pf_node_eval(struct pf_expr *e, struct pf_node *x)
{
	if (x->konst) {
		x->out = (struct pf_vec){ &x->value,
					  x->value_state ? &x->value_state : NULL,
					  true };
		return;
	}
	if (x->op == PF_N_AND || x->op == PF_N_OR) {
		pf_eval_junction(e, x);
		return;
	}
	for (uint32_t i = 0; i < x->nkids; i++)
		pf_node_eval(e, x->kids[i]);
	switch (x->op) {
	case PF_N_COLUMN:
		load_column(e, x);
		break;
	case PF_N_NOT:
		pf_eval_not(e, x);
		break;
	case PF_N_NEG:
		pf_eval_neg(e, x);
		break;
	case PF_N_EQ:
	case PF_N_NE:
	case PF_N_LT:
	case PF_N_LE:
	case PF_N_GT:
	case PF_N_GE:
		pf_eval_compare(e, x);
		break;
	case PF_N_ADD:
	case PF_N_SUB:
	case PF_N_MUL:
	case PF_N_DIV:
	case PF_N_MOD:
		pf_eval_arithmetic(e, x);
		break;
	case PF_N_IN:
		pf_eval_in(e, x);
		break;
	case PF_N_LIKE:
	case PF_N_MATCH:
		pf_eval_pattern(e, x);
		break;
	case PF_N_IS_NULL:
		pf_eval_is_null(e, x);
		break;
	case PF_N_CASE:
		pf_eval_case(e, x);
		break;
	case PF_N_CALL:
		x->fn->eval(e, x);
		break;
	case PF_N_CONVERT:
		pf_eval_convert(e, x);
		break;
	default:
		break;
	}
}

/* --- results --- */

static const char *reason(uint8_t state)
{
	switch (state) {
	case PF_S_OVERFLOW:
		return "the result does not fit its type";
	case PF_S_DIV_ZERO:
		return "division by zero";
	case PF_S_BAD_CAST:
		return "the text is no such value";
	case PF_S_LONG:
		return "the text gets too long";
	default:
		return "the value is out of range";
	}
}

/* The deepest node where the row's error arose. */
static const struct pf_node *culprit(const struct pf_node *x, size_t row)
{
	for (uint32_t i = 0; i < x->nkids; i++) {
		const struct pf_node *k = x->kids[i];
		if (!k->konst && pf_state_at(&k->out, row) > PF_S_NULL) {
			x = k;
			i = UINT32_MAX;
		}
	}
	return x;
}

static int fail_value(struct pf_expr *e, size_t row, struct pf_error *err)
{
	uint8_t state = pf_state_at(&e->root->out, row);
	const struct pf_node *x = culprit(e->root, row);
	pf_expr_fail(e, x->at, x->len, PF_E_EXPR_VALUE, err, "%s", reason(state));
	if (state == PF_S_DIV_ZERO)
		return pf_hint(err, "nullif(x, 0) makes such a row null");
	return err ? err->code : PF_E_EXPR_VALUE;
}

static void run(struct pf_expr *e, const struct pf_batch *batch)
{
	if (e->work.total > 1 << 20)
		pf_arena_free(&e->work);
	e->batch = batch;
	e->n = (size_t)batch->rows;
	pf_node_eval(e, e->root);
}

int pf_expr_filter(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err)
{
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	size_t m = 0, all = e->n;
	*n = 0;
	if (r->konst || r->state) {
		for (size_t i = 0; i < all; i++) {
			uint8_t s = pf_state_at(r, i);
			if (s > PF_S_NULL)
				return fail_value(e, i, err);
			rows[m] = (uint32_t)i;
			m += s == PF_S_VALID && PF_AT(uint8_t, r, i);
		}
	} else {
		const uint8_t *v = r->v;
		for (size_t i = 0; i < all; i++) {
			rows[m] = (uint32_t)i;
			m += v[i];
		}
	}
	*n = m;
	return 0;
}

int pf_expr_refine(struct pf_expr *e, const struct pf_batch *batch,
		   uint32_t *rows, size_t *n, struct pf_error *err)
{
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	size_t m = 0;
	for (size_t i = 0; i < *n; i++) {
		uint8_t s = pf_state_at(r, rows[i]);
		if (s > PF_S_NULL)
			return fail_value(e, rows[i], err);
		if (s == PF_S_VALID && PF_AT(uint8_t, r, rows[i]))
			rows[m++] = rows[i];
	}
	*n = m;
	return 0;
}

static void put(struct pf_colbuf *out, const struct pf_node *x, size_t i)
{
	const struct pf_vec *r = &x->out;
	switch (x->type.x) {
	case PF_X_BOOL:
		pf_col_bool(out, PF_AT(uint8_t, r, i) != 0);
		break;
	case PF_X_DEC:
		pf_col_i128(out, PF_AT(pf_i128, r, i));
		break;
	case PF_X_DOUBLE:
		pf_col_f64(out, PF_AT(double, r, i));
		break;
	case PF_X_STRING:
	case PF_X_BYTES: {
		struct pf_view v = PF_AT(struct pf_view, r, i);
		pf_col_bytes(out, v.data, v.len);
		break;
	}
	default:
		pf_col_int(out, PF_AT(int64_t, r, i));
		break;
	}
}

int pf_expr_eval(struct pf_expr *e, const struct pf_batch *batch,
		 struct pf_colbuf *out, struct pf_error *err)
{
	if (e->root->op == PF_N_COLUMN) {
		pf_col_append(out, &batch->columns[e->root->column], 0, batch->rows);
		return 0;
	}
	run(e, batch);
	const struct pf_vec *r = &e->root->out;
	for (size_t i = 0; i < e->n; i++) {
		uint8_t s = pf_state_at(r, i);
		if (s > PF_S_NULL)
			return fail_value(e, i, err);
		if (s == PF_S_NULL || e->root->type.x == PF_X_NULL)
			pf_col_null(out);
		else
			put(out, e->root, i);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "window/agg_values.h"

#include <stdlib.h>

#include "base/alloc.h"

struct text {
	uint8_t *data;
	uint32_t len, cap;
};

static void free_texts(struct pf_agg_values *v)
{
	for (size_t i = 0; pf_kind_is_variable(v->kind) && i < v->n; i++) {
		struct text t;
		memcpy(&t, v->bytes + i * v->width, sizeof t);
		free(t.data);
	}
	v->heap = 0;
}

void pf_agg_values_init(struct pf_agg_values *v, enum pf_kind kind)
{
	*v = (struct pf_agg_values){ .kind = kind };
	v->width = pf_kind_is_variable(kind) ? sizeof(struct text) :
		   kind == PF_BOOLEAN	     ? 1 :
					       pf_kind_width(kind);
}

void pf_agg_values_reserve(struct pf_agg_values *v, size_t n)
{
	if (n > v->cap) {
		v->cap = pf_grow(v->cap, n);
		v->has = pf_realloc(v->has, v->cap, 1);
		v->bytes = pf_realloc(v->bytes, v->cap, v->width);
	}
	if (n > v->n) {
		memset(v->has + v->n, 0, n - v->n);
		memset(v->bytes + v->n * v->width, 0, (n - v->n) * v->width);
		v->n = n;
	}
}

void pf_agg_values_clear(struct pf_agg_values *v)
{
	free_texts(v);
	v->n = 0;
}

void pf_agg_values_free(struct pf_agg_values *v)
{
	free_texts(v);
	free(v->has);
	free(v->bytes);
	*v = (struct pf_agg_values){ 0 };
}

/* Of widths that are known here, so that it is no call. */
static void copy(uint8_t *to, const uint8_t *from, size_t width)
{
	if (width == 4)
		memcpy(to, from, 4);
	else if (width == 8)
		memcpy(to, from, 8);
	else if (width == 16)
		memcpy(to, from, 16);
	else
		memcpy(to, from, width);
}

void pf_agg_values_set(struct pf_agg_values *v, uint32_t slot, const struct pf_column *c,
		       int64_t row)
{
	uint8_t *p = v->bytes + slot * v->width;
	v->has[slot] = 1;
	if (pf_kind_is_variable(v->kind)) {
		struct pf_view s = pf_bytes_at(c, row);
		struct text t;
		memcpy(&t, p, sizeof t);
		if (s.len > t.cap) {
			v->heap += s.len - t.cap;
			t.cap = (uint32_t)s.len;
			t.data = pf_realloc(t.data, t.cap, 1);
		}
		if (s.len)
			memcpy(t.data, s.data, s.len);
		t.len = (uint32_t)s.len;
		memcpy(p, &t, sizeof t);
	} else if (v->kind == PF_BOOLEAN) {
		*p = pf_bit(c->values, row);
	} else if (v->kind == PF_FLOAT) {
		float f = ((const float *)c->values)[row];
		f = f != f ? __builtin_nanf("") : f == 0 ? 0 : f;
		memcpy(p, &f, sizeof f);
	} else if (v->kind == PF_DOUBLE) {
		double d = ((const double *)c->values)[row];
		d = d != d ? __builtin_nan("") : d == 0 ? 0 : d;
		memcpy(p, &d, sizeof d);
	} else {
		copy(p, (const uint8_t *)c->values + (size_t)row * v->width, v->width);
	}
}

void pf_agg_values_unset(struct pf_agg_values *v, uint32_t slot)
{
	v->has[slot] = 0;
}

int pf_agg_values_cmp(const struct pf_agg_values *v, uint32_t slot,
		      const struct pf_column *c, int64_t row)
{
	const uint8_t *p = v->bytes + slot * v->width;
	struct pf_column kept = { .values = p };
	int32_t offsets[2] = { 0, 0 };
	if (pf_kind_is_variable(v->kind)) {
		struct text t;
		memcpy(&t, p, sizeof t);
		offsets[1] = (int32_t)t.len;
		kept.offsets = offsets;
		kept.values = t.data;
	}
	return pf_value_cmp(v->kind, &kept, 0, c, row);
}

#define EXTREME(type)                                                           \
	for (int64_t i = 0; i < n; i++) {                                       \
		type new, old;                                                  \
		size_t slot = slots ? slots[i] : (size_t)i;                     \
		if (pf_is_null(c, from + i))                                    \
			continue;                                               \
		memcpy(&new, (const type *)c->values + from + i, sizeof new);   \
		memcpy(&old, v->bytes + slot * sizeof old, sizeof old);         \
		if (v->has[slot] && (sign > 0 ? old <= new : old >= new))       \
			continue;                                               \
		memcpy(v->bytes + slot * sizeof new, &new, sizeof new);         \
		v->has[slot] = 1;                                               \
	}

void pf_agg_values_extreme(struct pf_agg_values *v, const uint32_t *slots,
			   const struct pf_column *c, int64_t from, int64_t n, int sign)
{
	bool real = v->kind == PF_FLOAT || v->kind == PF_DOUBLE;
	if (v->kind == PF_DECIMAL) {
		EXTREME(pf_i128)
	} else if (v->width == 8 && !real) {
		EXTREME(int64_t)
	} else if (v->width == 4 && !real) {
		EXTREME(int32_t)
	} else {
		for (int64_t i = 0; i < n; i++) {
			uint32_t slot = slots ? slots[i] : (uint32_t)i;
			if (!pf_is_null(c, from + i) &&
			    (!v->has[slot] ||
			     sign * pf_agg_values_cmp(v, slot, c, from + i) > 0))
				pf_agg_values_set(v, slot, c, from + i);
		}
	}
}

/* Of fixed width, and every slot has one. */
static bool put_all(const struct pf_agg_values *v, const uint32_t *slots, size_t n,
		    struct pf_colbuf *out)
{
	if (pf_kind_is_variable(v->kind) || v->kind == PF_BOOLEAN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!v->has[slots ? slots[i] : i])
			return false;
	uint8_t *to = pf_col_fill(out, n, v->width);
	for (size_t i = 0; i < n; i++)
		copy(to + i * v->width, v->bytes + (slots ? slots[i] : i) * v->width, v->width);
	return true;
}

void pf_agg_values_put(const struct pf_agg_values *v, const uint32_t *slots, size_t n,
		       struct pf_colbuf *out)
{
	if (put_all(v, slots, n, out))
		return;
	for (size_t i = 0; i < n; i++) {
		size_t slot = slots ? slots[i] : i;
		const uint8_t *p = v->bytes + slot * v->width;
		if (!v->has[slot]) {
			pf_col_null(out);
		} else if (pf_kind_is_variable(v->kind)) {
			struct text t;
			memcpy(&t, p, sizeof t);
			pf_col_bytes(out, t.data, t.len);
		} else if (v->kind == PF_BOOLEAN) {
			pf_col_bool(out, *p);
		} else {
			copy(pf_buf_room(&out->values, v->width), p, v->width);
			out->values.len += v->width;
			pf_col_valid(out);
		}
	}
}

size_t pf_agg_values_bytes(const struct pf_agg_values *v)
{
	return v->cap * (v->width + 1) + v->heap;
}

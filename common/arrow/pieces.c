/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/pieces.h"

#include "base/alloc.h"

/* Most pieces are of one row: that is copied without a call. */
#define COPY(type)                                                                 \
	do {                                                                       \
		type *out_ = (type *)(void *)pf_buf_room(&c->values,               \
							 rows * sizeof(type));     \
		for (size_t i_ = 0; i_ < n; i_++) {                                \
			const struct pf_piece *p_ = &pieces[i_];                   \
			const type *in_ = (const type *)sources[p_->from]->values + \
					  p_->at;                                  \
			if (p_->n == 1)                                            \
				*out_ = *in_;                                      \
			else                                                       \
				memcpy(out_, in_, p_->n * sizeof(type));           \
			out_ += p_->n;                                             \
		}                                                                  \
		c->values.len += rows * sizeof(type);                              \
	} while (0)

static void copy_texts(struct pf_colbuf *c, const struct pf_column *const *sources,
		       const struct pf_piece *pieces, size_t n, size_t rows)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const int32_t *at = sources[pieces[i].from]->offsets + pieces[i].at;
		bytes += (size_t)(at[pieces[i].n] - at[0]);
	}
	if (c->values.len + bytes > INT32_MAX)
		pf_out_of_memory();
	uint8_t *out = pf_buf_room(&c->values, bytes + 1);
	int32_t *ends = (int32_t *)(void *)pf_buf_room(&c->offsets, rows * 4);
	int32_t end = (int32_t)c->values.len;
	for (size_t i = 0; i < n; i++) {
		const struct pf_column *from = sources[pieces[i].from];
		const int32_t *at = from->offsets + pieces[i].at;
		int32_t len = at[pieces[i].n] - at[0];
		if (len)
			memcpy(out, (const uint8_t *)from->values + at[0], (size_t)len);
		out += len;
		for (uint32_t k = 0; k < pieces[i].n; k++)
			*ends++ = end + at[k + 1] - at[0];
		end += len;
	}
	c->values.len += bytes;
	c->offsets.len += rows * 4;
}

static bool may_be_null(const struct pf_colbuf *c, const struct pf_column *const *sources,
			const struct pf_piece *pieces, size_t n)
{
	if (c->validity.len)
		return true;
	for (size_t i = 0; i < n; i++)
		if (sources[pieces[i].from]->nulls)
			return true;
	return false;
}

/* The validity of all pieces; leaves the count of rows as it was. */
static void append_validity(struct pf_colbuf *c, const struct pf_column *const *sources,
			    const struct pf_piece *pieces, size_t n)
{
	int64_t before = c->rows;
	for (size_t i = 0; i < n; i++) {
		pf_col_append_validity(c, sources[pieces[i].from], pieces[i].at,
				       pieces[i].n);
		c->rows += pieces[i].n;
	}
	c->rows = before;
}

void pf_col_append_pieces(struct pf_colbuf *c, const struct pf_column *const *sources,
			  const struct pf_piece *pieces, size_t n)
{
	size_t rows = 0, width = pf_kind_width(c->kind);
	if (!width && c->kind != PF_STRING && c->kind != PF_BYTES) {
		for (size_t i = 0; i < n; i++)
			pf_col_append(c, sources[pieces[i].from], pieces[i].at,
				      pieces[i].n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		rows += pieces[i].n;
	if (!rows)
		return;
	if (may_be_null(c, sources, pieces, n))
		append_validity(c, sources, pieces, n);
	switch (width) {
	case 1:
		COPY(uint8_t);
		break;
	case 2:
		COPY(uint16_t);
		break;
	case 4:
		COPY(uint32_t);
		break;
	case 8:
		COPY(uint64_t);
		break;
	case 16:
		COPY(pf_i128);
		break;
	default:
		copy_texts(c, sources, pieces, n, rows);
	}
	c->rows += (int64_t)rows;
}

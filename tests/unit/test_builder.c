/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns that grow, against the plainest possible model: an array of values
 * that may be missing. Every way to append, at every position of a bit in its
 * byte, for every kind of column.
 */
#include "arrow/batch.h"
#include "arrow/pieces.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 4000 };

/* A row: a number, from which each kind makes its value; -1: null. */
struct model {
	int rows[MOST];
	size_t n;
};

static const enum pf_kind kinds[] = { PF_BOOLEAN, PF_TINYINT, PF_SMALLINT, PF_INT, PF_BIGINT,
				      PF_DOUBLE, PF_DECIMAL, PF_STRING, PF_LARGE_BYTES,
				      PF_STRINGS };
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t state = 88172645463325252u;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % n);
}

/* Lengths around those that are copied as one: 0, 15, 16, 17, 40. */
static struct pf_view text_of(int v)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 40 };
	return pf_view_of(letters + v % 20, lengths[v % 6]);
}

static void append_one(struct pf_colbuf *c, int v)
{
	if (v < 0) {
		pf_col_null(c);
		return;
	}
	struct pf_view items[3] = { text_of(v), text_of(v + 1), text_of(v + 2) };
	if (c->kind == PF_BOOLEAN)
		pf_col_bool(c, v & 1);
	else if (c->kind == PF_DOUBLE)
		pf_col_f64(c, v / 2.0);
	else if (c->kind == PF_DECIMAL)
		pf_col_i128(c, (pf_i128)v << 70);
	else if (c->kind == PF_STRINGS)
		pf_col_strings(c, items, (size_t)v % 4);
	else if (pf_kind_is_variable(c->kind))
		pf_col_bytes(c, text_of(v).data, text_of(v).len);
	else
		pf_col_int(c, v % 100);
}

static void push(struct pf_colbuf *c, struct model *m, int v)
{
	append_one(c, v);
	m->rows[m->n++] = v;
}

static bool same(const struct pf_column *c, enum pf_kind kind, int64_t row, int v)
{
	if (pf_is_null(c, row) || v < 0)
		return pf_is_null(c, row) && v < 0;
	if (kind == PF_DOUBLE)
		return ((const double *)c->values)[row] == v / 2.0;
	if (kind == PF_BOOLEAN)
		return pf_int_at(c, kind, row) == (v & 1);
	if (kind == PF_DECIMAL) {
		pf_i128 got;
		memcpy(&got, (const char *)c->values + 16 * row, sizeof got);
		return got == (pf_i128)v << 70;
	}
	if (kind == PF_STRINGS) {
		int n = c->offsets[row + 1] - c->offsets[row];
		for (int i = 0; i < n && n == v % 4; i++)
			if (pf_view_cmp(pf_bytes_at(c->child, c->offsets[row] + i), text_of(v + i)))
				return false;
		return n == v % 4;
	}
	if (pf_kind_is_variable(kind))
		return !pf_view_cmp(pf_bytes_at(c, row), text_of(v));
	return pf_int_at(c, kind, row) == v % 100;
}

static void check(struct pf_colbuf *c, const struct model *m, const char *what)
{
	struct pf_column view = pf_colbuf_view(c);
	size_t wrong = 0, nulls = 0;
	for (size_t i = 0; i < m->n; i++) {
		wrong += !same(&view, c->kind, (int64_t)i, m->rows[i]);
		nulls += m->rows[i] < 0;
	}
	unit_check(!wrong, __FILE__, __LINE__, "%s: %zu of %zu rows of kind %d are wrong", what,
		   wrong, m->n, c->kind);
	CHECK_INT(c->rows, m->n);
	CHECK_INT(c->nulls, nulls);
	/* Bits behind the last row are zero. */
	if (c->validity.len && m->n & 7)
		CHECK_INT(c->validity.data[c->validity.len - 1] >> (m->n & 7), 0);
}

static void begin(struct pf_colbuf *c, struct model *m, enum pf_kind kind)
{
	pf_colbuf_free(c);
	*c = (struct pf_colbuf){ .kind = kind };
	pf_colbuf_reset(c);
	m->n = 0;
}

/* One in `of` is null; of 0: none is. */
static void fill(struct pf_colbuf *c, struct model *m, enum pf_kind kind, size_t n, unsigned of)
{
	begin(c, m, kind);
	for (size_t i = 0; i < n; i++)
		push(c, m, of && !below(of) ? -1 : (int)below(1000));
}

TEST(one_by_one)
{
	struct pf_colbuf c = { 0 };
	struct model m;
	for (size_t k = 0; k < KINDS; k++) {
		fill(&c, &m, kinds[k], 700, 0);
		check(&c, &m, "without nulls");
		CHECK(!c.validity.len); /* no bitmap is made for nothing */
		push(&c, &m, -1);
		check(&c, &m, "the first null is the last row");
		fill(&c, &m, kinds[k], 700, 3);
		check(&c, &m, "with nulls");
	}
	pf_colbuf_free(&c);
}

TEST(nulls_at_once)
{
	struct pf_colbuf c = { 0 };
	struct model m;
	for (size_t k = 0; k < KINDS; k++)
		for (size_t before = 0; before < 18; before++)
			for (int n = 0; n < 40; n += 1 + n / 9) {
				fill(&c, &m, kinds[k], before, 0);
				pf_col_nulls(&c, n);
				for (int i = 0; i < n; i++)
					m.rows[m.n++] = -1;
				push(&c, &m, 7);
				check(&c, &m, "nulls");
			}
	pf_colbuf_free(&c);
}

/* Ranges of another column behind any number of rows. */
TEST(ranges)
{
	struct pf_colbuf from = { 0 }, c = { 0 };
	struct model source, m;
	for (size_t k = 0; k < KINDS; k++)
		for (int turn = 0; turn < 60; turn++) {
			fill(&from, &source, kinds[k], 200, turn % 3 ? 4 : 0);
			fill(&c, &m, kinds[k], below(20), turn % 2 ? 5 : 0);
			struct pf_column view = pf_colbuf_view(&from);
			size_t at = below(150), n = below(51);
			pf_col_append(&c, &view, (int64_t)at, (int64_t)n);
			memcpy(m.rows + m.n, source.rows + at, n * sizeof *m.rows);
			m.n += n;
			push(&c, &m, turn % 5 ? 3 : -1);
			check(&c, &m, "a range");
		}
	pf_colbuf_free(&from);
	pf_colbuf_free(&c);
}

TEST(picked_rows)
{
	struct pf_colbuf from = { 0 }, c = { 0 };
	struct model source, m;
	uint32_t rows[1500];
	for (size_t k = 0; k < KINDS; k++)
		for (int turn = 0; turn < 12; turn++) {
			fill(&from, &source, kinds[k], 900, turn % 3 ? 4 : 0);
			fill(&c, &m, kinds[k], below(20), turn % 2 ? 5 : 0);
			struct pf_column view = pf_colbuf_view(&from);
			size_t n = turn < 4 ? below(10) : 1500; /* several pieces of 1024 */
			for (size_t i = 0; i < n; i++) {
				rows[i] = below(900);
				m.rows[m.n++] = source.rows[rows[i]];
			}
			pf_col_gather(&c, &view, rows, n);
			push(&c, &m, turn % 5 ? 3 : -1);
			check(&c, &m, "picked rows");
		}
	pf_colbuf_free(&from);
	pf_colbuf_free(&c);
}

TEST(pieces_of_several)
{
	struct pf_colbuf from[3] = { 0 }, c = { 0 };
	struct model source[3], m;
	struct pf_piece pieces[40];
	for (size_t k = 0; k < KINDS; k++)
		for (int turn = 0; turn < 20; turn++) {
			struct pf_column views[3];
			const struct pf_column *sources[] = { &views[0], &views[1], &views[2] };
			for (size_t s = 0; s < 3; s++) {
				fill(&from[s], &source[s], kinds[k], 100,
				     s == 1 && turn % 2 ? 3 : 0);
				views[s] = pf_colbuf_view(&from[s]);
			}
			fill(&c, &m, kinds[k], below(20), turn % 4 ? 0 : 5);
			for (size_t i = 0; i < 40; i++) {
				struct pf_piece *p = &pieces[i];
				*p = (struct pf_piece){ .from = below(3), .at = below(80),
							.n = below(4) ? 1 : below(20) };
				memcpy(m.rows + m.n, source[p->from].rows + p->at,
				       p->n * sizeof *m.rows);
				m.n += p->n;
			}
			pf_col_append_pieces(&c, sources, pieces, 40);
			check(&c, &m, "pieces");
		}
	for (size_t s = 0; s < 3; s++)
		pf_colbuf_free(&from[s]);
	pf_colbuf_free(&c);
}

TEST(one_text_many_times)
{
	struct pf_colbuf c = { 0 };
	struct model m;
	for (int v = 0; v < 6; v++)
		for (size_t before = 0; before < 10; before++) {
			fill(&c, &m, PF_STRING, before, before & 1 ? 2 : 0);
			pf_col_repeat(&c, text_of(v), 11);
			for (int i = 0; i < 11; i++)
				m.rows[m.n++] = v;
			push(&c, &m, -1);
			check(&c, &m, "a repeated text");
		}
	pf_colbuf_free(&c);
}

/* A row that turned out bad is taken back; what follows is right. */
TEST(taking_back)
{
	struct pf_colbuf c = { 0 };
	struct model m;
	for (size_t k = 0; k < KINDS; k++)
		for (size_t keep = 0; keep < 40; keep++) {
			fill(&c, &m, kinds[k], 40, keep % 2 ? 3 : 0);
			pf_col_truncate(&c, 100); /* nothing */
			pf_col_truncate(&c, (int64_t)keep);
			m.n = keep;
			check(&c, &m, "what is kept");
			push(&c, &m, -1);
			push(&c, &m, 5);
			check(&c, &m, "what follows");
		}
	pf_colbuf_free(&c);
}

/* Orders: NaN last and equal to itself, zeros one value, but two keys. */
TEST(orders)
{
	static const double values[] = { -1, -0.0, 0, 1, (double)INFINITY, (double)NAN };
	struct pf_column c = { .values = values };
	for (int a = 0; a < 6; a++)
		for (int b = 0; b < 6; b++) {
			int want = (a > b) - (a < b), zeros = a + b == 3 && a * b == 2;
			CHECK_INT(pf_key_cmp(PF_DOUBLE, &c, a, &c, b), want);
			CHECK_INT(pf_value_cmp(PF_DOUBLE, &c, a, &c, b), zeros ? 0 : want);
		}
	static const uint8_t bits[] = { 0xff, 0x0f, 0, 0, 0, 0, 0, 0xf0, 1 };
	CHECK_INT(pf_count_nulls(bits, 0), 0);
	CHECK_INT(pf_count_nulls(bits, 12), 0);
	CHECK_INT(pf_count_nulls(bits, 13), 1);
	CHECK_INT(pf_count_nulls(bits, 64), 48);
	CHECK_INT(pf_count_nulls(bits, 66), 49);
}

UNIT_MAIN(CASE(one_by_one), CASE(nulls_at_once), CASE(ranges), CASE(picked_rows),
	  CASE(pieces_of_several), CASE(one_text_many_times), CASE(taking_back), CASE(orders))

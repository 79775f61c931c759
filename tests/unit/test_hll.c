/* SPDX-License-Identifier: Apache-2.0
 *
 * HyperLogLog: the error is that of the paper, at all sizes and precisions;
 * what is merged is what would have been counted at once.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "ext/hash.h"
#include "window/hll.h"

static uint64_t hash(uint64_t i)
{
	return pf_xxh3(&i, sizeof i);
}

static void add(struct pf_hll *h, unsigned p, uint64_t i)
{
	uint64_t one = hash(i);
	pf_hll_add(h, p, &one, 1);
}

/* Root mean square of the relative error over many sets of n values. */
static double error_of(unsigned p, uint64_t n, int sets)
{
	double sum = 0;
	for (int s = 0; s < sets; s++) {
		struct pf_hll h = { 0 };
		for (uint64_t i = 0; i < n; i++)
			add(&h, p, i + ((uint64_t)s << 40));
		double e = pf_hll_estimate(&h, p) / (double)n - 1;
		sum += e * e;
		pf_hll_free(&h);
	}
	return sqrt(sum / sets);
}

TEST(error_of_registers)
{
	static const struct {
		unsigned p;
		uint64_t n;
		int sets;
	} cases[] = { { 4, 100, 300 },	  { 4, 10000, 300 },  { 8, 200, 200 },
		      { 8, 1000, 200 },	  { 8, 20000, 200 },  { 11, 1000, 100 },
		      { 11, 5000, 100 },  { 11, 50000, 60 },  { 14, 5000, 60 },
		      { 14, 20000, 40 },  { 14, 60000, 30 },  { 14, 200000, 20 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double sigma = 1.04 / sqrt((double)(1 << cases[i].p));
		double e = error_of(cases[i].p, cases[i].n, cases[i].sets);
		/* Its own spread: sigma / sqrt(2 sets), twice or so. */
		unit_check(e < 1.35 * sigma, __FILE__, __LINE__, "p %u, %d values: %.4f, sigma %.4f",
			   cases[i].p, (int)cases[i].n, e, sigma);
		/* And it is not better than can be: the sketch is not a set. */
		if (cases[i].n > (uint64_t)8 << cases[i].p)
			CHECK(e > 0.6 * sigma);
	}
}

TEST(few_values_are_counted)
{
	for (uint64_t n = 0; n <= 4096; n = n * 2 + 1) {
		struct pf_hll h = { 0 };
		for (int twice = 0; twice < 2; twice++)
			for (uint64_t i = 0; i < n; i++)
				add(&h, 14, i);
		CHECK_INT(llround(pf_hll_estimate(&h, 14)), n);
		CHECK(!h.dense);
		pf_hll_free(&h);
	}
	struct pf_hll h = { 0 };
	for (uint64_t i = 0; i < 5000; i++)
		add(&h, 14, i);
	pf_hll_estimate(&h, 14);
	CHECK(h.dense);
	pf_hll_free(&h);
}

/* What Hourglass's example asks for: within 0.5 % of 10000. */
TEST(ten_thousand)
{
	struct pf_hll h = { 0 };
	for (uint64_t i = 1; i <= 10000; i++)
		add(&h, 20, i);
	CHECK(fabs(pf_hll_estimate(&h, 20) - 10000) < 50);
	pf_hll_free(&h);
}

TEST(merging)
{
	static uint64_t hashes[100000];
	for (unsigned p = 4; p <= 16; p += 3)
		for (uint64_t n = 1; n < 100000; n *= 7) {
			struct pf_hll one = { 0 }, two = { 0 }, part = { 0 };
			struct pf_buf a = { 0 }, b = { 0 }, w = { 0 };
			for (uint64_t i = 0; i < n; i++)
				hashes[i] = hash(i);
			pf_hll_add(&one, p, hashes, n); /* all at once */
			for (uint64_t from = 0; from < n; from += n / 3 + 1) {
				/* overlapping parts */
				for (uint64_t i = from / 2; i < n && i <= from + n / 3; i++)
					add(&part, p, i);
				w.len = 0;
				pf_hll_write(&part, p, &w);
				CHECK(pf_hll_merge(&two, p, pf_view_of(w.data, w.len)));
				pf_hll_free(&part);
			}
			pf_hll_write(&one, p, &a);
			pf_hll_write(&two, p, &b);
			CHECK(a.len == b.len && !memcmp(a.data, b.data, a.len));
			pf_hll_free(&one);
			pf_hll_free(&two);
			pf_buf_free(&a);
			pf_buf_free(&b);
			pf_buf_free(&w);
		}
}

TEST(malformed)
{
	struct pf_hll h = { 0 };
	CHECK(pf_hll_merge(&h, 14, pf_view_of("", 0)));
	CHECK(!pf_hll_merge(&h, 14, pf_view_of("\x0d\x01", 2)));         /* p 13 */
	CHECK(!pf_hll_merge(&h, 14, pf_view_of("\x0e\x80", 2)));         /* cut */
	CHECK(!pf_hll_merge(&h, 14, pf_view_of("\x0e\x40", 2)));         /* rank 0 */
	CHECK(!pf_hll_merge(&h, 14, pf_view_of("\x0e\x28", 2)));         /* rank 40 */
	CHECK(!pf_hll_merge(&h, 14, pf_view_of("\x8e\x01", 2)));         /* registers */
	CHECK(!pf_hll_merge(&h, 4, pf_view_of("\x84" "0123456789abcde\x3e", 17)));
	CHECK(pf_hll_merge(&h, 14, pf_view_of("\x0e\x27", 2)));
	CHECK_INT(llround(pf_hll_estimate(&h, 14)), 1);
	pf_hll_free(&h);
}

UNIT_MAIN(CASE(error_of_registers), CASE(few_values_are_counted), CASE(ten_thousand),
	  CASE(merging), CASE(malformed))

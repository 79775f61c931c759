/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact sums: known roundings, any order and grouping gives the same bytes,
 * and what was added can be taken out.
 */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "window/exact.h"

static double sum(const double *v, size_t n)
{
	struct pf_exact e = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_exact_add_double(&e, v[i]);
	double r = pf_exact_double(&e);
	pf_exact_free(&e);
	return r;
}

#define SUM(...) sum((double[]){ __VA_ARGS__ }, \
		     sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))

TEST(known)
{
	CHECK(SUM(0) == 0 && !signbit(SUM(-0.0)));
	CHECK(SUM(0.1, 0.2) == 0.3000000000000000166533453693773481063544750213623046875);
	CHECK(SUM(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1) == 1);
	CHECK(SUM(1e16, 1, -1e16) == 1);
	CHECK(SUM(1e16, 1) == 1e16);         /* a tie, to even */
	CHECK(SUM(1e16, 1, 1e-300) == 1e16 + 2);
	CHECK(SUM(1e16, 3) == 1e16 + 4);
	CHECK(SUM(1e16, 3, -1e-300) == 1e16 + 2);
	CHECK(SUM(1e308, 1e308, -1e308) == 1e308);
	CHECK(SUM(DBL_MAX, DBL_MAX) == INFINITY);
	CHECK(SUM(-DBL_MAX, -DBL_MAX) == -INFINITY);
	CHECK(SUM(5e-324, 5e-324) == 1e-323);
	CHECK(SUM(DBL_MAX, 5e-324, -DBL_MAX) == 5e-324);
	CHECK(SUM(-1e-20, 1) == 1 && SUM(-1, 1e-20) == -1);
	CHECK(SUM(INFINITY, 1) == INFINITY && SUM(-INFINITY, 1) == -INFINITY);
	CHECK(isnan(SUM(INFINITY, -INFINITY)) && isnan(SUM(NAN, 1)));
}

/* Sums of integers below 2^90 with scaled exponents, in 128 bits. */
static pf_i128 some(void)
{
	pf_i128 v = (pf_i128)((uint64_t)rand() * 2654435761u) << (rand() % 50);
	return rand() % 2 ? v : -v;
}

TEST(integers)
{
	for (int round = 0; round < 2000; round++) {
		struct pf_exact e = { 0 }, back = { 0 };
		struct pf_buf bytes = { 0 }, zero = { 0 };
		pf_i128 want = 0;
		for (int i = rand() % 20; i >= 0; i--) {
			pf_i128 v = some();
			want += v;
			pf_exact_add_int(&e, v);
		}
		CHECK(pf_exact_double(&e) == (double)want);
		pf_exact_write(&e, &bytes);
		pf_i128 got = 0;
		int16_t low = 0;
		if (bytes.len) {
			memcpy(&low, bytes.data + 1, 2);
			if (bytes.data[bytes.len - 1] & 0x80)
				got = -1;
			memcpy(&got, bytes.data + 3, bytes.len - 3);
			got *= (pf_i128)1 << 32 * low;
		}
		CHECK(got == want);
		pf_exact_add_int(&back, want);
		CHECK(pf_exact_add_bytes(&back, pf_view_of(bytes.data, bytes.len), -1));
		pf_exact_write(&back, &zero);
		CHECK_INT(zero.len, 0);
		pf_exact_free(&e);
		pf_exact_free(&back);
		pf_buf_free(&bytes);
		pf_buf_free(&zero);
	}
}

static double random_double(void)
{
	switch (rand() % 8) {
	case 0: return 0;
	case 1: return ldexp(rand() - RAND_MAX / 2, rand() % 2000 - 1100);
	case 2: return -DBL_MAX;
	case 3: return DBL_MAX;
	default: return (rand() - RAND_MAX / 2) / 100.0;
	}
}

TEST(any_order_and_grouping)
{
	for (int round = 0; round < 2000; round++) {
		double v[40];
		int n = 1 + rand() % 40;
		struct pf_exact one = { 0 }, two = { 0 }, part = { 0 };
		struct pf_buf a = { 0 }, b = { 0 }, p = { 0 };
		for (int i = 0; i < n; i++) {
			v[i] = random_double();
			pf_exact_add_double(&one, v[i]);
		}
		for (int i = n; i > 1; i--) {
			int k = rand() % i;
			double t = v[k];
			v[k] = v[i - 1];
			v[i - 1] = t;
		}
		for (int i = 0; i < n; i++) {
			pf_exact_add_double(&part, v[i]);
			if (rand() % 4 == 0 || i == n - 1) {
				p.len = 0;
				pf_exact_write(&part, &p);
				CHECK(pf_exact_add_bytes(&two, pf_view_of(p.data, p.len), 1));
				pf_exact_free(&part);
			}
		}
		pf_exact_write(&one, &a);
		pf_exact_write(&two, &b);
		CHECK(a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len)));
		pf_exact_free(&one);
		pf_exact_free(&two);
		pf_buf_free(&a);
		pf_buf_free(&b);
		pf_buf_free(&p);
	}
}

TEST(squares_and_products)
{
	struct pf_exact e = { 0 }, s = { 0 }, p = { 0 };
	pf_exact_add_double_squared(&e, 1e200);
	CHECK(pf_exact_double(&e) == INFINITY);
	pf_exact_add_double(&s, 1e200);
	pf_exact_add_product(&e, &s, &s, -1);
	CHECK(pf_exact_double(&e) == 0);
	pf_exact_add_double_squared(&e, 1e-200);
	CHECK(pf_exact_double(&e) == 0); /* rounded, but */
	pf_exact_free(&s);
	pf_exact_add_double(&s, 1e200);
	pf_exact_add_product(&p, &e, &s, 1);
	CHECK(fabs(pf_exact_double(&p) / 1e-200 - 1) < 1e-15);
	pf_exact_free(&e);
	pf_exact_free(&p);
	pf_exact_add_int_squared(&e, ((pf_i128)1 << 100) + 3);
	pf_exact_add_int_squared(&e, -(((pf_i128)1 << 100) + 3));
	CHECK(pf_exact_double(&e) == ldexp(1, 201));
	pf_exact_free(&s);
	pf_exact_add_int(&s, ((pf_i128)1 << 100) + 3);
	pf_exact_add_product(&e, &s, &s, -1);
	pf_exact_add_product(&e, &s, &s, -1);
	CHECK(pf_exact_double(&e) == 0);
	pf_exact_free(&e);
	pf_exact_free(&s);
	for (int i = 0; i < 5000; i++) {
		int64_t x = rand() % 2 ? rand() : -rand(), y = rand() - RAND_MAX / 2;
		pf_exact_add_int(&s, x);
		pf_exact_add_int(&p, y);
		pf_exact_add_product(&e, &s, &p, rand() % 2 ? 1 : -1);
		pf_exact_free(&e);
		pf_exact_add_product(&e, &s, &p, -1);
		CHECK(pf_exact_double(&e) == -(double)((pf_i128)x * y));
		pf_exact_free(&e);
		pf_exact_free(&s);
		pf_exact_free(&p);
	}
}

TEST(malformed)
{
	struct pf_exact e = { 0 };
	CHECK(!pf_exact_add_bytes(&e, pf_view_str("ab"), 1));
	CHECK(!pf_exact_add_bytes(&e, pf_view_of("\0\0\0\1", 4), 1));
	CHECK(!pf_exact_add_bytes(&e, pf_view_of("\x08\0\0", 3), 1));
	CHECK(!pf_exact_add_bytes(&e, pf_view_of("\0\xff\x03\1\0\0\0\1\0\0\0", 11), 1));
	CHECK(pf_exact_add_bytes(&e, pf_view_of("\0\xff\x03\1\0\0\0", 7), 1));
	CHECK(pf_exact_add_bytes(&e, pf_view_of("\0\0\xfc\1\0\0\0", 7), 1));
	CHECK(pf_exact_double(&e) == INFINITY);
	pf_exact_free(&e);
}

TEST(carries)
{
	/* 2^32 - 1 a hundred million times, without carrying meanwhile; and a
	 * counter that stands just below its bound. */
	struct pf_exact e = { 0 };
	for (int i = 0; i < 100000000; i++)
		pf_exact_add_int(&e, 0xffffffff);
	e.terms = 1u << 30;
	pf_exact_add_int(&e, 0xffffffff);
	CHECK_INT(e.terms, 1);
	CHECK(pf_exact_double(&e) == 100000001.0 * 0xffffffff);
	pf_exact_free(&e);
}

UNIT_MAIN(CASE(known), CASE(integers), CASE(any_order_and_grouping),
	  CASE(squares_and_products), CASE(malformed), CASE(carries))

/* SPDX-License-Identifier: Apache-2.0
 *
 * The laws that every aggregate keeps, on random rows: rows in any order,
 * split and merged in any way, give the same stored bytes; what is merged can
 * be subtracted where the algebra says so; a state that is stored and read is
 * the same state; and the answers are those of a plain computation.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "window/aggregate.h"

enum { SLOTS = 5, ROWS = 60, DAY_US = 1000000 };
static const int64_t DAY = (int64_t)86400 * DAY_US;

static struct pf_schema *schema(void)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "i", (struct pf_type){ .kind = PF_BIGINT }, true);
	pf_schema_add(s, "t", (struct pf_type){ .kind = PF_TINYINT }, true);
	pf_schema_add(s, "d", (struct pf_type){ PF_DECIMAL, 10, 2 }, true);
	pf_schema_add(s, "f", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(s, "g", (struct pf_type){ .kind = PF_FLOAT }, true);
	pf_schema_add(s, "s", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(s, "b", (struct pf_type){ .kind = PF_BOOLEAN }, true);
	pf_schema_add(s, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, true);
	return s;
}

struct rows {
	struct pf_builder *b;
	uint32_t slots[ROWS];
	int64_t times[ROWS];
};

static void random_row(struct pf_builder *b, uint32_t *slot, int64_t *time)
{
	static const double doubles[] = { 0.0, -0.0, 1e16, 1, -1e16, 0.1, 1e-300, 3.5 };
	static const char *const texts[] = { "", "a", "ab", "naïve \"x\"", "longer than eight", "b" };
	bool null[8];
	int64_t day = 19000 + rand() % 80;
	for (int i = 0; i < 8; i++) {
		null[i] = rand() % 6 == 0;
		if (null[i])
			pf_col_null(&b->columns[i]);
	}
	*slot = (uint32_t)(rand() % SLOTS);
	*time = rand() % 40 ? day * DAY + rand() % 1000 : INT64_MIN;
	if (!null[0])
		pf_col_i64(&b->columns[0], rand() % 3 ? rand() % 9 - 4 : INT64_MAX - rand() % 3);
	if (!null[1])
		pf_col_i8(&b->columns[1], (int8_t)(rand() % 7 - 3));
	if (!null[2])
		pf_col_i128(&b->columns[2], rand() % 2000 - 1000);
	if (!null[3])
		pf_col_f64(&b->columns[3], doubles[rand() % 8]);
	if (!null[4])
		pf_col_f32(&b->columns[4], (float)doubles[rand() % 6]);
	if (!null[5]) {
		const char *text = texts[rand() % 6];
		pf_col_bytes(&b->columns[5], text, strlen(text));
	}
	if (!null[6])
		pf_col_bool(&b->columns[6], rand() % 2);
	if (!null[7])
		pf_col_i64(&b->columns[7], day * 86400000 + rand() % 3);
}

static struct rows random_rows(struct pf_schema *s)
{
	struct rows r = { .b = pf_builder_new(s) };
	for (int i = 0; i < ROWS; i++)
		random_row(r.b, &r.slots[i], &r.times[i]);
	return r;
}

/* Feed the rows named, n of them, to a state. */
static struct pf_agg_states *fed(const struct pf_agg *a, struct rows *r,
				 const uint32_t *which, size_t n)
{
	struct pf_error err = { 0 };
	struct pf_batch all = pf_builder_batch(r->b);
	struct pf_builder *b = pf_builder_new(r->b->schema);
	uint32_t slots[ROWS];
	int64_t times[ROWS];
	pf_builder_gather(b, &all, which, n);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_column args[PF_AGG_ARGS];
	for (size_t i = 0; i < n; i++) {
		slots[i] = r->slots[which[i]];
		times[i] = r->times[which[i]];
	}
	for (size_t i = 0; i < a->nargs; i++)
		args[i] = batch.columns[pf_expr_column(a->args[i])];
	bool one = n > 0;
	for (size_t i = 0; i < n; i++)
		one = one && slots[i] == slots[0];
	struct pf_agg_rows in = { (int64_t)n, slots, args, times, one };
	struct pf_agg_states *s = pf_agg_states_new(a);
	a->kind->reserve(s, SLOTS);
	CHECK_OK(a->kind->add(s, &in, &err), &err);
	pf_builder_free(b);
	return s;
}

static struct pf_builder *stored(const struct pf_agg *a, const struct pf_agg_states *s)
{
	struct pf_error err = { 0 };
	struct pf_builder *b = pf_builder_new(a->state);
	CHECK_OK(a->kind->store(s, NULL, SLOTS, b->columns, &err), &err);
	return b;
}

static void merge(const struct pf_agg *a, struct pf_agg_states *to,
		  const struct pf_agg_states *from, bool minus)
{
	struct pf_error err = { 0 };
	struct pf_builder *b = stored(a, from);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_agg_stored in = { .n = SLOTS, .columns = batch.columns,
				    .minus = minus };
	CHECK_OK(a->kind->merge(to, &in, &err), &err);
	pf_builder_free(b);
}

/* The stored states and the finished values as text. */
static char *text_of(const struct pf_agg *a, const struct pf_agg_states *s)
{
	struct pf_error err = { 0 };
	struct pf_agg_range range = { 19000 * DAY, 19080 * DAY };
	struct pf_schema *schema = pf_schema_new();
	struct pf_buf out = { 0 };
	pf_schema_add(schema, "v", a->result, true);
	struct pf_builder *values = pf_builder_new(schema), *state = stored(a, s);
	CHECK_OK(a->kind->finish(s, NULL, SLOTS, &range, &values->columns[0], &err), &err);
	struct pf_batch batches[2] = { pf_builder_batch(values), pf_builder_batch(state) };
	for (int k = 0; k < 2; k++)
		for (int64_t row = 0; row < SLOTS; row++)
			for (size_t c = 0; c < batches[k].schema->n; c++) {
				struct pf_type t = batches[k].schema->fields[c].type;
				struct pf_datum d = pf_datum_at(t, &batches[k].columns[c], row);
				pf_datum_print(&d, &out);
				pf_buf_byte(&out, c + 1 < batches[k].schema->n ? ' ' : '\n');
			}
	char *text = pf_strdup(pf_buf_cstr(&out));
	pf_buf_free(&out);
	pf_builder_free(values);
	pf_builder_free(state);
	pf_schema_unref(schema);
	return text;
}

static const char *const aggregates[] = {
	"count", "count:i", "count_if:b", "sum:t", "sum:d", "sum:f", "sum:g",
	"avg:t", "avg:d", "avg:f", "avg:i", "var:i", "var:d", "var:f", "stddev:t",
	"var_pop:g", "stddev_pop:d", "min:f", "max:f", "min:s", "max:i", "min:b",
	"max:ts", "first:s", "last:s", "first:f", "last:i", "min_by:s:d", "max_by:f:f",
	"max_by:i:s", "min_by:b:ts", "distinct:s", "distinct:f", "distinct:i",
	"distinct:g", "distinct:b", "distinct:ts", "distinct:d", "hist:s", "hist:d:2.5",
	"hist:t:2", "hist:f:0.5", "hist:b", "hll:s", "hll:i:4", "hll:s:20", "hll:t:14",
	"days", "days:7", "bits", "bits:63", "streak", "streak_max", "dau:s", "wau:i",
	"mau:s", "active:ts:3", "active:s", "retain:s:1", "retain:i:7",
};

static struct pf_agg *bound(const char *text, struct pf_schema *s)
{
	struct pf_error err = { 0 };
	struct pf_agg *a = NULL;
	CHECK_OK(pf_agg_parse(text, &a, &err), &err);
	CHECK_OK(pf_agg_bind(a, s, NULL, &err), &err);
	return a;
}

static void check_same(const char *law, const struct pf_agg *a,
		       const struct pf_agg_states *x, const struct pf_agg_states *y)
{
	char *p = text_of(a, x), *q = text_of(a, y);
	unit_check(!strcmp(p, q), __FILE__, __LINE__, "%s: %s\n%s# and\n%s", a->text, law, p, q);
	free(p);
	free(q);
}

static void shuffle(uint32_t *which, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)rand() % i;
		uint32_t t = which[k];
		which[k] = which[i - 1];
		which[i - 1] = t;
	}
}

/* Random parts, merged two by two at random. */
static struct pf_agg_states *by_parts(const struct pf_agg *a, struct rows *r,
				      const uint32_t *which, size_t n)
{
	struct pf_agg_states *parts[ROWS];
	size_t nparts = 0;
	for (size_t i = 0; i < n;) {
		size_t m = 1 + (size_t)rand() % (n - i < 20 ? n - i : 20);
		parts[nparts++] = fed(a, r, which + i, m);
		i += m;
	}
	while (nparts > 1) {
		size_t x = (size_t)rand() % nparts, y = (size_t)rand() % (nparts - 1);
		y += y >= x;
		merge(a, parts[x], parts[y], false);
		pf_agg_states_free(parts[y]);
		parts[y] = parts[--nparts];
	}
	return parts[0];
}

static void check_laws(const struct pf_agg *a, struct pf_schema *s)
{
	struct rows r = random_rows(s);
	uint32_t which[ROWS];
	for (uint32_t i = 0; i < ROWS; i++)
		which[i] = i;
	size_t half = (size_t)rand() % (ROWS + 1);
	struct pf_agg_states *all = fed(a, &r, which, ROWS), *x = fed(a, &r, which, half);
	struct pf_agg_states *y = fed(a, &r, which + half, ROWS - half);
	struct pf_agg_states *xy = pf_agg_states_new(a), *yx = pf_agg_states_new(a);
	a->kind->reserve(xy, SLOTS);
	a->kind->reserve(yx, SLOTS);
	merge(a, xy, x, false);
	check_same("stored and read", a, xy, x);
	merge(a, xy, y, false);
	merge(a, yx, y, false);
	merge(a, yx, x, false);
	check_same("merged is as fed", a, all, xy);
	check_same("merge commutes", a, xy, yx);
	if (a->algebra & PF_ALGEBRA_INVERTIBLE) {
		merge(a, xy, y, true);
		check_same("subtract undoes merge", a, xy, x);
		merge(a, xy, x, true);
		a->kind->clear(x);
		a->kind->reserve(x, SLOTS);
		check_same("all subtracted is empty, as is cleared", a, xy, x);
	}
	if (a->algebra & PF_ALGEBRA_IDEMPOTENT) {
		merge(a, yx, y, false);
		check_same("merge is idempotent", a, all, yx);
	}
	shuffle(which, ROWS);
	struct pf_agg_states *parts = by_parts(a, &r, which, ROWS);
	check_same("any order, any grouping", a, all, parts);
	pf_agg_states_free(all);
	pf_agg_states_free(x);
	pf_agg_states_free(y);
	pf_agg_states_free(xy);
	pf_agg_states_free(yx);
	pf_agg_states_free(parts);
	pf_builder_free(r.b);
}

TEST(laws)
{
	struct pf_schema *s = schema();
	srand(11);
	for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++) {
		struct pf_agg *a = bound(aggregates[i], s);
		int before = unit_failures;
		for (int round = 0; round < 40 && unit_failures == before; round++)
			check_laws(a, s);
		pf_agg_free(a);
	}
	pf_schema_unref(s);
}

/* --- known answers: slot 0 of four rows on days 10, 12, 13, 13 --- */

static struct rows four_rows(struct pf_schema *s)
{
	static const int64_t days[] = { 10, 12, 13, 13 };
	static const char *const names[] = { "x", "y", "x", "z" };
	struct rows r = { .b = pf_builder_new(s) };
	for (int i = 0; i < 4; i++) {
		pf_col_i64(&r.b->columns[0], i * i);
		pf_col_i8(&r.b->columns[1], (int8_t)i);
		pf_col_i128(&r.b->columns[2], 150 - 100 * i); /* 1.50 0.50 -0.50 -1.50 */
		pf_col_f64(&r.b->columns[3], 1e9 + i);
		pf_col_null(&r.b->columns[4]);
		pf_col_bytes(&r.b->columns[5], names[i], 1);
		pf_col_bool(&r.b->columns[6], i > 0);
		pf_col_i64(&r.b->columns[7], days[i] * 86400000);
		r.times[i] = days[i] * DAY + i;
	}
	return r;
}

struct known {
	const char *text, *value;
};

static void check_known(const struct known *cases, size_t n, int from_day)
{
	struct pf_schema *s = schema();
	struct rows r = four_rows(s);
	struct pf_agg_range range = { from_day * DAY, 14 * DAY };
	for (size_t i = 0; i < n; i++) {
		struct pf_agg *a = bound(cases[i].text, s);
		struct pf_agg_states *states = fed(a, &r, (const uint32_t[]){ 0, 1, 2, 3 }, 4);
		struct pf_schema *result = pf_schema_new();
		struct pf_error err = { 0 };
		struct pf_buf out = { 0 };
		pf_schema_add(result, "v", a->result, true);
		struct pf_builder *b = pf_builder_new(result);
		CHECK_OK(a->kind->finish(states, NULL, 1, &range, &b->columns[0], &err), &err);
		struct pf_batch batch = pf_builder_batch(b);
		struct pf_datum d = pf_datum_at(a->result, &batch.columns[0], 0);
		pf_datum_print(&d, &out);
		unit_check(!strcmp(pf_buf_cstr(&out), cases[i].value), __FILE__, __LINE__,
			   "%s is %s, not %s", cases[i].text, pf_buf_cstr(&out), cases[i].value);
		pf_buf_free(&out);
		pf_builder_free(b);
		pf_schema_unref(result);
		pf_agg_states_free(states);
		pf_agg_free(a);
	}
	pf_builder_free(r.b);
	pf_schema_unref(s);
}

TEST(known_answers)
{
	static const struct known cases[] = {
		{ "count", "4" }, { "count:g", "0" }, { "count_if:b", "3" },
		{ "sum:i", "14" }, { "sum:d", "0.00" }, { "sum:f", "4000000006e0" },
		{ "sum:g", "null" }, { "avg:i", "3.5e0" }, { "avg:d", "0e0" },
		{ "avg:g", "null" }, { "var_pop:f", "1.25e0" },
		{ "var:t", "1.6666666666666667e0" }, { "var:d", "1.6666666666666667e0" },
		{ "stddev_pop:d", "1.118033988749895e0" }, { "var:g", "null" },
		{ "min:d", "-1.50" }, { "max:s", "'z'" }, { "first:s", "'x'" },
		{ "last:s", "'z'" }, { "min_by:s:d", "'z'" }, { "max_by:i:d", "0" },
		{ "max_by:i:g", "null" }, { "distinct:s", "3" }, { "distinct:g", "0" },
		{ "hist:s", "'{\"x\":2,\"y\":1,\"z\":1}'" }, { "hist:d:1", "'{\"-2.00\":1,\"-1.00\":1,\"0.00\":1,\"1.00\":1}'" },
		{ "hist:i:5", "'{\"0\":3,\"5\":1}'" }, { "hist:g", "'{}'" },
		{ "hist:d:0.75", "'{\"-1.50\":1,\"-0.75\":1,\"0.00\":1,\"1.50\":1}'" },
		{ "hll:s", "3" }, { "hll:g", "0" }, { "days", "3" }, { "days:2", "2" },
		{ "days:4", "3" }, { "bits", "11" }, { "bits:2", "3" }, { "streak", "2" },
		{ "streak_max", "2" }, { "dau:s", "2" }, { "wau:s", "3" },
		{ "active:s:2", "3" }, { "active:i:4", "4" },
		/* first on 10, 12 and 13; x and y could have come again a day later,
		 * neither did; three days later x could, and did */
		{ "retain:s:1", "0e0" }, { "retain:s:3", "1e0" }, { "retain:s:4", "null" },
	};
	/* Days of a state that lie before the range are not looked at. */
	static const struct known later[] = {
		{ "days", "1" }, { "streak", "1" }, { "bits", "1" }, { "active:s", "2" },
		{ "mau:i", "2" }, { "retain:s:3", "null" },
	};
	check_known(cases, sizeof cases / sizeof *cases, 10);
	check_known(later, sizeof later / sizeof *later, 13);
}

TEST(refused)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "sum:s", PF_E_EXPR_TYPE }, { "avg:ts", PF_E_EXPR_TYPE },
		{ "var:b", PF_E_EXPR_TYPE }, { "count_if:i", PF_E_EXPR_TYPE },
		{ "hist:s:2", PF_E_EXPR_TYPE }, { "hist:d:0", PF_E_USAGE },
		{ "hist:d:0.001", PF_E_USAGE }, { "hist:i:-1", PF_E_USAGE },
		{ "hll:s:3", PF_E_USAGE }, { "hll:s:21", PF_E_USAGE },
		{ "bits:64", PF_E_USAGE }, { "days:0", PF_E_USAGE },
		{ "active:s:x", PF_E_USAGE }, { "sum:nothing", PF_E_UNKNOWN_COLUMN },
	};
	struct pf_schema *s = schema();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_error err = { 0 };
		struct pf_agg *a = NULL;
		CHECK_OK(pf_agg_parse(cases[i].text, &a, &err), &err);
		int code = pf_agg_bind(a, s, NULL, &err);
		unit_check(code == cases[i].code, __FILE__, __LINE__, "%s: %d, not %d",
			   cases[i].text, code, cases[i].code);
		pf_agg_free(a);
	}
	pf_schema_unref(s);
}

/* 38 digits are the most that a sum can have; the sum says so. */
TEST(overflow)
{
	struct pf_schema *s = pf_schema_new();
	struct pf_error err = { 0 };
	pf_schema_add(s, "x", (struct pf_type){ PF_DECIMAL, 38, 0 }, false);
	struct pf_builder *b = pf_builder_new(s);
	pf_i128 max = ((pf_i128)10000000000000000000ULL) * 10000000000000000000ULL - 1;
	pf_col_i128(&b->columns[0], max);
	pf_col_i128(&b->columns[0], 1);
	struct pf_agg *a = bound("sum:x", s);
	struct pf_agg_states *states = pf_agg_states_new(a);
	a->kind->reserve(states, 1);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_agg_rows in = { 2, (const uint32_t[]){ 0, 0 }, batch.columns,
				  (const int64_t[]){ 0, 0 }, true };
	CHECK_OK(a->kind->add(states, &in, &err), &err);
	struct pf_builder *out = pf_builder_new(a->state);
	CHECK_INT(a->kind->store(states, NULL, 1, out->columns, &err), PF_E_EXPR_VALUE);
	pf_builder_free(out);
	pf_builder_free(b);
	pf_agg_states_free(states);
	pf_agg_free(a);
	pf_schema_unref(s);
}

static void check_bin(const char *text, struct pf_type type, double real, pf_i128 exact)
{
	struct pf_schema *s = pf_schema_new();
	struct pf_error err = { 0 };
	pf_schema_add(s, "x", type, false);
	struct pf_builder *b = pf_builder_new(s);
	if (type.kind == PF_DOUBLE)
		pf_col_f64(&b->columns[0], real);
	else
		pf_col_i128(&b->columns[0], exact);
	struct pf_agg *a = bound(text, s);
	struct pf_agg_states *states = pf_agg_states_new(a);
	a->kind->reserve(states, 1);
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_agg_rows in = { 1, (const uint32_t[]){ 0 }, batch.columns,
				  (const int64_t[]){ 0 }, true };
	CHECK_INT(a->kind->add(states, &in, &err), PF_E_EXPR_VALUE);
	pf_builder_free(b);
	pf_agg_states_free(states);
	pf_agg_free(a);
	pf_schema_unref(s);
}

/* A bin whose lower end has more digits than there are is refused, not shown
 * under another number. */
TEST(bins_beyond_numbers)
{
	static const struct pf_type real = { .kind = PF_DOUBLE }, exact = { PF_DECIMAL, 38, 0 };
	pf_i128 max = ((pf_i128)10000000000000000000ULL) * 10000000000000000000ULL - 1;
	check_bin("hist:x:1.0000000000000000000000000000000000000", real, 1e9, 0);
	check_bin("hist:x:98000000000000000000000000000000000000", exact, 0, -max);
}

UNIT_MAIN(CASE(laws), CASE(known_answers), CASE(refused), CASE(overflow),
	  CASE(bins_beyond_numbers))

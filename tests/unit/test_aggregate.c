/* SPDX-License-Identifier: Apache-2.0 */
#include "window/aggregate.h"

#include "base/alloc.h"
#include "unit.h"

static struct pf_schema *rows_schema(void)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "id", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, "price", (struct pf_type){ PF_DECIMAL, 10, 2 }, true);
	pf_schema_add(s, "name", (struct pf_type){ .kind = PF_STRING }, true);
	return s;
}

/* Three rows: (1, 1.50, b), (2, null, null), (3, -4.00, a). */
static struct pf_builder *three_rows(struct pf_schema *s)
{
	struct pf_builder *b = pf_builder_new(s);
	for (int64_t i = 1; i <= 3; i++)
		pf_col_i64(&b->columns[0], i);
	pf_col_i128(&b->columns[1], 150);
	pf_col_null(&b->columns[1]);
	pf_col_i128(&b->columns[1], -400);
	pf_col_bytes(&b->columns[2], "b", 1);
	pf_col_null(&b->columns[2]);
	pf_col_bytes(&b->columns[2], "a", 1);
	return b;
}

static struct pf_agg *bound(const char *text, struct pf_schema *s)
{
	struct pf_error err = { 0 };
	struct pf_agg *a = NULL;
	CHECK_OK(pf_agg_parse(text, &a, &err), &err);
	if (a)
		CHECK_OK(pf_agg_bind(a, s, NULL, &err), &err);
	return a;
}

/* Rows 1 and 2 in slot 0, row 3 in slot 1. */
static struct pf_agg_states *fed(struct pf_agg *a, struct pf_builder *rows)
{
	static const uint32_t slots[] = { 0, 0, 1 };
	static const int64_t times[] = { 0, 0, 0 };
	struct pf_error err = { 0 };
	struct pf_batch batch = pf_builder_batch(rows);
	struct pf_column args[PF_AGG_ARGS];
	for (size_t i = 0; i < a->nargs; i++)
		args[i] = batch.columns[pf_expr_column(a->args[i])];
	struct pf_agg_rows in = { .n = 3, .slots = slots, .args = args, .times = times };
	struct pf_agg_states *s = pf_agg_states_new(a);
	a->kind->reserve(s, 2);
	CHECK_OK(a->kind->add(s, &in, &err), &err);
	return s;
}

/* The values of two slots as "x y", nulls as "-". */
static const char *finished(const struct pf_agg *a, const struct pf_agg_states *s)
{
	static char text[128];
	struct pf_error err = { 0 };
	struct pf_agg_range range = { 0, 86400000000 };
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "v", a->result, true);
	struct pf_builder *b = pf_builder_new(schema);
	CHECK_OK(a->kind->finish(s, NULL, 2, &range, &b->columns[0], &err), &err);
	struct pf_batch out = pf_builder_batch(b);
	struct pf_buf line = { 0 };
	for (int64_t i = 0; i < 2; i++) {
		struct pf_datum d = pf_datum_at(a->result, &out.columns[0], i);
		pf_buf_str(&line, i ? " " : "");
		if (d.null)
			pf_buf_str(&line, "-");
		else
			pf_datum_print(&d, &line);
	}
	snprintf(text, sizeof text, "%s", pf_buf_cstr(&line));
	pf_buf_free(&line);
	pf_builder_free(b);
	pf_schema_unref(schema);
	return text;
}

TEST(parse)
{
	struct pf_schema *s = rows_schema();
	struct pf_error err = { 0 };
	struct pf_agg *a;
	static const struct {
		const char *text, *name, *canonical;
	} good[] = {
		{ "count", "count", "count()" },
		{ "count(*)", "count", "count()" },
		{ "count:price", "count(price)", "count(price)" },
		{ "sum(id + 1)", "sum(id + 1)", "sum((id + 1))" },
		{ "total=sum:price", "total", "sum(price)" },
		{ "max(name) as last_name", "last_name", "max(name)" },
		{ "MIN:price", "min(price)", "min(price)" },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(pf_agg_is(good[i].text));
		a = bound(good[i].text, s);
		CHECK_STR(a->name, good[i].name);
		CHECK_STR(a->text, good[i].canonical);
		pf_agg_free(a);
	}
	CHECK_INT(pf_agg_parse("sum", &a, &err), PF_E_USAGE);
	CHECK_STR(err.message, "sum of what?");
	CHECK_INT(pf_agg_parse("sum:id:3", &a, &err), PF_E_USAGE);
	CHECK_INT(pf_agg_parse("sums:id", &a, &err), PF_E_USAGE);
	CHECK(!pf_agg_is("counts") && !pf_agg_is("./count") && !pf_agg_is("wh/count"));
	pf_schema_unref(s);
}

TEST(finish)
{
	struct pf_schema *s = rows_schema();
	struct pf_builder *rows = three_rows(s);
	static const struct {
		const char *text, *values;
	} cases[] = {
		{ "count", "2 1" },	 { "count:price", "1 1" },
		{ "sum:id", "3 3" },	 { "sum:price", "1.50 -4.00" },
		{ "min:id", "1 3" },	 { "max:id", "2 3" },
		{ "min:name", "'b' 'a'" }, { "max:price", "1.50 -4.00" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_agg *a = bound(cases[i].text, s);
		struct pf_agg_states *states = fed(a, rows);
		CHECK_STR(finished(a, states), cases[i].values);
		pf_agg_states_free(states);
		pf_agg_free(a);
	}
	pf_builder_free(rows);
	pf_schema_unref(s);
}

/* Stored, merged twice, and taken out once where that is exact: as before. */
TEST(store_merge_subtract)
{
	struct pf_schema *s = rows_schema();
	struct pf_builder *rows = three_rows(s);
	static const struct {
		const char *text, *once, *twice;
	} cases[] = {
		{ "count", "2 1", "4 2" },
		{ "sum:price", "1.50 -4.00", "3.00 -8.00" },
		{ "min:name", "'b' 'a'", "'b' 'a'" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_error err = { 0 };
		struct pf_agg *a = bound(cases[i].text, s);
		struct pf_agg_states *from = fed(a, rows);
		struct pf_agg_states *to = pf_agg_states_new(a);
		struct pf_builder *stored = pf_builder_new(a->state);
		CHECK_OK(a->kind->store(from, NULL, 2, stored->columns, &err), &err);
		struct pf_batch batch = pf_builder_batch(stored);
		struct pf_agg_stored in = { .n = 2, .columns = batch.columns };
		a->kind->reserve(to, 2);
		CHECK_OK(a->kind->merge(to, &in, &err), &err);
		CHECK_STR(finished(a, to), cases[i].once);
		CHECK_OK(a->kind->merge(to, &in, &err), &err);
		CHECK_STR(finished(a, to), cases[i].twice);
		if (a->algebra & PF_ALGEBRA_INVERTIBLE) {
			in.minus = true;
			CHECK_OK(a->kind->merge(to, &in, &err), &err);
			CHECK_STR(finished(a, to), cases[i].once);
		}
		pf_builder_free(stored);
		pf_agg_states_free(from);
		pf_agg_states_free(to);
		pf_agg_free(a);
	}
	pf_builder_free(rows);
	pf_schema_unref(s);
}

TEST(overflow_is_an_error)
{
	struct pf_schema *s = rows_schema();
	struct pf_builder *rows = pf_builder_new(s);
	for (int i = 0; i < 3; i++) {
		pf_col_i64(&rows->columns[0], INT64_MAX);
		pf_col_null(&rows->columns[1]);
		pf_col_null(&rows->columns[2]);
	}
	struct pf_error err = { 0 };
	struct pf_agg *a = bound("sum:id", s);
	struct pf_agg_states *states = fed(a, rows);
	struct pf_builder *out = pf_builder_new(a->state);
	struct pf_agg_range range = { 0, 1 };
	CHECK_INT(a->kind->finish(states, NULL, 2, &range, &out->columns[1], &err),
		  PF_E_EXPR_VALUE);
	CHECK_STR(err.message, "sum(id) does not fit its type");
	pf_builder_free(out);
	pf_agg_states_free(states);
	pf_agg_free(a);
	pf_builder_free(rows);
	pf_schema_unref(s);
}

UNIT_MAIN(CASE(parse), CASE(finish), CASE(store_merge_subtract), CASE(overflow_is_an_error))

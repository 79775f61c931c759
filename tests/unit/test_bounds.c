/* SPDX-License-Identifier: Apache-2.0
 *
 * Pruning is safe: whatever the condition, a block that holds a row for which
 * it is true is never left out; and it is of use: many blocks are.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "expr/expr.h"

enum { COLUMNS = 4, ROWS = 5 };

static const char *const names[] = { "i", "x", "s", "b" };

static void literal(int column, struct pf_buf *out)
{
	int v = rand() % 8;
	if (rand() % 20 == 0)
		pf_buf_str(out, "null");
	else if (column == 0)
		pf_buf_printf(out, rand() % 4 ? "%d" : "%d.5", v);
	else if (column == 1)
		pf_buf_str(out, rand() % 10 ? (const char *[]){ "0", "1.5", "-2", "3e0", "4",
								"5", "6", "0.0" }[v] :
					      "double('nan')");
	else if (column == 2)
		pf_buf_printf(out, "'%c%s'", 'a' + v % 4, v % 2 ? "b" : "");
	else
		pf_buf_str(out, v % 2 ? "true" : "false");
}

static void condition(struct pf_buf *out, int depth)
{
	static const char *const ops[] = { "=", "<>", "<", "<=", ">", ">=" };
	int c = rand() % COLUMNS, kind = rand() % 10;
	if (depth < 3 && kind < 4) {
		pf_buf_str(out, kind == 0 ? "not (" : "(");
		condition(out, depth + 1);
		if (kind) {
			pf_buf_str(out, kind == 1 ? " or " : " and ");
			condition(out, depth + 1);
		}
		pf_buf_str(out, ")");
	} else if (kind == 4) {
		pf_buf_printf(out, "%s is %snull", names[c], rand() % 2 ? "not " : "");
	} else if (kind == 5) {
		pf_buf_printf(out, "%s %sin (", names[c], rand() % 3 ? "" : "not ");
		literal(c, out);
		pf_buf_str(out, ", ");
		literal(c, out);
		pf_buf_str(out, ")");
	} else if (kind == 6 && c == 2) {
		pf_buf_printf(out, "s like '%c%s'", 'a' + rand() % 4, rand() % 2 ? "%" : "_");
	} else if (kind == 6) {
		pf_buf_printf(out, "%s between ", names[c]);
		literal(c, out);
		pf_buf_str(out, " and ");
		literal(c, out);
	} else if (kind == 7) {
		literal(c, out);
		pf_buf_printf(out, " %s %s", ops[rand() % 6], names[c]);
	} else {
		pf_buf_printf(out, "%s %s ", names[c], ops[rand() % 6]);
		literal(c, out);
	}
}

static void fill(struct pf_builder *b)
{
	int base = rand() % 8;
	pf_builder_reset(b);
	for (int row = 0; row < ROWS; row++) {
		int v = base + rand() % 3 - 1;
		char text[3] = { (char)('a' + (unsigned)v % 4), v % 2 ? 'b' : '\0', '\0' };
		for (int c = 0; c < COLUMNS; c++) {
			if (rand() % 6 == 0) {
				pf_col_null(&b->columns[c]);
				continue;
			}
			if (c == 0)
				pf_col_i64(&b->columns[c], v);
			else if (c == 1)
				pf_col_f64(&b->columns[c], rand() % 12 ? v : (double)NAN);
			else if (c == 2)
				pf_col_bytes(&b->columns[c], text, strlen(text));
			else
				pf_col_bool(&b->columns[c], v % 2);
		}
	}
}

/* Statistics as a Parquet file has them: without NaN. */
static bool stats(void *ctx, int column, struct pf_block_stats *s)
{
	const struct pf_batch *b = ctx;
	struct pf_type type = b->schema->fields[column].type;
	*s = (struct pf_block_stats){ .rows = b->rows };
	for (int64_t i = 0; i < b->rows; i++) {
		struct pf_datum d = pf_datum_at(type, &b->columns[column], i);
		s->nulls += d.null;
		if (d.null || (column == 1 && isnan(d.d)))
			continue;
		if (!s->has_min || pf_datum_cmp(&d, &s->min) < 0)
			s->min = d;
		if (!s->has_max || pf_datum_cmp(&d, &s->max) > 0)
			s->max = d;
		s->has_min = s->has_max = true;
	}
	return true;
}

TEST(safe)
{
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "i", (struct pf_type){ .kind = PF_BIGINT }, true);
	pf_schema_add(schema, "x", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(schema, "b", (struct pf_type){ .kind = PF_BOOLEAN }, true);
	struct pf_builder *b = pf_builder_new(schema);
	int pruned = 0, ranged = 0, wrong = 0, total = 40000;
	srand(11);
	for (int n = 0; n < total && wrong < 5; n++) {
		struct pf_buf text = { 0 };
		struct pf_error err = { 0 };
		struct pf_expr *e;
		uint32_t rows[ROWS];
		size_t found = 0;
		condition(&text, 0);
		CHECK_OK(pf_expr_parse((char *)text.data, text.len, "e", &e, &err), &err);
		CHECK_OK(pf_expr_bind_filter(e, schema, NULL, &err), &err);
		fill(b);
		struct pf_batch batch = pf_builder_batch(b);
		CHECK_OK(pf_expr_filter(e, &batch, rows, &found, &err), &err);
		bool may = pf_expr_may_match(e, stats, &batch);
		pruned += !may;
		bool ok = may || !found;
		for (int c = 0; c < COLUMNS; c++) {
			struct pf_range r;
			struct pf_block_stats s;
			if (!pf_expr_bounds(e, c, &r))
				continue;
			ranged++;
			stats(&batch, c, &s);
			ok = ok && (!found || pf_range_may_match(&r, s.has_min ? &s.min : NULL,
								 s.has_max ? &s.max : NULL,
								 s.nulls, s.rows));
			for (size_t i = 0; i < found; i++) {
				struct pf_datum d = pf_datum_at(schema->fields[c].type,
								&batch.columns[c], rows[i]);
				ok = ok && (d.null ? r.nulls : pf_range_has(&r, &d));
			}
		}
		if (!ok) {
			wrong++;
			printf("# %s\n", pf_buf_cstr(&text));
		}
		pf_expr_free(e);
		pf_buf_free(&text);
	}
	CHECK_INT(wrong, 0);
	CHECK(pruned > total / 10);
	CHECK(ranged > total / 2);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

/* Statistics leave NaN out, which is above everything: only a range that has
 * an end above can tell that it is not in it. */
TEST(nan_may_hide_above_the_maximum)
{
	static const struct {
		const char *condition;
		bool may, may_without_nan;
	} cases[] = {
		{ "x = 9", false, false },	{ "x in (8, 9.5)", false, false },
		{ "x between 8 and 9", false, false }, { "x < 1", false, false },
		{ "x > 8", true, false },	{ "x >= 8", true, false },
		{ "x = double('nan')", true, false },
		{ "x in (9, double('nan'))", true, false },
		{ "x between 8 and double('nan')", true, false },
		{ "x between 2 and 3", true, true },
	};
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "x", (struct pf_type){ .kind = PF_DOUBLE }, true);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_error err = { 0 };
		struct pf_expr *e;
		struct pf_range r;
		const char *text = cases[i].condition;
		struct pf_block_stats s = { .has_min = true, .has_max = true, .nulls = 0,
					    .rows = 10 };
		s.min = (struct pf_datum){ .type = { .kind = PF_DOUBLE }, .d = 1 };
		s.max = (struct pf_datum){ .type = { .kind = PF_DOUBLE }, .d = 7 };
		CHECK_OK(pf_expr_parse(text, strlen(text), "e", &e, &err), &err);
		CHECK_OK(pf_expr_bind_filter(e, schema, NULL, &err), &err);
		CHECK(pf_expr_bounds(e, 0, &r));
		bool may = pf_range_may_match_block(&r, &s);
		bool by_page = pf_range_may_match(&r, &s.min, &s.max, 0, 10);
		s.no_nan = true;
		bool without = pf_range_may_match_block(&r, &s);
		if (may != cases[i].may || by_page != may ||
		    without != cases[i].may_without_nan)
			printf("# %s: %d %d %d\n", text, may, by_page, without);
		CHECK(may == cases[i].may && by_page == may);
		CHECK(without == cases[i].may_without_nan);
		pf_expr_free(e);
	}
	pf_schema_unref(schema);
}

UNIT_MAIN(CASE(safe), CASE(nan_may_hide_above_the_maximum))

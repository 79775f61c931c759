/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as an expression: parsed, bound, printed, evaluated, asked for
 * bounds. What parses prints as something that parses again.
 */
#include <stdlib.h>

#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pf_builder *make_rows(void)
{
	static const struct pf_type types[] = {
		{ .kind = PF_BIGINT }, { .kind = PF_DOUBLE },  { PF_DECIMAL, 12, 2 },
		{ .kind = PF_STRING }, { .kind = PF_BOOLEAN }, { .kind = PF_DATE },
		{ PF_TIMESTAMP, 3, 0 }, { PF_TIMESTAMP_LTZ, 6, 0 }, { .kind = PF_BYTES },
	};
	static const char names[][2] = { "i", "x", "d", "s", "b", "y", "t", "z", "r" };
	struct pf_schema *s = pf_schema_new();
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		pf_schema_add(s, names[i], types[i], true);
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	struct pf_colbuf *c = b->columns;
	for (int row = 0; row < 3; row++) {
		pf_col_i64(&c[0], row == 0 ? INT64_MIN : row);
		pf_col_f64(&c[1], row - 0.5);
		pf_col_i128(&c[2], row * -150);
		pf_col_bytes(&c[3], "a\xc3\xabz%", 5);
		pf_col_bool(&c[4], row == 1);
		pf_col_i32(&c[5], row == 2 ? INT32_MAX : 19904);
		pf_col_i64(&c[6], row == 2 ? INT64_MAX : 1719792000123);
		pf_col_i64(&c[7], row == 2 ? INT64_MIN : 0);
		pf_col_null(&c[8]);
	}
	return b;
}

static void evaluate(struct pf_expr *e, const struct pf_batch *batch)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "r", pf_expr_type(e), true);
	struct pf_builder *out = pf_builder_new(s);
	pf_expr_eval(e, batch, &out->columns[0], NULL);
	pf_builder_free(out);
	pf_schema_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_error err = { 0 };
	struct pf_expr *e;
	if (pf_expr_parse((const char *)data, size, "fuzz", &e, &err))
		return 0;
	struct pf_builder *b = make_rows();
	struct pf_batch batch = pf_builder_batch(b);
	struct pf_buf text = { 0 };
	if (!pf_expr_bind(e, b->schema, "Europe/Berlin", &err)) {
		struct pf_range range;
		evaluate(e, &batch);
		pf_expr_print(e, &text);
		if (pf_expr_type(e).kind == PF_BOOLEAN) {
			uint32_t rows[3];
			size_t n;
			pf_expr_filter(e, &batch, rows, &n, &err);
			for (int c = 0; c < 9; c++)
				pf_expr_bounds(e, c, &range);
		}
	}
	pf_buf_free(&text);
	pf_builder_free(b);
	pf_expr_free(e);
	return 0;
}

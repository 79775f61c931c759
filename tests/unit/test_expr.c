/* SPDX-License-Identifier: Apache-2.0
 *
 * The language: values, three-valued logic, exactness, errors with their
 * places. One batch of three rows: values, nulls, other values.
 */
#include "unit.h"

#include <stdlib.h>

#include "expr/expr.h"

static struct pf_schema *schema;
static struct pf_builder *rows;
static struct pf_batch batch;

static void set_up(void)
{
	if (schema)
		return;
	static const struct {
		const char *name;
		struct pf_type type;
	} columns[] = {
		{ "i", { .kind = PF_BIGINT } },	   { "k", { .kind = PF_INT } },
		{ "x", { .kind = PF_DOUBLE } },	   { "f", { .kind = PF_FLOAT } },
		{ "d", { PF_DECIMAL, 12, 2 } },	   { "s", { .kind = PF_STRING } },
		{ "b", { .kind = PF_BOOLEAN } },   { "day", { .kind = PF_DATE } },
		{ "ts", { PF_TIMESTAMP, 3, 0 } },  { "at", { PF_TIMESTAMP_LTZ, 6, 0 } },
		{ "odd name", { .kind = PF_INT } }, { "actor.id", { .kind = PF_INT } },
		{ "big", { PF_DECIMAL, 38, 0 } },  { "t", { PF_TIME, 3, 0 } },
	};
	size_t n = sizeof columns / sizeof *columns;
	schema = pf_schema_new();
	for (size_t i = 0; i < n; i++)
		pf_schema_add(schema, columns[i].name, columns[i].type, true);
	rows = pf_builder_new(schema);
	struct pf_colbuf *c = rows->columns;
	pf_i128 huge = 1;
	for (int i = 0; i < 37; i++)
		huge *= 10;
	for (int row = 0; row < 3; row++) {
		if (row == 1) {
			for (size_t i = 0; i < n; i++)
				pf_col_null(&c[i]);
			continue;
		}
		pf_col_i64(&c[0], row ? INT64_MAX : 7);
		pf_col_i32(&c[1], row ? -3 : 0);
		pf_col_f64(&c[2], row ? -0.0 : 9.99);
		pf_col_f32(&c[3], row ? 1.0f : 0.1f);
		pf_col_i128(&c[4], row ? -250 : 1999);
		if (row)
			pf_col_bytes(&c[5], "Zo\xc3\xab_50%", 8);
		else
			pf_col_bytes(&c[5], "it's", 4);
		pf_col_bool(&c[6], row == 0);
		pf_col_i32(&c[7], row ? -1 : 19904);               /* 2024-06-30 */
		pf_col_i64(&c[8], row ? -1 : 1719792000123);       /* 2024-07-01 */
		pf_col_i64(&c[9], row ? 0 : 1719792000000001);
		pf_col_i32(&c[10], row);
		pf_col_i32(&c[11], row + 5);
		pf_col_i128(&c[12], row ? huge : 1);
		pf_col_i32(&c[13], row ? 86399999 : 36000000);
	}
	batch = pf_builder_batch(rows);
}

/* The results of the three rows as text, or the error's code. */
static const char *eval_in(const char *text, const char *zone)
{
	static struct pf_buf out;
	struct pf_error err = { 0 };
	struct pf_expr *e;
	set_up();
	out.len = 0;
	int code = pf_expr_parse(text, strlen(text), "--where", &e, &err);
	if (!code) {
		code = pf_expr_bind(e, schema, zone, &err);
		if (!code) {
			struct pf_schema *s = pf_schema_new();
			pf_schema_add(s, "r", pf_expr_type(e), true);
			struct pf_builder *b = pf_builder_new(s);
			code = pf_expr_eval(e, &batch, &b->columns[0], &err);
			struct pf_batch r = pf_builder_batch(b);
			for (int64_t i = 0; i < r.rows && !code; i++) {
				struct pf_datum d = pf_datum_at(pf_expr_type(e),
								&r.columns[0], i);
				pf_buf_str(&out, i ? " " : "");
				pf_datum_print(&d, &out);
			}
			pf_builder_free(b);
			pf_schema_unref(s);
		}
		pf_expr_free(e);
	}
	if (code) {
		out.len = 0;
		pf_buf_printf(&out, "E%d", code);
		CHECK(err.code == code && err.message[0]);
	}
	return pf_buf_cstr(&out);
}

static const char *eval(const char *text)
{
	return eval_in(text, NULL);
}

/* Message and detail of a failing expression. */
static const char *failure(const char *text)
{
	static char out[2048];
	struct pf_error err = { 0 };
	struct pf_expr *e = NULL;
	set_up();
	if (!pf_expr_parse(text, strlen(text), "--where", &e, &err))
		pf_expr_bind_filter(e, schema, NULL, &err);
	pf_expr_free(e);
	snprintf(out, sizeof out, "%s|%s|%s", err.message, err.detail, err.hint);
	return out;
}

TEST(truth)
{
	static const char *const v[] = { "true", "false", "null" };
	static const char *const and[] = { "true", "false", "null", "false", "false",
					   "false", "null", "false", "null" };
	static const char *const or[] = { "true", "true", "true", "true", "false",
					  "null", "true", "null", "null" };
	char text[64], want[64];
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof text, "%s and %s", v[i / 3], v[i % 3]);
		snprintf(want, sizeof want, "%s %s %s", and[i], and[i], and[i]);
		CHECK_STR(eval(text), want);
		snprintf(text, sizeof text, "%s or %s", v[i / 3], v[i % 3]);
		snprintf(want, sizeof want, "%s %s %s", or[i], or[i], or[i]);
		CHECK_STR(eval(text), want);
	}
	/* The same with columns, where nothing can be folded. */
	CHECK_STR(eval("b and i > 0"), "true null false");
	CHECK_STR(eval("b and s is null"), "false null false");
	CHECK_STR(eval("not b or k = 0"), "true null true");
	CHECK_STR(eval("b && !(k = 1) || false"), "true null false");
	CHECK_STR(eval("not not b"), "true null false");
	CHECK_STR(eval("i in (7, null)"), "true null null");
	CHECK_STR(eval("i not in (7, null)"), "false null null");
	CHECK_STR(eval("i not in (7, 8)"), "false null true");
	CHECK_STR(eval("k in (i, 0)"), "true null false");
	CHECK_STR(eval("i between 7 and 7"), "true null false");
	CHECK_STR(eval("i not between 8 and null"), "true null null");
	CHECK_STR(eval("s is null"), "false true false");
	CHECK_STR(eval("s is not null"), "true false true");
	CHECK_STR(eval("(b and null) is null"), "true true false");
}

TEST(comparisons)
{
	CHECK_STR(eval("i = 9223372036854775807"), "false null true");
	CHECK_STR(eval("i < 9223372036854775808"), "true null true");
	CHECK_STR(eval("i = 9223372036854775807e0"), "false null false");
	CHECK_STR(eval("i < 9223372036854775807e0"), "true null true");
	CHECK_STR(eval("i > x"), "false null true");
	CHECK_STR(eval("i - i + 9007199254740993 = x - x + 9007199254740992e0"),
		  "false null false");
	CHECK_STR(eval("i - i + 9007199254740993 > x - x + 9007199254740992e0"),
		  "true null true");
	CHECK_STR(eval("x = 9.99"), "true null false");
	CHECK_STR(eval("f = 0.1"), "true null false");
	CHECK_STR(eval("x = 0"), "false null true");
	CHECK_STR(eval("d = 19.99"), "true null false");
	CHECK_STR(eval("d = 19.990"), "true null false");
	CHECK_STR(eval("d > 19.985"), "true null false");
	CHECK_STR(eval("d = -2.5"), "false null true");
	CHECK_STR(eval("k < 0.5"), "true null true");
	CHECK_STR(eval("big > 1e36"), "false null true");
	CHECK_STR(eval("big > i"), "false null true");
	CHECK_STR(eval("7 = i"), "true null false");
	CHECK_STR(eval("s = 'it''s'"), "true null false");
	CHECK_STR(eval("s = \"it's\""), "true null false");
	CHECK_STR(eval("s < 'a'"), "false null true");
	CHECK_STR(eval("double('NaN') > 1e300"), "true true true");
	CHECK_STR(eval("double('NaN') = double('nan')"), "true true true");
	CHECK_STR(eval("`odd name` = 2 or actor.id = 5"), "true null true");
	CHECK_STR(eval("i > 1_000 and i > 10M and i > 4Ki"), "false null true");
}

TEST(times)
{
	CHECK_STR(eval("ts > '2024-07-01'"), "true null false");
	CHECK_STR(eval("ts = '2024-07-01T00:00:00.123'"), "true null false");
	CHECK_STR(eval("ts < '2024-07-01T00:00:00.1230001'"), "E2041");
	CHECK_STR(eval("ts < '2024-07-01T00:00:00.123001'"), "true null true");
	CHECK_STR(eval("ts = '2024-07-01T00:00:00.123001'"), "false null false");
	CHECK_STR(eval_in("ts = '2024-06-30T22:00:00.123Z'", "Europe/Berlin"),
		  "true null false");
	CHECK_STR(eval_in("at = '2024-07-01T02:00:00.000001'", "Europe/Berlin"),
		  "true null false");
	CHECK_STR(eval("day = '2024-06-30'"), "true null false");
	CHECK_STR(eval("day < '2024-06-30T00:00:01'"), "true null true");
	CHECK_STR(eval("t between '10:00:00' and '11:00'"), "true null false");
	CHECK_STR(eval("'2024-07-01' <= ts"), "true null false");
	CHECK_STR(eval("year(ts) * 10000 + month(ts) * 100 + day(ts)"),
		  "20240701 null 19691231");
	CHECK_STR(eval("hour(ts)"), "0 null 23");
	CHECK_STR(eval_in("hour(at)", "America/New_York"), "20 null 19");
	CHECK_STR(eval("dow(day)"), "0 null 3");
	CHECK_STR(eval("doy(day)"), "182 null 365");
	CHECK_STR(eval("date(ts)"), "'2024-07-01' null '1969-12-31'");
	CHECK_STR(eval("date_trunc('month', day)"), "'2024-06-01' null '1969-12-01'");
	CHECK_STR(eval("date_trunc('week', ts)"),
		  "'2024-07-01T00:00:00' null '1969-12-29T00:00:00'");
	CHECK_STR(eval("ts + 2h - ts = 120m"), "true null true");
	CHECK_STR(eval("day + 1 - day"), "1 null 1");
	CHECK_STR(eval("day - '2024-06-01'"), "29 null -19876");
	CHECK_STR(eval("epoch(ts)"), "1719792000 null -1");
	CHECK_STR(eval("epoch_ms(ts)"), "1719792000123 null -1");
	CHECK_STR(eval("now() > '2024-01-01T00:00:00Z'"), "true true true");
	CHECK_STR(eval("ts > now()"), "E2041");
	CHECK_STR(eval("ts > '2024-13-01'"), "E2041");
	CHECK_STR(eval("date_trunc('fortnight', ts)"), "E2041");
}

TEST(arithmetic)
{
	CHECK_STR(eval("i + 1"), "E3040");
	CHECK_STR(eval("k + 1"), "1 null -2");
	CHECK_STR(eval("-9223372036854775808"),
		  "-9223372036854775808 -9223372036854775808 -9223372036854775808");
	CHECK_STR(eval("- -9223372036854775808 = 9223372036854775808"), "true true true");
	CHECK_STR(eval("-(i - i + -9223372036854775808)"), "E3040");
	CHECK_STR(eval("7 / 2"), "3.5e0 3.5e0 3.5e0");
	CHECK_STR(eval("div(-7, 2) * 10 + -7 % 2"), "-31 -31 -31");
	CHECK_STR(eval("d * 3"), "59.97 null -7.50");
	CHECK_STR(eval("d + 0.001"), "19.991 null -2.499");
	CHECK_STR(eval("0.1 + 0.2 = 0.3"), "true true true");
	CHECK_STR(eval("big * 10"), "E3040");
	CHECK_STR(eval("1 / k"), "E3040");
	CHECK_STR(eval("1 % k"), "E3040");
	CHECK_STR(eval("k <> 0 and 6 / k = -2"), "false null true");
	CHECK_STR(eval("6 / k = -2 and k <> 0"), "false null true");
	CHECK_STR(eval("k = 0 or 6 / k = -2"), "true null true");
	CHECK_STR(eval("if(k = 0, 0, 6 / k)"), "0e0 null -2e0");
	CHECK_STR(eval("6 / nullif(k, 0)"), "null null -2e0");
	CHECK_STR(eval("coalesce(1 / nullif(k, 0), 5)"), "5e0 5e0 -0.3333333333333333e0");
	CHECK_STR(eval("round(2.5) + round(-2.5)"), "0 0 0");
	CHECK_STR(eval("round(d, 1)"), "20.0 null -2.5");
	CHECK_STR(eval("floor(d) + ceil(d)"), "39 null -5");
	CHECK_STR(eval("abs(k)"), "0 null 3");
	CHECK_STR(eval("least(k, null, -1) + greatest(k, 2)"), "1 1 -1");
	CHECK_STR(eval("int('17850.0')"), "17850 17850 17850");
	CHECK_STR(eval("int('17850.5')"), "E3040");
	CHECK_STR(eval("int(-2.9)"), "-2 -2 -2");
	CHECK_STR(eval("decimal(x, 10, 1)"), "10.0 null 0.0");
	CHECK_STR(eval("i * 1.5 > 0"), "true null true");
}

TEST(texts)
{
	CHECK_STR(eval("length(s)"), "4 null 7");
	CHECK_STR(eval("upper(s)"), "'IT''S' null 'ZOË_50%'");
	CHECK_STR(eval("lower('ÄŽΣЖ')"), "'äžσж' 'äžσж' 'äžσж'");
	CHECK_STR(eval("substr(s, 2, 2)"), "'t''' null 'oë'");
	CHECK_STR(eval("substr(s, -2)"), "'''s' null '0%'");
	CHECK_STR(eval("concat(s, '!', null)"), "'it''s!' '!' 'Zoë_50%!'");
	CHECK_STR(eval("replace('aXbX', 'X', '--')"), "'a--b--' 'a--b--' 'a--b--'");
	CHECK_STR(eval("trim('  a ') = 'a' and ltrim(' a') = rtrim('a ')"), "true true true");
	CHECK_STR(eval("contains(s, 't') or ends_with(s, '%')"), "true null true");
	CHECK_STR(eval("starts_with(s, 'Zo')"), "false null true");
	CHECK_STR(eval("split('a,b,,c', ',', 4)"), "'c' 'c' 'c'");
	CHECK_STR(eval("split('a,b', ',', 3)"), "null null null");
	CHECK_STR(eval("json('{\"a\":[1,{\"b\":\"x\\u0041y\"}]}', 'a.1.b')"), "'xAy' 'xAy' 'xAy'");
	CHECK_STR(eval("int(json('{\"a\":[1,2]}', 'a.1')) + 1"), "3 3 3");
	CHECK_STR(eval("json('{\"a\":null}', 'a')"), "null null null");
	CHECK_STR(eval("json('no json', 'a')"), "null null null");
	CHECK_STR(eval("s like '%''s'"), "true null false");
	CHECK_STR(eval("s like 'Zo__50%'"), "false null true");
	CHECK_STR(eval("s like '%\\_50\\%' escape '\\'"), "false null true");
	CHECK_STR(eval("s not like '%z%'"), "true null true");
	CHECK_STR(eval("s ilike 'zOË%'"), "false null true");
	CHECK_STR(eval("s ~ '^[a-z]+.s$'"), "true null false");
	CHECK_STR(eval("s !~ '\\d{2}'"), "true null false");
	CHECK_STR(eval("case when b then s when k < 0 then 'neg' end"),
		  "'it''s' null 'neg'");
	CHECK_STR(eval("string(d)"), "'19.99' null '-2.50'");
	CHECK_STR(eval("string(ts)"),
		  "'2024-07-01T00:00:00.123' null '1969-12-31T23:59:59.999'");
	CHECK_STR(eval("x'6974' = x'6974'"), "true true true");
}

TEST(failures)
{
	CHECK_STR(failure("k > 1 and stat = 2"),
		  "unknown column 'stat' in --where|k > 1 and stat = 2\n"
		  "          ^^^^|columns: i, k, x, f, d, s, b, day, ts, at, odd name, "
		  "actor.id, big, t");
	CHECK_STR(failure("actor_id = 1"),
		  "unknown column 'actor_id' in --where|actor_id = 1\n^^^^^^^^|"
		  "did you mean 'actor.id'?");
	CHECK_STR(failure("lenght(s) = 1"),
		  "unknown function 'lenght' in --where|lenght(s) = 1\n^^^^^^|"
		  "did you mean 'length'?");
	CHECK_STR(failure("i = '7'"),
		  "bigint cannot be compared with string in --where|i = '7'\n^^^^^^^|"
		  "write the number without quotes");
	CHECK_STR(failure("i + 1"),
		  "a condition (boolean) wanted, this is bigint in --where|i + 1\n^^^^^|");
	CHECK_STR(failure("'Zoë' = s and ^"),
		  "unexpected '^' in --where|'Zoë' = s and ^\n              ^|");
	CHECK_STR(failure("1 < i < 3"),
		  "'and' or 'or' expected, not '<' in --where|1 < i < 3\n      ^|"
		  "comparisons do not chain; a range is written x between 1 and 5");
	CHECK_STR(failure("s ~ 'a('"),
		  "the parenthesis is not closed at byte 3 of the pattern in --where|"
		  "s ~ 'a('\n    ^^^^|");
	static const char *const syntax[] = { "", "(", "i =", "i = 1)", "s = 'a",
					      "`i", "i in ()", "i in (1", "case end",
					      "i between 1", "1.2.3", "5x", "x'0'",
					      "not", "f(", "i not 3", "and", "1e999" };
	for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++) {
		CHECK_STR(eval(syntax[i]), "E2040");
		if (strcmp(eval(syntax[i]), "E2040"))
			printf("# %s\n", syntax[i]);
	}
	CHECK_STR(eval("substr(s)"), "E2041");
	CHECK_STR(eval("s ~ s"), "E2041");
	CHECK_STR(eval("s + 's'"), "E2041");
	CHECK_STR(eval("if(i, 1, 2)"), "E2041");
	CHECK_STR(eval("coalesce(i, 'x')"), "E2041");
}

TEST(limits)
{
	struct pf_error err = { 0 };
	struct pf_expr *e;
	struct pf_buf b = { 0 };
	set_up();
	for (int i = 0; i < 199; i++)
		pf_buf_byte(&b, '(');
	pf_buf_byte(&b, '1');
	for (int i = 0; i < 199; i++)
		pf_buf_byte(&b, ')');
	CHECK_OK(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), &err);
	pf_expr_free(e);
	b.len = 0;
	for (int i = 0; i < 100000; i++)
		pf_buf_byte(&b, '(');
	CHECK_INT(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), PF_E_EXPR_SYNTAX);
	b.len = 0;
	pf_buf_str(&b, "i = 1");
	for (int i = 0; i < 50000; i++)
		pf_buf_str(&b, " or i = 2");
	CHECK_OK(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), &err);
	CHECK_OK(pf_expr_bind_filter(e, schema, NULL, &err), &err);
	uint32_t found[3];
	size_t n;
	CHECK_OK(pf_expr_filter(e, &batch, found, &n, &err), &err);
	CHECK_INT(n, 0);
	pf_expr_free(e);
	b.len = 0;
	for (int i = 0; i < 1001; i++)
		pf_buf_str(&b, "1+");
	pf_buf_str(&b, "1");
	CHECK_INT(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), PF_E_EXPR_SYNTAX);
	b.len = 0;
	for (int i = 0; i < 60; i++)
		pf_buf_str(&b, "concat(");
	pf_buf_str(&b, "s");
	for (int i = 0; i < 60; i++)
		pf_buf_str(&b, ",'0123456789012345678901234567890123456789')");
	CHECK_OK(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), &err);
	pf_expr_free(e);
	pf_buf_free(&b);
	b = (struct pf_buf){ 0 };
	pf_buf_zeros(&b, (1 << 20) + 1);
	CHECK_INT(pf_expr_parse((char *)b.data, b.len, "e", &e, &err), PF_E_EXPR_SYNTAX);
	CHECK_INT(pf_expr_parse("i\0", 2, "e", &e, &err), PF_E_EXPR_SYNTAX);
	pf_buf_free(&b);
}

/* The canonical text means the same. */
TEST(printing)
{
	static const char *const texts[] = {
		"i = 7 and (s like 'a%' or not b)", "i in (1, 2, null)",
		"ts >= '2024-07-01' and day < '2024-01-01'", "x > 1.5 or d = 2.50",
		"case when b then 1 else 2 end = 1", "`odd name` + 1 > -3",
		"s ~ 'a' and s is not null", "coalesce(s, 'it''s') = 'it''s'",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct pf_error err = { 0 };
		struct pf_expr *e;
		struct pf_buf out = { 0 };
		char *want = strdup(eval(texts[i]));
		CHECK_OK(pf_expr_parse(texts[i], strlen(texts[i]), "e", &e, &err), &err);
		CHECK_OK(pf_expr_bind(e, schema, NULL, &err), &err);
		pf_expr_print(e, &out);
		CHECK_STR(eval(pf_buf_cstr(&out)), want);
		/* Binding again starts over. */
		CHECK_OK(pf_expr_bind(e, schema, NULL, &err), &err);
		pf_expr_free(e);
		pf_buf_free(&out);
		free(want);
	}
}

UNIT_MAIN(CASE(truth), CASE(comparisons), CASE(times), CASE(arithmetic), CASE(texts),
	  CASE(failures), CASE(limits), CASE(printing))

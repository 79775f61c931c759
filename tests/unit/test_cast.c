/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of files that are older than their column's type. What is expected is
 * written by hand, from the rules of Java (JLS 5.1.3: narrowing; Double.toString) and
 * of Paimon's org.apache.paimon.casting, and in part what its own CastExecutorTest
 * says; none of it was computed by the code under test.
 */
#include "paimon/cast.h"

#include "arrow/value_text.h"
#include "unit.h"

static struct pf_table_field field_of(const char *type)
{
	struct pf_table_field f = { .type_text = (char *)(uintptr_t)type, .known = true };
	struct pf_error err = { 0 };
	CHECK_OK(pf_type_parse(type, &f.type, &f.nullable, &err), &err);
	return f;
}

/* --- which types are read as which --- */

/* '=': the reader gives them as they are; 'v': values are cast; '-': refused. */
TEST(pairs_of_types)
{
	static const char *const types[] = {
		"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE",
		"DECIMAL(9, 2)", "STRING", "BYTES", "DATE", "TIME(3)", "TIMESTAMP(3)",
		"TIMESTAMP(3) WITH LOCAL TIME ZONE",
	};
	/* Columns in the same order. Numbers become any number, but floats no exact
	 * ones; everything is said as text, and nothing is read from it; times
	 * become times, whole seconds times and times whole seconds. */
	static const char *const want[] = {
		"=vvvv---v-----", /* BOOLEAN */
		"v====vvvv---vv", /* TINYINT */
		"vv===vvvv---vv", /* SMALLINT */
		"vvv==vvvv---vv", /* INT */
		"vvvv=vvvv---vv", /* BIGINT */
		"-vvvv==-v-----", /* FLOAT */
		"-vvvvv=-v-----", /* DOUBLE */
		"-vvvvvv=v-----", /* DECIMAL */
		"--------=v----", /* STRING */
		"--------v=----", /* BYTES */
		"--------v-=-vv", /* DATE */
		"--------v--=--", /* TIME */
		"---vv---v-v-=v", /* TIMESTAMP */
		"---vv---v-v-v=", /* TIMESTAMP WITH LOCAL TIME ZONE */
	};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
			struct pf_table_field a = field_of(types[i]), b = field_of(types[j]);
			struct pf_cast cast;
			char got = "=v-"[pf_cast_between(&a, &b, &cast)];
			unit_check(got == want[i][j], __FILE__, __LINE__,
				   "%s as %s is '%c', not '%c'", types[i], types[j], got,
				   want[i][j]);
			CHECK(cast.needed == (want[i][j] == 'v'));
		}
}

TEST(lengths_and_digits)
{
	static const struct {
		const char *then, *now;
		enum pf_cast_need need;
	} pairs[] = {
		{ "VARCHAR(5)", "VARCHAR(20)", PF_CAST_NONE },
		{ "VARCHAR(5)", "STRING", PF_CAST_NONE },
		{ "CHAR(5)", "VARCHAR(5)", PF_CAST_NONE },
		{ "STRING", "VARCHAR(2147483647)", PF_CAST_NONE },
		{ "VARCHAR(20)", "VARCHAR(5)", PF_CAST_VALUES },
		{ "STRING", "VARCHAR(5)", PF_CAST_VALUES },
		{ "VARCHAR(5)", "CHAR(5)", PF_CAST_VALUES }, /* filled up */
		{ "VARBINARY(5)", "VARBINARY(6)", PF_CAST_NONE },
		{ "BYTES", "BINARY(6)", PF_CAST_VALUES },
		{ "DECIMAL(9, 2)", "DECIMAL(18, 2)", PF_CAST_NONE },
		{ "DECIMAL(9, 2)", "DECIMAL(18, 3)", PF_CAST_VALUES },
		{ "DECIMAL(9, 2)", "DECIMAL(8, 2)", PF_CAST_VALUES },
		{ "TIMESTAMP(3)", "TIMESTAMP(6)", PF_CAST_NONE },
		{ "TIMESTAMP(6)", "TIMESTAMP(3)", PF_CAST_VALUES },
		{ "TIME(3)", "TIME(0)", PF_CAST_NEVER },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct pf_table_field a = field_of(pairs[i].then), b = field_of(pairs[i].now);
		struct pf_cast cast;
		enum pf_cast_need need = pf_cast_between(&a, &b, &cast);
		unit_check(need == pairs[i].need, __FILE__, __LINE__, "%s as %s is %d, not %d",
			   pairs[i].then, pairs[i].now, (int)need, (int)pairs[i].need);
	}
	/* Digits that we did not read cannot be said as text; nested types are
	 * read only as they were. */
	struct pf_table_field cut = field_of("TIMESTAMP(6)"), text = field_of("STRING");
	struct pf_table_field list = field_of("STRING"), other = field_of("STRING");
	struct pf_cast cast;
	cut.cut = true;
	CHECK_INT(pf_cast_between(&cut, &text, &cast), PF_CAST_NEVER);
	list.nested = (char[]){ "ARRAY<INT>" };
	CHECK_INT(pf_cast_between(&list, &text, &cast), PF_CAST_NEVER);
	CHECK_INT(pf_cast_between(&text, &list, &cast), PF_CAST_NEVER);
	other.nested = (char[]){ "ARRAY<INT>" };
	CHECK_INT(pf_cast_between(&list, &other, &cast), PF_CAST_NONE);
	other.nested = (char[]){ "ARRAY<BIGINT>" };
	CHECK_INT(pf_cast_between(&list, &other, &cast), PF_CAST_NEVER);
}

/* --- values --- */

struct value {
	const char *then, *in, *now, *out; /* out NULL: null */
};

/* A value between two nulls, which stay. */
static void check_value(const struct value *v, const struct pf_zone *zone)
{
	struct pf_table_field a = field_of(v->then), b = field_of(v->now);
	struct pf_colbuf from = { .kind = a.type.kind }, to = { .kind = b.type.kind };
	struct pf_buf got = { 0 };
	struct pf_datum d;
	struct pf_cast cast;
	struct pf_error err = { 0 };
	pf_colbuf_reset(&from);
	pf_colbuf_reset(&to);
	CHECK_INT(pf_cast_between(&a, &b, &cast), PF_CAST_VALUES);
	CHECK_OK(pf_datum_parse(a.type, v->in, strlen(v->in), NULL, &d, &err), &err);
	pf_col_null(&from);
	pf_datum_repeat(&d, &from, 1);
	pf_col_null(&from);
	struct pf_column column = pf_colbuf_view(&from);
	CHECK_OK(pf_cast_column(&cast, &column, 3, zone, &to, &err), &err);
	CHECK_INT(to.rows, 3);
	struct pf_column result = pf_colbuf_view(&to);
	CHECK(pf_is_null(&result, 0) && pf_is_null(&result, 2));
	CHECK_INT(result.nulls, v->out ? 2 : 3);
	if (v->out && !pf_is_null(&result, 1)) {
		pf_format_value(&got, b.type, &result, 1, PF_VALUE_PLAIN, NULL);
		unit_check(!strcmp(pf_buf_cstr(&got), v->out), __FILE__, __LINE__,
			   "%s %s as %s is '%s', not '%s'", v->then, v->in, v->now,
			   pf_buf_cstr(&got), v->out);
	} else {
		unit_check(!v->out == pf_is_null(&result, 1), __FILE__, __LINE__,
			   "%s %s as %s: is it null?", v->then, v->in, v->now);
	}
	pf_buf_free(&got);
	pf_colbuf_free(&from);
	pf_colbuf_free(&to);
}

static void check_values(const struct value *values, size_t n, const char *zone)
{
	struct pf_zone *z = NULL;
	struct pf_error err = { 0 };
	CHECK_OK(pf_zone_open(zone, &z, &err), &err);
	for (size_t i = 0; i < n; i++)
		check_value(&values[i], z);
	pf_zone_close(z);
}

#define CHECK_VALUES(values, zone) \
	check_values((values), sizeof(values) / sizeof *(values), (zone))

TEST(integers_wrap)
{
	static const struct value values[] = {
		{ "SMALLINT", "123", "TINYINT", "123" },
		{ "INT", "383", "TINYINT", "127" }, /* 256 + 127: CastExecutors says so */
		{ "INT", "130", "TINYINT", "-126" },
		{ "INT", "-129", "TINYINT", "127" },
		{ "INT", "70000", "SMALLINT", "4464" }, /* 65536 less */
		{ "BIGINT", "2147483648", "INT", "-2147483648" },
		{ "BIGINT", "4294967297", "INT", "1" },
		{ "BIGINT", "-9223372036854775808", "INT", "0" },
		{ "BIGINT", "9223372036854775807", "SMALLINT", "-1" },
		{ "BOOLEAN", "true", "TINYINT", "1" },
		{ "BOOLEAN", "false", "BIGINT", "0" },
		{ "TINYINT", "1", "BOOLEAN", "true" },
		{ "INT", "0", "BOOLEAN", "false" },
		{ "BIGINT", "12", "BOOLEAN", "true" },
		{ "SMALLINT", "-1", "BOOLEAN", "true" },
		{ "BIGINT", "4294967296", "BOOLEAN", "true" }, /* not by its low half */
	};
	CHECK_VALUES(values, NULL);
}

TEST(reals_are_cut_and_stay_in_range)
{
	static const struct value values[] = {
		/* Towards zero; beyond is the last one there is; byte and short by
		 * way of int, whose low bits they take. */
		{ "DOUBLE", "2.9", "INT", "2" },
		{ "DOUBLE", "-2.9", "INT", "-2" },
		{ "FLOAT", "-0.99", "BIGINT", "0" },
		{ "DOUBLE", "1e10", "INT", "2147483647" },
		{ "DOUBLE", "-1e10", "INT", "-2147483648" },
		{ "DOUBLE", "1e300", "BIGINT", "9223372036854775807" },
		{ "DOUBLE", "-1e300", "BIGINT", "-9223372036854775808" },
		{ "DOUBLE", "9223372036854775807", "BIGINT", "9223372036854775807" },
		{ "DOUBLE", "300.7", "TINYINT", "44" },
		{ "DOUBLE", "1e10", "TINYINT", "-1" },
		{ "FLOAT", "-1e10", "SMALLINT", "0" },
		/* To the nearest, the even one of two. */
		{ "INT", "16777217", "FLOAT", "16777216" },
		{ "INT", "16777219", "FLOAT", "1.677722e+07" },
		{ "BIGINT", "9007199254740993", "DOUBLE", "9007199254740992" },
		/* 2^54 + 2^30 + 1: at once, not by way of the nearest double, which
		 * would be 2^54, 1.8014399e+16. */
		{ "BIGINT", "18014399583223809", "FLOAT", "1.80144e+16" },
		{ "DOUBLE", "0.1", "FLOAT", "0.1" },
		{ "DOUBLE", "1e39", "FLOAT", "Infinity" },
		{ "DECIMAL(10, 4)", "1.2346", "FLOAT", "1.2346" },
		{ "DECIMAL(10, 2)", "1.23", "DOUBLE", "1.23" },
		{ "DECIMAL(38, 0)", "-99999999999999999999999999999999999999", "DOUBLE",
		  "-1e+38" },
	};
	CHECK_VALUES(values, NULL);
}

TEST(decimals_round_half_up)
{
	static const struct value values[] = {
		{ "DECIMAL(10, 4)", "1.2346", "DECIMAL(10, 2)", "1.23" },
		{ "DECIMAL(10, 2)", "1.23", "DECIMAL(10, 4)", "1.2300" },
		/* RoundingMode.HALF_UP: away from zero. */
		{ "DECIMAL(10, 4)", "1.2350", "DECIMAL(10, 2)", "1.24" },
		{ "DECIMAL(10, 4)", "-1.2350", "DECIMAL(10, 2)", "-1.24" },
		{ "DECIMAL(10, 4)", "1.2250", "DECIMAL(10, 2)", "1.23" },
		{ "DECIMAL(10, 4)", "-1.2349", "DECIMAL(10, 2)", "-1.23" },
		{ "DECIMAL(10, 4)", "0.0049", "DECIMAL(10, 2)", "0.00" },
		/* More digits than there is room for, before or after rounding. */
		{ "DECIMAL(5, 2)", "999.94", "DECIMAL(4, 1)", "999.9" },
		{ "DECIMAL(5, 2)", "999.95", "DECIMAL(4, 1)", NULL },
		{ "DECIMAL(5, 2)", "-999.95", "DECIMAL(4, 1)", NULL },
		{ "DECIMAL(9, 2)", "1234567.00", "DECIMAL(8, 2)", NULL },
		{ "DECIMAL(38, 0)", "10000000000000000000000000000000000000",
		  "DECIMAL(38, 1)", NULL },
		{ "DECIMAL(38, 0)", "9999999999999999999999999999999999999",
		  "DECIMAL(38, 1)", "9999999999999999999999999999999999999.0" },
		{ "DECIMAL(38, 38)", "0.99999999999999999999999999999999999999",
		  "DECIMAL(1, 0)", "1" },
		{ "TINYINT", "-128", "DECIMAL(5, 2)", "-128.00" },
		{ "INT", "1", "DECIMAL(10, 2)", "1.00" },
		{ "INT", "99999999", "DECIMAL(10, 2)", "99999999.00" },
		{ "INT", "100000000", "DECIMAL(10, 2)", NULL },
		{ "BIGINT", "-9223372036854775808", "DECIMAL(19, 0)", "-9223372036854775808" },
		{ "BIGINT", "9223372036854775807", "DECIMAL(38, 20)", NULL },
		/* Digits behind the point are cut; what is too large wraps around. */
		{ "DECIMAL(9, 2)", "1.99", "INT", "1" },
		{ "DECIMAL(9, 2)", "-1.99", "BIGINT", "-1" },
		{ "DECIMAL(9, 2)", "300.00", "TINYINT", "44" },
		{ "DECIMAL(38, 0)", "18446744073709551621", "BIGINT", "5" }, /* 2^64 + 5 */
	};
	CHECK_VALUES(values, NULL);
}

TEST(numbers_as_java_says_them)
{
	static const struct value values[] = {
		{ "TINYINT", "-5", "STRING", "-5" },
		{ "BIGINT", "-9223372036854775808", "STRING", "-9223372036854775808" },
		{ "BOOLEAN", "true", "VARCHAR(5)", "true" },
		{ "BOOLEAN", "true", "CHAR(5)", "true " },
		{ "BOOLEAN", "false", "VARCHAR(3)", "fal" },
		{ "DECIMAL(10, 5)", "1.23456", "VARCHAR(20)", "1.23456" },
		{ "DECIMAL(9, 2)", "-0.50", "STRING", "-0.50" },
		{ "DECIMAL(38, 0)", "99999999999999999999999999999999999999", "STRING",
		  "99999999999999999999999999999999999999" },
		{ "FLOAT", "1.23456", "VARCHAR(10)", "1.23456" },
		{ "DOUBLE", "1.23456", "VARCHAR(10)", "1.23456" },
		/* From 10^-3 to below 10^7 without an exponent; always a fraction. */
		{ "DOUBLE", "100", "STRING", "100.0" },
		{ "DOUBLE", "0.001", "STRING", "0.001" },
		{ "DOUBLE", "0.0001", "STRING", "1.0E-4" },
		{ "DOUBLE", "1234567.0", "STRING", "1234567.0" },
		{ "DOUBLE", "9999999.5", "STRING", "9999999.5" },
		{ "DOUBLE", "1e7", "STRING", "1.0E7" },
		{ "DOUBLE", "12345678", "STRING", "1.2345678E7" },
		{ "DOUBLE", "-1.5e300", "STRING", "-1.5E300" },
		{ "DOUBLE", "5e-324", "STRING", "4.9E-324" }, /* Double.MIN_VALUE */
		{ "DOUBLE", "1.7976931348623157e308", "STRING", "1.7976931348623157E308" },
		{ "DOUBLE", "0.1", "STRING", "0.1" },
		{ "DOUBLE", "0", "STRING", "0.0" },
		{ "DOUBLE", "-0.0", "STRING", "-0.0" },
		{ "FLOAT", "0.1", "STRING", "0.1" },
		{ "FLOAT", "3.4028235e38", "STRING", "3.4028235E38" },
		{ "FLOAT", "1e10", "STRING", "1.0E10" },
	};
	CHECK_VALUES(values, NULL);
}

TEST(text_is_cut_and_filled)
{
	static const struct value values[] = {
		{ "VARCHAR(10)", "1234567890", "VARCHAR(5)", "12345" },
		{ "VARCHAR(10)", "1234567890", "CHAR(5)", "12345" },
		{ "VARCHAR(10)", "1234567890", "CHAR(20)", "1234567890          " },
		{ "CHAR(10)", "12345678  ", "CHAR(5)", "12345" },
		{ "CHAR(10)", "12345678  ", "CHAR(20)", "12345678            " },
		{ "STRING", "", "CHAR(2)", "  " },
		/* Characters, not bytes; bytes where it is bytes. */
		{ "STRING", "\xc3\xa4\xc3\x9fx\xe6\xbc\xa2", "VARCHAR(3)", "\xc3\xa4\xc3\x9fx" },
		{ "STRING", "\xf0\x90\x8d\x88y", "CHAR(3)", "\xf0\x90\x8d\x88y " },
		{ "STRING", "\xc3\xa4" "b", "VARBINARY(5)", "c3a462" },
		{ "STRING", "\xc3\xa4" "b", "VARBINARY(1)", "c3" },
		{ "VARCHAR(10)", "12345678", "VARBINARY(5)", "3132333435" },
		{ "VARBINARY(20)", "12345678", "STRING", "12345678" },
		{ "VARBINARY(20)", "12345678", "VARCHAR(10)", "12345678" },
		{ "BINARY(10)", "1234567890", "BINARY(5)", "3132333435" },
		{ "BINARY(4)", "1234", "BINARY(6)", "313233340000" },
		{ "VARBINARY(9)", "", "BINARY(2)", "0000" },
	};
	CHECK_VALUES(values, NULL);
}

TEST(times)
{
	static const struct value values[] = {
		{ "DATE", "2023-06-08", "STRING", "2023-06-08" },
		{ "DATE", "0001-01-01", "VARCHAR(4)", "0001" },
		/* 36115615 ms: the digits of the type, zeros at the end but one cut. */
		{ "TIME(2)", "10:01:55.615", "STRING", "10:01:55.61" },
		{ "TIME(3)", "10:01:55.500", "STRING", "10:01:55.5" },
		{ "TIME(3)", "10:01:55.000", "STRING", "10:01:55.0" },
		{ "TIME(0)", "10:01:55", "STRING", "10:01:55" },
		{ "TIMESTAMP(0)", "2017-12-12T09:30:00", "STRING", "2017-12-12 09:30:00" },
		{ "TIMESTAMP(3)", "2017-12-12T09:30:00.120", "STRING",
		  "2017-12-12 09:30:00.120" },
		{ "TIMESTAMP(6)", "1969-12-31T23:59:59.999999", "STRING",
		  "1969-12-31 23:59:59.999999" },
		/* Digits are cut off, towards the past. */
		{ "TIMESTAMP(6)", "2024-01-31T10:05:03.123999", "TIMESTAMP(3)",
		  "2024-01-31T10:05:03.123" },
		{ "TIMESTAMP(6)", "1969-12-31T23:59:59.999999", "TIMESTAMP(3)",
		  "1969-12-31T23:59:59.999" },
		{ "TIMESTAMP(5)", "2024-01-31T10:05:03.98765", "TIMESTAMP(2)",
		  "2024-01-31T10:05:03.98" },
		{ "TIMESTAMP(3)", "2024-01-31T10:05:03.999", "TIMESTAMP(0)",
		  "2024-01-31T10:05:03" },
		{ "DATE", "2024-02-29", "TIMESTAMP(6)", "2024-02-29T00:00:00.000000" },
		{ "DATE", "1969-12-31", "TIMESTAMP(0)", "1969-12-31T00:00:00" },
		/* Whole seconds and days of milliseconds divided as Java divides:
		 * towards 1970. */
		{ "TIMESTAMP(3)", "2024-01-31T23:59:59.999", "DATE", "2024-01-31" },
		{ "TIMESTAMP(3)", "1969-12-31T12:00:00.000", "DATE", "1970-01-01" },
		{ "TIMESTAMP(3)", "1969-12-30T00:00:00.000", "DATE", "1969-12-30" },
		{ "TIMESTAMP(3)", "2024-07-25T09:12:28.999", "BIGINT", "1721898748" },
		{ "TIMESTAMP(3)", "1969-12-31T23:59:58.500", "BIGINT", "-1" },
		{ "TIMESTAMP(3)", "1969-12-31T23:59:59.500", "INT", "0" },
		{ "TIMESTAMP(0)", "2038-01-19T03:14:08", "INT", "-2147483648" }, /* 2^31 s */
		{ "BIGINT", "1721898748", "TIMESTAMP(3)", "2024-07-25T09:12:28.000" },
		{ "INT", "-1", "TIMESTAMP(6)", "1969-12-31T23:59:59.000000" },
		{ "TINYINT", "60", "TIMESTAMP(0)", "1970-01-01T00:01:00" },
	};
	CHECK_VALUES(values, NULL);
}

#define LTZ3 "TIMESTAMP(3) WITH LOCAL TIME ZONE"
#define LTZ6 "TIMESTAMP(6) WITH LOCAL TIME ZONE"

TEST(zones)
{
	static const struct value utc[] = {
		{ "TIMESTAMP(3)", "2024-01-31T10:05:03.123", LTZ6, "2024-01-31T10:05:03.123000Z" },
		{ LTZ3, "2024-01-31T10:05:03.123Z", "TIMESTAMP(3)", "2024-01-31T10:05:03.123" },
	};
	static const struct value tokyo[] = { /* nine hours ahead, always */
		{ "TIMESTAMP(3)", "2024-01-31T10:05:03.123", LTZ3, "2024-01-31T01:05:03.123Z" },
		{ LTZ6, "2024-01-31T20:05:03.123456Z", "TIMESTAMP(6)",
		  "2024-02-01T05:05:03.123456" },
		{ LTZ6, "2024-01-31T20:05:03.123456Z", "TIMESTAMP(0)", "2024-02-01T05:05:03" },
		{ LTZ3, "2024-01-31T20:05:03.000Z", "DATE", "2024-02-01" },
		{ LTZ3, "2024-01-31T20:05:03.000Z", "STRING", "2024-02-01 05:05:03.000" },
		{ "DATE", "2024-02-01", LTZ3, "2024-01-31T15:00:00.000Z" },
		/* An instant in seconds is the same in every zone. */
		{ LTZ3, "2024-07-25T09:12:28.000Z", "BIGINT", "1721898748" },
		{ "BIGINT", "1721898748", LTZ3, "2024-07-25T09:12:28.000Z" },
		{ "TIMESTAMP(3)", "2024-07-25T09:12:28.000", "BIGINT", "1721898748" },
		{ "BIGINT", "1721898748", "TIMESTAMP(3)", "2024-07-25T09:12:28.000" },
	};
	static const struct value berlin[] = {
		{ "TIMESTAMP(0)", "2024-01-31T12:00:00", LTZ3, "2024-01-31T11:00:00.000Z" },
		{ "TIMESTAMP(0)", "2024-07-31T12:00:00", LTZ3, "2024-07-31T10:00:00.000Z" },
		{ LTZ3, "2024-03-31T00:59:59.999Z", "TIMESTAMP(3)", "2024-03-31T01:59:59.999" },
		{ LTZ3, "2024-03-31T01:00:00.000Z", "TIMESTAMP(3)", "2024-03-31T03:00:00.000" },
		/* LocalDateTime.atZone: in a gap later by its length, of two the first. */
		{ "TIMESTAMP(0)", "2024-03-31T02:30:00", LTZ3, "2024-03-31T01:30:00.000Z" },
		{ "TIMESTAMP(0)", "2024-10-27T02:30:00", LTZ3, "2024-10-27T00:30:00.000Z" },
	};
	CHECK_VALUES(utc, NULL);
	CHECK_VALUES(utc, "UTC");
	CHECK_VALUES(tokyo, "Asia/Tokyo");
	CHECK_VALUES(berlin, "Europe/Berlin");
}

UNIT_MAIN(CASE(pairs_of_types), CASE(lengths_and_digits), CASE(integers_wrap),
	  CASE(reals_are_cut_and_stay_in_range), CASE(decimals_round_half_up),
	  CASE(numbers_as_java_says_them), CASE(text_is_cut_and_filled), CASE(times), CASE(zones))

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/near.h"
#include "base/number.h"

static void is(const char *text, int64_t want)
{
	struct pf_error err = { 0 };
	int64_t value = -99;

	CHECK_OK(pf_parse_count(text, &value, &err), &err);
	CHECK_INT(value, want);
}

TEST(counts)
{
	is("0", 0);
	is("1_000_000", 1000000);
	is("10M", 10000000);
	is("10Mi", 10 << 20);
	is("64MiB", 64 << 20);
	is("1.5k", 1500);
	is("1.5G", 1500000000);
	is("0.5Ki", 512);
	is("-3", -3);
	is("9223372036854775807", INT64_MAX);
	is("-9223372036854775808", INT64_MIN);
	is("8388607Ti", 8388607ll << 40);
}

TEST(not_counts)
{
	static const char *const bad[] = {
		"", "-", "x", "1x", "1_", "1.", ".5", "1.0005k", "9223372036854775808",
		"-9223372036854775809", "8388608Ti", "10MM", "1e3", " 1", "0x10", "1Mib",
	};
	int64_t value;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pf_error err = { 0 };
		int code = pf_parse_count(bad[i], &value, &err);
		unit_check(code == PF_E_USAGE, __FILE__, __LINE__, "'%s' was taken", bad[i]);
	}
}

TEST(for_people)
{
	char out[32];

	CHECK_STR(pf_group_digits(out, 0), "0");
	CHECK_STR(pf_group_digits(out, 999), "999");
	CHECK_STR(pf_group_digits(out, 1204113), "1,204,113");
	CHECK_STR(pf_group_digits(out, -1000), "-1,000");
	CHECK_STR(pf_group_digits(out, INT64_MIN), "-9,223,372,036,854,775,808");
	CHECK_STR(pf_human_bytes(out, 1023), "1023 B");
	CHECK_STR(pf_human_bytes(out, 1536), "1.5 KiB");
	CHECK_STR(pf_human_bytes(out, 64 << 20), "64.0 MiB");
}

TEST(near_words)
{
	static const char *const words[] = { "status", "ts", "user_id", "bytes", "Event" };

	CHECK_STR(pf_near_of("stauts", words, 5), "status");
	CHECK_STR(pf_near_of("userid", words, 5), "user_id");
	CHECK_STR(pf_near_of("event", words, 5), "Event");
	CHECK_STR(pf_near_of("byte", words, 5), "bytes");
	CHECK(!pf_near_of("quantity", words, 5));
	CHECK(!pf_near_of("", words, 5));
}

UNIT_MAIN(CASE(counts), CASE(not_counts), CASE(for_people), CASE(near_words))

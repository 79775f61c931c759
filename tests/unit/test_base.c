/* SPDX-License-Identifier: Apache-2.0
 *
 * The bottom layer: bytes that grow, arenas, base64, UTF-8, the nearest word,
 * numbers that people type.
 */
#include "base/arena.h"
#include "base/base64.h"
#include "base/near.h"
#include "base/number.h"
#include "base/utf8.h"
#include "unit.h"

#include <stdlib.h>

TEST(buffers_grow)
{
	struct pf_buf b = { 0 };
	CHECK_STR(pf_buf_cstr(&b), "");
	CHECK_INT(b.len, 0);
	for (int i = 0; i < 1000; i++)
		pf_buf_printf(&b, "%d,", i);
	CHECK_INT(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	CHECK(!memcmp(b.data + b.len - 8, "998,999,", 8));
	pf_buf_zeros(&b, 3);
	CHECK_INT(b.data[b.len - 1] | b.data[b.len - 2] | b.data[b.len - 3], 0);
	pf_buf_free(&b);
	CHECK(!b.data && !b.len && !b.cap);
	CHECK(pf_grow(0, 1) >= 1 && pf_grow(100, 101) >= 150);
	CHECK_INT(pf_grow(100, 100), 100);
	CHECK_INT(pf_grow(100, 4000), 4000);
	CHECK_INT(pf_view_cmp(pf_view_str("a"), pf_view_str("ab")), -1);
	CHECK(pf_view_cmp(pf_view_str("b"), pf_view_str("ab")) > 0);
	CHECK(pf_view_cmp(pf_view_str("\xff"), pf_view_str("a")) > 0); /* unsigned */
	CHECK_INT(pf_view_cmp(pf_view_of(NULL, 0), pf_view_str("")), 0);
}

/* Pieces are aligned, never move, and stay apart. */
TEST(arenas_hold)
{
	enum { N = 2000 };
	struct pf_arena a = { 0 };
	static uint8_t *pieces[N];
	static size_t sizes[N];
	for (size_t i = 0; i < N; i++) {
		sizes[i] = i % 97 == 96 ? 100000 : i % 61;
		pieces[i] = pf_arena_zero(&a, sizes[i], 1);
		CHECK((uintptr_t)pieces[i] % _Alignof(max_align_t) == 0);
		memset(pieces[i], (int)(i & 255), sizes[i]);
	}
	size_t wrong = 0;
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			wrong += pieces[i][k] != (i & 255);
	CHECK_INT(wrong, 0);
	CHECK_STR(pf_arena_text(&a, "abcdef", 3), "abc");
	pf_arena_reset(&a);
	uint8_t *again = pf_arena_zero(&a, 300, 1);
	for (size_t k = 0; k < 300; k++)
		wrong += again[k] != 0;
	CHECK_INT(wrong, 0);
	pf_arena_free(&a);
	CHECK_INT(a.total, 0);
}

/* RFC 4648, section 10. */
TEST(base64)
{
	static const char *const known[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};
	static const char *const wrong[] = { "Z", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Z g=", "=",
					     "====", "Zm9vZ" };
	uint8_t bytes[16];
	size_t n;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct pf_buf out = { 0 };
		size_t len = strlen(known[i][0]), coded = strlen(known[i][1]);
		pf_base64_encode(known[i][0], len, &out);
		CHECK_STR(pf_buf_cstr(&out), known[i][1]);
		CHECK(pf_base64_decode(known[i][1], coded, bytes, &n));
		CHECK(n == len && !memcmp(bytes, known[i][0], n));
		while (coded && known[i][1][coded - 1] == '=')
			coded--;
		CHECK(pf_base64_decode(known[i][1], coded, bytes, &n) && n == len);
		pf_buf_free(&out);
	}
	CHECK(pf_base64_decode("-__-", 4, bytes, &n) && !memcmp(bytes, "\xfb\xff\xfe", 3));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		unit_check(!pf_base64_decode(wrong[i], strlen(wrong[i]), bytes, &n), __FILE__,
			   __LINE__, "'%s' is taken", wrong[i]);
}

TEST(every_code_point)
{
	uint8_t bytes[4];
	uint32_t cp, back;
	size_t wrong = 0;
	for (cp = 0; cp < 0x110000; cp++) {
		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		unsigned n = pf_utf8_encode(cp, bytes);
		wrong += pf_utf8_decode(bytes, n, &back) != n || back != cp ||
			 !pf_utf8_valid(bytes, n) || (n > 1 && pf_utf8_valid(bytes, n - 1));
	}
	CHECK_INT(wrong, 0);
}

TEST(malformed_utf8)
{
	static const char *const wrong[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(",
	};
	uint32_t cp;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char text[32];
		unit_check(!pf_utf8_decode(wrong[i], strlen(wrong[i]), &cp), __FILE__, __LINE__,
			   "no. %zu is decoded", i);
		/* At every place of a long text, which is checked by words. */
		for (size_t at = 0; at < 16; at++) {
			memset(text, 'a', sizeof text);
			memcpy(text + at, wrong[i], strlen(wrong[i]));
			unit_check(!pf_utf8_valid(text, sizeof text), __FILE__, __LINE__,
				   "no. %zu at %zu is valid", i, at);
		}
	}
}

TEST(widths)
{
	CHECK_INT(pf_utf8_width("abc", 3), 3);
	CHECK_INT(pf_utf8_width("\xe4\xbd\xa0\xe5\xa5\xbd", 6), 4); /* wide */
	CHECK_INT(pf_utf8_width("e\xcc\x81", 3), 1);                /* combining */
	CHECK_INT(pf_utf8_width("\xff\xfe", 2), 2);
	CHECK_INT(pf_utf8_width("", 0), 0);
}

TEST(nearest_words)
{
	static const char *const words[] = { "partition", "primary_key", "price", "columns" };
	static const char *const of[][2] = {
		{ "patition", "partition" }, { "prmary_key", "primary_key" },
		{ "Price", "price" }, { "pirce", "price" }, { "colums", "columns" },
		{ "zzz", NULL }, { "", NULL },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		const char *got = pf_near_of(of[i][0], words, 4);
		unit_check(of[i][1] ? got && !strcmp(got, of[i][1]) : !got, __FILE__, __LINE__,
			   "'%s' is near '%s'", of[i][0], got ? got : "(nothing)");
	}
	CHECK(!pf_near_of("price", words, 0));
}

TEST(counts)
{
	static const struct {
		const char *text;
		int64_t value;
	} known[] = {
		{ "0", 0 }, { "-12", -12 }, { "1_000_000", 1000000 }, { "10M", 10000000 },
		{ "64Mi", 67108864 }, { "1.5G", 1500000000 }, { "0.5Ki", 512 },
		{ "9223372036854775807", INT64_MAX },
	};
	static const char *const wrong[] = { "", "-", "M", "1.5", "1x", "0.3Ki", "1 M", "1__",
					     "9223372036854775808", "99999999T", "1.2.3" };
	int64_t value;
	char out[32];
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct pf_error err = { 0 };
		CHECK_OK(pf_parse_count(known[i].text, &value, &err), &err);
		CHECK_INT(value, known[i].value);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		unit_check(pf_parse_count(wrong[i], &value, NULL) != 0, __FILE__, __LINE__,
			   "'%s' is taken", wrong[i]);
	CHECK_STR(pf_group_digits(out, 0), "0");
	CHECK_STR(pf_group_digits(out, 999), "999");
	CHECK_STR(pf_group_digits(out, -1204113), "-1,204,113");
	CHECK_STR(pf_group_digits(out, INT64_MIN), "-9,223,372,036,854,775,808");
	CHECK_STR(pf_human_bytes(out, 1288490189), "1.2 GiB");
}

UNIT_MAIN(CASE(buffers_grow), CASE(arenas_hold), CASE(base64), CASE(every_code_point),
	  CASE(malformed_utf8), CASE(widths), CASE(nearest_words), CASE(counts))

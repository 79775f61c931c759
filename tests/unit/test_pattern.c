/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns: known answers, random ones against libc's regcomp, and a pattern
 * that makes backtracking matchers hang.
 */
#include "unit.h"

#include <regex.h>
#include <stdlib.h>
#include <time.h>

#include "expr/pattern.h"

static int match(const char *pattern, const char *text)
{
	struct pf_arena a = { 0 };
	struct pf_regex *re;
	int is = -1;
	if (!pf_regex_compile(&a, pf_view_str(pattern), false, &re, NULL))
		is = pf_regex_search(re, pf_view_str(text));
	pf_arena_free(&a);
	return is;
}

static int like(const char *pattern, const char *text, bool fold)
{
	struct pf_arena a = { 0 };
	struct pf_regex *re;
	int is = -1;
	if (!pf_like_compile(&a, pf_view_str(pattern), pf_view_str("\\"), fold, &re, NULL))
		is = pf_regex_search(re, pf_view_str(text));
	pf_arena_free(&a);
	return is;
}

TEST(known)
{
	CHECK_INT(match("abc", "xabcx"), 1);
	CHECK_INT(match("^abc$", "xabc"), 0);
	CHECK_INT(match("^abc", "abcd"), 1);
	CHECK_INT(match("abc$", "zabc"), 1);
	CHECK_INT(match("", ""), 1);
	CHECK_INT(match("^$", ""), 1);
	CHECK_INT(match("^$", "a"), 0);
	CHECK_INT(match("a{2,3}b", "ab"), 0);
	CHECK_INT(match("^a{2,3}$", "aaa"), 1);
	CHECK_INT(match("^a{2,3}$", "aaaa"), 0);
	CHECK_INT(match("^a{0,2}b", "aab"), 1);
	CHECK_INT(match("^a{0}b", "b"), 1);
	CHECK_INT(match("^(ab|cd){2}$", "abcd"), 1);
	CHECK_INT(match("[^a-c]", "abc"), 0);
	CHECK_INT(match("[^a-c]", "abcë"), 1);
	CHECK_INT(match("^Zo.$", "Zoë"), 1);
	CHECK_INT(match("[ä-ü]", "ö"), 1);
	CHECK_INT(match("^.$", "\xff"), 1);
	CHECK_INT(match("a.b", "a\nb"), 0);
	CHECK_INT(match("\\bcat\\b", "the cat sat"), 1);
	CHECK_INT(match("\\bcat\\b", "concat"), 0);
	CHECK_INT(match("\\Bcat", "concat"), 1);
	CHECK_INT(match("^[[:alpha:]_][[:alnum:]_]*$", "x_9"), 1);
	CHECK_INT(match("(?i)straße", "STRAßE"), 1);
	CHECK_INT(match("(?i)[a-c]x", "CX"), 1);
	/* Letters are put aside before the bracket is turned around. */
	CHECK_INT(match("(?i)[^a-c]", "aBC"), 0);
	CHECK_INT(match("(?i)[^\xc3\xa4]", "\xc3\x84"), 0);
	CHECK_INT(match("(?i)[^a-c]", "aBCd"), 1);
	CHECK_INT(match("(?i)\\W", "aZ_9"), 0);
	CHECK_INT(match("(?i)^[[:upper:]]+$", "aZ"), 1);
	CHECK_INT(match("(?:a|b)+?c", "abac"), 1);
	CHECK_INT(match("\\x41\\.\\d\\D\\w\\W\\s\\S", "A.1xy! z"), 1);
	CHECK_INT(match("[]a]", "]"), 1);
	CHECK_INT(match("[a-]", "-"), 1);
	CHECK_INT(match("a{,2}", "a{,2}"), 1);
	CHECK_INT(match("x|", "zzz"), 1);
	CHECK_INT(like("a%c", "abbc", false), 1);
	CHECK_INT(like("a%c", "abbcd", false), 0);
	CHECK_INT(like("%b%b%", "abab", false), 1);
	CHECK_INT(like("%b%b%", "ab", false), 0);
	CHECK_INT(like("a%a", "a", false), 0);
	CHECK_INT(like("_", "ë", false), 1);
	CHECK_INT(like("%_", "", false), 0);
	CHECK_INT(like("", "", false), 1);
	CHECK_INT(like("", "a", false), 0);
	CHECK_INT(like("%", "", false), 1);
	CHECK_INT(like("50\\%", "50%", false), 1);
	CHECK_INT(like("50\\%", "500", false), 0);
	CHECK_INT(like("a\nb%", "a\nbc", false), 1);
	CHECK_INT(like("ÄB%", "äbc", true), 1);
}

TEST(malformed)
{
	static const char *const bad[] = { "(", ")", "a)", "[", "[a", "*", "+a", "a{3,2}",
					   "\\", "\\1", "(?=a)", "[z-a]", "a{1001}",
					   "\\x4", "\\q", "((a{1000}){1000}){1000}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(match(bad[i], ""), -1);
	CHECK_INT(like("a\\", "a", false), -1);
}

/* Brackets and choices of a few letters, at random. Anchors stand outside of
 * groups: glibc copies a counted group and forgets where the copy stands. */
static void random_pattern(char *out, int depth)
{
	static const char *const atoms[] = { "a", "b", "c", ".", "[ab]", "[^a]", "^", "$" };
	int n = 1 + rand() % 3;
	for (int i = 0; i < n; i++) {
		bool group = depth < 3 && rand() % 4 == 0;
		if (group) {
			strcat(out, "(");
			random_pattern(out, depth + 1);
			if (rand() % 2) {
				strcat(out, "|");
				random_pattern(out, depth + 1);
			}
			strcat(out, ")");
		} else {
			strcat(out, atoms[(size_t)rand() % (depth ? 6 : 8)]);
		}
		char last = out[strlen(out) - 1];
		static const char *const counts[] = { "*", "+", "?", "{2}", "{1,3}", "{0,2}" };
		if (rand() % 3 == 0 && last != '^' && last != '$')
			strcat(out, counts[(size_t)rand() % 6]);
	}
}

TEST(as_libc)
{
	int differ = 0;
	srand(7);
	for (int i = 0; i < 20000 && differ < 5; i++) {
		char pattern[2000] = "", text[12];
		regex_t re;
		random_pattern(pattern, 0);
		if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
			continue;
		int len = rand() % 10;
		for (int k = 0; k < len; k++)
			text[k] = (char)('a' + rand() % 3);
		text[len] = '\0';
		int want = regexec(&re, text, 0, NULL, 0) == 0;
		int got = match(pattern, text);
		regfree(&re);
		if (got != want) {
			differ++;
			printf("# '%s' on '%s': %d, libc %d\n", pattern, text, got, want);
		}
	}
	CHECK_INT(differ, 0);
}

TEST(linear)
{
	char pattern[256] = "", text[4097];
	for (int i = 0; i < 25; i++)
		strcat(pattern, "a?");
	for (int i = 0; i < 25; i++)
		strcat(pattern, "a");
	memset(text, 'a', 24);
	text[24] = '\0';
	clock_t start = clock();
	CHECK_INT(match(pattern, text), 0);
	memset(text, 'a', 4096);
	text[4096] = '\0';
	CHECK_INT(match("(a*)*(a*)*(a*)*b", text), 0);
	CHECK(clock() - start < CLOCKS_PER_SEC);
}

UNIT_MAIN(CASE(known), CASE(malformed), CASE(as_libc), CASE(linear))

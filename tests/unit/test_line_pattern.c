/* SPDX-License-Identifier: Apache-2.0
 *
 * Simple patterns against regexec: where a pattern is taken, both match the same
 * lines with the same groups.
 */
#include "unit.h"

#include <stdlib.h>

#include "text/line_pattern.h"

static uint64_t state = 0x2545f4914f6cdd1du;

static uint32_t roll(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

/* Number of lines on which the two differ; *hits: both matched. */
static int differences(const char *pattern, const char *line, int *hits)
{
	struct pf_line_pattern *p = pf_line_pattern_open(pattern);
	regex_t regex;
	regmatch_t ours[20], theirs[20];
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE)) {
		pf_line_pattern_close(p);
		return 0;
	}
	size_t len = strlen(line);
	theirs[0] = (regmatch_t){ .rm_so = 0, .rm_eo = (regoff_t)len };
	bool a = pf_line_pattern_match(p, (const uint8_t *)line, len, ours);
	bool b = !regexec(&regex, line, 20, theirs, REG_STARTEND);
	int wrong = a != b;
	for (size_t i = 1; a && b && i <= regex.re_nsub; i++)
		wrong += ours[i].rm_so != theirs[i].rm_so ||
			 (ours[i].rm_so >= 0 && ours[i].rm_eo != theirs[i].rm_eo);
	if (wrong)
		printf("# '%s' on '%s': %d %d\n", pattern, line, a, b);
	*hits += a && b;
	regfree(&regex);
	pf_line_pattern_close(p);
	return wrong;
}

TEST(known)
{
	static const char *const patterns[] = {
		"^([^ ]+) ([^ ]+) ([^ ]+) \\[([^]]+)\\] \"([^\"]*)\" ([0-9]+) ([0-9]+|-) \"([^\"]*)\" \"([^\"]*)",
		"^([^ ]+) [^ ]+ ([^ ]+) \\[([^]]+)\\] \"([^\"]*)\" ([0-9]+) ([0-9]+|-)",
		"^([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) ([^ ]+) ([^ :[]+)(\\[([0-9]+)\\])?: (.*)$",
		"^([^,]*),([[:digit:]]{1,3}),?$",
	};
	static const char *const lines[] = {
		"10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 203 \"-\" \"a b\"",
		"10.0.0.1 - ann [17/May/2015:10:05:04 +0000] \"GET /x\" 304 - \"-\" \"c",
		"10.0.0.1 - ann [17/May/2015:10:05:04 +0000] \"GET /x\" 304 x",
		"Mar  7 13:06:56 a sshd[12]: hello: x", "Mar 17 13:06:56 a sudo:   z",
		"Mar 17 13:06:56 a sudo[]: z", "Mar 17 1:06:56 a sudo: z", "",
		"a,12", "a,12,", "a,1234", ",1", "a,1,,",
	};
	int hits = 0, wrong = 0;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct pf_line_pattern *p = pf_line_pattern_open(patterns[i]);
		CHECK(p != NULL);
		pf_line_pattern_close(p);
		for (size_t k = 0; p && k < sizeof lines / sizeof *lines; k++)
			wrong += differences(patterns[i], lines[k], &hits);
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(hits, 9);
}

TEST(several_ways)
{
	static const char *const patterns[] = {
		"(a)",	    "^(.*) (.*)$", "^([a-z]*)([a-z0-9]*)$", "^(a|ab)(c|bcd)$",
		"^a(bc)?",  "^(a)*$",	   "^(a|)b$",		    "^a\\1",
		"^\xc3\xa9", "^[[.a.]]$",   "^(x?)(x)$",		    "^(",
		"^a{2}{3}", "^[a",	   "^\\w+$",
	};
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct pf_line_pattern *p = pf_line_pattern_open(patterns[i]);
		if (p)
			printf("# taken: %s\n", patterns[i]);
		CHECK(p == NULL);
		pf_line_pattern_close(p);
	}
}

/* Random patterns of a few pieces, random lines of their letters. */
TEST(random_patterns_as_regexec)
{
	static const char *const pieces[] = {
		"a", "b", "-", "[ab]", "[^-]", ".", "[a-]", "\\.", "(a", "(b|-", "(", ")", ")",
		")?", "+", "*", "?", "{2}", "{1,2}", "|",
	};
	int taken = 0, hits = 0, wrong = 0;
	for (int round = 0; round < 60000; round++) {
		char pattern[80] = "^";
		for (uint32_t n = 1 + roll(9); n--;)
			strcat(pattern, pieces[roll(sizeof pieces / sizeof *pieces)]);
		if (roll(2))
			strcat(pattern, "$");
		struct pf_line_pattern *p = pf_line_pattern_open(pattern);
		if (!p)
			continue;
		pf_line_pattern_close(p);
		taken++;
		for (int k = 0; k < 12; k++) {
			char line[16] = "";
			for (uint32_t n = roll(7), i = 0; i < n; i++)
				line[i] = "ab-.c"[roll(5)];
			wrong += differences(pattern, line, &hits);
		}
	}
	CHECK_INT(wrong, 0);
	CHECK(taken > 1500);
	CHECK(hits > 2000);
}

UNIT_MAIN(CASE(known), CASE(several_ways), CASE(random_patterns_as_regexec))

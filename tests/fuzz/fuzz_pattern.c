/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns and what they look at, a zero byte between: the expressions of
 * --where, LIKE, the fast matcher of lines against regexec(3), paths into JSON.
 * The first byte chooses.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/json_path.h"
#include "expr/pattern.h"
#include "text/line_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GROUPS = 20 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* What begins a match must be found where the prefix is. */
static void search(struct pf_view pattern, struct pf_view text, bool fold)
{
	struct pf_arena arena = { 0 };
	struct pf_regex *re;
	if (!pf_regex_compile(&arena, pattern, fold, &re, NULL)) {
		struct pf_view prefix = pf_regex_prefix(re);
		bool found = pf_regex_search(re, text);
		must(found == pf_regex_search(re, text));
		must(!found || (prefix.len <= text.len &&
				(!prefix.len || !memcmp(prefix.data, text.data, prefix.len))));
	}
	pf_arena_free(&arena);
}

/* A text without wildcards is like itself alone. */
static void like(struct pf_view pattern, struct pf_view text, bool fold)
{
	struct pf_arena arena = { 0 };
	struct pf_regex *re;
	if (!pf_like_compile(&arena, pattern, pf_view_of("\\", 1), fold, &re, NULL)) {
		bool plain = !fold && (!pattern.len || (!memchr(pattern.data, '%', pattern.len) &&
							!memchr(pattern.data, '_', pattern.len) &&
							!memchr(pattern.data, '\\', pattern.len)));
		bool found = pf_regex_search(re, text);
		must(!plain || found == !pf_view_cmp(pattern, text));
	}
	pf_arena_free(&arena);
}

static void line(const char *pattern, struct pf_view text)
{
	struct pf_line_pattern *p = pf_line_pattern_open(pattern);
	regmatch_t got[GROUPS], want[GROUPS];
	regex_t slow;
	if (!p)
		return;
	char *copy = pf_strndup((const char *)text.data, text.len);
	if (!strchr(copy, '\n') && !regcomp(&slow, pattern, REG_EXTENDED)) {
		if (slow.re_nsub < GROUPS) {
			bool matches = pf_line_pattern_match(p, (const uint8_t *)copy,
							     strlen(copy), got);
			must(matches == !regexec(&slow, copy, GROUPS, want, 0));
			for (size_t i = 1; matches && i <= slow.re_nsub; i++)
				must(got[i].rm_so == want[i].rm_so &&
				     got[i].rm_eo == want[i].rm_eo);
		}
		regfree(&slow);
	}
	free(copy);
	pf_line_pattern_close(p);
}

static void path(struct pf_view steps, struct pf_view text)
{
	struct pf_view value;
	if (!pf_json_path(text, steps, &value))
		return;
	must(value.data >= text.data && value.data + value.len <= text.data + text.len);
	uint8_t *out = pf_alloc(value.len + 1, 1);
	size_t n;
	if (pf_json_unescape(value, out, &n))
		must(n <= value.len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
	if (!cut || cut - data > 300)
		return 0;
	struct pf_view pattern = pf_view_of(data + 1, (size_t)(cut - data) - 1);
	struct pf_view text = pf_view_of(cut + 1, (size_t)(data + size - cut) - 1);
	switch (data[0] & 3) {
	case 0:
		search(pattern, text, data[0] & 4);
		break;
	case 1:
		like(pattern, text, data[0] & 4);
		break;
	case 2:
		line((const char *)pattern.data, text);
		break;
	default:
		path(pattern, text);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 64 };

/* Cost of reading a where b stands, in halves. */
static unsigned change(char a, char b)
{
	if (a == b)
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : 2;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	if (n > WORD_MAX || m > WORD_MAX)
		return ~0u;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)(2 * j);
	for (size_t i = 1; i <= n; i++) {
		now[0] = (unsigned)(2 * i);
		for (size_t j = 1; j <= m; j++) {
			now[j] = min3(last[j] + 2, now[j - 1] + 2,
				      last[j - 1] + change(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 2 < now[j])
				now[j] = before[j - 2] + 2;
		}
		unsigned *t = before;
		before = last;
		last = now;
		now = t;
	}
	return last[m];
}

const char *pf_near(const char *word, pf_word_at *at, const void *ctx)
{
	const char *best = NULL, *w;
	/* A third of the letters may be wrong, at least one, at most three. */
	size_t len = strlen(word);
	unsigned limit = len < 3 ? 2 : len < 6 ? 3 : len < 9 ? 4 : 6;

	for (size_t i = 0; (w = at(ctx, i)); i++) {
		unsigned d = distance(word, w);
		if (d <= limit) {
			limit = d ? d - 1 : 0;
			best = w;
			if (!d)
				break;
		}
	}
	return best;
}

struct words {
	const char *const *words;
	size_t n;
};

static const char *word_at(const void *ctx, size_t i)
{
	const struct words *w = ctx;
	return i < w->n ? w->words[i] : NULL;
}

const char *pf_near_of(const char *word, const char *const *words, size_t n)
{
	struct words w = { words, n };
	return pf_near(word, word_at, &w);
}

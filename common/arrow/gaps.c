/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/gaps.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "ext/json.h"

struct gap {
	int64_t partition, from, to;
};

struct gaps {
	struct gap *items;
	size_t n, cap;
};

static int malformed(struct pf_error *err)
{
	return pf_fail(err, PF_E_CORRUPT, "control message 'mark' has a malformed pf:gaps");
}

static int take_range(struct gaps *g, int64_t partition, const struct pf_json *range,
		      struct pf_error *err)
{
	struct gap gap = { .partition = partition };
	if (pf_json_size(range) != 2 || !pf_json_int(pf_json_at(range, 0), &gap.from) ||
	    !pf_json_int(pf_json_at(range, 1), &gap.to) || gap.from < 0 ||
	    gap.to < gap.from)
		return malformed(err);
	if (g->n == g->cap) {
		g->cap = pf_grow(g->cap, g->n + 1);
		g->items = pf_realloc(g->items, g->cap, sizeof *g->items);
	}
	g->items[g->n++] = gap;
	return 0;
}

static int take_all(struct gaps *g, const struct pf_json *root, struct pf_error *err)
{
	void *at = NULL;
	const char *key;
	const struct pf_json *ranges;
	if (pf_json_kind(root) != PF_JSON_OBJECT)
		return malformed(err);
	while (pf_json_each(root, &at, &key, &ranges)) {
		int64_t partition;
		if (pf_parse_count(key, &partition, NULL) || partition < 0 ||
		    partition > INT32_MAX || pf_json_kind(ranges) != PF_JSON_ARRAY)
			return malformed(err);
		for (size_t i = 0; i < pf_json_size(ranges); i++)
			PF_TRY(take_range(g, partition, pf_json_at(ranges, i), err));
	}
	return 0;
}

static int take_text(struct gaps *g, const char *text, struct pf_error *err)
{
	struct pf_json *root;
	if (!text)
		return 0;
	if (pf_json_parse(text, strlen(text), "pf:gaps", &root, NULL))
		return malformed(err);
	int code = take_all(g, root, err);
	pf_json_free(root);
	return code;
}

static int by_place(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

int pf_gaps_merge(const char *a, const char *b, char **out, struct pf_error *err)
{
	struct gaps g = { 0 };
	*out = NULL;
	int code = take_text(&g, a, err);
	if (!code)
		code = take_text(&g, b, err);
	if (!code && g.n) {
		struct pf_buf text = { 0 };
		qsort(g.items, g.n, sizeof *g.items, by_place);
		for (size_t i = 0; i < g.n; i++) {
			const struct gap *x = &g.items[i];
			if (i && x->partition == x[-1].partition)
				pf_buf_str(&text, ", ");
			else
				pf_buf_printf(&text, "%s\"%" PRId64 "\": [",
					      i ? "], " : "{", x->partition);
			pf_buf_printf(&text, "[%" PRId64 ", %" PRId64 "]", x->from, x->to);
		}
		pf_buf_str(&text, "]}");
		*out = pf_strdup(pf_buf_cstr(&text));
		pf_buf_free(&text);
	}
	free(g.items);
	return code;
}

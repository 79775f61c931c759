/* SPDX-License-Identifier: Apache-2.0 */
#include "query/items.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/near.h"

static const struct {
	const char *name;
	enum pf_aggregate aggregate;
} aggregates_known[] = {
	{ "count", PF_AGG_COUNT },	{ "sum", PF_AGG_SUM },
	{ "min", PF_AGG_MIN },		{ "max", PF_AGG_MAX },
	{ "avg", PF_AGG_AVG },		{ "distinct", PF_AGG_DISTINCT },
	{ "count_distinct", PF_AGG_DISTINCT }, { "first", PF_AGG_FIRST },
	{ "last", PF_AGG_LAST },
};

static struct pf_item *push(struct pf_items *list)
{
	list->items = pf_realloc(list->items, list->n + 1, sizeof *list->items);
	struct pf_item *item = &list->items[list->n++];
	*item = (struct pf_item){ 0 };
	return item;
}

static void free_items(struct pf_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(items[i].name);
		pf_expr_free(items[i].expr);
	}
	free(items);
}

void pf_items_free(struct pf_items *list)
{
	free_items(list->items, list->n);
	free_items(list->calls, list->ncalls);
	*list = (struct pf_items){ 0 };
}

static bool plain(const char *s, size_t len)
{
	if (!len || isdigit((unsigned char)*s))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

static int add_column(struct pf_items *list, const char *name, const char *option,
		      struct pf_error *err)
{
	char *text = pf_expr_quoted(name);
	struct pf_expr *e;
	int code = pf_expr_parse(text, strlen(text), option, &e, err);
	free(text);
	if (code)
		return code;
	struct pf_item *item = push(list);
	item->name = pf_strdup(name);
	item->expr = e;
	return 0;
}

int pf_items_add_column(struct pf_items *list, const char *name, struct pf_error *err)
{
	return add_column(list, name, "--columns", err);
}

static int find(const struct pf_schema *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->fields[i].name) == len &&
		    !memcmp(s->fields[i].name, name, len))
			return (int)i;
	return -1;
}

/* #3: the position, from 0; -1 when text is no such thing. */
static int position(const struct pf_schema *s, const char *text, const char *end)
{
	char *stop;
	if (*text != '#' || !isdigit((unsigned char)text[1]))
		return -1;
	long n = strtol(text + 1, &stop, 10);
	return stop == end && n >= 1 && (size_t)n <= s->n ? (int)n - 1 : -1;
}

static int column_at(const struct pf_schema *s, const char *text, size_t len)
{
	int c = find(s, text, len);
	return c >= 0 ? c : position(s, text, text + len);
}

/* a-c: both ends are columns. */
static bool range(const struct pf_schema *s, const char *text, int *from, int *to)
{
	for (const char *dash = strchr(text, '-'); dash; dash = strchr(dash + 1, '-')) {
		*from = column_at(s, text, (size_t)(dash - text));
		*to = column_at(s, dash + 1, strlen(dash + 1));
		if (*from >= 0 && *to >= 0)
			return true;
	}
	return false;
}

static bool is_glob(const char *text)
{
	size_t len = strlen(text);
	bool wild = len > 1 && (text[0] == '*' || text[len - 1] == '*' ||
				strchr(text, '?'));
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("_.*?", text[i]))
			return false;
	return wild || !strcmp(text, "*");
}

/* Columns that a piece without expression stands for, as a set; false: it is
 * an expression. Unknown names of a plain form are errors of the expression. */
static int columns_of(const struct pf_schema *s, const char *text, bool *in, bool *is)
{
	int from = column_at(s, text, strlen(text)), to = from;
	*is = true;
	if (from < 0 && is_glob(text)) {
		int n = 0;
		for (size_t i = 0; i < s->n; i++)
			if (!fnmatch(text, s->fields[i].name, 0)) {
				in[i] = true;
				n++;
			}
		return n;
	}
	/* #9 where there are eight. */
	if (from < 0 && *text == '#' && text[1] && !text[1 + strspn(text + 1, "0123456789")])
		return 0;
	if (from < 0 && !range(s, text, &from, &to)) {
		*is = false;
		return 0;
	}
	int step = from <= to ? 1 : -1;
	for (int i = from; i != to + step; i += step)
		in[i] = true;
	return 1;
}

static int fail_none(const char *text, const char *option, struct pf_error *err)
{
	char quoted[80];
	return pf_fail(err, PF_E_UNKNOWN_COLUMN, "no column matches '%s' in %s",
		       pf_quote(quoted, sizeof quoted, text, strlen(text)), option);
}

static int exclude(struct pf_items *list, const char *text, const char *option,
		   const struct pf_schema *s, struct pf_error *err)
{
	bool *in = pf_zalloc(s->n + 1, sizeof *in), is;
	int n = columns_of(s, text, in, &is);
	if (!is || !n) {
		free(in);
		return fail_none(text, option, err);
	}
	size_t kept = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct pf_item *item = &list->items[i];
		int c = pf_schema_find(s, item->name);
		if (c >= 0 && in[c]) {
			free(item->name);
			pf_expr_free(item->expr);
		} else {
			list->items[kept++] = *item;
		}
	}
	list->n = kept;
	free(in);
	return 0;
}

static int add_columns(struct pf_items *list, const char *text, const char *option,
		       const struct pf_schema *s, bool *done, struct pf_error *err)
{
	bool *in = pf_zalloc(s->n + 1, sizeof *in);
	int n = columns_of(s, text, in, done), code = 0;
	if (*done && !n)
		code = fail_none(text, option, err);
	for (size_t i = 0; *done && i < s->n && !code; i++)
		if (in[i])
			code = add_column(list, s->fields[i].name, option, err);
	free(in);
	return code;
}

/* `name=expr` or `expr as name`: the name (allocated) or NULL; *text and *len
 * become the expression's. */
static char *split_name(const char **text, size_t *len)
{
	const char *s = *text;
	size_t n = 0;
	if (s[0] == '`') {
		const char *close = strchr(s + 1, '`');
		n = close ? (size_t)(close - s) + 1 : 0;
	} else {
		while (isalnum((unsigned char)s[n]) || s[n] == '_')
			n++;
	}
	const char *eq = s + n;
	while (*eq == ' ')
		eq++;
	bool ticks = s[0] == '`';
	if (n && *eq == '=' && eq[1] != '=' && eq[1] != '~' && (ticks || plain(s, n))) {
		*text = eq + 1;
		*len -= (size_t)(eq + 1 - s);
		return ticks ? pf_strndup(s + 1, n - 2) : pf_strndup(s, n);
	}
	size_t end = *len, start = end;
	if (end && s[end - 1] == '`') {
		for (start = end - 1; start && s[start - 1] != '`'; start--)
			;
		start -= start > 0;
	} else {
		while (start && (isalnum((unsigned char)s[start - 1]) || s[start - 1] == '_'))
			start--;
	}
	size_t as = start;
	while (as && s[as - 1] == ' ')
		as--;
	if (start == end || as == start || as < 4 || strncasecmp(s + as - 2, "as", 2) != 0 ||
	    !strchr(" )`'\"", s[as - 3]))
		return NULL;
	*len = as - 2;
	while (*len && s[*len - 1] == ' ')
		--*len;
	return s[start] == '`' ? pf_strndup(s + start + 1, end - start - 2) :
				 pf_strndup(s + start, end - start);
}

static enum pf_aggregate find_aggregate(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof aggregates_known / sizeof *aggregates_known; i++)
		if (strlen(aggregates_known[i].name) == len &&
		    !strncasecmp(aggregates_known[i].name, name, len))
			return aggregates_known[i].aggregate;
	return PF_AGG_NONE;
}

/* sum(expr), sum:expr, count, count(*): what is inside. False: none of it. */
static bool split_aggregate(const char **text, size_t *len, enum pf_aggregate *agg)
{
	const char *s = *text;
	size_t n = 0;
	while (n < *len && (isalpha((unsigned char)s[n]) || s[n] == '_'))
		n++;
	*agg = find_aggregate(s, n);
	if (!*agg)
		return false;
	if (n == *len) {
		*text = s + n;
		*len = 0;
		return *agg == PF_AGG_COUNT;
	}
	if (s[n] == ':') {
		*text = s + n + 1;
		*len -= n + 1;
		return true;
	}
	if (s[n] != '(' || s[*len - 1] != ')')
		return false;
	/* The bracket must be the last one's partner. */
	int depth = 0;
	char quote = 0;
	for (size_t i = n; i < *len; i++) {
		if (quote) {
			quote = s[i] == quote ? 0 : quote;
			continue;
		}
		if (strchr("'\"`", s[i]))
			quote = s[i];
		depth += s[i] == '(' ? 1 : s[i] == ')' ? -1 : 0;
		if (!depth && i + 1 < *len)
			return false;
	}
	*text = s + n + 1;
	*len -= n + 2;
	while (*len && **text == ' ')
		++*text, --*len;
	return true;
}

static const char *aggregate_name(enum pf_aggregate a)
{
	for (size_t i = 0; i < sizeof aggregates_known / sizeof *aggregates_known; i++)
		if (aggregates_known[i].aggregate == a)
			return aggregates_known[i].name;
	return "";
}

/* What is aggregated: an expression, or NULL for rows. */
static int aggregated(enum pf_aggregate agg, const char *text, size_t len,
		      const char *option, struct pf_expr **e, struct pf_error *err)
{
	*e = NULL;
	if (agg == PF_AGG_COUNT && (!len || (len == 1 && *text == '*')))
		return 0;
	if (!len)
		return pf_fail(err, PF_E_EXPR_SYNTAX, "%s() of what, in %s?",
			       aggregate_name(agg), option);
	return pf_expr_parse(text, len, option, e, err);
}

static int add_aggregate(struct pf_items *list, char *name, const char *text, size_t len,
			 enum pf_aggregate agg, const char *option, struct pf_error *err)
{
	struct pf_expr *e;
	int code = aggregated(agg, text, len, option, &e, err);
	if (code) {
		free(name);
		return code;
	}
	struct pf_item *item = push(list);
	item->name = name ? name :
		     !e ? pf_strdup("count") :
			  pf_asprintf("%s(%.*s)", aggregate_name(agg), (int)len, text);
	item->expr = e;
	item->aggregate = agg;
	return 0;
}

/* --- aggregates within expressions --- */

struct lift {
	struct pf_items *list;
	const char *option;
	struct pf_error *err;
	int code;
	size_t n; /* calls that were found */
};

static const char *aggregate_at(const void *ctx, size_t i)
{
	(void)ctx;
	return i < sizeof aggregates_known / sizeof *aggregates_known ?
		       aggregates_known[i].name : NULL;
}

/* No function, but almost an aggregate? */
static int check_misspelt(struct pf_view function, const char *option, struct pf_error *err)
{
	char name[32];
	if (pf_expr_is_function(function) || function.len >= sizeof name)
		return 0;
	memcpy(name, function.data, function.len);
	name[function.len] = '\0';
	const char *near = pf_near(name, aggregate_at, NULL);
	if (!near)
		return 0;
	pf_fail(err, PF_E_UNKNOWN_FUNCTION, "unknown function '%s' in %s", name, option);
	return pf_hint(err, "did you mean '%s'?", near);
}

static const char *lift_call(void *ctx, struct pf_view function, struct pf_view whole,
			     struct pf_view inner)
{
	struct lift *l = ctx;
	struct pf_items *list = l->list;
	enum pf_aggregate agg = find_aggregate((const char *)function.data, function.len);
	if (!agg && !l->code)
		l->code = check_misspelt(function, l->option, l->err);
	if (!agg || l->code)
		return NULL;
	l->n++;
	for (size_t i = 0; i < list->ncalls; i++)
		if (strlen(list->calls[i].name) == whole.len &&
		    !memcmp(list->calls[i].name, whole.data, whole.len))
			return list->calls[i].name;
	while (inner.len && *inner.data == ' ')
		inner = pf_view_of(inner.data + 1, inner.len - 1);
	while (inner.len && inner.data[inner.len - 1] == ' ')
		inner.len--;
	struct pf_expr *e;
	l->code = aggregated(agg, (const char *)inner.data, inner.len, l->option, &e, l->err);
	if (l->code)
		return NULL;
	list->calls = pf_realloc(list->calls, list->ncalls + 1, sizeof *list->calls);
	struct pf_item *item = &list->calls[list->ncalls++];
	*item = (struct pf_item){ .expr = e, .aggregate = agg,
				  .name = pf_strndup((const char *)whole.data, whole.len) };
	return item->name;
}

static int add_expression(struct pf_items *list, char *name, const char *text, size_t len,
			  const char *option, bool aggregates, struct pf_error *err)
{
	struct pf_expr *e;
	int code = pf_expr_parse(text, len, option, &e, err);
	struct lift l = { .list = list, .option = option, .err = err };
	if (!code && aggregates) {
		pf_expr_take_calls(e, lift_call, &l);
		code = l.code;
		if (code)
			pf_expr_free(e);
	}
	if (code) {
		free(name);
		return code;
	}
	struct pf_item *item = push(list);
	item->name = name ? name : pf_strndup(text, len);
	item->expr = e;
	item->over_groups = l.n;
	return 0;
}

int pf_items_add(struct pf_items *list, const char *text, const char *option,
		 const struct pf_schema *schema, bool aggregates, struct pf_error *err)
{
	while (*text == ' ')
		text++;
	size_t len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	char *piece = pf_strndup(text, len);
	bool done = false;
	int code = 0;
	if (*piece == '-' && piece[1] && !isdigit((unsigned char)piece[1]) && piece[1] != ' ' &&
	    piece[1] != '(') {
		code = exclude(list, piece + 1, option, schema, err);
		done = true;
	} else {
		code = add_columns(list, piece, option, schema, &done, err);
	}
	if (!done && !code) {
		const char *body = piece;
		enum pf_aggregate agg;
		char *name = split_name(&body, &len);
		while (*body == ' ' && len)
			body++, len--;
		const char *inner = body;
		size_t inner_len = len;
		if (aggregates && split_aggregate(&inner, &inner_len, &agg))
			code = add_aggregate(list, name, inner, inner_len, agg, option, err);
		else
			code = add_expression(list, name, body, len, option, aggregates, err);
	}
	free(piece);
	return code;
}

int pf_items_parse(struct pf_items *list, char *const *texts, size_t n,
		   const char *option, const struct pf_schema *schema,
		   bool aggregates, struct pf_error *err)
{
	bool only_exclusions = true;
	for (size_t i = 0; i < n; i++)
		only_exclusions = only_exclusions && texts[i][0] == '-' && texts[i][1] &&
				  !strchr(" (", texts[i][1]) &&
				  !isdigit((unsigned char)texts[i][1]);
	for (size_t i = 0; only_exclusions && i < schema->n; i++)
		PF_TRY(add_column(list, schema->fields[i].name, option, err));
	for (size_t i = 0; i < n; i++)
		PF_TRY(pf_items_add(list, texts[i], option, schema, aggregates, err));
	if (list->n)
		return 0;
	return pf_fail(err, PF_E_USAGE, "no column is left in %s", option);
}

/* Take a word off the end, if it is there behind a blank. */
static bool take_word(const char *text, size_t *len, const char *word)
{
	size_t n = strlen(word);
	if (*len <= n || strncasecmp(text + *len - n, word, n) != 0 ||
	    text[*len - n - 1] != ' ')
		return false;
	*len -= n;
	while (*len && text[*len - 1] == ' ')
		--*len;
	return true;
}

int pf_items_add_order(struct pf_items *list, const char *text,
		       const struct pf_schema *result, struct pf_error *err)
{
	struct pf_item o = { 0 };
	while (*text == ' ')
		text++;
	size_t len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	if (take_word(text, &len, "nulls first"))
		o.nulls_first = o.has_nulls = true;
	else if (take_word(text, &len, "nulls last"))
		o.has_nulls = true;
	if (take_word(text, &len, "desc"))
		o.descending = true;
	else
		take_word(text, &len, "asc");
	int c = column_at(result, text, len);
	char *body = c >= 0 ? pf_expr_quoted(result->fields[c].name) : pf_strndup(text, len);
	int code = pf_expr_parse(body, strlen(body), "--order-by", &o.expr, err);
	free(body);
	if (code)
		return code;
	o.name = pf_strndup(text, len);
	*push(list) = o;
	return 0;
}

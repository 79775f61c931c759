/* SPDX-License-Identifier: Apache-2.0 */
#include "window/agg_kinds.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/near.h"

const struct pf_agg_kind *pf_agg_kind_find(const char *name, size_t len)
{
	for (size_t i = 0; pf_agg_kinds[i]; i++)
		if (strlen(pf_agg_kinds[i]->name) == len &&
		    !strncasecmp(pf_agg_kinds[i]->name, name, len))
			return pf_agg_kinds[i];
	return NULL;
}

static size_t word(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

/* `NAME=` or "`NAME`=": its length with the sign, 0: there is none. */
static size_t leading_name(const char *text, const char **name, size_t *len)
{
	if (*text == '`') {
		const char *end = strchr(text + 1, '`');
		if (!end || end[1] != '=' || end[2] == '=')
			return 0;
		*name = text + 1;
		*len = (size_t)(end - text) - 1;
		return *len + 3;
	}
	*name = text;
	*len = word(text);
	return *len && text[*len] == '=' && text[*len + 1] != '=' ? *len + 1 : 0;
}

bool pf_agg_is(const char *text)
{
	const char *name;
	size_t len, skip = leading_name(text, &name, &len);
	len = word(text + skip);
	if (!pf_agg_kind_find(text + skip, len))
		return false;
	char next = text[skip + len];
	return !next || next == ':' || next == '(' || next == ' ';
}

static const char *kind_name(const void *ctx, size_t i)
{
	(void)ctx;
	return pf_agg_kinds[i] ? pf_agg_kinds[i]->name : NULL;
}

int pf_agg_refuse(const char *text, struct pf_error *err)
{
	const char *name;
	size_t len, skip = leading_name(text, &name, &len);
	len = word(text + skip);
	char next = text[skip + len];
	if (!len || (next && next != ':' && next != '('))
		return 0;
	char *meant = pf_strndup(text + skip, len);
	const char *near = pf_near(meant, kind_name, NULL);
	bool known = pf_agg_kind_find(meant, len);
	int code = 0;
	if (known)
		code = pf_fail(err, PF_E_USAGE, "'%s' stands behind the operands", text);
	else if (near || next || skip)
		code = pf_fail(err, PF_E_USAGE, "neither a file nor an aggregate is called '%s'",
			       text);
	if (known)
		pf_hint(err, "aggregates come first, a file of that name is ./%s", text);
	else if (code && near)
		pf_hint(err, "did you mean '%s'?", near);
	free(meant);
	return code;
}

/* The end of a piece: the next separator outside of quotes and brackets. */
static size_t piece(const char *s, size_t len, char separator)
{
	int depth = 0;
	char quote = 0;
	for (size_t i = 0; i < len; i++) {
		if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (strchr("'\"`", s[i]))
			quote = s[i];
		else if (s[i] == '(')
			depth++;
		else if (s[i] == ')')
			depth--;
		else if (s[i] == separator && depth == 0)
			return i;
	}
	return len;
}

static void trim(const char **s, size_t *len)
{
	while (*len && **s == ' ')
		++*s, --*len;
	while (*len && (*s)[*len - 1] == ' ')
		--*len;
}

static int add_piece(struct pf_agg *a, const char *text, size_t len, struct pf_error *err)
{
	char quoted[80];
	trim(&text, &len);
	if (a->nargs < a->kind->max_args)
		return pf_expr_parse(text, len, a->kind->name, &a->args[a->nargs++], err);
	if (a->nparams == a->kind->max_params)
		return pf_fail(err, PF_E_USAGE, "'%s' is too much for %s",
			       pf_quote(quoted, sizeof quoted, text, len), a->kind->name);
	a->params[a->nparams++] = pf_strndup(text, len);
	return 0;
}

/* Behind the bracket or at the end: `as NAME`. */
static bool trailing_name(const char *text, size_t *len, const char **name, size_t *nlen)
{
	size_t start = *len;
	while (start && (isalnum((unsigned char)text[start - 1]) || text[start - 1] == '_'))
		start--;
	size_t as = start;
	while (as && text[as - 1] == ' ')
		as--;
	if (start == *len || as == start || as < 4 || strncasecmp(text + as - 2, "as", 2) != 0 ||
	    !strchr(" )", text[as - 3]))
		return false;
	*name = text + start;
	*nlen = *len - start;
	*len = as - 2;
	while (*len && text[*len - 1] == ' ')
		--*len;
	return true;
}

static int parse_arguments(struct pf_agg *a, const char *s, size_t len,
			   struct pf_error *err)
{
	char separator = ':';
	if (!len)
		return 0;
	if (*s == '(') {
		if (s[len - 1] != ')')
			return pf_fail(err, PF_E_EXPR_SYNTAX, "%s( is not closed",
				       a->kind->name);
		separator = ',';
		len--;
	}
	s++;
	len--;
	trim(&s, &len);
	if (separator == ',' && (!len || (len == 1 && *s == '*')))
		return 0; /* count(), count(*) */
	for (bool more = true; more;) {
		/* A signature has colons of its own: hll(string):12. */
		bool signature = a->kind == &pf_agg_merge && a->nparams;
		size_t n = signature ? len : piece(s, len, separator);
		PF_TRY(add_piece(a, s, n, err));
		more = n < len;
		s += n + more;
		len -= n + more;
	}
	return 0;
}

int pf_agg_parse(const char *text, struct pf_agg **out, struct pf_error *err)
{
	char quoted[80];
	const char *name = NULL, *whole = text;
	size_t nlen = 0, skip = leading_name(text, &name, &nlen);
	text += skip;
	size_t len = strlen(text), n = word(text);
	if (!skip && !trailing_name(text, &len, &name, &nlen))
		name = NULL;
	const struct pf_agg_kind *kind = pf_agg_kind_find(text, n);
	if (!kind || (n < len && text[n] != ':' && text[n] != '('))
		return pf_fail(err, PF_E_USAGE, "'%s' is no aggregate",
			       pf_quote(quoted, sizeof quoted, whole, strlen(whole)));
	struct pf_agg *a = pf_zalloc(1, sizeof *a);
	a->kind = kind;
	a->name = name ? pf_strndup(name, nlen) : NULL;
	int code = parse_arguments(a, text + n, len - n, err);
	if (!code && a->nargs < kind->min_args)
		code = pf_fail(err, PF_E_USAGE, "%s of what?", kind->name);
	if (!code && a->nparams < kind->min_params)
		code = pf_fail(err, PF_E_USAGE, "%s needs a parameter behind ':'", kind->name);
	if (code) {
		pf_agg_free(a);
		return code;
	}
	if (!a->name && (a->nargs || a->nparams)) {
		const char *inner = text + n + 1;
		size_t inner_len = len - n - 1 - (text[n] == '(');
		a->name = pf_asprintf("%s(%.*s)", kind->name, (int)inner_len, inner);
	} else if (!a->name) {
		a->name = pf_strdup(kind->name);
	}
	*out = a;
	return 0;
}

int pf_agg_prepend(struct pf_agg *a, char *const *texts, size_t n, struct pf_error *err)
{
	if (a->nargs + n > PF_AGG_ARGS)
		return pf_fail(err, PF_E_LIMIT, "%s takes %d columns and keys at most",
			       a->kind->name, PF_AGG_ARGS);
	memmove(a->args + n, a->args, a->nargs * sizeof *a->args);
	memset(a->args, 0, n * sizeof *a->args);
	a->nargs += n;
	for (size_t i = 0; i < n; i++)
		PF_TRY(pf_expr_parse(texts[i], strlen(texts[i]), "--group-by", &a->args[i], err));
	return 0;
}

static void unbind(struct pf_agg *a)
{
	if (a->kind->unbind && a->state)
		a->kind->unbind(a);
	a->own = NULL;
	pf_schema_unref(a->state);
	a->state = NULL;
	pf_schema_unref(a->results);
	a->results = NULL;
	free(a->text);
	a->text = NULL;
}

void pf_agg_free(struct pf_agg *a)
{
	if (!a)
		return;
	unbind(a);
	for (size_t i = 0; i < a->nargs; i++)
		pf_expr_free(a->args[i]);
	for (size_t i = 0; i < a->nparams; i++)
		free(a->params[i]);
	if (a->merges) {
		free(a->merges->column);
		free(a->merges->signature);
	}
	free(a->merges);
	free(a->name);
	free(a);
}

/* sum(price), with the expressions as they were understood. */
static char *canonical(const struct pf_agg *a)
{
	struct pf_buf b = { 0 };
	pf_buf_str(&b, a->kind->name);
	pf_buf_byte(&b, '(');
	for (size_t i = 0; i < a->nargs; i++) {
		if (i)
			pf_buf_str(&b, ", ");
		pf_expr_print(a->args[i], &b);
	}
	for (size_t i = 0; i < a->nparams; i++) {
		pf_buf_str(&b, a->nargs || i ? ", " : "");
		pf_buf_str(&b, a->params[i]);
	}
	pf_buf_byte(&b, ')');
	char *text = pf_strdup(pf_buf_cstr(&b));
	pf_buf_free(&b);
	return text;
}

int pf_agg_bind(struct pf_agg *a, const struct pf_schema *schema, const char *zone,
		struct pf_error *err)
{
	unbind(a);
	if (a->merges || a->kind == &pf_agg_merge)
		return pf_agg_bind_merge(a, schema, zone, err);
	for (size_t i = 0; i < a->nargs; i++) {
		PF_TRY(pf_expr_bind(a->args[i], schema, zone, err));
		a->types[i] = pf_expr_type(a->args[i]);
	}
	a->text = canonical(a);
	a->state = pf_schema_new();
	a->algebra = 0;
	return a->kind->bind(a, err);
}

void pf_agg_columns(const struct pf_agg *a, bool *used)
{
	for (size_t i = 0; i < a->nargs; i++)
		pf_expr_columns(a->args[i], used);
}

void pf_agg_state_column(struct pf_agg *a, const char *suffix, struct pf_type type)
{
	char *name = pf_asprintf("%s%s", a->name, suffix);
	pf_schema_add(a->state, name, type, true);
	free(name);
}

int pf_agg_take(struct pf_agg_states *s, const struct pf_agg_rows *rows,
		struct pf_error *err)
{
	if (!s->agg->merges)
		return s->agg->kind->add(s, rows, err);
	const struct pf_agg_stored in = { .n = rows->n, .slots = rows->slots,
					  .columns = rows->args };
	return s->agg->kind->merge(s, &in, err);
}

struct pf_agg_states *pf_agg_states_new(const struct pf_agg *a)
{
	struct pf_agg_states *s = pf_zalloc(1, sizeof *s);
	s->agg = a;
	a->kind->reserve(s, 0);
	return s;
}

void pf_agg_states_free(struct pf_agg_states *s)
{
	if (!s)
		return;
	s->agg->kind->release(s);
	free(s);
}

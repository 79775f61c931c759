/* SPDX-License-Identifier: Apache-2.0
 *
 * merge: rows that are stored states already go into states of their kind.
 * What a column is a state of is its signature, sum(decimal(10,2)) or
 * hll(string):12 - a kind, the types of its arguments, its parameters. It
 * stands in the column's metadata (pf:merge), or is given by hand.
 */
#include "window/agg_kinds.h"

#include <stdlib.h>

#include "base/alloc.h"

char *pf_agg_signature(const struct pf_agg *a)
{
	struct pf_buf b = { 0 };
	char name[40];
	if (a->merges)
		return pf_strdup(a->merges->signature);
	pf_buf_printf(&b, "%s(", a->kind->name);
	for (size_t i = 0; i < a->nargs; i++)
		pf_buf_printf(&b, "%s%s", i ? " " : "", pf_type_name(a->types[i], name));
	pf_buf_byte(&b, ')');
	for (size_t i = 0; i < a->nparams; i++)
		pf_buf_printf(&b, ":%s", a->params[i]);
	char *text = pf_strdup(pf_buf_cstr(&b));
	pf_buf_free(&b);
	return text;
}

static int fail_signature(const char *text, struct pf_error *err)
{
	char quoted[80];
	pf_fail(err, PF_E_USAGE, "'%s' does not say of what a state is",
		pf_quote(quoted, sizeof quoted, text, strlen(text)));
	return pf_hint(err, "a kind, its types, its parameters: sum(decimal(10,2)), hll(string):12");
}

/* The end of the types: the bracket's partner. */
static const char *closing(const char *open)
{
	int depth = 0;
	for (const char *p = open; *p; p++) {
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (!depth)
			return p;
	}
	return NULL;
}

static int parse_types(struct pf_agg *a, const char *p, const char *end, size_t *n,
		       const char *whole, struct pf_error *err)
{
	*n = 0;
	while (p < end) {
		size_t len = 0;
		for (int depth = 0; p + len < end && (depth || p[len] != ' '); len++)
			depth += p[len] == '(' ? 1 : p[len] == ')' ? -1 : 0;
		char *text = pf_strndup(p, len);
		int code = *n == PF_AGG_ARGS ? PF_E_USAGE :
			   pf_type_parse(text, &a->types[*n], NULL, NULL);
		free(text);
		if (code)
			return fail_signature(whole, err);
		++*n;
		p += len;
		while (p < end && *p == ' ')
			p++;
	}
	return 0;
}

/* Make the aggregate one of the signature's kind, types and parameters. */
static int take_signature(struct pf_agg *a, const char *text, struct pf_error *err)
{
	const char *open = strchr(text, '('), *close = open ? closing(open) : NULL;
	const struct pf_agg_kind *kind = open ? pf_agg_kind_find(text, (size_t)(open - text)) :
						NULL;
	size_t ntypes;
	if (!kind || kind == &pf_agg_merge || !close || (close[1] && close[1] != ':'))
		return fail_signature(text, err);
	PF_TRY(parse_types(a, open + 1, close, &ntypes, text, err));
	for (size_t i = 0; i < a->nparams; i++)
		free(a->params[i]);
	a->nparams = 0;
	for (const char *p = close + 1; *p == ':';) {
		size_t len = strcspn(++p, ":");
		if (a->nparams == kind->max_params)
			return fail_signature(text, err);
		a->params[a->nparams++] = pf_strndup(p, len);
		p += len;
	}
	if (ntypes < kind->min_args || ntypes > kind->max_args || a->nparams < kind->min_params)
		return fail_signature(text, err);
	a->kind = kind;
	return 0;
}

/* The first time: find the column, and learn what it is a state of. */
static int find_states(struct pf_agg *a, const struct pf_schema *schema,
		       struct pf_error *err)
{
	const char *column = a->params[0];
	int c = pf_schema_find(schema, column);
	if (c < 0)
		return pf_fail(err, PF_E_UNKNOWN_COLUMN, "no column is called '%s'", column);
	const char *text = a->nparams > 1 ? a->params[1] :
					    pf_meta_get(&schema->fields[c].meta, "pf:merge");
	if (!text) {
		pf_fail(err, PF_E_USAGE, "column '%s' does not say of what its states are", column);
		return pf_hint(err, "--state-out writes columns that do; else say it: merge:%s:sum(bigint)",
			       column);
	}
	a->merges = pf_alloc(1, sizeof *a->merges);
	a->merges->column = pf_strdup(column);
	a->merges->signature = pf_strdup(text);
	return 0;
}

/* The columns of the stored state, as arguments. */
static int bind_columns(struct pf_agg *a, const struct pf_schema *schema, const char *zone,
			struct pf_error *err)
{
	char want[40], got[40];
	for (size_t i = 0; i < a->state->n; i++) {
		const struct pf_field *f = &a->state->fields[i];
		struct pf_buf text = { 0 };
		char *name = pf_asprintf("%s%s", a->merges->column, f->name + strlen(a->name));
		int code = 0;
		pf_expr_quote(&text, name);
		free(name);
		pf_expr_free(i < a->nargs ? a->args[i] : NULL);
		a->args[i] = NULL;
		a->nargs = a->nargs > i ? a->nargs : i + 1;
		code = pf_expr_parse(pf_buf_cstr(&text), text.len, "merge", &a->args[i], err);
		pf_buf_free(&text);
		if (!code)
			code = pf_expr_bind(a->args[i], schema, zone, err);
		if (code)
			return code;
		if (!pf_type_equal(pf_expr_type(a->args[i]), f->type))
			return pf_fail(err, PF_E_EXPR_TYPE, "a state of %s has %s here, this is %s",
				       a->merges->signature, pf_type_name(f->type, want),
				       pf_type_name(pf_expr_type(a->args[i]), got));
	}
	return 0;
}

int pf_agg_bind_merge(struct pf_agg *a, const struct pf_schema *schema, const char *zone,
		      struct pf_error *err)
{
	if (!a->merges) {
		bool unnamed = !strncmp(a->name, "merge(", 6);
		PF_TRY(find_states(a, schema, err));
		if (unnamed) {
			free(a->name);
			a->name = pf_strdup(a->merges->column);
		}
	}
	PF_TRY(take_signature(a, a->merges->signature, err));
	a->text = pf_asprintf("merge(%s, %s)", a->merges->column, a->merges->signature);
	a->state = pf_schema_new();
	a->algebra = 0;
	PF_TRY(a->kind->bind(a, err));
	return bind_columns(a, schema, zone, err);
}

/* Stands for the kind until the column is known. */
static int never_bound(struct pf_agg *a, struct pf_error *err)
{
	return pf_fail(err, PF_E_INTERNAL, "%s has no kind", a->name);
}

const struct pf_agg_kind pf_agg_merge = {
	.name = "merge",
	.help = "stored states, as --state-out writes them, merged and finished",
	.min_params = 1,
	.max_params = 2,
	.bind = never_bound,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * Were the versions in a segment merged by the rules of the table? Those of the
 * schema that the segment's columns are of: what the table has been told since of
 * columns that came later does not concern it.
 */
#include "paimon/commit_internal.h"

static int differ(const char *key, const char *has, const char *want, struct pf_error *err)
{
	return pf_fail(err, PF_E_SCHEMA_MISMATCH, "the segments' %s is '%s', the table's '%s'",
		       key, has, want);
}

/* Options of a that b has not, or otherwise. */
static int check_options(const struct pf_meta *a, const struct pf_meta *b, bool swapped,
			 struct pf_error *err)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *one = a->items[i].value, *two = pf_meta_get(b, a->items[i].key);
		if (!two)
			two = "";
		if (strcmp(one, two))
			return differ(a->items[i].key, swapped ? two : one,
				      swapped ? one : two, err);
	}
	return 0;
}

void pf_commit_rows(struct pf_commit *c, const struct pf_schema *segments)
{
	pf_layout_free(&c->rows);
	pf_layout_read_key(segments, &c->rows);
}

int pf_commit_check_rules(struct pf_commit *c, int64_t schema_id, struct pf_error *err)
{
	const struct pf_table_schema *s;
	const struct pf_layout *l = &c->rows;
	if (!l->nkey)
		return 0;
	PF_TRY(pf_table_schema_of(c->table, schema_id, &s, err));
	if (l->nsequence != s->layout.nsequence)
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the segments' rows are in sequence by %zu columns, the table's by %zu",
			       l->nsequence, s->layout.nsequence);
	for (size_t i = 0; i < l->nsequence; i++)
		if (strcmp(l->sequence[i], s->layout.sequence[i]))
			return differ("sequence", l->sequence[i], s->layout.sequence[i], err);
	PF_TRY(check_options(&l->options, &s->layout.options, false, err));
	return check_options(&s->layout.options, &l->options, true, err);
}

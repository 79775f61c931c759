/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a stored state of each aggregate whose state has bytes: where
 * it is taken, it stores again, and that merges to itself.
 */
#include <stdlib.h>

#include "window/aggregate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const aggregates[] = {
	"sum:f", "var:f", "distinct:s", "distinct:f", "hist:f:1", "hll:s", "hll:s:4",
	"days", "bits", "streak_max", "active:s", "retain:s:2", "mau:f",
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A row of the state: every bytes column has the input, numbers are `n`. */
static void put(struct pf_builder *b, struct pf_view v, int64_t n)
{
	for (size_t i = 0; i < b->schema->n; i++)
		if (b->schema->fields[i].type.kind == PF_BYTES)
			pf_col_bytes(&b->columns[i], v.data, v.len);
		else
			pf_col_i64(&b->columns[i], n);
}

static void check(const struct pf_agg *a, struct pf_view v)
{
	struct pf_agg_states *s = pf_agg_states_new(a), *t = pf_agg_states_new(a);
	struct pf_builder *in = pf_builder_new(a->state), *one = pf_builder_new(a->state);
	struct pf_builder *two = pf_builder_new(a->state);
	struct pf_schema *result = pf_schema_new();
	struct pf_agg_range range = { 0, (int64_t)86400000000 * 19000 };
	pf_schema_add(result, "v", a->result, true);
	struct pf_builder *value = pf_builder_new(result);
	put(in, v, 7);
	struct pf_batch batch = pf_builder_batch(in);
	struct pf_agg_stored stored = { 0, 1, NULL, batch.columns };
	a->kind->reserve(s, 1);
	a->kind->reserve(t, 1);
	if (!a->kind->merge(s, &stored, NULL)) {
		must(!a->kind->store(s, NULL, 1, one->columns, NULL));
		batch = pf_builder_batch(one);
		stored.columns = batch.columns;
		must(!a->kind->merge(t, &stored, NULL));
		must(!a->kind->store(t, NULL, 1, two->columns, NULL));
		struct pf_buf *x = &one->columns[0].values, *y = &two->columns[0].values;
		must(x->len == y->len && (!x->len || !memcmp(x->data, y->data, x->len)));
		must(!a->kind->finish(t, NULL, 1, &range, &value->columns[0], NULL));
	}
	pf_agg_states_free(s);
	pf_agg_states_free(t);
	pf_builder_free(in);
	pf_builder_free(one);
	pf_builder_free(two);
	pf_builder_free(value);
	pf_schema_unref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_agg *a;
	if (!size)
		return 0;
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "f", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, true);
	const char *text = aggregates[data[0] % (sizeof aggregates / sizeof *aggregates)];
	must(!pf_agg_parse(text, &a, NULL));
	must(!pf_agg_bind(a, schema, NULL, NULL));
	check(a, pf_view_of(data + 1, size - 1));
	pf_agg_free(a);
	pf_schema_unref(schema);
	return 0;
}

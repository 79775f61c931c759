/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/levels.h"

#include <stdlib.h>

#include "base/alloc.h"

/* A file with its first and last key. */
struct range {
	const struct pf_data_file *file;
	struct pf_datum *min, *max;
	size_t n;
};

static int read_key(const struct pf_table_schema *s, struct pf_view row,
		    struct pf_datum *out, struct pf_error *err)
{
	PF_TRY(pf_row_check(row, s->layout.nkey, "a key", err));
	for (size_t i = 0; i < s->layout.nkey; i++) {
		int f = pf_table_field_by_name(s, s->layout.key[i]);
		PF_TRY(pf_row_get(row, i, s->fields[f].type, &out[i], err));
		if (out[i].null)
			return pf_fail(err, PF_E_TABLE_CORRUPT, "a key without '%s'",
				       s->layout.key[i]);
	}
	return 0;
}

static int compare_runs(const struct range *x, const struct range *y)
{
	if (x->file->bucket != y->file->bucket)
		return x->file->bucket < y->file->bucket ? -1 : 1;
	if (x->file->level != y->file->level)
		return x->file->level < y->file->level ? -1 : 1;
	return pf_view_cmp(x->file->partition, y->file->partition);
}

static int by_run_and_key(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int c = compare_runs(x, y);
	c = c ? c : pf_datum_cmp_all(x->min, y->min, x->n);
	return c ? c : pf_datum_cmp_all(x->max, y->max, x->n);
}

int pf_levels_overlap(const struct pf_table_schema *s,
		      const struct pf_data_file *const *files, size_t n,
		      const struct pf_data_file *pair[2], struct pf_error *err)
{
	struct range *ranges = pf_alloc(n + 1, sizeof *ranges);
	struct pf_datum *keys = pf_alloc(pf_mul(n + 1, 2 * s->layout.nkey), sizeof *keys);
	size_t at = 0, width = s->layout.nkey;
	int code = 0;
	pair[0] = pair[1] = NULL;
	for (size_t i = 0; i < n && !code; i++) {
		if (files[i]->level <= 0)
			continue;
		struct range *r = &ranges[at];
		*r = (struct range){ files[i], keys + 2 * at * width,
				     keys + (2 * at + 1) * width, width };
		at++;
		code = read_key(s, files[i]->min_key, r->min, err);
		if (!code)
			code = read_key(s, files[i]->max_key, r->max, err);
		if (code)
			pf_context(err, "file '%s'", files[i]->name);
	}
	if (!code && at)
		qsort(ranges, at, sizeof *ranges, by_run_and_key);
	for (size_t i = 1; i < at && !code && !pair[0]; i++)
		if (!compare_runs(&ranges[i - 1], &ranges[i]) &&
		    pf_datum_cmp_all(ranges[i - 1].max, ranges[i].min, width) >= 0) {
			pair[0] = ranges[i - 1].file;
			pair[1] = ranges[i].file;
		}
	free(ranges);
	free(keys);
	return code;
}

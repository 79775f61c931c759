/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "parquet/nested.h"


static int check_ranges(const struct pf_parquet_range *r, size_t n, int64_t rows,
			struct pf_error *err)
{
	int64_t last = 0;
	for (size_t i = 0; i < n; i++) {
		if (r[i].from < last || r[i].to < r[i].from || r[i].to > rows)
			return pf_fail(err, PF_E_INTERNAL,
				       "rows %" PRId64 " to %" PRId64 " of %" PRId64
				       " were asked for", r[i].from, r[i].to, rows);
		last = r[i].to;
	}
	return 0;
}

static int read_column(struct pf_parquet_file *f, size_t group, int column,
		       const struct pf_parquet_range *ranges, size_t n_ranges,
		       struct pf_type to, struct pf_colbuf *out, struct pf_error *err)
{
	if (column < 0) {
		pf_col_nulls(out, pq_rows_asked(ranges, n_ranges));
		return 0;
	}
	const struct pf_parquet_column *c = &f->columns[column];
	if (c->nested && to.kind == PF_STRING) {
		int code = pq_nested_read(f, f->leaves[column].nested, group, ranges,
					  n_ranges, out, err);
		return code ? pf_context(err, "'%s': column '%s' of row group %zu",
					 f->source.name, c->name, group) : 0;
	}
	if (c->refused)
		return pf_fail(err, PF_E_UNSUPPORTED, "'%s': column '%s': %s",
			       f->source.name, c->name, c->refused);
	if (!pq_convertible(&f->leaves[column].mapping, to)) {
		char have[40], want[40];
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "'%s': column '%s' is %s and cannot be read as %s",
			       f->source.name, c->name, pf_type_name(c->type, have),
			       pf_type_name(to, want));
	}
	int code = pq_scan_column(f, group, (size_t)column, ranges, n_ranges, to, out, err);
	if (code)
		return pf_context(err, "'%s': column '%s' of row group %zu",
				  f->source.name, c->name, group);
	return 0;
}

int pf_parquet_read(struct pf_parquet_file *f, size_t group, const int *columns,
		    size_t n, const struct pf_parquet_range *ranges,
		    size_t n_ranges, struct pf_builder *out, struct pf_error *err)
{
	struct pf_parquet_range all = { 0, f->footer.groups[group].rows };
	if (!ranges) {
		ranges = &all;
		n_ranges = 1;
	}
	PF_TRY(check_ranges(ranges, n_ranges, all.to, err));
	int64_t before = n ? out->columns[0].rows : 0;
	for (size_t i = 0; i < n; i++) {
		int code = read_column(f, group, columns[i], ranges, n_ranges,
				       out->schema->fields[i].type, &out->columns[i],
				       err);
		if (code) {
			pf_builder_truncate(out, before);
			return code;
		}
	}
	return 0;
}

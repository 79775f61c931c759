/* SPDX-License-Identifier: Apache-2.0
 *
 * What a query took, for people.
 */
#include "query/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static void line(struct pf_buf *out, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void line(struct pf_buf *out, const char *label, const char *fmt, ...)
{
	va_list args;
	char text[1024];
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	pf_buf_printf(out, "  %-11s %s\n", label, text);
}

static char *digits(int64_t v, char *out)
{
	return pf_group_digits(out, v);
}

static void explain_source(const struct pf_source *s, struct pf_buf *out)
{
	const struct pf_scan_counts *c = &s->counts;
	char a[32], b[32], d[32], e[32];
	pf_buf_printf(out, "%s '%s'", s->kind, s->name);
	if (!strcmp(s->kind, "table"))
		pf_buf_printf(out, ", snapshot %lld", (long long)s->snapshot);
	pf_buf_byte(out, '\n');
	if (c->manifests || c->manifests_skipped)
		line(out, "manifests", "%s read, %s skipped by partition or bucket",
		     digits(c->manifests, a),
		     digits(c->manifests_skipped, b));
	if (!strcmp(s->kind, "table")) {
		int64_t skipped = c->files_partition + c->files_bucket +
				  c->files_stats + c->files_index;
		line(out, "files", "%s of %s read; skipped: %s by partition, %s by bucket, "
		     "%s by statistics, %s by file index", digits(c->files - skipped, a),
		     digits(c->files, b), digits(c->files_partition, d),
		     digits(c->files_bucket, e), digits(c->files_stats, (char[32]){ 0 }),
		     digits(c->files_index, (char[32]){ 0 }));
	}
	if (s->filtered) {
		int64_t skipped = c->groups_stats + c->groups_bloom +
				  c->groups_pages + c->groups_index;
		line(out, "row groups", "%s of %s read; skipped: %s by statistics, %s by "
		     "bloom filter, %s by page index, %s by file index",
		     digits(c->groups - skipped, a), digits(c->groups, b),
		     digits(c->groups_stats, d), digits(c->groups_bloom, e),
		     digits(c->groups_pages, (char[32]){ 0 }),
		     digits(c->groups_index, (char[32]){ 0 }));
		line(out, "pages", "%s decoded; page index: %s of %s skipped",
		     digits(c->pages_decoded, a), digits(c->pages_skipped, b),
		     digits(c->pages, d));
	}
	line(out, "rows", "%s looked at, %s matched", digits(c->rows, a),
	     digits(c->matched, b));
	if (s->filtered)
		line(out, "bytes", "%s read by %s reads, of %s in the opened files",
		     digits(c->bytes, a), digits(c->reads, b), digits(c->bytes_stored, d));
}

void pf_query_files(const struct pf_query *q, int64_t *all, int64_t *read)
{
	*all = *read = 0;
	for (size_t i = 0; i < q->nsources; i++) {
		const struct pf_scan_counts *c = &q->sources[i]->counts;
		*all += c->files;
		*read += c->files - c->files_partition - c->files_bucket - c->files_stats -
			 c->files_index;
	}
}

void pf_query_explain(const struct pf_query *q, struct pf_buf *out)
{
	for (size_t i = 0; i < q->filter.n; i++) {
		pf_buf_str(out, i ? "and   " : "where ");
		pf_expr_print(q->filter.items[i], out);
		pf_buf_byte(out, '\n');
	}
	pf_buf_str(out, "columns");
	for (size_t i = 0; i < q->needed->n; i++)
		pf_buf_printf(out, "%s %s", i ? "," : "", q->needed->fields[i].name);
	pf_buf_byte(out, '\n');
	for (size_t i = 0; i < q->nsources; i++)
		explain_source(q->sources[i], out);
}

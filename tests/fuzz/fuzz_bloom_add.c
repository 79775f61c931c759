/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a Parquet file that is to be given bloom filters: where that
 * succeeds, the new file opens, has them, and says the same.
 */
#include <stdlib.h>

#include "parquet/bloom_add.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct pf_parquet_file *f, struct pf_buf *out,
		  const int *columns, size_t n)
{
	struct pf_view view = { out->data, out->len };
	struct pf_random_source source = pf_random_view(&view, "new");
	struct pf_parquet_file *g;
	must(!pf_parquet_open(&source, &g, NULL));
	must(pf_parquet_rows(f) == pf_parquet_rows(g));
	must(pf_parquet_groups(f) == pf_parquet_groups(g));
	must(pf_parquet_columns(f) == pf_parquet_columns(g));
	for (size_t i = 0; i < n; i++)
		must(pf_parquet_bloom_complete(g, (size_t)columns[i]));
	pf_parquet_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_view view = { data, size };
	struct pf_random_source source = pf_random_view(&view, "fuzz");
	struct pf_parquet_file *f;
	struct pf_buf out = { 0 };
	if (pf_parquet_open(&source, &f, NULL))
		return 0;
	int columns[8];
	size_t n = 0;
	for (size_t c = 0; c < pf_parquet_columns(f) && n < 8; c++)
		if (!pf_parquet_bloom_refused(f, c))
			columns[n++] = (int)c;
	if (!pf_parquet_bloom_add(f, view, columns, n, &out, NULL))
		check(f, &out, columns, n);
	pf_buf_free(&out);
	pf_parquet_close(f);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a Parquet file: open, look at everything that can be looked
 * up, read all columns whole and in a range. Nothing may crash, leak, or take
 * more memory than a file of that size can honestly need.
 */
#include <stdlib.h>

#include "parquet/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look_up(struct pf_parquet_file *f, size_t group, size_t column)
{
	struct pf_error err;
	const struct pf_parquet_pages *pages;
	bool maybe;
	struct pf_parquet_value v = { .known = true, .i = 42, .d = 42, .dec = 42,
				      .bytes = pf_view_str("42") };
	(void)pf_parquet_group_stats(f, group, column);
	(void)pf_parquet_chunk_bytes(f, group, column);
	(void)pf_parquet_bloom(f, group, column, &v, &maybe, &err);
	(void)pf_parquet_pages(f, group, column, &pages, &err);
}

static void read_rows(struct pf_parquet_file *f, size_t group, int column)
{
	struct pf_error err;
	const struct pf_parquet_column *c = pf_parquet_column(f, (size_t)column);
	int64_t rows = pf_parquet_group_rows(f, group);
	struct pf_parquet_range middle = { rows / 3, rows - rows / 3 };
	if (c->refused && !c->nested)
		return;
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, "x", c->nested ? (struct pf_type){ .kind = PF_STRING } : c->type,
		      true);
	struct pf_builder *b = pf_builder_new(schema);
	(void)pf_parquet_read(f, group, &column, 1, &middle, 1, b, &err);
	(void)pf_parquet_read(f, group, &column, 1, NULL, 0, b, &err);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pf_view view = pf_view_of(data, len);
	struct pf_random_source source = pf_random_view(&view, "fuzz");
	struct pf_parquet_file *f;
	struct pf_error err;
	if (pf_parquet_open(&source, &f, &err))
		return 0;
	size_t columns = pf_parquet_columns(f), groups = pf_parquet_groups(f);
	for (size_t g = 0; g < groups && g < 16; g++) {
		int first = 0;
		if (columns)
			(void)pf_parquet_pages_prefetch(f, g, &first, 1, &err);
		for (size_t c = 0; c < columns && c < 32; c++) {
			look_up(f, g, c);
			read_rows(f, g, (int)c);
		}
	}
	pf_schema_unref(pf_parquet_schema(f, NULL));
	pf_parquet_close(f);
	return 0;
}

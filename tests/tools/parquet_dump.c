/* SPDX-License-Identifier: Apache-2.0
 *
 * parquet_dump FILE [OUT.arrows]
 *
 * Reads a Parquet file's flat columns, all of them, and writes them as an
 * Arrow stream for another engine to compare; what it cannot read it names on
 * stderr ("refused NAME: WHY"). Without OUT it only reads, twice: whole, and
 * again in ranges of rows, which must give the same; and it holds what
 * statistics, page index and bloom filters say against the rows.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arrow/stream.h"
#include "base/file.h"
#include "ext/hash.h"
#include "parquet/reader.h"

static int fail(const struct pf_error *err)
{
	fprintf(stderr, "error %d: %s\n", err->code, err->message);
	return pf_exit_status(err->code);
}

static int dump(struct pf_parquet_file *f, struct pf_schema *schema,
		const int *columns, const char *path, struct pf_error *err)
{
	struct pf_builder *b = pf_builder_new(schema);
	struct pf_stream_out *out;
	struct pf_counts counts = { .in = pf_parquet_rows(f), .out = pf_parquet_rows(f) };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	struct pf_byte_sink sink = pf_sink_fd(&fd, path);
	int code = pf_stream_out_open(&sink, schema, &out, err);
	if (code)
		return code;
	for (size_t g = 0; g < pf_parquet_groups(f) && !code; g++) {
		pf_builder_reset(b);
		code = pf_parquet_read(f, g, columns, schema->n, NULL, 0, b, err);
		struct pf_batch batch = pf_builder_batch(b);
		if (!code && batch.rows)
			code = pf_stream_out_batch(out, &batch, err);
	}
	if (!code)
		code = pf_stream_out_end(out, &counts, err);
	pf_stream_out_close(out);
	pf_builder_free(b);
	close(fd);
	return code;
}

static uint64_t digest(struct pf_builder *b)
{
	struct pf_xxh3_state *s = pf_xxh3_new();
	for (size_t i = 0; i < b->schema->n; i++) {
		const struct pf_colbuf *c = &b->columns[i];
		pf_xxh3_update(s, c->values.data, c->values.len);
		pf_xxh3_update(s, c->offsets.data, c->offsets.len);
		if (c->nulls)
			pf_xxh3_update(s, c->validity.data, c->validity.len);
	}
	uint64_t h = pf_xxh3_digest(s);
	pf_xxh3_free(s);
	return h;
}

/* Whole row groups, and the same rows in three ranges. */
static int twice(struct pf_parquet_file *f, struct pf_schema *schema,
		 const int *columns, struct pf_error *err)
{
	struct pf_builder *b = pf_builder_new(schema);
	int code = 0;
	for (size_t g = 0; g < pf_parquet_groups(f) && !code; g++) {
		int64_t n = pf_parquet_group_rows(f, g);
		struct pf_parquet_range thirds[] = { { 0, n / 3 },
						     { n / 3, n / 3 * 2 },
						     { n / 3 * 2, n } };
		pf_builder_reset(b);
		code = pf_parquet_read(f, g, columns, schema->n, NULL, 0, b, err);
		uint64_t whole = digest(b);
		pf_builder_reset(b);
		if (!code)
			code = pf_parquet_read(f, g, columns, schema->n, thirds, 3, b, err);
		if (!code && digest(b) != whole)
			code = pf_fail(err, PF_E_INTERNAL, "ranges of row group %zu differ", g);
	}
	pf_builder_free(b);
	return code;
}

static bool inside(enum pf_kind kind, const struct pf_parquet_stats *s,
		   const struct pf_parquet_value *v)
{
	if (v->d != v->d)
		return s->nan_count != 0;
	return (!s->min.known || pf_parquet_value_cmp(kind, &s->min, v) <= 0) &&
	       (!s->max.known || pf_parquet_value_cmp(kind, v, &s->max) <= 0);
}

/* Rows [from, to) of the column against their statistics. */
static int check_stats(const struct pf_parquet_column *what, const char *where,
		       const struct pf_parquet_stats *s, const struct pf_column *c,
		       int64_t from, int64_t to, struct pf_error *err)
{
	int64_t nulls = 0;
	for (int64_t i = from; i < to; i++) {
		if (pf_is_null(c, i)) {
			nulls++;
			continue;
		}
		struct pf_parquet_value v = pf_parquet_value_at(what->type.kind, c, i);
		if (!inside(what->type.kind, s, &v))
			return pf_fail(err, PF_E_INTERNAL,
				       "'%s': row %" PRId64 " is outside the %s", what->name,
				       i, where);
	}
	if (s->null_count >= 0 && s->null_count != nulls)
		return pf_fail(err, PF_E_INTERNAL, "'%s': %" PRId64 " nulls, not %" PRId64
			       " as the %s says", what->name, nulls, s->null_count, where);
	return 0;
}

static int check_bloom(struct pf_parquet_file *f, size_t group, size_t column,
		       const struct pf_column *c, int64_t rows, struct pf_error *err)
{
	const struct pf_parquet_column *what = pf_parquet_column(f, column);
	if (!pf_parquet_has_bloom(f, group, column))
		return 0;
	for (int64_t i = 0; i < rows && i < 2000; i++) {
		bool maybe = true;
		if (pf_is_null(c, i))
			continue;
		struct pf_parquet_value v = pf_parquet_value_at(what->type.kind, c, i);
		PF_TRY(pf_parquet_bloom(f, group, column, &v, &maybe, err));
		if (!maybe)
			return pf_fail(err, PF_E_INTERNAL,
				       "'%s': row %" PRId64 " is not in the bloom filter",
				       what->name, i);
	}
	return 0;
}

/* What is said about a column of a row group, against its rows. */
static int check_claims(struct pf_parquet_file *f, size_t group, int column,
			struct pf_error *err)
{
	const struct pf_parquet_column *what = pf_parquet_column(f, (size_t)column);
	const struct pf_parquet_pages *pages;
	int64_t rows = pf_parquet_group_rows(f, group);
	struct pf_schema *schema = pf_schema_new();
	pf_schema_add(schema, what->name, what->type, true);
	struct pf_builder *b = pf_builder_new(schema);
	int code = pf_parquet_read(f, group, &column, 1, NULL, 0, b, err);
	const struct pf_column *c = pf_builder_batch(b).columns;
	struct pf_parquet_stats s = pf_parquet_group_stats(f, group, (size_t)column);
	if (!code)
		code = check_stats(what, "statistics", &s, c, 0, rows, err);
	if (!code)
		code = check_bloom(f, group, (size_t)column, c, rows, err);
	if (!code)
		code = pf_parquet_pages(f, group, (size_t)column, &pages, err);
	for (size_t i = 0; !code && pages && i < pages->n; i++)
		code = check_stats(what, "page index", &pages->stats[i], c,
				   pages->first_row[i], pages->first_row[i + 1], err);
	pf_builder_free(b);
	pf_schema_unref(schema);
	return code;
}

static int check_all_claims(struct pf_parquet_file *f, struct pf_error *err)
{
	for (size_t g = 0; g < pf_parquet_groups(f); g++)
		for (size_t c = 0; c < pf_parquet_columns(f); c++)
			if (!pf_parquet_column(f, c)->refused)
				PF_TRY(check_claims(f, g, (int)c, err));
	return 0;
}

int main(int argc, char **argv)
{
	struct pf_error err = { 0 };
	struct pf_parquet_file *f;
	struct stat st;
	if (argc < 2) {
		fprintf(stderr, "usage: parquet_dump FILE [OUT.arrows]\n");
		return 2;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		perror(argv[1]);
		return 4;
	}
	struct pf_random_source source = pf_random_fd(&fd, (uint64_t)st.st_size, argv[1]);
	if (pf_parquet_open(&source, &f, &err))
		return fail(&err);
	for (size_t i = 0; i < pf_parquet_columns(f); i++) {
		const struct pf_parquet_column *c = pf_parquet_column(f, i);
		if (c->refused)
			fprintf(stderr, "refused %s: %s\n", c->name, c->refused);
	}
	int *columns = calloc(pf_parquet_columns(f) + 1, sizeof *columns);
	struct pf_schema *schema = pf_parquet_schema(f, columns);
	clock_t start = clock();
	int code = argc > 2 ? dump(f, schema, columns, argv[2], &err) :
			      twice(f, schema, columns, &err);
	const struct pf_parquet_counters *n = pf_parquet_counters(f);
	if (!code && argc == 2)
		code = check_all_claims(f, &err);
	if (!code)
		printf("%" PRId64 " rows, %zu columns, %" PRId64 " reads, %" PRId64
		       " bytes, %" PRId64 " pages, %.3f CPU-seconds\n",
		       pf_parquet_rows(f), schema->n, n->reads, n->bytes,
		       n->pages_decoded, (double)(clock() - start) / CLOCKS_PER_SEC);
	pf_schema_unref(schema);
	free(columns);
	pf_parquet_close(f);
	close(fd);
	return code ? fail(&err) : 0;
}

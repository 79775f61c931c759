/* SPDX-License-Identifier: Apache-2.0
 *
 * parquet_dump FILE [OUT.arrows]
 *
 * Reads a Parquet file's flat columns, all of them, and writes them as an
 * Arrow stream for another engine to compare; what it cannot read it names on
 * stderr ("refused NAME: WHY"). Without OUT it only reads, twice: whole, and
 * again in ranges of rows, which must give the same.
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

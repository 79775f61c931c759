/* SPDX-License-Identifier: Apache-2.0
 *
 * parquet_gen SEED ROWS COLUMNS OUT.parquet OUT.arrows
 *
 * The same random rows as a Parquet file and as an Arrow stream, so that
 * another engine can say whether they are the same. With SEED 0: rows of a
 * log sorted by (id, ts), and how long it took to encode them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "arrow/stream.h"
#include "base/file.h"
#include "parquet/writer.h"
#include "random_rows.h"

static void die(const struct pf_error *err)
{
	fprintf(stderr, "parquet_gen: %s\n", err->message);
	exit(1);
}

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_parquet(const char *path, const struct pf_batch *batch, uint64_t *seed)
{
	struct pf_error err = { 0 };
	struct pf_meta meta = { 0 };
	struct pf_parquet_writer *w;
	int fd = create(path), bloom[64];
	size_t n_bloom = 0;
	for (size_t i = 0; i < batch->schema->n && n_bloom < 64; i += 2)
		bloom[n_bloom++] = (int)i;
	pf_meta_set(&meta, "pf:test", "värde");
	struct pf_parquet_options o = {
		.created_by = "pf-pack version 0.1.0 (build test)",
		.row_group_rows = 10000, .page_rows = 1500,
		.bloom_columns = bloom, .n_bloom = n_bloom, .meta = &meta,
	};
	struct pf_byte_sink sink = pf_sink_fd(&fd, path);
	if (pf_parquet_writer_open(&sink, batch->schema, &o, &w, &err))
		die(&err);
	for (int64_t at = 0; at < batch->rows;) {
		int64_t n = 1 + (int64_t)random_below(seed, 5000);
		n = n > batch->rows - at ? batch->rows - at : n;
		if (pf_parquet_writer_add(w, batch, at, n, &err))
			die(&err);
		at += n;
	}
	if (pf_parquet_writer_finish(w, &err) || pf_close(&fd, path, &err))
		die(&err);
	pf_parquet_writer_free(w);
	pf_meta_free(&meta);
}

static void write_arrow(const char *path, const struct pf_batch *batch)
{
	struct pf_error err = { 0 };
	struct pf_stream_out *out;
	struct pf_counts counts = { .in = batch->rows, .out = batch->rows };
	int fd = create(path);
	struct pf_byte_sink sink = pf_sink_fd(&fd, path);
	if (pf_stream_out_open(&sink, batch->schema, &out, &err) ||
	    (batch->rows && pf_stream_out_batch(out, batch, &err)) ||
	    pf_stream_out_end(out, &counts, &err) || pf_close(&fd, path, &err))
		die(&err);
	pf_stream_out_close(out);
}

/* --- a log --- */

static struct pf_schema *log_schema(void)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "id", (struct pf_type){ .kind = PF_STRING }, false);
	pf_schema_add(s, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, false);
	pf_schema_add(s, "event", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(s, "page", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(s, "n", (struct pf_type){ .kind = PF_BIGINT }, true);
	pf_schema_add(s, "price", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(s, "country", (struct pf_type){ .kind = PF_STRING }, true);
	pf_schema_add(s, "ok", (struct pf_type){ .kind = PF_BOOLEAN }, true);
	return s;
}

static void log_rows(struct pf_builder *b, int64_t first, int64_t n, uint64_t *seed)
{
	static const char *const events[] = { "view", "click", "buy", "login",
					      "logout", "search", "cart", "share" };
	static const char *const countries[] = { "DE", "US", "FR", "IN", "BR", "JP" };
	for (int64_t i = 0; i < n; i++) {
		char text[64];
		int64_t user = (first + i) / 13;
		int len = snprintf(text, sizeof text, "user-%08" PRId64, user);
		pf_col_bytes(&b->columns[0], text, (size_t)len);
		pf_col_i64(&b->columns[1], 1704067200000 + (first + i) % 13 * 6000000 +
						   (int64_t)random_below(seed, 6000000));
		const char *e = events[random_below(seed, 8)];
		pf_col_bytes(&b->columns[2], e, strlen(e));
		unsigned shop = (unsigned)random_below(seed, 50);
		unsigned item = (unsigned)random_below(seed, 4000);
		len = snprintf(text, sizeof text, "/shop/%u/item-%u.html", shop, item);
		pf_col_bytes(&b->columns[3], text, (size_t)len);
		pf_col_i64(&b->columns[4], (int64_t)random_below(seed, 1000));
		pf_col_f64(&b->columns[5], (double)random_below(seed, 100000) / 100);
		const char *c = countries[random_below(seed, 6)];
		pf_col_bytes(&b->columns[6], c, strlen(c));
		pf_col_bool(&b->columns[7], random_below(seed, 10) > 0);
	}
}

static void write_log(const char *path, int64_t rows)
{
	struct pf_error err = { 0 };
	struct pf_schema *schema = log_schema();
	struct pf_builder *b = pf_builder_new(schema);
	struct pf_parquet_writer *w;
	int fd = create(path);
	int id[] = { 0 }, sort[] = { 0, 1 };
	struct pf_parquet_options o = { .sort_columns = sort, .n_sort = 2,
					.bloom_columns = id, .n_bloom = 1 };
	struct pf_byte_sink sink = pf_sink_fd(&fd, path);
	uint64_t seed = 1;
	double spent = 0;
	if (pf_parquet_writer_open(&sink, schema, &o, &w, &err))
		die(&err);
	for (int64_t at = 0; at < rows; at += 65536) {
		int64_t n = rows - at < 65536 ? rows - at : 65536;
		pf_builder_reset(b);
		log_rows(b, at, n, &seed);
		struct pf_batch batch = pf_builder_batch(b);
		double start = cpu_seconds();
		if (pf_parquet_writer_add(w, &batch, 0, n, &err))
			die(&err);
		spent += cpu_seconds() - start;
	}
	double start = cpu_seconds();
	if (pf_parquet_writer_finish(w, &err) || pf_close(&fd, path, &err))
		die(&err);
	spent += cpu_seconds() - start;
	printf("%" PRId64 " rows, %" PRIu64 " bytes, %.3f CPU-seconds\n", rows,
	       pf_parquet_writer_bytes(w), spent);
	pf_parquet_writer_free(w);
	pf_builder_free(b);
	pf_schema_unref(schema);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: parquet_gen SEED ROWS COLUMNS OUT.parquet OUT.arrows\n");
		return 2;
	}
	uint64_t seed = strtoull(argv[1], NULL, 10);
	int64_t rows = strtoll(argv[2], NULL, 10);
	if (!seed) {
		write_log(argv[4], rows);
		return 0;
	}
	struct pf_schema *schema = random_schema(&seed, strtoull(argv[3], NULL, 10));
	struct pf_builder *b = random_rows(schema, &seed, rows);
	struct pf_batch batch = pf_builder_batch(b);
	write_parquet(argv[4], &batch, &seed);
	write_arrow(argv[5], &batch);
	pf_builder_free(b);
	pf_schema_unref(schema);
	return 0;
}

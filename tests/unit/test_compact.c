/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading many files of a cell as one sorted run in little memory: in several
 * passes, with unsorted files among them, and files that lie.
 */
#include <stdlib.h>

#include "base/file.h"
#include "load/compact_internal.h"
#include "paimon/bucket.h"
#include "paimon/commit.h"
#include "paimon/create.h"
#include "paimon/verify.h"
#include "parquet/writer.h"
#include "unit.h"

static char root[256];
static struct pf_error err;
static uint64_t state = 7;

static const char definition[] =
	"table: t\nid: id\ntime: ts\npartition: none\nbuckets: 1\n"
	"columns:\n  id: bigint not null\n  ts: timestamp(3) not null\n"
	"  name: string\n  tag: bigint\n";

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static struct pf_table *make_table(const char *name)
{
	struct pf_tabledef *def = NULL;
	struct pf_table *t = NULL;
	char *path = pf_asprintf("%s/%s", root, name);
	CHECK_OK(pf_tabledef_parse(definition, strlen(definition), "test", &def, &err),
		 &err);
	CHECK_OK(pf_table_create(path, def, &err), &err);
	CHECK_OK(pf_table_open(path, &t, &err), &err);
	pf_tabledef_free(def);
	free(path);
	return t;
}

enum how { SORTED, UNSORTED, LYING };

/* A file of rows with tags from *tag on, in a commit of its own. */
static void add_file(struct pf_table *t, enum how how, int rows, int64_t *tag)
{
	struct pf_schema *s = pf_table_schema(t)->columns;
	struct pf_builder *b = pf_builder_new(s);
	struct pf_buf bytes = { 0 };
	struct pf_byte_sink sink = pf_sink_buf(&bytes);
	struct pf_parquet_writer *w = NULL;
	struct pf_commit *c = NULL;
	struct pf_commit_result r;
	struct pf_cell cell = { 0 };
	int64_t id = 0;
	int sort[] = { 0, 1 };
	struct pf_parquet_options o = { .created_by = "pf-test", .sort_columns = sort,
					.n_sort = how == UNSORTED ? 0 : 2 };
	for (int i = 0; i < rows; i++) {
		id = how == SORTED ? id + (int64_t)below(3) : below(1000);
		pf_col_i64(&b->columns[0], id);
		pf_col_i64(&b->columns[1], how == SORTED ? 5 : below(3));
		pf_col_bytes(&b->columns[2], "a name of many characters and more", below(35));
		pf_col_i64(&b->columns[3], (*tag)++);
	}
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(pf_parquet_writer_open(&sink, s, &o, &w, &err), &err);
	CHECK_OK(pf_parquet_writer_add(w, &batch, 0, rows, &err), &err);
	CHECK_OK(pf_parquet_writer_finish(w, &err), &err);
	pf_parquet_writer_free(w);
	CHECK_OK(pf_commit_open(t, NULL, &c, &err), &err);
	CHECK_OK(pf_commit_add(c, &cell, 1, rows, pf_view_of(bytes.data, bytes.len),
			       (struct pf_view){ 0 }, &err), &err);
	CHECK_OK(pf_commit_stream(c, (uint64_t)*tag, &r, &err), &err);
	pf_commit_close(c);
	pf_buf_free(&bytes);
	pf_builder_free(b);
}

/* All rows come, sorted by id and time, equal ones by tag. */
static int read_all(struct pf_table *t, size_t memory, int64_t *rows, bool *sorted)
{
	struct pf_compact_options o = { .full = true };
	struct pf_compact_plan plan;
	struct pf_compact_reader *r = NULL;
	int64_t last[3] = { INT64_MIN, 0, 0 };
	CHECK_OK(pf_compact_plan(t, &o, &plan, &err), &err);
	CHECK_INT(plan.n_jobs, 1);
	int code = pf_compact_reader_open(t, pf_table_schema(t), plan.files, plan.list.n,
					  memory, root, &r, &err);
	*rows = 0;
	*sorted = true;
	while (!code) {
		struct pf_batch b;
		code = pf_compact_reader_next(r, &b, &err);
		if (code || !b.rows)
			break;
		for (int64_t i = 0; i < b.rows; i++) {
			int64_t key[] = { pf_int_at(&b.columns[0], PF_BIGINT, i),
					  pf_int_at(&b.columns[1], PF_TIMESTAMP, i),
					  pf_int_at(&b.columns[3], PF_BIGINT, i) };
			int k = 0;
			while (k < 2 && key[k] == last[k])
				k++;
			*sorted &= last[k] < key[k];
			memcpy(last, key, sizeof last);
		}
		*rows += b.rows;
	}
	pf_compact_reader_close(r);
	pf_compact_plan_free(&plan);
	return code;
}

static void test_many_files_in_little_memory(void)
{
	struct pf_table *t = make_table("many");
	int64_t tag = 0, rows;
	bool sorted;
	for (int i = 0; i < 40; i++)
		add_file(t, i % 7 == 3 ? UNSORTED : SORTED, 500 + i * 37, &tag);
	static const size_t memory[] = { 64 << 10, 1 << 20, 2 << 20, 64 << 20 };
	for (size_t i = 0; i < 4; i++) {
		CHECK_OK(read_all(t, memory[i], &rows, &sorted), &err);
		CHECK_INT(rows, tag);
		CHECK(sorted);
	}
	pf_table_close(t);
}

static void test_a_file_that_lies(void)
{
	struct pf_table *t = make_table("lies");
	int64_t tag = 0, rows;
	bool sorted;
	add_file(t, SORTED, 100, &tag);
	add_file(t, LYING, 100, &tag);
	CHECK_INT(read_all(t, 1 << 20, &rows, &sorted), PF_E_CORRUPT);
	CHECK(strstr(err.message, "says that it is sorted and is not") != NULL);
	pf_table_close(t);
}

/* Files are closed where an entity ends, at twice the size anyhow; and what was
 * done once is left alone. */
static void test_sizes(void)
{
	struct pf_table *t = make_table("sizes");
	struct pf_compact_options o = { .full = true, .target_bytes = 40000,
					.created_by = "pf-test" };
	struct pf_compact_result r;
	struct pf_snapshot *s = NULL;
	struct pf_file_list list;
	int64_t tag = 0, rows = 0, last = INT64_MIN;
	for (int i = 0; i < 3; i++)
		add_file(t, i == 1 ? UNSORTED : SORTED, 30000, &tag);
	CHECK_OK(pf_compact(t, &o, &r, &err), &err);
	CHECK_INT(r.commits, 1);
	CHECK_INT(r.rows, tag);
	CHECK_OK(pf_snapshot_latest(t, &s, &err), &err);
	CHECK_OK(pf_scan_files(t, s, NULL, &list, &err), &err);
	CHECK_INT(list.n, r.files_after);
	CHECK(list.n > 3);
	for (size_t i = 0; i < list.n; i++) {
		struct pf_column_stats stats;
		struct pf_type bigint = { .kind = PF_BIGINT };
		const struct pf_data_file *f = &list.files[i];
		CHECK(pf_data_file_stats(f, 0, bigint, &stats));
		CHECK(stats.min.i > last);
		last = stats.max.i;
		rows += f->rows;
		CHECK(f->size < 130000);
		CHECK_INT(f->min_sequence, 0);
		CHECK_INT(f->max_sequence, tag - 1);
	}
	CHECK_INT(rows, tag);
	pf_file_list_free(&list);
	pf_snapshot_free(s);
	CHECK_OK(pf_compact(t, &o, &r, &err), &err);
	CHECK_INT(r.commits, 0);
	pf_table_close(t);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = { CASE(many_files_in_little_memory),
						  CASE(a_file_that_lies), CASE(sizes) };
	snprintf(root, sizeof root, "/tmp/pf-compact-XXXXXX");
	if (!mkdtemp(root))
		return 1;
	int code = unit_run(cases, sizeof cases / sizeof *cases,
			    argc > 1 ? argv[1] : NULL);
	char *command = pf_asprintf("rm -rf '%s'", root);
	if (system(command))
		code = 1;
	free(command);
	return code;
}

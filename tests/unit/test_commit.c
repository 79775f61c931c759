/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits to tables of our own: exactly once, over foreign snapshots, in
 * races; what the files look like is checked by the Python test, too.
 */
#include "paimon/commit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "paimon/bucket.h"
#include "paimon/commit_internal.h"
#include "paimon/create.h"
#include "paimon/internal.h"
#include "paimon/live.h"
#include "paimon/manifest_out.h"
#include "paimon/verify.h"
#include "parquet/writer.h"
#include "unit.h"

static char root[256];
static struct pf_error err;

static const char definition[] =
	"table: t\nid: id\ntime: ts\npartition: day\nbuckets: 4\n"
	"columns:\n  id: bigint not null\n  ts: timestamp(3) not null\n"
	"  name: string\n";

static char *make_table(const char *name)
{
	struct pf_tabledef *def = NULL;
	char *path = pf_asprintf("%s/%s", root, name);
	CHECK_OK(pf_tabledef_parse(definition, strlen(definition), "test", &def, &err),
		 &err);
	CHECK_OK(pf_table_create(path, def, &err), &err);
	CHECK_INT(pf_table_create(path, def, &err), PF_E_TABLE_EXISTS);
	pf_tabledef_free(def);
	return path;
}

static struct pf_table *open_table(const char *path)
{
	struct pf_table *t = NULL;
	CHECK_OK(pf_table_open(path, &t, &err), &err);
	return t;
}

static struct pf_commit *open_commit(struct pf_table *t)
{
	struct pf_commit *c = NULL;
	CHECK_OK(pf_commit_open(t, NULL, &c, &err), &err);
	return c;
}

/* A segment of rows of one entity on 2024-01-31. */
static void make_segment(const struct pf_table *t, int64_t id, int rows,
			 struct pf_buf *out)
{
	struct pf_schema *s = pf_table_schema(t)->columns;
	struct pf_builder *b = pf_builder_new(s);
	struct pf_byte_sink sink = pf_sink_buf(out);
	struct pf_parquet_writer *w = NULL;
	for (int i = 0; i < rows; i++) {
		pf_col_i64(&b->columns[0], id);
		pf_col_i64(&b->columns[1], 1706659200000 + i);
		if (i % 3)
			pf_col_bytes(&b->columns[2], "a name of many characters", 25);
		else
			pf_col_null(&b->columns[2]);
		pf_col_bytes(&b->columns[3], "2024-01-31", 10);
	}
	int sort[] = { 0, 1 };
	struct pf_parquet_options o = { .created_by = "test", .sort_columns = sort,
					.n_sort = 2, .bloom_columns = sort,
					.n_bloom = 1 };
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_OK(pf_parquet_writer_open(&sink, s, &o, &w, &err), &err);
	CHECK_OK(pf_parquet_writer_add(w, &batch, 0, rows, &err), &err);
	CHECK_OK(pf_parquet_writer_finish(w, &err), &err);
	pf_parquet_writer_free(w);
	pf_builder_free(b);
}

static struct pf_cell cell_of(int64_t id)
{
	struct pf_datum d = { .type = { .kind = PF_BIGINT }, .i = id };
	return (struct pf_cell){ .partition = pf_view_str("2024-01-31"),
				 .has_partition = true,
				 .bucket = pf_bucket_of(&d, 1, 4) };
}

static int add(struct pf_commit *c, const struct pf_table *t, int64_t id, int rows)
{
	struct pf_buf bytes = { 0 };
	struct pf_cell cell = cell_of(id);
	make_segment(t, id, rows, &bytes);
	int code = pf_commit_add(c, &cell, 4, rows, pf_view_of(bytes.data, bytes.len),
				 (struct pf_view){ 0 }, &err);
	pf_buf_free(&bytes);
	return code;
}

static int mark_part(struct pf_commit *c, const char *stage, int32_t partition,
		     int64_t from, int64_t to, struct pf_commit_result *r)
{
	struct pf_mark_part p = { .partition = partition, .from = from, .to = to };
	struct pf_mark m = { .parts = &p, .nparts = 1 };
	snprintf(m.stage, sizeof m.stage, "%s", stage);
	snprintf(p.anchor, sizeof p.anchor, "%s-%lld", stage, (long long)to);
	return pf_commit_mark(c, &m, false, r, &err);
}

static int mark(struct pf_commit *c, const char *stage, int64_t from, int64_t to,
		struct pf_commit_result *r)
{
	return mark_part(c, stage, 0, from, to, r);
}

static struct pf_snapshot *latest(struct pf_table *t)
{
	struct pf_snapshot *s = NULL;
	CHECK_OK(pf_snapshot_latest(t, &s, &err), &err);
	return s;
}

static int64_t next_offset(struct pf_table *t, const char *stage)
{
	struct pf_offset_map map;
	CHECK_OK(pf_table_offsets(t, NULL, &map, &err), &err);
	int64_t next = pf_offset_next(&map, stage, 0, NULL);
	pf_offset_map_free(&map);
	return next;
}

static void print_problem(void *ctx, const char *problem)
{
	(void)ctx;
	printf("# %s\n", problem);
}

static void check_sound(struct pf_table *t, int64_t files, int64_t rows)
{
	struct pf_verify_report r;
	CHECK_OK(pf_table_verify(t, print_problem, NULL, &r, &err), &err);
	CHECK_INT(r.problems, 0);
	CHECK_INT(r.files, files);
	CHECK_INT(r.rows, rows);
}

/* Data files on disk, referred to or not. */
static int files_on_disk(const char *path)
{
	char command[600];
	snprintf(command, sizeof command, "find '%s' -name 'data-*' | wc -l", path);
	FILE *f = popen(command, "r");
	int n = -1;
	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

TEST(exactly_once)
{
	char *path = make_table("once");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	CHECK_INT(next_offset(t, "s"), 0);
	CHECK_OK(add(c, t, 1, 10), &err);
	CHECK_OK(add(c, t, 42, 20), &err);
	CHECK_OK(mark(c, "s", 0, 30, &r), &err);
	CHECK_INT(r.snapshot, 1);
	CHECK_INT(r.files, 2);
	CHECK_INT(r.rows, 30);
	CHECK_INT(r.partitions, 1);
	CHECK_INT(next_offset(t, "s"), 30);
	pf_commit_close(c);

	/* The same again: already loaded, and nothing is left of it. */
	c = open_commit(t);
	CHECK_OK(add(c, t, 1, 10), &err);
	CHECK_OK(mark(c, "s", 0, 30, &r), &err);
	CHECK(r.already_loaded && !r.snapshot);
	CHECK_INT(files_on_disk(path), 2);
	/* A part of it, and a hole: conflicts, and nothing is left of them. */
	CHECK_OK(add(c, t, 1, 10), &err);
	CHECK_INT(mark(c, "s", 20, 40, &r), PF_E_CONFLICT);
	CHECK_OK(add(c, t, 1, 10), &err);
	CHECK_INT(mark(c, "s", 31, 40, &r), PF_E_CONFLICT);
	CHECK_INT(files_on_disk(path), 2);
	/* Another stage is another matter. */
	CHECK_OK(add(c, t, 7, 5), &err);
	CHECK_OK(mark(c, "other", 0, 5, &r), &err);
	CHECK_INT(r.snapshot, 2);
	CHECK_OK(add(c, t, 7, 5), &err);
	CHECK_OK(mark(c, "s", 30, 35, &r), &err);
	CHECK_INT(r.snapshot, 3);
	CHECK_INT(next_offset(t, "s"), 35);
	CHECK_INT(next_offset(t, "other"), 5);
	/* Not committed, so deleted. */
	CHECK_OK(add(c, t, 7, 5), &err);
	CHECK_INT(files_on_disk(path), 5);
	pf_commit_close(c);
	CHECK_INT(files_on_disk(path), 4);
	check_sound(t, 4, 40);
	/* Also when they are many, so that some have been synced. */
	c = open_commit(t);
	for (int64_t i = 0; i < 40; i++)
		CHECK_OK(add(c, t, i, 1), &err);
	CHECK_INT(files_on_disk(path), 44);
	pf_commit_close(c);
	CHECK_INT(files_on_disk(path), 4);

	/* Sequence numbers of a bucket go on: entity 7 came twice. */
	struct pf_file_list l;
	struct pf_snapshot *s = latest(t);
	CHECK_OK(pf_scan_files(t, s, NULL, &l, &err), &err);
	int64_t sum = 0, top[4] = { -1, -1, -1, -1 };
	for (size_t i = 0; i < l.n; i++) {
		CHECK_INT(l.files[i].min_sequence, top[l.files[i].bucket] + 1);
		top[l.files[i].bucket] = l.files[i].max_sequence;
		sum += l.files[i].max_sequence - l.files[i].min_sequence + 1;
	}
	CHECK_INT(sum, 40);
	struct pf_column_stats st;
	CHECK(pf_data_file_stats(&l.files[0], 2, (struct pf_type){ .kind = PF_STRING },
				 &st));
	CHECK_INT(st.min.bytes.len, 16); /* cut, and the bound above is above */
	CHECK(!memcmp(st.min.bytes.data, "a name of many c", 16));
	CHECK(!memcmp(st.max.bytes.data, "a name of many d", 16));
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_table_close(t);
	free(path);
}

TEST(streams_by_hash)
{
	char *path = make_table("streams");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	for (uint64_t h = 1; h <= 3; h++) {
		CHECK_OK(add(c, t, 1, 10), &err);
		CHECK_OK(pf_commit_stream(c, h << 60, &r, &err), &err);
		CHECK_INT(r.snapshot, h);
	}
	CHECK_OK(add(c, t, 1, 10), &err);
	CHECK_OK(pf_commit_stream(c, (uint64_t)2 << 60, &r, &err), &err);
	CHECK(r.already_loaded);
	pf_commit_close(c);
	check_sound(t, 3, 30);
	pf_table_close(t);
	free(path);
}

TEST(advances_without_rows)
{
	char *path = make_table("empty");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	CHECK_OK(mark(c, "s", 0, 10, &r), &err);
	CHECK_INT(r.snapshot, 1);
	CHECK_OK(mark(c, "s", 10, 20, &r), &err);
	CHECK(r.postponed);
	CHECK_OK(mark(c, "other", 0, 3, &r), &err);
	CHECK(r.postponed);
	CHECK_INT(next_offset(t, "s"), 10);
	CHECK_OK(add(c, t, 1, 5), &err);
	CHECK_OK(mark(c, "s", 20, 25, &r), &err);
	CHECK_INT(r.snapshot, 2);
	CHECK_INT(next_offset(t, "s"), 25);
	CHECK_INT(next_offset(t, "other"), 3);
	CHECK_OK(mark(c, "s", 25, 30, &r), &err);
	CHECK(r.postponed);
	CHECK_OK(pf_commit_flush(c, &r, &err), &err);
	CHECK_INT(r.snapshot, 3);
	CHECK_INT(next_offset(t, "s"), 30);
	CHECK_OK(pf_commit_flush(c, &r, &err), &err);
	CHECK_INT(r.snapshot, 0);
	/* Nothing new: no snapshot. */
	CHECK_OK(mark(c, "s", 30, 30, &r), &err);
	CHECK(!r.snapshot);
	pf_commit_close(c);
	check_sound(t, 1, 5);
	pf_table_close(t);
	free(path);
}

TEST(lists_stay_short)
{
	char *path = make_table("many");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	struct pf_arena arena = { 0 };
	struct pf_manifests lists = { 0 };
	struct pf_file_list l;
	for (int i = 0; i < 70; i++) {
		CHECK_OK(add(c, t, i % 8, 3), &err);
		CHECK_OK(mark(c, "s", 3 * i, 3 * i + 3, &r), &err);
	}
	struct pf_snapshot *s = latest(t);
	CHECK_INT(s->id, 70);
	CHECK_OK(pf_manifest_list_read(t, s->base_list, &arena, &lists, &err), &err);
	CHECK(lists.n <= 30);
	CHECK_OK(pf_scan_files(t, s, NULL, &l, &err), &err);
	CHECK_INT(l.n, 70);
	pf_file_list_free(&l);
	/* Only the bucket of one entity. */
	struct pf_datum id = { .type = { .kind = PF_BIGINT }, .i = 3 };
	struct pf_scan_filter f = { .keys = &id, .nkeys = 1 };
	CHECK_OK(pf_scan_files(t, s, &f, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++)
		CHECK_INT(l.files[i].bucket, pf_bucket_of(&id, 1, 4));
	CHECK(l.n > 0 && l.n + (size_t)l.pruned_bucket == 70);
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_commit_close(c);
	check_sound(t, 70, 210);
	free(lists.items);
	pf_arena_free(&arena);
	pf_table_close(t);
	free(path);
}

/* Adds and deletes at random, merged with limits so small that every way of
 * merging is taken: what is live stays live, and lists count right. */
TEST(merging_loses_nothing)
{
	enum { STEPS = 120, FILES = 1000 };
	char *path = make_table("merging");
	struct pf_table *t = open_table(path);
	static bool live[FILES];
	struct pf_arena arena = { 0 };
	struct pf_manifests list = { 0 };
	struct pf_manifest_out out;
	unsigned seed = 7;
	int next = 0, wrong = 0;
	size_t longest = 0;
	memset(live, 0, sizeof live);
	pf_manifest_out_init(&out, t, pf_table_schema(t));
	for (int step = 0; step < STEPS; step++) {
		struct pf_data_files delta = { 0 }, all = { 0 };
		struct pf_buf row = { 0 };
		char day[16], name[32];
		seed = seed * 1103515245u + 12345u;
		snprintf(day, sizeof day, "2024-01-%02u", seed / 65536 % 20 + 1);
		struct pf_datum dt = { .type = { .kind = PF_STRING },
				       .bytes = pf_view_str(day) };
		pf_row_serialize(&row, &dt, 1);
		struct pf_data_file f = { .partition = pf_arena_copy(&arena, row.data,
								     row.len) };
		row.len = 0;
		pf_row_serialize(&row, NULL, 0);
		f.min_key = f.max_key = f.key_stats.min = f.key_stats.max =
			f.value_stats.min = f.value_stats.max =
				pf_arena_copy(&arena, row.data, row.len);
		pf_buf_free(&row);
		for (unsigned k = seed / 7 % 6; k-- && next < FILES; next++) {
			snprintf(name, sizeof name, "%d.parquet", next);
			f.name = pf_arena_text(&arena, name, strlen(name));
			live[next] = true;
			f.bucket = next % 4;
			pf_data_files_add(&delta, &f);
		}
		/* Every so often, delete files: entries as they were added. */
		struct pf_data_files now = { 0 };
		for (size_t i = 0; i < list.n; i++)
			CHECK_OK(pf_manifest_read(t, list.items[i].name, &arena, &now,
						  NULL, &err), &err);
		CHECK_OK(pf_live_files(&now, &err), &err);
		for (size_t i = step % 3 ? now.n : 0; i < now.n; i += 5) {
			struct pf_data_file gone = now.items[i];
			gone.kind = 1;
			live[atoi(gone.name)] = false;
			pf_data_files_add(&delta, &gone);
		}
		free(now.items);
		out.bytes_limit = step % 40 < 20 ? 1 << 20 : 2150;
		CHECK_OK(pf_manifest_out_merge(&out, &list, &arena, &err), &err);
		CHECK_OK(pf_manifest_out_files(&out, delta.items, delta.n, &arena, &list,
					       &err), &err);
		longest = list.n > longest ? list.n : longest;
		for (size_t i = 0; i < list.n; i++) {
			size_t from = all.n;
			int64_t added = 0;
			CHECK_OK(pf_manifest_read(t, list.items[i].name, &arena, &all,
						  NULL, &err), &err);
			for (size_t k = from; k < all.n; k++)
				added += all.items[k].kind == 0;
			wrong += added != list.items[i].added ||
				 (int64_t)(all.n - from) - added !=
					 list.items[i].deleted;
		}
		CHECK_OK(pf_live_files(&all, &err), &err);
		size_t want = 0;
		for (int i = 0; i < next; i++)
			want += live[i];
		wrong += want != all.n;
		for (size_t i = 0; i < all.n; i++)
			wrong += !live[atoi(all.items[i].name)];
		free(all.items);
		free(delta.items);
	}
	CHECK_INT(wrong, 0);
	CHECK(next > 200);
	CHECK(longest <= 60);
	free(list.items);
	pf_arena_free(&arena);
	pf_manifest_out_free(&out);
	pf_table_close(t);
	free(path);
}

/* Make the newest snapshot look like another committer's. */
static void make_foreign(struct pf_table *t, const char *kind)
{
	struct pf_snapshot *s = latest(t);
	struct pf_buf json = { 0 };
	char name[64];
	pf_meta_free(&s->properties);
	s->properties = (struct pf_meta){ 0 };
	free(s->user);
	s->user = pf_strdup("somebody");
	free(s->kind);
	s->kind = pf_strdup(kind);
	s->has_watermark = true;
	s->watermark = 77;
	free(s->statistics);
	s->statistics = pf_strdup("stat-1");
	pf_snapshot_format(s, &json);
	snprintf(name, sizeof name, "snapshot/snapshot-%lld", (long long)s->id);
	CHECK_OK(pf_store_replace(pf_table_store(t), name, json.data, json.len, &err),
		 &err);
	pf_buf_free(&json);
	pf_snapshot_free(s);
}

TEST(c09_over_foreign_snapshots)
{
	char *path = make_table("foreign");
	struct pf_table *t = open_table(path);
	struct pf_commit *ours = open_commit(t), *theirs = open_commit(t);
	struct pf_commit_result r;
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_OK(mark(ours, "s", 0, 10, &r), &err);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(add(theirs, t, 2, 1), &err);
		CHECK_OK(pf_commit_stream(theirs, (uint64_t)i + 1, &r, &err), &err);
		make_foreign(t, i == 1 ? "COMPACT" : "APPEND");
	}
	CHECK_INT(next_offset(t, "s"), 10);
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_OK(mark(ours, "s", 10, 20, &r), &err);
	CHECK_INT(r.snapshot, 5);
	struct pf_snapshot *s = latest(t);
	CHECK_INT(s->total_rows, 23);
	CHECK(s->has_watermark && s->watermark == 77);
	CHECK_STR(s->statistics, "stat-1");
	CHECK(pf_meta_get(&s->properties, "pf:offsets") != NULL);
	pf_snapshot_free(s);
	check_sound(t, 5, 23);

	/* Ours have expired, theirs are left: nothing says what is loaded. */
	CHECK_OK(pf_store_delete(pf_table_store(t), "snapshot/snapshot-5", &err), &err);
	CHECK_OK(pf_store_delete(pf_table_store(t), "snapshot/snapshot-1", &err), &err);
	struct pf_offset_map map;
	CHECK_INT(pf_table_offsets(t, NULL, &map, &err), PF_E_NO_OFFSETS);
	CHECK(strstr(err.hint, "--from-start") != NULL);
	pf_offset_map_free(&map);
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_INT(mark(ours, "s", 20, 30, &r), PF_E_NO_OFFSETS);
	pf_commit_close(ours);
	/* Told so, we go on from there; what is known then counts again. */
	struct pf_commit_options restart = { .restart = true };
	CHECK_OK(pf_commit_open(t, &restart, &ours, &err), &err);
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_OK(mark(ours, "s", 20, 30, &r), &err);
	CHECK_INT(next_offset(t, "s"), 30);
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_OK(mark(ours, "s", 20, 30, &r), &err);
	CHECK(r.already_loaded);
	CHECK_OK(add(ours, t, 1, 10), &err);
	CHECK_INT(mark(ours, "s", 50, 60, &r), PF_E_CONFLICT);
	pf_commit_close(ours);
	pf_commit_close(theirs);
	pf_table_close(t);
	free(path);
}

TEST(x14_c15_hints_are_advice)
{
	static const char *const hints[] = { "1", "2\n", "99", "", "x", "-1", " 3",
					     "18446744073709551617" };
	char *path = make_table("hints");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	CHECK(latest(t) == NULL);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(add(c, t, i, 2), &err);
		CHECK_OK(mark(c, "s", 2 * i, 2 * i + 2, &r), &err);
	}
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
		CHECK_OK(pf_store_replace(pf_table_store(t), "snapshot/LATEST",
					  hints[i], strlen(hints[i]), &err), &err);
		struct pf_snapshot *s = latest(t);
		CHECK_INT(s ? s->id : 0, 3);
		pf_snapshot_free(s);
	}
	CHECK_OK(pf_store_delete(pf_table_store(t), "snapshot/LATEST", &err), &err);
	/* Names that are none of ours are left alone. */
	CHECK_OK(pf_store_write(pf_table_store(t), "snapshot/snapshot-9.bak", "x", 1,
				&err), &err);
	struct pf_snapshot *s = latest(t);
	CHECK_INT(s ? s->id : 0, 3);
	pf_snapshot_free(s);
	pf_commit_close(c);
	pf_table_close(t);
	free(path);
}

TEST(what_does_not_fit)
{
	char *path = make_table("unfit");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_buf bytes = { 0 };
	struct pf_cell cell = cell_of(1), bare = { .bucket = cell.bucket };
	make_segment(t, 1, 4, &bytes);
	struct pf_view file = pf_view_of(bytes.data, bytes.len), none = { 0 };
	CHECK_INT(pf_commit_add(c, &cell, 8, 4, file, none, &err), PF_E_SCHEMA_MISMATCH);
	CHECK_INT(pf_commit_add(c, &bare, 4, 4, file, none, &err), PF_E_SCHEMA_MISMATCH);
	CHECK_INT(pf_commit_add(c, &cell, 4, 5, file, none, &err), PF_E_CORRUPT);
	CHECK_INT(pf_exit_status(pf_commit_add(c, &cell, 4, 4,
					       pf_view_of(bytes.data, bytes.len - 9),
					       none, &err)), 3);
	CHECK_INT(files_on_disk(path), 0);
	pf_buf_free(&bytes);
	pf_commit_close(c);

	/* The table is altered while we work: a column retyped. */
	c = open_commit(t);
	struct pf_commit_result r;
	struct pf_buf json = { 0 };
	CHECK_OK(pf_store_read(pf_table_store(t), "schema/schema-0", 1 << 20, &json, &err),
		 &err);
	char *text = pf_strdup(pf_buf_cstr(&json)), *at;
	at = strstr(text, "\"id\" : 0,");
	CHECK(at != NULL);
	at[7] = '1';
	CHECK_OK(add(c, t, 1, 4), &err);
	CHECK_OK(pf_store_create(pf_table_store(t), "schema/schema-1", text,
				 strlen(text), &err), &err);
	CHECK_OK(mark(c, "s", 0, 4, &r), &err); /* the same columns: fine */
	at = strstr(text, "\"STRING\"");
	CHECK(at != NULL);
	memcpy(at, "\"BYTES\" ", 8);
	strstr(text, "\"id\" : 1,")[7] = '2';
	CHECK_OK(add(c, t, 1, 4), &err);
	CHECK_OK(pf_store_create(pf_table_store(t), "schema/schema-2", text,
				 strlen(text), &err), &err);
	CHECK_INT(mark(c, "s", 4, 8, &r), PF_E_CONFLICT);
	CHECK(strstr(err.message, "altered") != NULL);
	CHECK_INT(files_on_disk(path), 1);
	free(text);
	pf_buf_free(&json);
	pf_commit_close(c);
	pf_table_close(t);
	free(path);
}

/* Processes race: all load a partition of their own of one stage, and all the
 * same range of another. */
TEST(races)
{
	enum { WRITERS = 6, ROUNDS = 4 };
	char *path = make_table("race");
	int results[2];
	CHECK(!pipe(results));
	fflush(stdout);
	for (int p = 0; p < WRITERS; p++) {
		if (fork())
			continue;
		char out = 0;
		struct pf_table *t = open_table(path);
		struct pf_commit *c = open_commit(t);
		struct pf_commit_result r;
		for (int i = 0; i < ROUNDS; i++) {
			if (add(c, t, p, 2) ||
			    mark_part(c, "disjoint", p, 2 * i, 2 * i + 2, &r) ||
			    !r.snapshot)
				_exit(1);
			/* The same range for all: one wins, the others see that
			 * it is loaded. */
			if (add(c, t, 100 + i, 3) ||
			    mark(c, "shared", 3 * i, 3 * i + 3, &r) ||
			    r.already_loaded == (r.snapshot > 0))
				_exit(2);
			out = (char)(out + (r.snapshot > 0));
		}
		pf_commit_close(c);
		pf_table_close(t);
		if (write(results[1], &out, 1) != 1)
			_exit(3);
		_exit(0);
	}
	close(results[1]);
	int won = 0, status, died = 0;
	for (char c; read(results[0], &c, 1) == 1;)
		won += c;
	while (wait(&status) > 0)
		died += status != 0;
	close(results[0]);
	CHECK_INT(died, 0);
	CHECK_INT(won, ROUNDS);
	struct pf_table *t = open_table(path);
	check_sound(t, WRITERS * ROUNDS + ROUNDS, WRITERS * ROUNDS * 2 + ROUNDS * 3);
	CHECK_INT(files_on_disk(path), WRITERS * ROUNDS + ROUNDS);
	CHECK_INT(next_offset(t, "shared"), 3 * ROUNDS);
	struct pf_offset_map map;
	CHECK_OK(pf_table_offsets(t, NULL, &map, &err), &err);
	for (int p = 0; p < WRITERS; p++)
		CHECK_INT(pf_offset_next(&map, "disjoint", p, NULL), 2 * ROUNDS);
	pf_offset_map_free(&map);
	struct pf_snapshot *s = latest(t);
	CHECK_INT(s->id, WRITERS * ROUNDS + ROUNDS);
	pf_snapshot_free(s);
	pf_table_close(t);
	free(path);
}

/* --verify sees what is wrong. */
TEST(verify_notices)
{
	char *path = make_table("broken");
	struct pf_table *t = open_table(path);
	struct pf_commit *c = open_commit(t);
	struct pf_commit_result r;
	struct pf_buf bytes = { 0 };
	struct pf_verify_report v;
	/* A file in the bucket of another entity. */
	struct pf_cell wrong = cell_of(1);
	wrong.bucket = (wrong.bucket + 1) % 4;
	make_segment(t, 1, 4, &bytes);
	CHECK_OK(pf_commit_add(c, &wrong, 4, 4, pf_view_of(bytes.data, bytes.len),
			       (struct pf_view){ 0 }, &err), &err);
	/* And one in another partition. */
	struct pf_cell day = cell_of(1);
	day.partition = pf_view_str("2024-02-01");
	CHECK_OK(pf_commit_add(c, &day, 4, 4, pf_view_of(bytes.data, bytes.len),
			       (struct pf_view){ 0 }, &err), &err);
	CHECK_OK(mark(c, "s", 0, 8, &r), &err);
	CHECK_OK(pf_table_verify(t, print_problem, NULL, &v, &err), &err);
	CHECK_INT(v.problems, 2);
	/* A file that is gone. */
	char command[600];
	snprintf(command, sizeof command, "rm -r '%s/dt=2024-02-01'", path);
	CHECK(!system(command));
	CHECK_OK(pf_table_verify(t, print_problem, NULL, &v, &err), &err);
	CHECK_INT(v.problems, 2);
	pf_commit_close(c);
	pf_table_close(t);
	free(path);

	/* Statistics that would hide rows from other engines. */
	path = make_table("hiding");
	t = open_table(path);
	c = open_commit(t);
	CHECK_OK(add(c, t, 1, 4), &err);
	int64_t two = 2;
	memcpy((uint8_t *)(uintptr_t)c->files.items[0].value_stats.min.data + 12, &two,
	       sizeof two);
	c->files.items[0].value_stats.nulls[2]++;
	CHECK_OK(mark(c, "s", 0, 4, &r), &err);
	CHECK_OK(pf_table_verify(t, print_problem, NULL, &v, &err), &err);
	CHECK_INT(v.problems, 2);
	pf_buf_free(&bytes);
	pf_commit_close(c);
	pf_table_close(t);
	free(path);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		CASE(exactly_once),	     CASE(streams_by_hash),
		CASE(advances_without_rows), CASE(lists_stay_short),
		CASE(merging_loses_nothing), CASE(c09_over_foreign_snapshots), CASE(x14_c15_hints_are_advice),
		CASE(what_does_not_fit),     CASE(races),
		CASE(verify_notices),
	};
	char clean[300];
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/pf-commit-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		return 1;
	int failed = unit_run(cases, sizeof cases / sizeof *cases,
			      argc > 1 ? argv[1] : NULL);
	snprintf(clean, sizeof clean, "rm -rf '%s'", root);
	return system(clean) || failed;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded stage: appended rows come back, in order, with marks; a torn
 * tail is cut at whatever byte it tore; a flipped bit is refused; damage is
 * told from tearing; history is told by its anchor.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "stage/dir.h"
#include "stage/frame.h"
#include "stage/scan.h"
#include "stage/status.h"
#include "stage/writer.h"
#include "text/tabledef.h"
#include "unit.h"

static struct pf_error err;

static const char yaml[] =
	"table: events\nid: user\ntime: ts\nbuckets: 4\npartition: day\n"
	"columns:\n  user: bigint not null\n  ts: timestamp(3) not null\n"
	"  event: string\n";

static char scratch[64];

static void begin(void)
{
	snprintf(scratch, sizeof scratch, "/tmp/test_stage.XXXXXX");
	CHECK(mkdtemp(scratch) != NULL);
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[512];
	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		if (unlink(name))
			remove_tree(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static const char *at(const char *name)
{
	static char path[8][160];
	static int i;
	i = (i + 1) % 8;
	snprintf(path[i], sizeof path[i], "%s/%s", scratch, name);
	return path[i];
}

static struct pf_stage_writer *open_writer(const char *path, uint64_t segment_bytes)
{
	struct pf_tabledef *def = NULL;
	struct pf_stage_writer *w = NULL;
	CHECK_OK(pf_tabledef_parse(yaml, sizeof yaml - 1, "yaml", &def, &err), &err);
	struct pf_stage_write how = { .definition = def, .segment_bytes = segment_bytes,
				      .no_sync = true };
	CHECK_OK(pf_stage_writer_open(path, &how, &w, &err), &err);
	pf_tabledef_free(def);
	return w;
}

/* Rows from .. to: user = row % 7, ts = row, event = "e<row>", null if row % 5 == 3. */
static void append_rows(struct pf_stage_writer *w, int64_t from, int64_t to)
{
	struct pf_schema *s = pf_stage_schema(pf_stage_writer_stage(w));
	struct pf_builder *b = pf_builder_new(s);
	for (int64_t r = from; r < to; r++) {
		char event[24];
		int n = snprintf(event, sizeof event, "e%" PRId64, r);
		pf_col_i64(&b->columns[0], r % 7);
		pf_col_i64(&b->columns[1], r);
		if (r % 5 == 3)
			pf_col_null(&b->columns[2]);
		else
			pf_col_bytes(&b->columns[2], event, (size_t)n);
	}
	struct pf_batch batch = pf_builder_batch(b);
	int64_t taken;
	CHECK_OK(pf_stage_append(w, &batch, NULL, &taken, &err), &err);
	CHECK_INT(taken, batch.rows);
	pf_builder_free(b);
}

static void commit(struct pf_stage_writer *w)
{
	CHECK_OK(pf_stage_commit(w, &err), &err);
	CHECK_OK(pf_stage_sync(w, &err), &err);
}

static bool row_is(const struct pf_batch *b, int64_t i, int64_t r)
{
	char event[24];
	snprintf(event, sizeof event, "e%" PRId64, r);
	if (pf_int_at(&b->columns[0], PF_BIGINT, i) != r % 7 ||
	    pf_int_at(&b->columns[1], PF_TIMESTAMP, i) != r)
		return false;
	if (r % 5 == 3)
		return pf_is_null(&b->columns[2], i);
	return !pf_is_null(&b->columns[2], i) &&
	       !pf_view_cmp(pf_bytes_at(&b->columns[2], i), pf_view_str(event));
}

struct result {
	int code;
	int64_t rows, wrong, marks, from, to;
	char anchor[33];
	char gaps[64];
};

/* Reading from a row on, with what is known of those before it. */
static struct pf_stage_read from_row(int64_t offset, const char *anchor)
{
	static struct pf_stage_start start;
	start = (struct pf_stage_start){ .offset = offset };
	snprintf(start.anchor, sizeof start.anchor, "%s", anchor);
	return (struct pf_stage_read){ .starts = &start, .nstarts = 1 };
}

static struct result read_with(const char *path, struct pf_stage_read how)
{
	struct result r = { 0 };
	struct pf_stage *stage = NULL;
	struct pf_stage_reader *reader = NULL;
	struct pf_event event;
	memset(&err, 0, sizeof err);
	r.code = pf_stage_open(path, NULL, &stage, &err);
	if (!r.code)
		r.code = pf_stage_reader_open(stage, &how, &reader, &err);
	int64_t next = how.nstarts ? how.starts[0].offset : 0;
	while (!r.code) {
		r.code = pf_stage_reader_next(reader, &event, &err);
		if (r.code || event.kind == PF_EVENT_END)
			break;
		if (event.kind == PF_EVENT_MARK) {
			CHECK_INT(event.mark->nparts, 1);
			r.marks++;
			r.from = event.mark->parts[0].from;
			r.to = event.mark->parts[0].to;
			memcpy(r.anchor, event.mark->parts[0].anchor, sizeof r.anchor);
			snprintf(r.gaps, sizeof r.gaps, "%s",
				 event.mark->gaps ? event.mark->gaps : "");
			continue;
		}
		if (!r.rows && event.batch.rows)
			next = pf_int_at(&event.batch.columns[1], PF_TIMESTAMP, 0);
		for (int64_t i = 0; i < event.batch.rows; i++)
			r.wrong += !row_is(&event.batch, i, next++);
		r.rows += event.batch.rows;
	}
	pf_stage_reader_close(reader);
	pf_stage_close(stage);
	return r;
}

static struct result read_all(const char *path)
{
	return read_with(path, (struct pf_stage_read){ 0 });
}

static struct pf_buf slurp(const char *path)
{
	struct pf_buf b = { 0 };
	CHECK_OK(pf_read_file(path, SIZE_MAX, &b, &err), &err);
	return b;
}

static void spit(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	CHECK(fd >= 0);
	CHECK_OK(pf_write_full(fd, path, data, len, &err), &err);
	close(fd);
}

#define FIRST "s/00000000000000000000.arrows"

TEST(round_trip)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	CHECK(pf_stage_is(at("s")));
	struct result r = read_all(at("s"));
	CHECK_INT(r.rows, 0);
	CHECK_INT(r.marks, 1);
	CHECK_INT(r.to, 0);
	CHECK_STR(r.anchor, "");
	append_rows(w, 0, 100);
	append_rows(w, 100, 101);
	CHECK_INT(pf_stage_accepted(w), 101);
	CHECK_INT(pf_stage_durable(w), 0);
	r = read_all(at("s"));
	CHECK_INT(r.rows, 0);
	commit(w);
	CHECK_INT(pf_stage_durable(w), 101);
	r = read_all(at("s"));
	CHECK_INT(r.code, 0);
	CHECK_INT(r.rows, 101);
	CHECK_INT(r.wrong, 0);
	CHECK_INT(r.marks, 1);
	CHECK_INT(r.from, 0);
	CHECK_INT(r.to, 101);
	CHECK_INT(strlen(r.anchor), 16);
	append_rows(w, 101, 150);
	pf_stage_writer_close(w); /* without a commit: these are not there */
	CHECK_INT(read_all(at("s")).rows, 101);
	w = open_writer(at("s"), 0);
	CHECK_INT(pf_stage_accepted(w), 101);
	append_rows(w, 101, 110);
	commit(w);
	pf_stage_writer_close(w);
	r = read_all(at("s"));
	CHECK_INT(r.rows, 110);
	CHECK_INT(r.wrong, 0);
	remove_tree(scratch);
}

TEST(offsets_and_anchors)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 2000);
	char anchor[64][33] = { { 0 } };
	for (int64_t i = 0; i < 20; i++) {
		append_rows(w, i * 10, i * 10 + 10);
		commit(w);
		struct result r = read_all(at("s"));
		CHECK_INT(r.to, i * 10 + 10);
		memcpy(anchor[i + 1], r.anchor, 33);
	}
	int64_t *list;
	size_t n;
	struct pf_stage_dir dir;
	CHECK_OK(pf_stage_dir_open(at("s"), &dir, &err), &err);
	CHECK_OK(pf_stage_list(&dir, &list, &n, &err), &err);
	pf_stage_dir_close(&dir);
	free(list);
	CHECK(n > 3);
	for (int64_t from = 0; from <= 200; from++) {
		struct result r = read_with(at("s"), from_row(from, anchor[from / 10]));
		CHECK_INT(r.code, 0);
		CHECK_INT(r.rows, 200 - from);
		CHECK_INT(r.wrong, 0);
		CHECK_INT(r.from, from);
		CHECK_INT(r.to, 200);
		CHECK_STR(r.anchor, anchor[20]);
		/* Another history is seen at every offset. */
		r = read_with(at("s"), from_row(from, anchor[from / 10 ? from / 10 - 1 : 20]));
		CHECK_INT(r.code, from >= 20 || from < 10 ? PF_E_STAGE_CHANGED : 0);
	}
	for (int64_t limit = 1; limit < 60; limit += 7) {
		struct pf_stage_read how = from_row(35, "");
		how.limit = limit;
		struct result r = read_with(at("s"), how);
		CHECK_INT(r.rows, limit);
		CHECK_INT(r.wrong, 0);
		CHECK_INT(r.to, 35 + limit);
		CHECK_STR(r.anchor, anchor[(35 + limit) / 10]);
	}
	struct result r = read_with(at("s"), from_row(201, ""));
	CHECK_INT(r.code, PF_E_STAGE_CHANGED);
	CHECK_INT(pf_exit_status(r.code), 3);
	pf_stage_writer_close(w);
	remove_tree(scratch);
}

TEST(seals_without_rows_keep_the_anchor)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	append_rows(w, 0, 10);
	commit(w);
	struct result before = read_all(at("s"));
	struct pf_source_pos *p = pf_sources_add(pf_stage_writer_sources(w));
	p->name = pf_strdup("x");
	p->position = 77;
	p->dirty = true;
	commit(w);
	struct result after = read_all(at("s"));
	CHECK_STR(after.anchor, before.anchor);
	CHECK_INT(after.to, 10);
	append_rows(w, 10, 11);
	commit(w);
	after = read_with(at("s"), from_row(10, before.anchor));
	CHECK_INT(after.code, 0);
	CHECK_INT(after.rows, 1);
	pf_stage_writer_close(w);
	w = open_writer(at("s"), 0);
	p = pf_sources_named(pf_stage_writer_sources(w), "x");
	CHECK(p && p->position == 77);
	pf_stage_writer_close(w);
	remove_tree(scratch);
}

/* Three groups; the file is cut at every byte of the third, or its bytes
 * from there on become zeros: the first two stay, whatever happened. */
TEST(s17_s19_torn_at_every_byte)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	append_rows(w, 0, 20);
	commit(w);
	append_rows(w, 20, 40);
	commit(w);
	struct stat st;
	CHECK(stat(at(FIRST), &st) == 0);
	size_t good = (size_t)st.st_size;
	append_rows(w, 40, 50);
	commit(w);
	pf_stage_writer_close(w);
	struct pf_buf all = slurp(at(FIRST));
	CHECK(all.len > good);
	for (size_t cut = good; cut <= all.len; cut++) {
		for (int zeros = 0; zeros < 2; zeros++) {
			if (zeros) {
				struct pf_buf image = { 0 };
				pf_buf_add(&image, all.data, cut);
				pf_buf_zeros(&image, all.len - cut);
				spit(at(FIRST), image.data, image.len);
				pf_buf_free(&image);
			} else {
				spit(at(FIRST), all.data, cut);
			}
			/* The last bytes of all are zeros themselves. */
			struct result r = read_all(at("s"));
			bool whole = r.rows == 50;
			CHECK_INT(r.code, 0);
			CHECK(r.rows == 40 || (whole && (zeros || cut == all.len)));
			CHECK_INT(r.wrong, 0);
			w = open_writer(at("s"), 0);
			CHECK_INT(pf_stage_accepted(w), whole ? 50 : 40);
			append_rows(w, pf_stage_accepted(w), 60);
			commit(w);
			pf_stage_writer_close(w);
			r = read_all(at("s"));
			CHECK_INT(r.code, 0);
			CHECK_INT(r.rows, 60);
			CHECK_INT(r.wrong, 0);
			if (unit_failures)
				goto out;
		}
	}
out:
	pf_buf_free(&all);
	remove_tree(scratch);
}

/* The first group ever, torn: the segment begins anew. */
TEST(torn_first_group)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	append_rows(w, 0, 5);
	commit(w);
	pf_stage_writer_close(w);
	struct pf_buf all = slurp(at(FIRST));
	for (size_t cut = 0; cut < all.len; cut++) {
		spit(at(FIRST), all.data, cut);
		CHECK_INT(read_all(at("s")).rows, 0);
		w = open_writer(at("s"), 0);
		CHECK_INT(pf_stage_accepted(w), 0);
		append_rows(w, 0, 7);
		commit(w);
		pf_stage_writer_close(w);
		struct result r = read_all(at("s"));
		CHECK_INT(r.rows, 7);
		CHECK_INT(r.wrong, 0);
	}
	pf_buf_free(&all);
	remove_tree(scratch);
}

/* One flipped bit at any byte before the last group: refused by both, and
 * never a changed or a missing row. */
TEST(s18_flipped_bits)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	size_t last = 0;
	for (int64_t i = 0; i < 4; i++) {
		struct stat st;
		if (stat(at(FIRST), &st) == 0)
			last = (size_t)st.st_size;
		append_rows(w, i * 6, i * 6 + 6);
		commit(w);
	}
	pf_stage_writer_close(w);
	struct pf_buf all = slurp(at(FIRST));
	int64_t refused = 0;
	for (size_t i = 0; i < last; i++) {
		all.data[i] ^= (uint8_t)(1u << (i % 8));
		spit(at(FIRST), all.data, all.len);
		struct result r = read_all(at("s"));
		CHECK(pf_exit_status(r.code) == 3);
		CHECK(strstr(err.message, "00000000000000000000.arrows") != NULL);
		CHECK_INT(r.wrong, 0);
		refused += r.code == PF_E_STAGE_CORRUPT;
		struct pf_stage_write how = { .no_sync = true };
		struct pf_stage_writer *none = NULL;
		CHECK_INT(pf_stage_writer_open(at("s"), &how, &none, &err),
			  PF_E_STAGE_CORRUPT);
		if (none)
			pf_stage_writer_close(none);
		struct stat st;
		CHECK(stat(at(FIRST), &st) == 0 && (size_t)st.st_size == all.len);
		all.data[i] ^= (uint8_t)(1u << (i % 8));
		if (unit_failures) {
			printf("# byte %zu of %zu\n", i, last);
			break;
		}
	}
	CHECK_INT(refused, (int64_t)last);
	/* In the last group it is a torn tail. */
	for (size_t i = last; i < all.len; i++) {
		all.data[i] ^= 1;
		spit(at(FIRST), all.data, all.len);
		struct result r = read_all(at("s"));
		CHECK_INT(r.code, 0);
		CHECK_INT(r.rows, 18);
		CHECK_INT(r.wrong, 0);
		all.data[i] ^= 1;
	}
	pf_buf_free(&all);
	remove_tree(scratch);
}

/* In a finished segment nothing counts as torn. */
TEST(finished_segments_are_whole)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 1);
	append_rows(w, 0, 6);
	commit(w);
	append_rows(w, 6, 12);
	commit(w);
	pf_stage_writer_close(w);
	struct pf_buf all = slurp(at(FIRST));
	for (size_t cut = 0; cut < all.len; cut += 3) {
		spit(at(FIRST), all.data, cut);
		CHECK_INT(read_all(at("s")).code, PF_E_STAGE_CORRUPT);
	}
	for (size_t i = 0; i < all.len; i++) {
		all.data[i] ^= 4;
		spit(at(FIRST), all.data, all.len);
		CHECK_INT(read_all(at("s")).code, PF_E_STAGE_CORRUPT);
		all.data[i] ^= 4;
	}
	spit(at(FIRST), all.data, all.len);
	CHECK_INT(read_all(at("s")).rows, 12);
	/* A segment from the middle is gone. */
	w = open_writer(at("s"), 1);
	append_rows(w, 12, 18);
	commit(w);
	pf_stage_writer_close(w);
	CHECK_INT(unlink(at("s/00000000000000000006.arrows")), 0);
	struct result r = read_all(at("s"));
	CHECK_INT(r.code, PF_E_STAGE_CORRUPT);
	CHECK(strstr(err.message, "rows from offset 6 to 12 are missing") != NULL);
	pf_buf_free(&all);
	remove_tree(scratch);
}

TEST(trimmed)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 1);
	for (int64_t i = 0; i < 5; i++) {
		append_rows(w, i * 10, i * 10 + 10);
		commit(w);
	}
	struct result full = read_with(at("s"), (struct pf_stage_read){ .limit = 20 });
	CHECK_INT(full.to, 20);
	struct pf_stage *stage;
	struct pf_trimmed t;
	CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
	CHECK_OK(pf_stage_trim(stage, 25, true, &t, &err), &err);
	CHECK_INT(t.segments, 2);
	CHECK_INT(read_all(at("s")).rows, 50);
	CHECK_OK(pf_stage_trim(stage, 25, false, &t, &err), &err);
	CHECK_INT(t.segments, 2);
	CHECK_INT(t.first, 20);
	struct result r = read_with(at("s"), from_row(20, full.anchor));
	CHECK_INT(r.code, 0);
	CHECK_INT(r.rows, 30);
	CHECK_INT(r.wrong, 0);
	r = read_with(at("s"), from_row(20, "0123456789abcdef"));
	CHECK_INT(r.code, PF_E_STAGE_CHANGED);
	r = read_with(at("s"), from_row(3, ""));
	CHECK_INT(r.code, PF_E_STAGE_GAP);
	CHECK(strstr(err.message, "3 to 19") != NULL);
	struct pf_stage_read over = from_row(3, "");
	over.accept_gap = true;
	r = read_with(at("s"), over);
	CHECK_INT(r.code, 0);
	CHECK_INT(r.rows, 30);
	CHECK_INT(r.from, 3);
	CHECK_INT(r.to, 50);
	CHECK_STR(r.gaps, "{\"0\": [[3, 20]]}");
	/* Everything is loaded: the newest finished segment stays. */
	CHECK_OK(pf_stage_trim(stage, INT64_MAX, false, &t, &err), &err);
	CHECK_INT(t.first, 40);
	pf_stage_close(stage);
	pf_stage_writer_close(w);
	w = open_writer(at("s"), 1);
	CHECK_INT(pf_stage_accepted(w), 50);
	append_rows(w, 50, 60);
	commit(w);
	pf_stage_writer_close(w);
	r = read_with(at("s"), from_row(50, ""));
	CHECK_INT(r.rows, 10);
	CHECK_INT(r.wrong, 0);
	/* Nor does it go when a newer one is still being written. */
	w = open_writer(at("s"), 0);
	append_rows(w, 60, 70);
	commit(w);
	CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
	CHECK_OK(pf_stage_trim(stage, INT64_MAX, false, &t, &err), &err);
	CHECK_INT(t.first, 50);
	pf_stage_close(stage);
	pf_stage_writer_close(w);
	CHECK_INT(read_with(at("s"), from_row(50, "")).rows, 20);
	remove_tree(scratch);
}

/* A reader that holds its files reads on after a trim; one that does not is
 * told. */
TEST(s24_held_open)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 1);
	for (int64_t i = 0; i < 5; i++) {
		append_rows(w, i * 10, i * 10 + 10);
		commit(w);
	}
	pf_stage_writer_close(w);
	struct pf_stage *stage;
	struct pf_stage_reader *held, *bare;
	struct pf_event event;
	struct pf_trimmed t;
	CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
	struct pf_stage_read how = { .hold = true };
	CHECK_OK(pf_stage_reader_open(stage, &how, &held, &err), &err);
	how.hold = false;
	CHECK_OK(pf_stage_reader_open(stage, &how, &bare, &err), &err);
	CHECK_OK(pf_stage_trim(stage, INT64_MAX, false, &t, &err), &err);
	int64_t rows = 0;
	while (!pf_stage_reader_next(held, &event, &err) && event.kind == PF_EVENT_BATCH)
		rows += event.batch.rows;
	CHECK_INT(event.kind, PF_EVENT_MARK);
	CHECK_INT(rows, 50);
	int code = 0;
	while (!code) {
		code = pf_stage_reader_next(bare, &event, &err);
		CHECK(code || event.kind == PF_EVENT_BATCH);
		if (!code && event.kind != PF_EVENT_BATCH)
			break;
	}
	CHECK_INT(code, PF_E_VANISHED);
	CHECK_INT(pf_exit_status(code), 75);
	pf_stage_reader_close(held);
	pf_stage_reader_close(bare);
	pf_stage_close(stage);
	remove_tree(scratch);
}

static int follow_rows;
static bool stop_at_30(void)
{
	return follow_rows >= 30;
}

TEST(follow)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 3000);
	struct pf_stage *stage;
	struct pf_stage_reader *r;
	struct pf_event event;
	CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
	follow_rows = 0;
	struct pf_stage_read how = { .follow = true, .stopping = stop_at_30,
				     .mark_ms = 1 };
	CHECK_OK(pf_stage_reader_open(stage, &how, &r, &err), &err);
	CHECK(!pf_stage_reader_ready(r));
	int64_t marks = 0, marked = 0, wrong = 0;
	for (int64_t i = 0; i < 15; i++) {
		append_rows(w, i * 2, i * 2 + 2);
		commit(w);
		usleep(2000); /* longer than mark_ms: for the rows before, a mark is due */
		CHECK(pf_stage_reader_ready(r));
		do {
			CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
			if (event.kind == PF_EVENT_MARK) {
				marks++;
				CHECK_INT(event.mark->parts[0].from, marked);
				marked = event.mark->parts[0].to;
				CHECK_INT(marked, follow_rows);
			}
		} while (event.kind == PF_EVENT_MARK);
		CHECK_INT(event.kind, PF_EVENT_BATCH);
		for (int64_t k = 0; k < event.batch.rows; k++)
			wrong += !row_is(&event.batch, k, follow_rows++);
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(follow_rows, 30);
	CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
	CHECK_INT(event.kind, PF_EVENT_MARK);
	CHECK_INT(event.mark->parts[0].from, marked);
	CHECK_INT(event.mark->parts[0].to, 30);
	CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
	CHECK_INT(event.kind, PF_EVENT_END);
	CHECK(marks > 0);
	pf_stage_reader_close(r);
	pf_stage_close(stage);
	pf_stage_writer_close(w);
	remove_tree(scratch);
}

static bool stop_now(void)
{
	return follow_rows != 0;
}

/* A follower looks while a tail is torn; the next writer cuts it and writes
 * other bytes there, which the follower must not take for damage. */
TEST(a_torn_tail_is_replaced_under_a_follower)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0);
	append_rows(w, 0, 20);
	commit(w);
	struct stat st;
	CHECK(stat(at(FIRST), &st) == 0);
	size_t good = (size_t)st.st_size;
	append_rows(w, 20, 500);
	commit(w);
	pf_stage_writer_close(w);
	struct pf_buf all = slurp(at(FIRST));
	for (size_t cut = good + 1; cut < all.len && !unit_failures; cut += 97) {
		struct pf_stage *stage;
		struct pf_stage_reader *r;
		struct pf_event event;
		struct pf_stage_read how = from_row(20, "");
		spit(at(FIRST), all.data, cut);
		CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
		how.follow = true;
		how.stopping = stop_now;
		how.mark_ms = 1;
		follow_rows = 0;
		CHECK_OK(pf_stage_reader_open(stage, &how, &r, &err), &err);
		CHECK(!pf_stage_reader_ready(r));
		w = open_writer(at("s"), 0);
		append_rows(w, 20, 33);
		commit(w);
		append_rows(w, 33, 400);
		commit(w);
		pf_stage_writer_close(w);
		int64_t rows = 20, wrong = 0;
		while (rows < 400 && !unit_failures) {
			CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
			if (event.kind != PF_EVENT_BATCH)
				continue;
			for (int64_t i = 0; i < event.batch.rows; i++)
				wrong += !row_is(&event.batch, i, rows++);
		}
		CHECK_INT(wrong, 0);
		pf_stage_reader_close(r);
		pf_stage_close(stage);
	}
	pf_buf_free(&all);
	remove_tree(scratch);
}

TEST(locked)
{
	begin();
	struct pf_stage_writer *w = open_writer(at("s"), 0), *other = NULL;
	struct pf_stage_write how = { .wait_ms = 30 };
	int code = pf_stage_writer_open(at("s"), &how, &other, &err);
	CHECK_INT(code, PF_E_LOCKED);
	CHECK_INT(pf_exit_status(code), 75);
	pf_stage_writer_close(w);
	CHECK_OK(pf_stage_writer_open(at("s"), &how, &other, &err), &err);
	pf_stage_writer_close(other);
	remove_tree(scratch);
}

static int evolve(const char *text)
{
	struct pf_tabledef *def = NULL;
	struct pf_stage_writer *w = NULL;
	CHECK_OK(pf_tabledef_parse(text, strlen(text), "yaml", &def, &err), &err);
	struct pf_stage_write how = { .definition = def, .no_sync = true };
	int code = pf_stage_writer_open(at("s"), &how, &w, &err);
	pf_tabledef_free(def);
	if (!code) {
		struct pf_schema *s = pf_stage_schema(pf_stage_writer_stage(w));
		struct pf_builder *b = pf_builder_new(s);
		pf_col_int(&b->columns[0], 5);
		pf_col_i64(&b->columns[1], 99);
		for (size_t i = 2; i < s->n; i++)
			pf_col_null(&b->columns[i]);
		struct pf_batch batch = pf_builder_batch(b);
		int64_t taken;
	CHECK_OK(pf_stage_append(w, &batch, NULL, &taken, &err), &err);
	CHECK_INT(taken, batch.rows);
		commit(w);
		pf_builder_free(b);
	}
	pf_stage_writer_close(w);
	return code;
}

#define COMMON "table: t\nid: user\ntime: ts\npartition: day\nbuckets: 4\ncolumns:\n"

TEST(definitions_grow)
{
	begin();
	struct pf_stage *old;
	struct pf_stage_reader *follower;
	struct pf_event event;
	CHECK_INT(evolve(COMMON "  user: int not null\n  ts: timestamp(3) not null\n"
			 "  f: float\n"), 0);
	CHECK_OK(pf_stage_open(at("s"), NULL, &old, &err), &err);
	CHECK_OK(pf_stage_reader_open(old, &(struct pf_stage_read){ .follow = true },
				      &follower, &err), &err);
	CHECK_OK(pf_stage_reader_next(follower, &event, &err), &err);
	CHECK_INT(event.batch.rows, 1);
	CHECK_INT(evolve(COMMON "  user: bigint not null\n  ts: timestamp(6) not null\n"
			 "  f: double\n  more: string\n"), 0);
	CHECK_INT(evolve(COMMON "  user: int not null\n  ts: timestamp(6) not null\n"
			 "  f: double\n  more: string\n"), PF_E_STAGE_SCHEMA);
	CHECK_INT(evolve(COMMON "  user: bigint not null\n  ts: timestamp(6) not null\n"
			 "  more: string\n  f: double\n"), PF_E_STAGE_SCHEMA);
	CHECK_INT(evolve(COMMON "  user: bigint not null\n  ts: timestamp(6) not null\n"
			 "  f: double\n  more: string\n  extra: int not null\n"),
		  PF_E_STAGE_SCHEMA);
	/* Who began with the old definition must not drop what is new. */
	CHECK_INT(pf_stage_reader_next(follower, &event, &err), PF_E_STAGE_GREW);
	CHECK(strstr(err.message, "'user'") != NULL);
	pf_stage_reader_close(follower);
	pf_stage_close(old);
	struct pf_stage *stage;
	struct pf_stage_reader *r;
	CHECK_OK(pf_stage_open(at("s"), NULL, &stage, &err), &err);
	CHECK_OK(pf_stage_reader_open(stage, &(struct pf_stage_read){ 0 }, &r, &err),
		 &err);
	for (int64_t i = 0; i < 2; i++) {
		CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
		CHECK_INT(event.kind, PF_EVENT_BATCH);
		CHECK_INT(event.batch.schema->n, 4);
		CHECK_INT(pf_int_at(&event.batch.columns[0], PF_BIGINT, 0), 5);
		/* milliseconds became microseconds */
		CHECK_INT(pf_int_at(&event.batch.columns[1], PF_TIMESTAMP, 0),
			  i ? 99 : 99000);
		CHECK(pf_is_null(&event.batch.columns[2], 0));
		CHECK(pf_is_null(&event.batch.columns[3], 0));
	}
	CHECK_OK(pf_stage_reader_next(r, &event, &err), &err);
	CHECK_INT(event.kind, PF_EVENT_MARK);
	CHECK_INT(event.mark->parts[0].to, 2);
	pf_stage_reader_close(r);
	pf_stage_close(stage);
	remove_tree(scratch);
}

TEST(no_stage)
{
	begin();
	struct pf_stage *stage = NULL;
	struct pf_stage_writer *w = NULL;
	CHECK_INT(pf_stage_open(at("missing"), NULL, &stage, &err), PF_E_NOT_A_STAGE);
	CHECK_INT(pf_stage_open(scratch, NULL, &stage, &err), PF_E_NOT_A_STAGE);
	struct pf_stage_write how = { 0 };
	CHECK_INT(pf_stage_writer_open(scratch, &how, &w, &err), PF_E_NOT_A_STAGE);
	struct stat st;
	CHECK(stat(at("stage.lock"), &st) != 0);
	spit(at("stage.json"), "{\"format\": 9, \"uuid\": \"\", \"definition\": \"\"}", 44);
	CHECK(pf_stage_open(scratch, NULL, &stage, &err) != 0);
	spit(at("stage.json"), "{\"format\": 1", 12);
	CHECK_INT(pf_exit_status(pf_stage_open(scratch, NULL, &stage, &err)), 3);
	remove_tree(scratch);
}

UNIT_MAIN(CASE(round_trip), CASE(offsets_and_anchors),
	  CASE(seals_without_rows_keep_the_anchor), CASE(s17_s19_torn_at_every_byte),
	  CASE(torn_first_group), CASE(s18_flipped_bits), CASE(finished_segments_are_whole),
	  CASE(trimmed), CASE(s24_held_open), CASE(follow),
	  CASE(a_torn_tail_is_replaced_under_a_follower), CASE(locked),
	  CASE(definitions_grow), CASE(no_stage))

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/program.h"
#include "app/records.h"
#include "app/wording.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/number.h"
#include "load/segments.h"
#include "paimon/commit.h"

struct put {
	struct pf_run *run;
	struct pf_table *table;
	struct pf_commit *commit;
	bool append;
	int64_t added; /* segments since the last commit */
	bool replaces; /* some take the place of stored files */
	int64_t first, last, commits, loaded; /* snapshots made */
	int64_t segments, rows, bytes;
	int64_t in, duplicate; /* rows that came; that the table had */
	int64_t waiting;       /* rows since the last commit */
	size_t partitions;
};

static void count(struct put *p, const struct pf_commit_result *r)
{
	p->loaded += r->already_loaded;
	p->duplicate += r->already_loaded ? p->waiting : 0;
	if (r->already_loaded || r->snapshot)
		p->waiting = 0;
	if (!r->snapshot)
		return;
	if (!p->commits++)
		p->first = r->snapshot;
	p->last = r->snapshot;
	p->segments += r->files;
	p->rows += r->rows;
	p->bytes += r->bytes;
	if (r->partitions > p->partitions)
		p->partitions = r->partitions;
}

/* Are the rows inside laid out as the table is? */
static int check_layout(struct put *p, const struct pf_schema *s, int32_t *buckets,
			struct pf_error *err)
{
	const struct pf_layout *l = &pf_table_schema(p->table)->layout;
	const struct {
		const char *key, *what, *want;
	} same[] = { { "pf:id", "ID column", l->id },
		     { "pf:time", "time column", *l->time ? l->time : NULL },
		     { "pf:zone", "zone", *l->time ? l->zone : NULL },
		     { "pf:partition-by", "partition",
		       *l->time ? pf_grain_name(l->grain) : NULL },
		     { "pf:merge", "way of merging versions", l->merge } };
	PF_TRY(pf_segment_check(s, err));
	pf_commit_rows(p->commit, s);
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		const char *has = pf_meta_get(&s->meta, same[i].key);
		if (has && same[i].want && strcmp(has, same[i].want))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "the segments' %s is '%s', the table's '%s'",
				       same[i].what, has, same[i].want);
	}
	const char *n = pf_meta_get(&s->meta, "pf:buckets");
	*buckets = n ? (int32_t)strtol(n, NULL, 10) : 0;
	if (!n)
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the segments do not say of how many buckets they are");
	return 0;
}

/* A segment with the rows of stored files, whose names come with it. */
static int replace(struct put *p, const struct pf_batch *batch, int64_t row,
		   const struct pf_segment *s, int32_t buckets, struct pf_error *err)
{
	const struct pf_column *c = &batch->columns[PF_SEGMENT_REPLACES];
	int32_t from = c->offsets[row], n = c->offsets[row + 1] - from;
	struct pf_view *names = pf_alloc((size_t)n + 1, sizeof *names);
	for (int32_t i = 0; i < n; i++)
		names[i] = pf_bytes_at(c->child, from + i);
	int code = pf_commit_replace(p->commit, &s->cell, buckets, s->rows, s->data,
				     s->index, names, (size_t)n, err);
	free(names);
	return code;
}

static int add_segment(struct put *p, const struct pf_segment *s, int32_t buckets,
		       struct pf_error *err)
{
	pf_commit_changelog(p->commit, s->changelog);
	return pf_commit_add(p->commit, &s->cell, buckets, s->rows, s->data, s->index, err);
}

static int add_segments(struct put *p, const struct pf_batch *batch, int32_t buckets,
			struct pf_error *err)
{
	for (int64_t i = 0; i < batch->rows; i++) {
		struct pf_segment s;
		PF_TRY(pf_segment_at(batch, i, &s, err));
		if (s.replaces)
			PF_TRY(replace(p, batch, i, &s, buckets, err));
		else
			PF_TRY(add_segment(p, &s, buckets, err));
		p->replaces |= s.replaces;
		p->added++;
		p->in += s.rows;
		p->waiting += s.rows;
		pf_progress(p->run, s.rows, 0);
	}
	return 0;
}

static int no_marks(const struct put *p, const char *name, struct pf_error *err)
{
	pf_fail(err, PF_E_USAGE,
		"'%s' has %" PRId64 " segments behind its last mark: nothing tells whether they were loaded before",
		name, p->added);
	return pf_hint(err, "--append commits them, once");
}

/* Segments behind the last mark, or of a stream without marks. */
static int put_rest(struct put *p, struct pf_stream_in *in, const char *name,
		    struct pf_error *err)
{
	struct pf_commit_result r;
	if (!p->added)
		return 0;
	/* What replaces stored files can do so only once. */
	if (!p->append && !p->replaces)
		return no_marks(p, name, err);
	PF_TRY(pf_commit_stream(p->commit, pf_stream_in_hash(in), &r, err));
	if (r.already_loaded)
		pf_diag_note(&p->run->diag, 0,
			     "'%s' was loaded before: refused as already loaded", name);
	p->added = 0;
	p->replaces = false;
	count(p, &r);
	return 0;
}

static int end_of_stream(struct put *p, struct pf_stream_in *in, const char *name,
			 struct pf_error *err)
{
	struct pf_commit_result r;
	PF_TRY(put_rest(p, in, name, err));
	PF_TRY(pf_commit_flush(p->commit, &r, err));
	count(p, &r);
	return 0;
}

static int put_stream(struct put *p, struct pf_stream_in *in, const char *name,
		      struct pf_error *err)
{
	int32_t buckets;
	size_t streams = 0;
	PF_TRY(check_layout(p, pf_stream_in_schema(in), &buckets, err));
	for (;;) {
		struct pf_event event;
		struct pf_commit_result r;
		PF_TRY(pf_stream_in_next(in, &event, err));
		if (p->run->noperands > 1 && pf_stopping())
			return pf_fail(err, PF_E_INTERRUPTED,
				       "stopped by a signal before the end of '%s'", name);
		/* Streams that follow one another are loaded each for itself. */
		if (streams != pf_stream_in_streams(in) && event.kind < PF_EVENT_END)
			PF_TRY(put_rest(p, in, name, err));
		streams = pf_stream_in_streams(in);
		switch (event.kind) {
		case PF_EVENT_BATCH:
			PF_TRY(add_segments(p, &event.batch, buckets, err));
			break;
		case PF_EVENT_MARK:
			PF_TRY(pf_commit_mark(p->commit, event.mark, false, &r, err));
			if (!event.mark->more)
				p->added = 0;
			count(p, &r);
			break;
		case PF_EVENT_ABORT:
			return pf_records_abort(NULL, &event, err);
		case PF_EVENT_END:
			return end_of_stream(p, in, name, err);
		}
	}
}

static int put_input(struct put *p, const char *operand, struct pf_error *err)
{
	struct pf_input input;
	struct pf_stream_in *in;
	PF_TRY(pf_input_open(p->run, operand, &input, err));
	int code = pf_stream_in_open(&input.source, 0, &in, err);
	if (!code) {
		code = put_stream(p, in, input.name, err);
		pf_stream_in_close(in);
	}
	pf_input_close(&input);
	return code;
}

static void summary(const struct put *p)
{
	char quoted[256];
	const char *name = pf_short_name(pf_table_name(p->table), quoted);
	char segments[32], rows[32], bytes[32], snapshots[64], twice[32];
	pf_diag_note(&p->run->diag, 1, "%s rows in = %s stored + %s duplicate",
		     pf_group_digits(segments, p->in), pf_group_digits(rows, p->rows),
		     pf_group_digits(twice, p->duplicate));
	if (!p->commits) {
		pf_diag_note(&p->run->diag, 0, "%s: %s", name,
			     p->loaded ? "already loaded, nothing to do"
				       : "nothing to load");
		return;
	}
	if (p->commits == 1)
		snprintf(snapshots, sizeof snapshots, "snapshot %" PRId64, p->last);
	else
		snprintf(snapshots, sizeof snapshots,
			 "%" PRId64 " snapshots from %" PRId64 " to %" PRId64,
			 p->commits, p->first, p->last);
	pf_diag_note(&p->run->diag, 0, "%s: %s, %s segment%s, %s row%s, %s in %zu partition%s",
		     name, snapshots, pf_group_digits(segments, p->segments),
		     p->segments == 1 ? "" : "s", pf_group_digits(rows, p->rows),
		     p->rows == 1 ? "" : "s", pf_sized(p->bytes, bytes), p->partitions,
		     p->partitions == 1 ? "" : "s");
}

int pf_publish(struct pf_run *run, struct pf_table *table,
	       const struct pf_publish_options *o, struct pf_error *err)
{
	struct put p = { .run = run, .table = table, .append = o->append };
	if (run->noperands == 1 && pf_is_terminal(STDIN_FILENO)) {
		pf_fail(err, PF_E_USAGE, "segments should come from stdin, which is a terminal");
		return pf_hint(err, "'pf-put --help' shows how they get there");
	}
	/* Upstream decides when it ends: what arrives whole is committed. Of
	 * files, what is whole when the signal comes. */
	pf_signals_graceful();
	struct pf_commit_options how = { .restart = o->restart };
	PF_TRY(pf_commit_open(table, &how, &p.commit, err));
	int code = 0;
	for (size_t i = 0; !code && i < pf_inputs(run); i++)
		code = put_input(&p, pf_input_name(run, i), err);
	pf_commit_close(p.commit);
	if (!code)
		summary(&p);
	else if (p.commits)
		pf_diag_note(&run->diag, 0, "up to snapshot %" PRId64
			     " everything is committed", p.last);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/time.h"
#include "stage/backend.h"
#include "stage/cursor.h"

struct embedded_reader {
	struct pf_stage_reader base;
	struct pf_stage *stage;
	struct pf_stage_read how;
	struct pf_cursor *cursor;
	int64_t from, end;    /* asked for; durable now (bounded: where to stop) */
	int64_t last;         /* go no further than this */
	int64_t marked;       /* up to where marks were given */
	bool any_mark, ended;
	int64_t marked_us;
	int64_t rows;
	struct pf_mark mark;
	struct pf_mark_part part;
	char *gaps;

	/* follow: the newest segment, walked ahead of the cursor. */
	struct pf_scan *probe;
	int probe_fd, notify;
	char *probe_name;
};

/* Rows may be read before their writer has seen them durable: make them so.
 * A file system that cannot sync for a reader has nothing that is dirty. */
static int settle(int fd, const char *name, struct pf_error *err)
{
	if (fdatasync(fd) && errno != EROFS && errno != EINVAL)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot sync '%s'", name);
	return 0;
}

static int settle_newest(struct pf_stage *s, const struct pf_stage_end *end,
			 struct pf_error *err)
{
	if (end->last == end->nsegments)
		return 0;
	int fd;
	PF_TRY(pf_stage_segment_open(&s->dir, end->segments[end->last], &fd, err));
	int code = settle(fd, s->dir.path, err);
	close(fd);
	return code ? code : settle(s->dir.fd, s->dir.path, err);
}

static int check_range(struct embedded_reader *r, const struct pf_stage_end *end,
		       struct pf_error *err)
{
	int64_t first = end->nsegments ? end->segments[0] : 0;
	const char *path = r->stage->dir.path;
	if (r->from > end->place.offset) {
		pf_fail(err, PF_E_STAGE_CHANGED,
			"offset %" PRId64 " lies beyond the end of stage '%s' (%" PRId64
			")", r->from, path, end->place.offset);
		return pf_hint(err, "the stage was truncated or made anew since that "
			       "offset was taken");
	}
	if (r->from >= first)
		return 0;
	if (!r->how.accept_gap) {
		pf_fail(err, PF_E_STAGE_GAP,
			"stage '%s' no longer has rows %" PRId64 " to %" PRId64, path,
			r->from, first - 1);
		return pf_hint(err, "--accept-gap goes on without them and says so in "
			       "the table");
	}
	r->gaps = pf_asprintf("{\"0\": [[%" PRId64 ", %" PRId64 "]]}", r->from, first);
	return 0;
}

static int check_anchor(struct embedded_reader *r, struct pf_error *err)
{
	const char *want = r->how.nstarts ? r->how.starts[0].anchor : NULL;
	const char *have = pf_cursor_anchor(r->cursor);
	if (!want || !*want || r->gaps || !strcmp(want, have))
		return 0;
	pf_fail(err, PF_E_STAGE_CHANGED,
		"stage '%s' has another history before offset %" PRId64
		" than the one that was read", r->stage->dir.path, r->from);
	return pf_hint(err, "the last seal there is %s, not %s; was the stage restored "
		       "from an older copy?", *have ? have : "missing", want);
}

static const struct pf_stage_reader_ops reader_ops;
static void reader_close(struct pf_stage_reader *base);

int pf_embedded_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			    struct pf_stage_reader **reader, struct pf_error *err)
{
	if (how->partitions)
		return pf_fail(err, PF_E_USAGE, "stage '%s' has no partitions to choose from",
			       stage->dir.path);
	struct pf_stage_end end;
	PF_TRY(pf_stage_end_find(&stage->dir, false, NULL, &end, err));
	struct embedded_reader *r = pf_zalloc(1, sizeof *r);
	r->base.ops = &reader_ops;
	r->stage = stage;
	r->how = *how;
	if (how->oldest)
		r->from = end.nsegments ? end.segments[0] : 0;
	else if (how->nstarts)
		r->from = how->starts[0].offset;
	r->probe_fd = r->notify = -1;
	r->marked_us = pf_mono_us();
	int code = check_range(r, &end, err);
	if (!code)
		code = settle_newest(stage, &end, err);
	int64_t at = r->gaps && end.nsegments ? end.segments[0] : r->from;
	if (!code)
		code = pf_cursor_open(stage, &end, at, how->hold, &r->cursor, err);
	if (!code)
		code = check_anchor(r, err);
	r->end = end.place.offset;
	r->marked = r->from;
	if (!how->limit || __builtin_add_overflow(at, how->limit, &r->last))
		r->last = INT64_MAX;
	if (r->end > r->last)
		r->end = r->last;
	r->how.starts = NULL;
	r->how.nstarts = 0;
	pf_stage_end_free(&end);
	if (code) {
		reader_close(&r->base);
		return code;
	}
	*reader = &r->base;
	return 0;
}

static void close_probe(struct embedded_reader *r)
{
	pf_scan_free(r->probe);
	free(r->probe_name);
	if (r->probe_fd >= 0)
		close(r->probe_fd);
	r->probe = NULL;
	r->probe_name = NULL;
	r->probe_fd = -1;
}

static void reader_close(struct pf_stage_reader *base)
{
	struct embedded_reader *r = (struct embedded_reader *)base;
	close_probe(r);
	if (r->notify >= 0)
		close(r->notify);
	pf_cursor_close(r->cursor);
	free(r->gaps);
	free(r);
}

/* --- following --- */

static int open_probe(struct embedded_reader *r, int64_t first, struct pf_error *err)
{
	close_probe(r);
	PF_TRY(pf_stage_segment_open(&r->stage->dir, first, &r->probe_fd, err));
	r->probe_name = pf_stage_segment_path(&r->stage->dir, first);
	r->probe = pf_scan_new(r->probe_fd, r->probe_name, first);
	return 0;
}

/* The newest segment, or none yet. */
static int start_probe(struct embedded_reader *r, struct pf_error *err)
{
	struct pf_stage_end end;
	PF_TRY(pf_stage_end_find(&r->stage->dir, false, NULL, &end, err));
	int code = 0;
	if (end.last < end.nsegments)
		code = open_probe(r, end.segments[end.last], err);
	pf_stage_end_free(&end);
	return code;
}

/* Has the stage grown? Then r->end moves. */
static int look_ahead(struct embedded_reader *r, enum pf_walk how, struct pf_error *err)
{
	for (;;) {
		bool closed;
		if (!r->probe)
			PF_TRY(start_probe(r, err));
		if (!r->probe)
			return 0;
		PF_TRY(pf_stage_walk(r->probe, r->probe_name, how, NULL, NULL, &closed,
				     err));
		int64_t end = pf_scan_place(r->probe)->offset;
		if (end > r->end && r->end < r->last) {
			PF_TRY(settle(r->probe_fd, r->probe_name, err));
			PF_TRY(settle(r->stage->dir.fd, r->stage->dir.path, err));
			r->end = end < r->last ? end : r->last;
		}
		if (!closed || r->end == r->last)
			return 0;
		struct pf_error gone = { 0 };
		int fd;
		if (pf_stage_segment_open(&r->stage->dir, end, &fd, &gone))
			return gone.code == PF_E_VANISHED ? 0 : (*err = gone, gone.code);
		close(fd);
		PF_TRY(open_probe(r, end, err));
	}
}

static bool stopped(const struct embedded_reader *r)
{
	return (r->how.stopping && r->how.stopping()) ||
	       (r->cursor && pf_cursor_offset(r->cursor) == r->last);
}

/* Until something changes in the directory, or for at most ms; did it? */
static bool wait_change(struct embedded_reader *r, int ms)
{
	if (r->notify < 0) {
		r->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (r->notify >= 0)
			inotify_add_watch(r->notify, r->stage->dir.path,
					  IN_MODIFY | IN_CREATE);
		/* What happened before the watch is seen by looking again. */
		return true;
	}
	struct pollfd p = { .fd = r->notify, .events = POLLIN };
	bool changed = poll(&p, 1, ms) > 0;
	char events[4096];
	while (read(r->notify, events, sizeof events) > 0)
		;
	return changed;
}

static int64_t mark_interval_us(const struct embedded_reader *r)
{
	return (int64_t)(r->how.mark_ms > 0 ? r->how.mark_ms : 1000) * 1000;
}

/* --- events --- */

static void give_mark(struct embedded_reader *r, struct pf_event *event)
{
	memset(&r->part, 0, sizeof r->part);
	memset(&r->mark, 0, sizeof r->mark);
	memcpy(r->mark.stage, r->stage->id.uuid, sizeof r->stage->id.uuid);
	r->part.from = r->marked;
	r->part.to = pf_cursor_offset(r->cursor);
	memcpy(r->part.anchor, pf_cursor_anchor(r->cursor), PF_HASH_DIGITS + 1);
	r->mark.parts = &r->part;
	r->mark.nparts = 1;
	r->mark.rows = r->rows;
	r->mark.gaps = r->any_mark ? NULL : r->gaps;
	r->rows = 0;
	r->marked = r->part.to;
	r->marked_us = pf_mono_us();
	r->any_mark = true;
	event->kind = PF_EVENT_MARK;
	event->mark = &r->mark;
}

static bool mark_due(const struct embedded_reader *r)
{
	return r->rows && pf_mono_us() - r->marked_us >= mark_interval_us(r);
}

/* *more: rows came. Otherwise a mark is due, or the end. */
static int wait_rows(struct embedded_reader *r, bool *more, struct pf_error *err)
{
	int64_t limit = mark_interval_us(r);
	/* Damage is looked for when the file has come to rest. */
	enum pf_walk how = PF_WALK_LIVE;
	for (;;) {
		PF_TRY(look_ahead(r, how, err));
		*more = r->end > pf_cursor_offset(r->cursor);
		if (*more || stopped(r) || mark_due(r))
			return 0;
		int64_t left = r->rows ? limit - (pf_mono_us() - r->marked_us) : limit;
		how = wait_change(r, left < 1000 ? 1 : (int)(left / 1000)) ?
			PF_WALK_LIVE : PF_WALK_QUICK;
	}
}

static int reader_next(struct pf_stage_reader *base, struct pf_event *event,
		       struct pf_error *err)
{
	struct embedded_reader *r = (struct embedded_reader *)base;
	*event = (struct pf_event){ .kind = PF_EVENT_END };
	if (r->ended)
		return 0;
	bool follow = r->how.follow && !stopped(r);
	bool more = pf_cursor_offset(r->cursor) < r->end;
	if (follow && !mark_due(r) && !more)
		PF_TRY(wait_rows(r, &more, err));
	if (more && !(follow && mark_due(r)) && !(r->how.follow && stopped(r))) {
		event->kind = PF_EVENT_BATCH;
		PF_TRY(pf_cursor_next(r->cursor, r->end, &event->batch, err));
		r->rows += event->batch.rows;
		return 0;
	}
	if (follow && mark_due(r)) {
		give_mark(r, event);
		return 0;
	}
	if (!r->any_mark || r->rows) {
		give_mark(r, event);
		return 0;
	}
	r->ended = true;
	return 0;
}

static bool reader_ready(struct pf_stage_reader *base)
{
	struct embedded_reader *r = (struct embedded_reader *)base;
	if (!r->how.follow || r->ended || stopped(r) || mark_due(r) ||
	    pf_cursor_offset(r->cursor) < r->end)
		return true;
	struct pf_error err = { 0 };
	return look_ahead(r, PF_WALK_LIVE, &err) || pf_cursor_offset(r->cursor) < r->end;
}

/* Every row was looked at before it was accepted, and has one place. */
static void reader_counts(const struct pf_stage_reader *base, struct pf_counts *counts)
{
	(void)base;
	*counts = (struct pf_counts){ 0 };
}

static const struct pf_stage_reader_ops reader_ops = {
	.next = reader_next,
	.ready = reader_ready,
	.counts = reader_counts,
	.close = reader_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/track.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "ext/hash.h"
#include "ext/inflate.h"

enum { SKIP_PIECE = 256 << 10, STOP_POLL_MS = 100 };

struct pf_track {
	const struct pf_append_input *input;
	struct pf_byte_source source;
	bool remember, plain; /* plain: pread says what the bytes are */
	bool (*stopping)(void);
	uint64_t taken;       /* handed out */
	struct pf_buf ahead;  /* read, not yet handed out */
	size_t ahead_at;
	struct pf_buf head;   /* the first bytes, at most a piece */
	struct pf_buf kept;   /* the last bytes handed out, from kept_at on */
	uint64_t kept_at, passed;
	bool expecting;
	uint64_t expect_at, expect_hash;
	uint32_t expect_bytes;
};

struct pf_track *pf_track_new(const struct pf_append_input *input, bool remember,
			      bool (*stopping)(void))
{
	struct pf_track *t = pf_zalloc(1, sizeof *t);
	t->input = input;
	t->source = *input->source;
	t->remember = remember;
	t->plain = input->path && !input->packed;
	t->stopping = stopping;
	return t;
}

void pf_track_free(struct pf_track *t)
{
	if (!t)
		return;
	pf_buf_free(&t->ahead);
	pf_buf_free(&t->head);
	pf_buf_free(&t->kept);
	free(t);
}

uint64_t pf_track_taken(const struct pf_track *t)
{
	return t->taken;
}

bool pf_track_ready(struct pf_track *t, int timeout_ms)
{
	return t->plain || t->ahead_at < t->ahead.len || !t->source.ready ||
	       t->source.ready(t->source.ctx, timeout_ms);
}

/* A plain file is read by position: others may have read ahead in it. */
static int read_plain(struct pf_track *t, void *data, size_t len, size_t *got,
		      struct pf_error *err)
{
	for (;;) {
		ssize_t n = pread(t->input->fd, data, len, (off_t)t->taken);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'",
					     t->input->name);
		*got = (size_t)n;
		return 0;
	}
}

/* As the source's read, but PF_E_INTERRUPTED when the user asks to stop: that is
 * not the end of the input, which --final-line would take for a line's. */
static int take(struct pf_track *t, void *data, size_t len, size_t *got,
		struct pf_error *err)
{
	*got = 0;
	if (t->stopping) {
		while (!t->stopping() && !pf_track_ready(t, STOP_POLL_MS))
			;
		if (t->stopping())
			return pf_fail(err, PF_E_INTERRUPTED, "stopped by a signal");
	}
	if (t->plain)
		return read_plain(t, data, len, got, err);
	return t->source.read(t->source.ctx, data, len, got, err);
}

static int differs(const struct pf_track *t, struct pf_error *err)
{
	pf_fail(err, PF_E_SOURCE_CHANGED,
		"'%s' is not what was staged of it before: byte %" PRIu64
		" and those before it differ", t->input->name, t->expect_at);
	return pf_hint(err, "--source NAME with another name takes it as a new source");
}

static int check_expected(struct pf_track *t, bool ended, struct pf_error *err)
{
	if (ended) {
		pf_fail(err, PF_E_SOURCE_CHANGED,
			"'%s' ends after %" PRIu64 " bytes; %" PRIu64
			" were staged before", t->input->name, t->taken, t->expect_at);
		return pf_hint(err, "give the whole input again, or another --source");
	}
	t->expecting = false;
	uint64_t from = t->expect_at - t->expect_bytes;
	if (from < t->kept_at ||
	    pf_xxh3(t->kept.data + (from - t->kept_at), t->expect_bytes) !=
		    t->expect_hash)
		return differs(t, err);
	return 0;
}

static void keep(struct pf_track *t, const void *data, size_t len)
{
	if (t->head.len < PF_SOURCE_PIECE) {
		size_t more = PF_SOURCE_PIECE - t->head.len;
		pf_buf_add(&t->head, data, len < more ? len : more);
	}
	pf_buf_add(&t->kept, data, len);
}

/* Bytes further than a piece before `passed` are not asked for any more. */
static void drop_passed(struct pf_track *t)
{
	uint64_t from = t->passed < PF_SOURCE_PIECE ? 0 : t->passed - PF_SOURCE_PIECE;
	size_t n = from > t->kept_at ? (size_t)(from - t->kept_at) : 0;
	/* Move seldom: not before it is worth it. */
	if (n < SKIP_PIECE && n < t->kept.len / 2)
		return;
	if (n > t->kept.len)
		n = t->kept.len;
	memmove(t->kept.data, t->kept.data + n, t->kept.len - n);
	t->kept.len -= n;
	t->kept_at += n;
}

void pf_track_passed(struct pf_track *t, uint64_t position)
{
	t->passed = position;
	if (t->kept.len)
		drop_passed(t);
}

static int track_read(void *ctx, void *data, size_t len, size_t *got,
		      struct pf_error *err)
{
	struct pf_track *t = ctx;
	/* Stop at the position where a check is due. */
	if (t->expecting && len > t->expect_at - t->taken)
		len = (size_t)(t->expect_at - t->taken);
	if (t->ahead_at < t->ahead.len) {
		size_t n = t->ahead.len - t->ahead_at;
		*got = n < len ? n : len;
		memcpy(data, t->ahead.data + t->ahead_at, *got);
		t->ahead_at += *got;
	} else {
		PF_TRY(take(t, data, len, got, err));
	}
	if (t->remember && !t->plain) {
		keep(t, data, *got);
		if (t->expecting)
			t->passed = t->taken + *got;
		drop_passed(t);
	}
	t->taken += *got;
	if (t->expecting && (t->taken == t->expect_at || !*got))
		return check_expected(t, t->taken < t->expect_at, err);
	return 0;
}

static bool track_ready(void *ctx, int timeout_ms)
{
	return pf_track_ready(ctx, timeout_ms);
}

struct pf_byte_source pf_track_source(struct pf_track *t)
{
	return (struct pf_byte_source){ .read = track_read, .ready = track_ready,
					.ctx = t, .name = t->input->name };
}

void pf_track_expect(struct pf_track *t, const struct pf_source_pos *source)
{
	/* A plain file was looked at when it was matched. */
	if (t->plain || !t->remember || source->position <= t->taken)
		return;
	t->expecting = true;
	t->expect_at = source->position;
	t->expect_bytes = source->tail_bytes;
	t->expect_hash = source->tail_hash;
}

bool pf_track_can_skip(const struct pf_track *t)
{
	return t->plain;
}

int pf_track_skip(void *track, uint64_t bytes, struct pf_error *err)
{
	(void)err;
	struct pf_track *t = track;
	t->taken += bytes;
	return 0;
}

/* --- hashes --- */

static int hash_plain(const struct pf_track *t, uint64_t from, uint32_t bytes,
		      uint64_t *hash, struct pf_error *err)
{
	uint8_t piece[PF_SOURCE_PIECE];
	PF_TRY(pf_pread_full(t->input->fd, t->input->name, piece, bytes, (off_t)from,
			     err));
	*hash = pf_xxh3(piece, bytes);
	return 0;
}

int pf_track_note(struct pf_track *t, uint64_t position, struct pf_source_pos *s,
		  struct pf_error *err)
{
	uint32_t n = position < PF_SOURCE_PIECE ? (uint32_t)position : PF_SOURCE_PIECE;
	if (t->plain) {
		PF_TRY(hash_plain(t, 0, n, &s->head_hash, err));
		PF_TRY(hash_plain(t, position - n, n, &s->tail_hash, err));
	} else {
		uint64_t from = position - n;
		if (t->head.len < n || from < t->kept_at ||
		    position > t->kept_at + t->kept.len)
			return pf_fail(err, PF_E_INTERNAL,
				       "position %" PRIu64 " of '%s' is not at hand",
				       position, t->input->name);
		s->head_hash = pf_xxh3(t->head.data, n);
		s->tail_hash = pf_xxh3(t->kept.data + (from - t->kept_at), n);
	}
	s->head_bytes = s->tail_bytes = n;
	s->position = position;
	s->dirty = true;
	pf_track_passed(t, position);
	return 0;
}

/* --- which source is it? --- */

int pf_track_same_head(struct pf_track *t, const struct pf_source_pos *s, bool *same,
		       struct pf_error *err)
{
	while (t->ahead.len < s->head_bytes) {
		size_t got, want = s->head_bytes - t->ahead.len;
		PF_TRY(take(t, pf_buf_room(&t->ahead, want), want, &got, err));
		if (!got)
			break;
		t->ahead.len += got;
	}
	*same = t->ahead.len >= s->head_bytes &&
		pf_xxh3(t->ahead.data, s->head_bytes) == s->head_hash;
	return 0;
}

/* Bytes of the file from any place, in order, unpacked. */
struct second_look {
	const struct pf_track *t;
	int fd;
	struct pf_inflate *inflate;
	struct pf_byte_source source;
	uint64_t at;
	struct pf_buf last; /* the last bytes before at */
};

static int look_open(struct second_look *l, const struct pf_track *t,
		     struct pf_error *err)
{
	*l = (struct second_look){ .t = t };
	l->fd = open(t->input->path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'",
				     t->input->path);
	struct pf_byte_source raw = pf_source_fd(&l->fd, t->input->path);
	int code = pf_inflate_open(&raw, &l->inflate, err);
	if (!code)
		l->source = pf_inflate_source(l->inflate);
	return code;
}

static void look_close(struct second_look *l)
{
	pf_inflate_close(l->inflate);
	if (l->fd >= 0)
		close(l->fd);
	pf_buf_free(&l->last);
}

/* The hash of `bytes` before position, which must not lie before the last
 * one asked for; *found false when the file ends before. */
static int look_at(struct second_look *l, uint64_t position, uint32_t bytes,
		   uint64_t *hash, bool *found, struct pf_error *err)
{
	while (l->at < position) {
		size_t got, want = SKIP_PIECE;
		if (position - l->at < want)
			want = (size_t)(position - l->at);
		if (l->last.len > SKIP_PIECE) {
			size_t drop = l->last.len - PF_SOURCE_PIECE;
			memmove(l->last.data, l->last.data + drop, PF_SOURCE_PIECE);
			l->last.len = PF_SOURCE_PIECE;
		}
		PF_TRY(l->source.read(l->source.ctx, pf_buf_room(&l->last, want), want,
				      &got, err));
		if (!got)
			break;
		l->last.len += got;
		l->at += got;
	}
	*found = l->at == position && l->last.len >= bytes;
	if (*found)
		*hash = pf_xxh3(l->last.data + l->last.len - bytes, bytes);
	return 0;
}

static int by_position(const void *a, const void *b)
{
	const struct pf_source_pos *const *x = a, *const *y = b;
	return ((*x)->position > (*y)->position) - ((*x)->position < (*y)->position);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool same_file_name(const char *a, const char *b)
{
	return a && b && !strcmp(last_part(a), last_part(b));
}

/* Those that begin like this file. */
static int candidates(const struct pf_track *t, const struct pf_sources *sources,
		      bool same_name, struct pf_source_pos **list, size_t *n,
		      struct pf_error *err)
{
	struct second_look look;
	struct pf_buf head = { 0 };
	int code = look_open(&look, t, err);
	for (size_t got = 1; !code && got && head.len < PF_SOURCE_PIECE;) {
		code = look.source.read(look.source.ctx,
					pf_buf_room(&head, PF_SOURCE_PIECE),
					PF_SOURCE_PIECE - head.len, &got, err);
		head.len += code ? 0 : got;
	}
	look_close(&look);
	/* A hash per length asked for: one, unless sources were tiny. */
	uint32_t hashed = 0;
	uint64_t hash = 0;
	for (size_t i = 0; !code && i < sources->n; i++) {
		struct pf_source_pos *s = sources->items[i];
		if (s->name || !s->position || s->head_bytes > head.len ||
		    (same_name && !same_file_name(s->path, t->input->path)))
			continue;
		if (hashed != s->head_bytes)
			hash = pf_xxh3(head.data, hashed = s->head_bytes);
		if (hash == s->head_hash)
			list[(*n)++] = s;
	}
	pf_buf_free(&head);
	return code;
}

int pf_track_match(struct pf_track *t, const struct pf_sources *sources,
		   bool same_name, struct pf_source_pos **found,
		   struct pf_error *err)
{
	*found = NULL;
	if (!t->input->path || !sources->n)
		return 0;
	struct pf_source_pos **list = pf_alloc(sources->n, sizeof *list);
	size_t n = 0;
	struct stat st;
	int code = candidates(t, sources, same_name, list, &n, err);
	struct second_look look = { .fd = -1 };
	if (n)
		qsort(list, n, sizeof *list, by_position);
	if (!code && n && t->plain && fstat(t->input->fd, &st))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'",
				     t->input->name);
	if (!code && n && !t->plain)
		code = look_open(&look, t, err);
	for (size_t i = 0; !code && i < n; i++) {
		struct pf_source_pos *s = list[i];
		uint64_t hash = 0;
		bool there = true;
		if (!t->plain)
			code = look_at(&look, s->position, s->tail_bytes, &hash, &there,
				       err);
		else if (s->position > (uint64_t)st.st_size)
			there = false;
		else
			code = hash_plain(t, s->position - s->tail_bytes,
					  s->tail_bytes, &hash, err);
		/* The furthest one wins. */
		if (!code && there && hash == s->tail_hash)
			*found = s;
	}
	look_close(&look);
	free(list);
	return code;
}

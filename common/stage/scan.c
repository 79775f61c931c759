/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ext/hash.h"

/* What one read asks for when walking headers, when loading, and at most. */
enum { STEP_SKIP = 64 << 10, STEP_LOAD = 1 << 20, STEP_MOST = 8 << 20 };
#define GROUP_LIMIT ((uint64_t)1 << 30)

struct pf_scan {
	int fd;
	const char *name, *why;
	struct pf_scan_place now, before; /* behind the last group, before it */
	struct pf_buf window; /* bytes of the file from window_at on */
	uint64_t window_at;
	struct pf_group_rows *messages;
	size_t nmessages, cap;
	char *head_sources, *sources;
};

struct pf_scan *pf_scan_new(int fd, const char *name, int64_t first)
{
	struct pf_scan *s = pf_zalloc(1, sizeof *s);
	s->fd = fd;
	s->name = name;
	s->now.offset = s->before.offset = first;
	s->why = "";
	return s;
}

void pf_scan_free(struct pf_scan *s)
{
	if (!s)
		return;
	pf_buf_free(&s->window);
	free(s->messages);
	free(s->head_sources);
	free(s->sources);
	free(s);
}

const char *pf_scan_why(const struct pf_scan *s)
{
	return s->why;
}

const struct pf_scan_place *pf_scan_place(const struct pf_scan *s)
{
	return &s->now;
}

void pf_scan_back(struct pf_scan *s)
{
	s->now = s->before;
}

/* Make need bytes at position at visible, if the file has them; keep what the
 * window holds from keep on. *have says how many there are. */
static int look(struct pf_scan *s, uint64_t keep, uint64_t at, size_t need,
		size_t step, const uint8_t **data, size_t *have,
		struct pf_error *err)
{
	uint64_t end = s->window_at + s->window.len;
	if (keep < s->window_at || keep > end) {
		s->window.len = 0;
		s->window_at = end = keep;
	}
	if (at + need > end && keep > s->window_at) {
		size_t drop = (size_t)(keep - s->window_at);
		memmove(s->window.data, s->window.data + drop, s->window.len - drop);
		s->window.len -= drop;
		s->window_at = keep;
	}
	while (at + need > end) {
		size_t want = (size_t)(at + need - end);
		if (want < step)
			want = step;
		/* Never room for what a header merely claims. */
		if (want > STEP_MOST)
			want = STEP_MOST;
		ssize_t n = pread(s->fd, pf_buf_room(&s->window, want), want,
				  (off_t)end);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'",
					     s->name);
		if (n == 0)
			break;
		s->window.len += (size_t)n;
		end += (uint64_t)n;
	}
	*data = s->window.data ? s->window.data + (at - s->window_at) : NULL;
	*have = end > at ? (size_t)(end - at) : 0;
	return 0;
}

static enum pf_scan_result bad(struct pf_scan *s, const char *why)
{
	s->why = why;
	return PF_SCAN_BAD;
}

static void note_rows(struct pf_scan *s, size_t at, const struct pf_frame *f)
{
	if (s->nmessages == s->cap) {
		s->cap = pf_grow(s->cap, s->nmessages + 1);
		s->messages = pf_realloc(s->messages, s->cap, sizeof *s->messages);
	}
	s->messages[s->nmessages++] =
		(struct pf_group_rows){ at, (size_t)f->bytes, f->rows };
}

/* What a seal says must agree with what was walked. */
static const char *check_seal(const struct pf_scan *s, const struct pf_group *g,
			      const struct pf_frame *f)
{
	if (f->start != s->now.at || f->from != g->from || f->to != g->to)
		return "a seal does not fit what stands before it";
	const char *prev = s->now.any ? s->now.last : g->head_prev;
	if (strcmp(f->prev, prev) != 0)
		return "a seal does not follow the one before it";
	return NULL;
}

static const char *check_order(const struct pf_scan *s, const struct pf_group *g,
			       const struct pf_frame *f, size_t nth)
{
	if (s->now.any || nth > 1)
		return f->kind == PF_FRAME_ROWS || f->kind == PF_FRAME_SEAL ?
			NULL : "a message stands where it must not";
	if (nth == 0)
		return f->kind == PF_FRAME_SCHEMA ? NULL : "there is no schema";
	if (f->kind != PF_FRAME_HEAD)
		return "there is no head";
	return f->from == g->from ? NULL : "the head has another first offset";
}

static void take_head(struct pf_scan *s, struct pf_group *g, struct pf_frame *f)
{
	g->first = true;
	memcpy(g->head_prev, f->prev, sizeof g->head_prev);
	memcpy(g->head_anchor, f->anchor, sizeof g->head_anchor);
	memcpy(g->stage, f->stage, sizeof g->stage);
	free(s->head_sources);
	s->head_sources = f->sources;
	f->sources = NULL;
	g->head_sources = s->head_sources;
}

static void take_seal(struct pf_scan *s, struct pf_group *g, struct pf_frame *f,
		      uint64_t end)
{
	s->before = s->now;
	memcpy(g->hash, f->hash, sizeof g->hash);
	memcpy(g->prev, f->prev, sizeof g->prev);
	free(s->sources);
	s->sources = f->sources;
	f->sources = NULL;
	g->sources = s->sources;
	g->at = s->now.at;
	g->end = end;
	if (g->first)
		memcpy(s->now.anchor, g->head_anchor, sizeof s->now.anchor);
	if (g->to > g->from)
		memcpy(s->now.anchor, g->hash, sizeof s->now.anchor);
	memcpy(s->now.last, g->hash, sizeof s->now.last);
	s->now.any = true;
	s->now.at = end;
	s->now.offset = g->to;
}

/* The message at a position, with load its body, too; SHORT when the file ends
 * before. */
static int frame_at(struct pf_scan *s, uint64_t keep, uint64_t at, bool load,
		    const uint8_t **data, size_t *have, struct pf_frame *f,
		    struct pf_error *err)
{
	for (size_t need = 8;;) {
		PF_TRY(look(s, keep, at, need, load ? STEP_LOAD : STEP_SKIP, data, have,
			    err));
		pf_frame_read(*data, *have, f);
		uint64_t more = f->kind == PF_FRAME_SHORT ? f->need :
				load && f->kind >= PF_FRAME_SCHEMA ? f->bytes : 0;
		if (more <= *have)
			return 0;
		pf_frame_clear(f);
		f->kind = PF_FRAME_SHORT;
		if (more == need)
			return 0;
		if (at + more - keep > GROUP_LIMIT) {
			f->kind = PF_FRAME_BAD;
			return 0;
		}
		need = (size_t)more;
	}
}

static int scan_group(struct pf_scan *s, bool load, struct pf_group *g,
		      enum pf_scan_result *result, struct pf_error *err)
{
	*g = (struct pf_group){ .from = s->now.offset, .to = s->now.offset };
	s->nmessages = 0;
	uint64_t at = s->now.at;
	for (size_t nth = 0;; nth++) {
		struct pf_frame f;
		const uint8_t *data;
		size_t have;
		PF_TRY(frame_at(s, load ? s->now.at : at, at, load, &data, &have, &f, err));
		if (f.kind == PF_FRAME_SHORT) {
			*result = PF_SCAN_TAIL;
			return 0;
		}
		if (f.kind == PF_FRAME_EOS && !nth) {
			PF_TRY(look(s, at, at, 9, STEP_SKIP, &data, &have, err));
			*result = have > 8 ? bad(s, "bytes follow the end") : PF_SCAN_EOS;
			return 0;
		}
		if (f.kind == PF_FRAME_BAD || f.kind == PF_FRAME_EOS) {
			*result = bad(s, f.kind == PF_FRAME_EOS ?
				      "it ends without a seal" : "a message is malformed");
			return 0;
		}
		const char *why = check_order(s, g, &f, nth);
		if (!why && f.kind == PF_FRAME_SEAL)
			why = check_seal(s, g, &f);
		if (!why && load && f.kind == PF_FRAME_SEAL) {
			char hash[PF_HASH_DIGITS + 1];
			size_t before = (size_t)(at - s->now.at);
			pf_seal_hash(pf_view_of(data - before, before),
				     pf_view_of(data, (size_t)f.bytes), f.hash, hash);
			if (strcmp(hash, f.hash) != 0)
				why = "the hash differs";
		}
		if (!why && __builtin_add_overflow(g->to, f.rows, &g->to))
			why = "a message has too many rows";
		if (why) {
			pf_frame_clear(&f);
			*result = bad(s, why);
			return 0;
		}
		if (f.kind == PF_FRAME_HEAD)
			take_head(s, g, &f);
		if (f.kind == PF_FRAME_ROWS && load)
			note_rows(s, (size_t)(at - s->now.at), &f);
		at += f.bytes;
		if (f.kind != PF_FRAME_SEAL)
			continue;
		if (!load) {
			/* The last group's body must be there, too. */
			PF_TRY(look(s, at - 1, at - 1, 1, 1, &data, &have, err));
			if (!have) {
				pf_frame_clear(&f);
				*result = PF_SCAN_TAIL;
				return 0;
			}
		} else {
			g->bytes = data - (at - f.bytes - s->now.at);
			g->messages = s->messages;
			g->nmessages = s->nmessages;
		}
		take_seal(s, g, &f, at);
		*result = PF_SCAN_GROUP;
		return 0;
	}
}

int pf_scan_next(struct pf_scan *s, bool load, struct pf_group *g,
		 enum pf_scan_result *result, struct pf_error *err)
{
	/* Bytes behind the last seal may have been replaced since they were read:
	 * a writer cuts the torn tail of one that was killed, and writes there. */
	bool stale = s->window.len > 0;
	PF_TRY(scan_group(s, load, g, result, err));
	if (!stale || *result == PF_SCAN_GROUP || *result == PF_SCAN_EOS)
		return 0;
	s->window.len = 0;
	s->window_at = s->now.at;
	return scan_group(s, load, g, result, err);
}

/* Is there a good seal at this position? */
static int try_seal(struct pf_scan *s, uint64_t at, const struct pf_frame *f,
		    bool *good, struct pf_error *err)
{
	*good = false;
	if (f->start < s->now.at || f->start > at || at - f->start > GROUP_LIMIT)
		return 0;
	const uint8_t *data;
	size_t have, before = (size_t)(at - f->start);
	struct pf_xxh3_state *hash = pf_xxh3_new();
	int code = 0;
	struct pf_buf save = s->window;
	uint64_t save_at = s->window_at;
	s->window = (struct pf_buf){ 0 };
	for (size_t done = 0; !code && done < before;) {
		uint64_t from = f->start + done;
		code = look(s, from, from, 1, STEP_LOAD, &data, &have, err);
		if (!code && !have)
			break;
		size_t n = have < before - done ? have : before - done;
		pf_xxh3_update(hash, data, n);
		done += n;
	}
	if (!code)
		code = look(s, at, at, f->head, STEP_SKIP, &data, &have, err);
	if (!code && have >= f->bytes) {
		char digits[PF_HASH_DIGITS + 1];
		pf_seal_hash_end(hash, pf_view_of(data, (size_t)f->bytes), f->hash,
				 digits);
		*good = !strcmp(digits, f->hash);
	}
	pf_xxh3_free(hash);
	pf_buf_free(&s->window);
	s->window = save;
	s->window_at = save_at;
	return code;
}

/* The first place among the bytes, at a multiple of 8, where a message may
 * begin; the number of whole steps if there is none. */
static size_t find_mark(const uint8_t *data, size_t len)
{
	size_t i = 0;
	uint32_t mark;
	for (; i + 8 <= len; i += 8) {
		memcpy(&mark, data + i, 4);
		if (mark == UINT32_MAX)
			break;
	}
	return i;
}

int pf_scan_good_beyond(struct pf_scan *s, bool *found, struct pf_error *err)
{
	*found = false;
	/* Messages stand at multiples of 8. */
	for (uint64_t at = s->now.at + (8 - s->now.at % 8) % 8;;) {
		const uint8_t *data;
		size_t have;
		struct pf_frame f;
		PF_TRY(look(s, at, at, 8, STEP_LOAD, &data, &have, err));
		if (have < 8)
			return 0;
		size_t skip = find_mark(data, have);
		at += skip;
		if (skip + 8 > have)
			continue;
		pf_frame_read(data + skip, have - skip, &f);
		if (f.kind == PF_FRAME_SHORT && f.need < STEP_LOAD) {
			PF_TRY(look(s, at, at, f.need, STEP_LOAD, &data, &have, err));
			pf_frame_read(data, have, &f);
		}
		int code = 0;
		if (f.kind == PF_FRAME_SEAL)
			code = try_seal(s, at, &f, found, err);
		pf_frame_clear(&f);
		if (code || *found)
			return code;
		at += 8;
	}
}

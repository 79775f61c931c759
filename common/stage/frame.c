/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/flatbuf.h"
#include "ext/hash.h"

/* Slots of Message and RecordBatch (Message.fbs). */
enum { MSG_TYPE = 1, MSG_HEADER = 2, MSG_BODY = 3, MSG_META = 4 };
enum { TYPE_SCHEMA = 1, TYPE_BATCH = 3 };
enum { BATCH_LENGTH = 0 };

/* Limits that no segment of ours comes near. */
#define META_LIMIT ((uint32_t)64 << 20)
#define BODY_LIMIT ((int64_t)1 << 30)

static bool text_is(struct pf_view v, const char *text)
{
	return v.data && v.len == strlen(text) && !memcmp(v.data, text, v.len);
}

static bool read_number(struct pf_view v, int64_t *out)
{
	int64_t n = 0;
	if (!v.data || !v.len || v.len > 19)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9' ||
		    __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, v.data[i] - '0', &n))
			return false;
	}
	*out = n;
	return true;
}

/* 16 hex digits, or (where that is allowed) nothing. */
static bool read_hash(struct pf_view v, bool may_be_empty,
		      char out[PF_HASH_DIGITS + 1])
{
	if (!v.data || !(v.len == PF_HASH_DIGITS || (may_be_empty && !v.len)))
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (!((v.data[i] >= '0' && v.data[i] <= '9') ||
		      (v.data[i] >= 'a' && v.data[i] <= 'f')))
			return false;
	memcpy(out, v.data, v.len);
	out[v.len] = '\0';
	return true;
}

struct control {
	struct pf_view control, stage, from, to, start, prev, hash, anchor, sources;
};

static void find_pairs(struct pf_fb_table message, struct control *c)
{
	static const struct {
		const char *key;
		size_t at;
	} known[] = {
		{ "pf:control", offsetof(struct control, control) },
		{ "pf:stage", offsetof(struct control, stage) },
		{ "pf:from", offsetof(struct control, from) },
		{ "pf:to", offsetof(struct control, to) },
		{ "pf:start", offsetof(struct control, start) },
		{ "pf:prev", offsetof(struct control, prev) },
		{ "pf:hash", offsetof(struct control, hash) },
		{ "pf:anchor", offsetof(struct control, anchor) },
		{ "pf:sources", offsetof(struct control, sources) },
	};
	struct pf_fb_vector pairs = pf_fb_vector(message, MSG_META, 4);
	for (uint32_t i = 0; i < pairs.n; i++) {
		struct pf_fb_table pair = pf_fb_item(pairs, i);
		struct pf_view key = pf_fb_string(pair, 0);
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			if (text_is(key, known[k].key))
				*(struct pf_view *)(void *)((char *)c + known[k].at) =
					pf_fb_string(pair, 1);
	}
}

static bool read_control(const struct control *c, struct pf_frame *f)
{
	int64_t start = 0;
	if (f->rows != 0 || !read_number(c->from, &f->from) ||
	    !read_hash(c->prev, true, f->prev))
		return false;
	if (text_is(c->control, "head")) {
		f->kind = PF_FRAME_HEAD;
		f->to = f->from;
		if (!read_hash(c->anchor, true, f->anchor) || !c->stage.data ||
		    c->stage.len != 36)
			return false;
		memcpy(f->stage, c->stage.data, 36);
	} else if (text_is(c->control, "seal")) {
		f->kind = PF_FRAME_SEAL;
		if (!read_number(c->to, &f->to) || !read_number(c->start, &start) ||
		    f->to < f->from || !read_hash(c->hash, false, f->hash))
			return false;
		f->start = (uint64_t)start;
	} else {
		return false;
	}
	if (c->sources.data)
		f->sources = pf_strndup((const char *)c->sources.data, c->sources.len);
	return true;
}

void pf_frame_read(const uint8_t *data, size_t len, struct pf_frame *f)
{
	*f = (struct pf_frame){ .kind = PF_FRAME_SHORT, .need = 8 };
	if (len < 8)
		return;
	uint32_t mark, size;
	memcpy(&mark, data, 4);
	memcpy(&size, data + 4, 4);
	f->kind = PF_FRAME_BAD;
	if (mark != UINT32_MAX || size % 8 || size > META_LIMIT)
		return;
	f->head = 8 + (size_t)size;
	f->bytes = f->head;
	if (!size) {
		f->kind = PF_FRAME_EOS;
		return;
	}
	if (len < f->head) {
		f->kind = PF_FRAME_SHORT;
		f->need = f->head;
		return;
	}
	struct pf_fb fb = { data + 8, size, NULL };
	struct pf_fb_table message = pf_fb_root(&fb);
	int64_t type = pf_fb_int(message, MSG_TYPE, 1, 0);
	int64_t body = pf_fb_int(message, MSG_BODY, 8, 0);
	struct pf_fb_table header = pf_fb_table(message, MSG_HEADER);
	struct control c = { 0 };
	if (type == TYPE_BATCH) {
		f->rows = pf_fb_int(header, BATCH_LENGTH, 8, 0);
		find_pairs(message, &c);
	}
	if (fb.bad || body < 0 || body > BODY_LIMIT || body % 8 || f->rows < 0)
		return;
	f->bytes += (uint64_t)body;
	if (type == TYPE_SCHEMA && !body)
		f->kind = PF_FRAME_SCHEMA;
	else if (type == TYPE_BATCH && !c.control.data)
		f->kind = PF_FRAME_ROWS;
	else if (type == TYPE_BATCH && !read_control(&c, f))
		f->kind = PF_FRAME_BAD;
}

void pf_frame_clear(struct pf_frame *f)
{
	free(f->sources);
	f->sources = NULL;
}

void pf_seal_hash(struct pf_view before, struct pf_view seal,
		  const char digits[PF_HASH_DIGITS + 1],
		  char out[PF_HASH_DIGITS + 1])
{
	struct pf_xxh3_state *state = pf_xxh3_new();
	pf_xxh3_update(state, before.data, before.len);
	pf_seal_hash_end(state, seal, digits, out);
	pf_xxh3_free(state);
}

void pf_seal_hash_end(struct pf_xxh3_state *state, struct pf_view seal,
		      const char digits[PF_HASH_DIGITS + 1],
		      char out[PF_HASH_DIGITS + 1])
{
	static const char zeros[PF_HASH_DIGITS] = "0000000000000000";
	const uint8_t *at = memmem(seal.data, seal.len, digits, PF_HASH_DIGITS);
	size_t front = at ? (size_t)(at - seal.data) : seal.len;
	pf_xxh3_update(state, seal.data, front);
	if (at) {
		pf_xxh3_update(state, zeros, PF_HASH_DIGITS);
		pf_xxh3_update(state, at + PF_HASH_DIGITS,
			       seal.len - front - PF_HASH_DIGITS);
	}
	snprintf(out, PF_HASH_DIGITS + 1, "%016" PRIx64, pf_xxh3_digest(state));
}

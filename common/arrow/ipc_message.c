/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/ipc_message.h"

#include <stdlib.h>

#include "arrow/ipc.h"
#include "base/alloc.h"

/* AHEAD: what is read when less would do. ALIGN: of bodies. */
enum { AHEAD = 64 * 1024, ALIGN = 64, LIMIT = 256 << 20 };

static const uint32_t CONTINUATION = 0xffffffff;
static const char file_magic[8] = "ARROW1";

struct pf_messages {
	struct pf_byte_source source;
	size_t limit;
	uint64_t position;
	bool ended;
	bool file; /* the stream stands inside an Arrow file */
	struct pf_fb fb;

	uint8_t *ahead; /* unread input is at [at, end) */
	size_t at, end, cap;

	uint8_t *memory, *body; /* body is memory, aligned */
	size_t body_cap;
};

struct pf_messages *pf_messages_new(const struct pf_byte_source *source,
				    size_t limit_bytes)
{
	struct pf_messages *m = pf_zalloc(1, sizeof *m);
	m->source = *source;
	m->limit = limit_bytes ? limit_bytes : LIMIT;
	m->cap = AHEAD;
	m->ahead = pf_alloc(m->cap, 1);
	return m;
}

void pf_messages_free(struct pf_messages *m)
{
	if (!m)
		return;
	free(m->ahead);
	free(m->memory);
	free(m);
}

void *pf_messages_keep_body(struct pf_messages *m)
{
	void *memory = m->memory;
	m->memory = m->body = NULL;
	m->body_cap = 0;
	return memory;
}

static int cut(const struct pf_messages *m, struct pf_error *err)
{
	return pf_fail(err, PF_E_TRUNCATED, "the input ends inside a message, at byte %llu",
		       (unsigned long long)(m->position + m->end - m->at));
}

/* Have n unread bytes in one piece, unless the input ends before. */
static int look_ahead(struct pf_messages *m, size_t n, struct pf_error *err)
{
	while (m->end - m->at < n && !m->ended) {
		size_t left = m->end - m->at, got;
		if (m->at) {
			memmove(m->ahead, m->ahead + m->at, left);
			m->at = 0;
			m->end = left;
		}
		if (m->end == m->cap) {
			m->cap = pf_mul(m->cap, 2);
			m->ahead = pf_realloc(m->ahead, m->cap, 1);
		}
		PF_TRY(m->source.read(m->source.ctx, m->ahead + m->end,
				      m->cap - m->end, &got, err));
		m->end += got;
		m->ended = !got;
	}
	return 0;
}

/* At least n bytes of body, of which `used` are kept. */
static void grow_body(struct pf_messages *m, size_t n, size_t used)
{
	if (n <= m->body_cap)
		return;
	uint8_t *memory = pf_alloc(pf_add(n, ALIGN), 1);
	uint8_t *body = memory + (ALIGN - (uintptr_t)memory % ALIGN) % ALIGN;
	if (used)
		memcpy(body, m->body, used);
	free(m->memory);
	m->memory = memory;
	m->body = body;
	m->body_cap = n;
}

/* What lies ahead first, then straight from the source: the metadata must
 * stay where it is. */
static int read_body(struct pf_messages *m, size_t len, struct pf_error *err)
{
	size_t used = 0, first = len < 4 * AHEAD ? len : 4 * AHEAD;
	grow_body(m, first > ALIGN ? first : ALIGN, 0);
	while (used < len) {
		/* The claimed length is believed step by step. */
		if (used == m->body_cap)
			grow_body(m, len - used < used ? len : 2 * used, used);
		size_t want = (len < m->body_cap ? len : m->body_cap) - used;
		size_t got = m->end - m->at;
		if (got) {
			got = got < want ? got : want;
			memcpy(m->body + used, m->ahead + m->at, got);
			m->at += got;
		} else {
			PF_TRY(m->source.read(m->source.ctx, m->body + used, want, &got,
					      err));
			if (!got) {
				m->ended = true;
				return cut(m, err);
			}
		}
		used += got;
		m->position += got;
	}
	return 0;
}

/* Bytes of metadata behind a prefix, and of the prefix. */
static int read_prefix(struct pf_messages *m, size_t *prefix, int32_t *size,
		       struct pf_error *err)
{
	uint32_t first = 0;
	*size = 0;
	*prefix = 4;
	PF_TRY(look_ahead(m, 4, err));
	size_t have = m->end - m->at;
	if (!have)
		return 0;
	if (have < 4)
		return cut(m, err);
	memcpy(&first, m->ahead + m->at, 4);
	if (first == CONTINUATION) {
		*prefix = 8;
		PF_TRY(look_ahead(m, 8, err));
		if (m->end - m->at < 8)
			return cut(m, err);
		memcpy(&first, m->ahead + m->at + 4, 4);
	}
	if (first > PF_ARROW_METADATA)
		return pf_fail(err, PF_E_ARROW,
			       "not an Arrow stream: no message begins at byte %llu",
			       (unsigned long long)m->position);
	*size = (int32_t)first;
	return 0;
}

/* The metadata's root, checked as far as framing needs it. */
static int open_metadata(struct pf_messages *m, const uint8_t *data, size_t len,
			 struct pf_message *message, int64_t *body_len,
			 struct pf_error *err)
{
	m->fb = (struct pf_fb){ .data = data, .len = len };
	message->root = pf_fb_root(&m->fb);
	message->version = (int)pf_fb_int(message->root, 0, 2, 0);
	message->kind = (int)pf_fb_int(message->root, 1, 1, 0);
	*body_len = pf_fb_int(message->root, 3, 8, 0);
	if (!m->fb.bad && (message->version < 3 || message->version > 4))
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "unsupported metadata version V%d of Arrow",
			       message->version + 1);
	message->header = pf_fb_table(message->root, 2);
	if (!m->fb.bad && !message->header.fb)
		m->fb.bad = "it has no header";
	if (m->fb.bad)
		return pf_fail(err, PF_E_ARROW, "malformed message at byte %llu: %s",
			       (unsigned long long)m->position, m->fb.bad);
	if (*body_len < 0)
		return pf_fail(err, PF_E_ARROW,
			       "the message at byte %llu has a negative length",
			       (unsigned long long)m->position);
	if ((uint64_t)*body_len > m->limit)
		return pf_fail(err, PF_E_LIMIT,
			       "the message at byte %llu has %lld bytes, more than the limit of %zu",
			       (unsigned long long)m->position,
			       (long long)*body_len, m->limit);
	return 0;
}

/* An Arrow file is a stream between a magic and a footer that says once more
 * where everything is. */
static int skip_magic(struct pf_messages *m, struct pf_error *err)
{
	PF_TRY(look_ahead(m, sizeof file_magic, err));
	m->file = m->end - m->at >= sizeof file_magic &&
		  !memcmp(m->ahead + m->at, file_magic, sizeof file_magic);
	if (m->file) {
		m->at += sizeof file_magic;
		m->position += sizeof file_magic;
	}
	return 0;
}

/* Read to the end and see that this is the one footer and nothing else. */
static int skip_footer(struct pf_messages *m, struct pf_error *err)
{
	enum { TAIL = 10 }; /* length, magic */
	uint64_t bytes = 0;
	int32_t length = 0;
	do {
		size_t keep = m->end - m->at;
		if (keep > TAIL) {
			bytes += keep - TAIL;
			m->at += keep - TAIL;
		}
		PF_TRY(look_ahead(m, m->end - m->at + 1, err));
	} while (!m->ended);
	size_t tail = m->end - m->at;
	if (tail == TAIL)
		memcpy(&length, m->ahead + m->at, 4);
	bool good = tail == TAIL && length > 0 && (uint64_t)length == bytes &&
		    !memcmp(m->ahead + m->at + 4, file_magic, 6);
	m->position += bytes + tail;
	m->at = m->end;
	return good ? 0 :
		      pf_fail(err, PF_E_ARROW,
			      "the end of the Arrow file is not that of one file");
}

int pf_messages_next(struct pf_messages *m, struct pf_message *message,
		     struct pf_error *err)
{
	size_t prefix;
	int32_t size;
	int64_t body_len;
	*message = (struct pf_message){ 0 };
	if (!m->position)
		PF_TRY(skip_magic(m, err));
	PF_TRY(read_prefix(m, &prefix, &size, err));
	if (!size) {
		bool end = m->at == m->end;
		message->kind = end ? PF_MESSAGE_END : PF_MESSAGE_END_OF_STREAM;
		if (!end) {
			m->at += prefix;
			m->position += prefix;
			if (m->file)
				return skip_footer(m, err);
		}
		return 0;
	}
	size_t head = prefix + (size_t)size;
	PF_TRY(look_ahead(m, head, err));
	if (m->end - m->at < head)
		return cut(m, err);
	message->head = pf_view_of(m->ahead + m->at, head);
	PF_TRY(open_metadata(m, message->head.data + prefix, (size_t)size, message,
			     &body_len, err));
	m->at += head;
	m->position += head;
	/* A small body is read ahead together with what follows it. */
	size_t body = (size_t)body_len;
	if (body && m->end - m->at < body && body < AHEAD / 2) {
		m->at -= head;
		PF_TRY(look_ahead(m, head + body, err));
		message->head.data = m->ahead + m->at;
		m->fb.data = message->head.data + prefix;
		m->at += head;
		if (m->end - m->at < body)
			return cut(m, err);
	}
	PF_TRY(read_body(m, body, err));
	message->body = pf_view_of(m->body, body);
	return 0;
}

/* Does a whole message lie ahead? */
static bool whole_message(const struct pf_messages *m)
{
	size_t have = m->end - m->at, prefix = 4;
	uint32_t size;
	if (have < 8)
		return false;
	memcpy(&size, m->ahead + m->at, 4);
	if (size == CONTINUATION) {
		prefix = 8;
		memcpy(&size, m->ahead + m->at + 4, 4);
	}
	if (size > PF_ARROW_METADATA)
		return true; /* next will refuse it at once */
	if (have < prefix + size)
		return false;
	struct pf_fb fb = { .data = m->ahead + m->at + prefix, .len = size };
	int64_t body = size ? pf_fb_int(pf_fb_root(&fb), 3, 8, 0) : 0;
	return body < 0 || (uint64_t)body <= have - prefix - size;
}

bool pf_messages_ready(struct pf_messages *m, int timeout_ms)
{
	return m->ended || !m->source.ready || whole_message(m) ||
	       m->source.ready(m->source.ctx, timeout_ms);
}

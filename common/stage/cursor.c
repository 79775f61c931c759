/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/convert.h"
#include "base/alloc.h"
#include "base/file.h"
#include "stage/adapt.h"

#define SCHEMA_LIMIT ((uint32_t)64 << 20)

/* Bytes for the decoder: a segment's schema message, then one message of rows
 * after the other, each from a group that was verified. */
struct feed {
	const uint8_t *data;
	size_t len, at;
};

struct pf_cursor {
	struct pf_stage *stage;
	int64_t *segments; /* those from the first one needed on */
	int *fds;          /* open ones, else -1 */
	size_t n, current;
	int64_t offset;
	char anchor[PF_HASH_DIGITS + 1];
	char last[PF_HASH_DIGITS + 1]; /* seal that the next segment must follow */
	bool has_last;

	/* The current segment, its current group. */
	char *name;
	struct pf_scan *scan;
	struct pf_group group;
	bool in_group;
	size_t message;       /* next one of the group */
	int64_t message_from; /* its first offset */

	struct pf_buf schema;
	struct feed feed;
	struct pf_ipc_reader *in;
	struct pf_convert *convert;
	struct pf_adapt *adapt;
};

static int feed_read(void *ctx, void *data, size_t len, size_t *got,
		     struct pf_error *err)
{
	(void)err;
	struct feed *f = ctx;
	size_t left = f->len - f->at;
	*got = left < len ? left : len;
	if (*got)
		memcpy(data, f->data + f->at, *got);
	f->at += *got;
	return 0;
}

static void leave_segment(struct pf_cursor *c)
{
	pf_scan_free(c->scan);
	pf_convert_free(c->convert);
	pf_ipc_reader_free(c->in);
	pf_adapt_free(c->adapt);
	free(c->name);
	c->scan = NULL;
	c->in = NULL;
	c->convert = NULL;
	c->adapt = NULL;
	c->name = NULL;
	c->in_group = false;
	if (c->current < c->n && c->fds[c->current] >= 0) {
		close(c->fds[c->current]);
		c->fds[c->current] = -1;
	}
}

static int enter_segment(struct pf_cursor *c, size_t i, struct pf_error *err)
{
	c->current = i;
	if (c->fds[i] < 0)
		PF_TRY(pf_stage_segment_open(&c->stage->dir, c->segments[i], &c->fds[i],
					     err));
	c->name = pf_stage_segment_path(&c->stage->dir, c->segments[i]);
	c->scan = pf_scan_new(c->fds[i], c->name, c->segments[i]);
	return 0;
}

static int damaged(const struct pf_cursor *c, const char *why, struct pf_error *err)
{
	return pf_fail(err, PF_E_STAGE_CORRUPT,
		       "'%s' is damaged behind byte %" PRIu64 " (offset %" PRId64
		       "): %s", c->name, pf_scan_place(c->scan)->at,
		       pf_scan_place(c->scan)->offset, why);
}

/* A segment that knows more than the definition we began with: leaving that
 * out would lose it for good, since the rows would count as loaded. */
static int check_not_newer(const struct pf_cursor *c, const struct pf_schema *s,
			   struct pf_error *err)
{
	const struct pf_schema *known = c->stage->schema;
	for (size_t i = 0; i < s->n; i++) {
		int at = pf_schema_find(known, s->fields[i].name);
		if (at >= 0 && pf_adapt_widens(s->fields[i].type,
					       known->fields[at].type))
			continue;
		pf_fail(err, PF_E_STAGE_GREW,
			"the definition of stage '%s' changed while it was read: "
			"column '%s' is new or wider", c->stage->dir.path,
			s->fields[i].name);
		return pf_hint(err, "run it again; rows before offset %" PRId64
			       " are as they were", c->offset);
	}
	return 0;
}

static int start_decoder(struct pf_cursor *c, struct pf_error *err)
{
	uint8_t head[8];
	uint32_t size;
	int fd = c->fds[c->current];
	PF_TRY(pf_pread_full(fd, c->name, head, sizeof head, 0, err));
	memcpy(&size, head + 4, 4);
	if (size > SCHEMA_LIMIT)
		return damaged(c, "its schema is malformed", err);
	c->schema.len = 0;
	pf_buf_room(&c->schema, 8 + (size_t)size);
	c->schema.len = 8 + (size_t)size;
	PF_TRY(pf_pread_full(fd, c->name, c->schema.data, c->schema.len, 0, err));
	c->feed = (struct feed){ c->schema.data, c->schema.len, 0 };
	struct pf_byte_source source = { .read = feed_read, .ctx = &c->feed,
					 .name = c->name };
	const struct pf_arrow_schema *schema;
	bool found;
	c->in = pf_ipc_reader_new(&source, 0);
	PF_TRY(pf_ipc_read_schema(c->in, &schema, &found, err));
	if (!found)
		return damaged(c, "it has no schema", err);
	PF_TRY(pf_convert_new(schema, 0, &c->convert, err));
	PF_TRY(check_not_newer(c, pf_convert_schema(c->convert), err));
	return pf_adapt_new(pf_convert_schema(c->convert), c->stage->schema, c->name,
			    &c->adapt, err);
}

/* What the head of a segment says must fit what is known. */
static int check_head(struct pf_cursor *c, const struct pf_group *g,
		      struct pf_error *err)
{
	if (strcmp(g->stage, c->stage->id.uuid) != 0)
		return damaged(c, "it is a segment of another stage", err);
	if (c->has_last && strcmp(g->head_prev, c->last) != 0)
		return damaged(c, "it does not follow the segment before it", err);
	if (!c->has_last)
		memcpy(c->anchor, g->head_anchor, sizeof c->anchor);
	return 0;
}

/* Walk over the groups that end at or before the offset. */
static int position(struct pf_cursor *c, struct pf_error *err)
{
	for (;;) {
		struct pf_group g;
		enum pf_scan_result result;
		PF_TRY(pf_scan_next(c->scan, false, &g, &result, err));
		if (result != PF_SCAN_GROUP)
			return 0;
		if (g.first)
			PF_TRY(check_head(c, &g, err));
		if (g.to > c->offset) {
			pf_scan_back(c->scan);
			return 0;
		}
		memcpy(c->anchor, pf_scan_place(c->scan)->anchor, sizeof c->anchor);
	}
}

int pf_cursor_open(struct pf_stage *stage, const struct pf_stage_end *end,
		   int64_t from, bool hold, struct pf_cursor **cursor,
		   struct pf_error *err)
{
	struct pf_cursor *c = pf_zalloc(1, sizeof *c);
	size_t first = 0, n = end->last < end->nsegments ? end->last + 1 : 0;
	while (first + 1 < n && end->segments[first + 1] <= from)
		first++;
	c->stage = stage;
	c->offset = from;
	c->n = n - first;
	c->segments = pf_alloc(c->n + 1, sizeof *c->segments);
	c->fds = pf_alloc(c->n + 1, sizeof *c->fds);
	int code = 0;
	for (size_t i = 0; i < c->n; i++) {
		c->segments[i] = end->segments[first + i];
		c->fds[i] = -1;
	}
	for (size_t i = 0; hold && !code && i < c->n; i++)
		code = pf_stage_segment_open(&stage->dir, c->segments[i], &c->fds[i],
					     err);
	if (!code && c->n)
		code = enter_segment(c, 0, err);
	if (!code && c->n)
		code = position(c, err);
	if (code) {
		pf_cursor_close(c);
		return code;
	}
	*cursor = c;
	return 0;
}

void pf_cursor_close(struct pf_cursor *c)
{
	if (!c)
		return;
	leave_segment(c);
	for (size_t i = 0; i < c->n; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	free(c->segments);
	free(c->fds);
	pf_buf_free(&c->schema);
	free(c);
}

/* The segment that begins where this one ended. */
static int next_segment(struct pf_cursor *c, struct pf_error *err)
{
	int64_t first = pf_scan_place(c->scan)->offset;
	memcpy(c->last, pf_scan_place(c->scan)->last, sizeof c->last);
	c->has_last = true;
	leave_segment(c);
	if (c->current + 1 == c->n) {
		c->segments = pf_realloc(c->segments, c->n + 1, sizeof *c->segments);
		c->fds = pf_realloc(c->fds, c->n + 1, sizeof *c->fds);
		c->segments[c->n] = first;
		c->fds[c->n++] = -1;
	} else if (c->segments[c->current + 1] != first) {
		return pf_fail(err, PF_E_STAGE_CORRUPT,
			       "'%s': rows from offset %" PRId64 " to %" PRId64
			       " are missing", c->stage->dir.path, first,
			       c->segments[c->current + 1]);
	}
	return enter_segment(c, c->current + 1, err);
}

/* A stage that had no rows when the cursor was opened has some now. */
static int first_segment(struct pf_cursor *c, struct pf_error *err)
{
	c->segments[0] = c->offset;
	c->fds[0] = -1;
	c->n = 1;
	return enter_segment(c, 0, err);
}

static int next_group(struct pf_cursor *c, struct pf_error *err)
{
	if (!c->n)
		PF_TRY(first_segment(c, err));
	for (;;) {
		enum pf_scan_result result;
		c->in_group = false;
		PF_TRY(pf_scan_next(c->scan, true, &c->group, &result, err));
		if (result == PF_SCAN_EOS) {
			PF_TRY(next_segment(c, err));
			continue;
		}
		if (result != PF_SCAN_GROUP)
			return damaged(c, result == PF_SCAN_BAD ?
				       pf_scan_why(c->scan) : "it ends early", err);
		if (c->group.first)
			PF_TRY(check_head(c, &c->group, err));
		if (!c->in)
			PF_TRY(start_decoder(c, err));
		c->in_group = true;
		c->message = 0;
		c->message_from = c->group.from;
		return 0;
	}
}

static int decode(struct pf_cursor *c, const struct pf_group_rows *m,
		  struct pf_batch *batch, struct pf_error *err)
{
	c->feed = (struct feed){ c->group.bytes + m->at, m->bytes, 0 };
	struct pf_ipc_message message;
	struct pf_error why = { 0 };
	if (pf_ipc_read_next(c->in, &message, &why))
		return damaged(c, why.message, err);
	if (message.event != PF_IPC_BATCH || message.rows != m->rows)
		return damaged(c, "a message is no batch of rows", err);
	if (pf_convert_batch(c->convert, &message, batch, &why))
		return damaged(c, why.message, err);
	return 0;
}

int pf_cursor_next(struct pf_cursor *c, int64_t until, struct pf_batch *batch,
		   struct pf_error *err)
{
	*batch = (struct pf_batch){ .schema = c->stage->schema };
	while (c->offset < until) {
		if (!c->in_group || c->message == c->group.nmessages)
			PF_TRY(next_group(c, err));
		while (c->message < c->group.nmessages) {
			const struct pf_group_rows *m = &c->group.messages[c->message++];
			int64_t from = c->message_from, to = from + m->rows;
			c->message_from = to;
			if (to <= c->offset)
				continue;
			int64_t stop = to < until ? to : until;
			struct pf_batch in;
			PF_TRY(decode(c, m, &in, err));
			*batch = pf_adapt_batch(c->adapt, &in, c->offset - from,
						stop - c->offset);
			c->offset = stop;
			if (stop == c->group.to)
				memcpy(c->anchor, c->group.hash, sizeof c->anchor);
			if (stop < to) {
				/* The rest of it comes later. */
				c->message--;
				c->message_from = from;
			}
			return 0;
		}
	}
	return 0;
}

int64_t pf_cursor_offset(const struct pf_cursor *c)
{
	return c->offset;
}

const char *pf_cursor_anchor(const struct pf_cursor *c)
{
	return c->anchor;
}

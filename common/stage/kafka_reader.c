/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows and marks out of a topic: each partition from an offset that the caller
 * gives, checked before the first row (stage/kafka_parts.h), to where it ended when
 * reading began, or on and on. A mark is given only when the topic is still the one
 * that was read (stage/kafka_anchor.h).
 */
#include <stdlib.h>

#include "base/time.h"
#include "stage/kafka_decode.h"
#include "stage/kafka_message.h"
#include "stage/kafka_parts.h"

/* The partitions share one queue. */
enum { WAIT_MS = 100, QUEUED_BYTES = 32 << 20 };
/* Who follows waits no longer for a broker that is to be asked; a topic is not made
 * anew within so little. */
enum { CHECK_MS = 5000, BRIEF_MS = 500 };

struct topic_reader {
	struct pf_stage_reader base;
	struct pf_kafka_stage *s;
	struct pf_stage_read how;
	struct pf_kafka *consumer;
	struct pf_decoder *decoder;
	struct pf_source_marks sources;
	struct pf_kafka_parts parts;
	size_t running;        /* parts that are */
	int64_t rows, all_rows; /* since the last mark; since the beginning */
	int64_t marked_us, heard_us, checked_us;
	bool any_mark, ended;
	bool any, doubt;       /* a record was taken; we were cut off since */
	struct pf_buf said;
	struct pf_mark mark;
	struct pf_error failed; /* met while looking ahead */
};

static void reader_close(struct pf_stage_reader *base)
{
	struct topic_reader *r = (struct topic_reader *)base;
	pf_decoder_free(r->decoder);
	pf_kafka_close(r->consumer);
	pf_source_marks_free(&r->sources);
	free(r->mark.parts);
	pf_buf_free(&r->said);
	pf_kafka_parts_close(&r->parts);
	free(r);
}

/* --- opening --- */

static int start(struct topic_reader *r, struct pf_error *err)
{
	PF_TRY(pf_kafka_stage_client(r->s, PF_KAFKA_CONSUMER, QUEUED_BYTES,
				     r->how.follow ? WAIT_MS : 1, &r->consumer, err));
	for (size_t i = 0; i < r->parts.n; i++) {
		struct pf_kafka_part *p = &r->parts.items[i];
		if (p->at >= p->end)
			continue;
		PF_TRY(pf_kafka_start(r->consumer, p->partition, p->at, err));
		p->running = true;
		r->running++;
	}
	return 0;
}

static int open_decoder(struct topic_reader *r, struct pf_error *err)
{
	struct pf_decode_options o = {
		.schema = r->s->stage.schema,
		.definition = r->s->stage.def,
		.topic = r->s->url.topic,
		.csv = r->s->url.payload == PF_PAYLOAD_CSV,
		.marks = &r->sources,
		.reject = r->how.reject,
		.ctx = r->how.ctx,
		.notice = r->how.notice,
		.notice_ctx = r->how.notice_ctx,
	};
	if (r->how.sources)
		PF_TRY(pf_source_marks_read(&r->sources, r->how.sources, err));
	pf_source_marks_clean(&r->sources);
	return pf_decoder_new(&o, &r->decoder, err);
}

static const struct pf_stage_reader_ops reader_ops;

int pf_kafka_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			 struct pf_stage_reader **reader, struct pf_error *err)
{
	struct topic_reader *r = pf_zalloc(1, sizeof *r);
	r->base.ops = &reader_ops;
	r->s = (struct pf_kafka_stage *)stage;
	r->how = *how;
	r->marked_us = r->heard_us = r->checked_us = pf_mono_us();
	int code = pf_kafka_parts_open(&r->parts, r->s, how, err);
	if (!code)
		code = open_decoder(r, err);
	if (!code)
		code = start(r, err);
	r->how.starts = NULL;
	r->how.fibers = NULL;
	r->how.nfibers = 0;
	r->how.sources = NULL;
	if (code) {
		reader_close(&r->base);
		return code;
	}
	*reader = &r->base;
	return 0;
}

/* --- records --- */

static void finish_part(struct topic_reader *r, struct pf_kafka_part *p)
{
	if (!p->running)
		return;
	pf_kafka_stop(r->consumer, p->partition);
	p->running = false;
	r->running--;
}

static int take_record(struct topic_reader *r, struct pf_kafka_part *p,
		       struct pf_kafka_record *record, struct pf_error *err)
{
	bool wanted = p->running && record->offset >= p->at && record->offset < p->end;
	if (!wanted) {
		bool beyond = record->offset >= p->end;
		pf_kafka_release(record);
		if (beyond && p->running) {
			p->at = p->end;
			finish_part(r, p);
		}
		return 0;
	}
	p->at = record->offset + 1;
	p->last = record->offset;
	p->hash = pf_record_hash(record);
	if (p->known.offset < 0)
		p->known = pf_kafka_part_anchor(p);
	r->any = true;
	if (p->at == p->end)
		finish_part(r, p);
	return pf_decoder_add(r->decoder, record, err);
}

/* Offsets behind the last record may be taken by what is no record. */
static void take_end(struct topic_reader *r, struct pf_kafka_part *p, int64_t offset)
{
	if (!p->running)
		return;
	if (offset > p->at)
		p->at = offset < p->end ? offset : p->end;
	if (p->at >= p->end)
		finish_part(r, p);
}

static int out_of_range(struct topic_reader *r, struct pf_kafka_part *p, struct pf_error *err)
{
	struct pf_kafka_range range = { .partition = p->partition };
	if (!p->running)
		return 0;
	int code = pf_kafka_ranges(r->s->consumer, &range, 1, r->s->timeout_ms, err);
	if (!code && p->at < range.first)
		return pf_kafka_gone(r->s, p->partition, p->at, range.first, err);
	if (!code && p->at > range.end)
		return pf_kafka_too_short(r->s, p->partition, p->at, range.end, err);
	/* What was to be fetched next was gone, not what is to be read next; or whoever
	 * said so is away. */
	r->doubt = !code || code == PF_E_UNREACHABLE;
	return r->doubt ? 0 : code;
}

/* --- is it still the same topic? --- */

static int check(struct topic_reader *r, struct pf_kafka_anchor *anchors, size_t n,
		 struct pf_error *err)
{
	int64_t patience_ms = r->s->timeout_ms;
	if (r->how.follow && patience_ms > CHECK_MS)
		r->s->timeout_ms = CHECK_MS;
	int code = pf_kafka_anchors_check(r->s, anchors, n, err);
	r->s->timeout_ms = patience_ms;
	return code;
}

/* When a broker that we were cut off from is there again, its log may have been cut,
 * too. What we have taken came before; what waits in the queue is fetched again. */
static int look_again(struct topic_reader *r, struct pf_error *err)
{
	struct pf_kafka_anchor *anchors = pf_alloc(r->parts.n + 1, sizeof *anchors);
	size_t n = 0;
	for (size_t i = 0; i < r->parts.n; i++) {
		const struct pf_kafka_part *p = &r->parts.items[i];
		if (p->running)
			anchors[n++] = pf_kafka_part_anchor(p);
	}
	int code = check(r, anchors, n, err);
	free(anchors);
	for (size_t i = 0; !code && i < r->parts.n; i++) {
		const struct pf_kafka_part *p = &r->parts.items[i];
		if (!p->running)
			continue;
		pf_kafka_stop(r->consumer, p->partition);
		code = pf_kafka_start(r->consumer, p->partition, p->at, err);
	}
	r->doubt = code == PF_E_UNREACHABLE;
	return r->doubt ? 0 : code;
}

/* Before a mark vouches for what was read: a topic that was made anew meanwhile keeps
 * the connection. *sure false: no broker answers. */
static int check_mark(struct topic_reader *r, bool *sure, struct pf_error *err)
{
	int64_t now = pf_mono_us();
	*sure = true;
	if (now - r->checked_us < (int64_t)BRIEF_MS * 1000)
		return 0;
	struct pf_kafka_anchor *anchors = pf_alloc(r->parts.n + 1, sizeof *anchors);
	size_t n = 0;
	for (size_t i = 0; i < r->parts.n; i++) {
		const struct pf_kafka_part *p = &r->parts.items[i];
		if (p->at <= p->known.at)
			continue;
		anchors[n] = p->known;
		anchors[n++].at = p->at;
	}
	int code = check(r, anchors, n, err);
	free(anchors);
	*sure = code != PF_E_UNREACHABLE;
	if (code)
		return *sure ? code : 0;
	r->checked_us = now;
	for (size_t i = 0; i < r->parts.n; i++) {
		struct pf_kafka_part *p = &r->parts.items[i];
		p->known = pf_kafka_part_anchor(p);
	}
	return 0;
}

/* Fetch until the decoder has enough, or nothing is at hand any more. */
static int fetch(struct topic_reader *r, int timeout_ms, struct pf_error *err)
{
	if (r->doubt)
		PF_TRY(look_again(r, err));
	while (!r->doubt && !pf_decoder_full(r->decoder) && r->running) {
		enum pf_kafka_event event;
		struct pf_kafka_record record;
		bool waits = pf_decoder_empty(r->decoder);
		PF_TRY(pf_kafka_next(r->consumer, waits ? timeout_ms : 0, &event, &record,
				     err));
		if (event == PF_KAFKA_NOTHING)
			return 0;
		r->heard_us = pf_mono_us();
		if (pf_kafka_reconnected(r->consumer) && r->any) {
			pf_kafka_release(&record);
			r->doubt = true;
			return look_again(r, err);
		}
		struct pf_kafka_part *p = pf_kafka_parts_find(&r->parts, record.partition);
		if (!p) {
			pf_kafka_release(&record);
			continue;
		}
		if (event == PF_KAFKA_RECORD)
			PF_TRY(take_record(r, p, &record, err));
		else if (event == PF_KAFKA_END)
			take_end(r, p, record.offset);
		else
			PF_TRY(out_of_range(r, p, err));
	}
	return 0;
}

/* --- events --- */

static bool moved(const struct topic_reader *r)
{
	for (size_t i = 0; i < r->parts.n; i++)
		if (r->parts.items[i].at > r->parts.items[i].marked)
			return true;
	return false;
}

static bool stopped(const struct topic_reader *r)
{
	return (r->how.follow && r->how.stopping && r->how.stopping()) ||
	       (r->how.limit && r->all_rows >= r->how.limit);
}

static bool mark_due(const struct topic_reader *r)
{
	int64_t every = (int64_t)(r->how.mark_ms > 0 ? r->how.mark_ms : 1000) * 1000;
	return r->how.follow && pf_mono_us() - r->marked_us >= every && moved(r);
}

static int give_mark(struct topic_reader *r, struct pf_event *event, struct pf_error *err)
{
	struct pf_mark *m = &r->mark;
	bool sure;
	PF_TRY(check_mark(r, &sure, err));
	/* Who is to stop does not wait for a broker. */
	if (!sure && r->how.follow && !stopped(r)) {
		r->marked_us = pf_mono_us();
		return 0;
	}
	if (r->how.settle)
		PF_TRY(r->how.settle(r->how.ctx, err));
	m->parts = pf_realloc(m->parts, r->parts.n, sizeof *m->parts);
	memcpy(m->stage, r->s->stage.id.uuid, sizeof m->stage);
	m->nparts = r->parts.n;
	for (size_t i = 0; i < r->parts.n; i++) {
		struct pf_kafka_part *p = &r->parts.items[i];
		struct pf_mark_part *part = &m->parts[i];
		*part = (struct pf_mark_part){ p->partition, p->marked, p->at, "" };
		if (p->last >= 0)
			pf_anchor_write(p->hash, p->at - p->last, part->anchor);
		p->marked = p->at;
	}
	m->rows = r->rows;
	m->gaps = r->any_mark || !r->parts.gaps.len ? NULL :
		(char *)(uintptr_t)pf_buf_cstr(&r->parts.gaps);
	r->said.len = 0;
	m->sources = pf_source_marks_write(&r->sources, false, &r->said) ?
		(char *)(uintptr_t)pf_buf_cstr(&r->said) : NULL;
	pf_source_marks_clean(&r->sources);
	pf_source_marks_forget(&r->sources, pf_now_ms() / 1000);
	r->rows = 0;
	r->marked_us = pf_mono_us();
	r->any_mark = true;
	event->kind = PF_EVENT_MARK;
	event->mark = m;
	return 0;
}

/* A bounded read does not wait for ever for a broker that is away. */
static int check_silence(const struct topic_reader *r, struct pf_error *err)
{
	bool hopeless = pf_kafka_hopeless(r->consumer);
	if (!hopeless && (r->how.follow ||
			  pf_mono_us() - r->heard_us < r->s->timeout_ms * 1000))
		return 0;
	return pf_kafka_silent(r->consumer, err);
}

static int reader_next(struct pf_stage_reader *base, struct pf_event *event,
		       struct pf_error *err)
{
	struct topic_reader *r = (struct topic_reader *)base;
	*event = (struct pf_event){ .kind = PF_EVENT_END };
	if (r->failed.code) {
		*err = r->failed;
		return err->code;
	}
	while (!r->ended) {
		if (!pf_decoder_empty(r->decoder)) {
			PF_TRY(pf_decoder_next(r->decoder, &event->batch, err));
			if (!event->batch.rows)
				continue;
			event->kind = PF_EVENT_BATCH;
			r->rows += event->batch.rows;
			r->all_rows += event->batch.rows;
			return 0;
		}
		/* All rows before `at` are out: a place for a mark. */
		bool last = !r->running || stopped(r);
		if (mark_due(r) || (last && (!r->any_mark || moved(r)))) {
			PF_TRY(give_mark(r, event, err));
			if (event->kind == PF_EVENT_MARK)
				return 0;
			continue;
		}
		if (last) {
			r->ended = true;
			break;
		}
		PF_TRY(fetch(r, WAIT_MS, err));
		PF_TRY(check_silence(r, err));
	}
	return 0;
}

static bool reader_ready(struct pf_stage_reader *base)
{
	struct topic_reader *r = (struct topic_reader *)base;
	if (r->ended || !pf_decoder_empty(r->decoder) || mark_due(r) || !r->running ||
	    stopped(r) || r->failed.code)
		return true;
	return fetch(r, 0, &r->failed) || !pf_decoder_empty(r->decoder);
}

static void reader_counts(const struct pf_stage_reader *base, struct pf_counts *counts)
{
	const struct topic_reader *r = (const struct topic_reader *)base;
	const struct pf_decode_counts *c = pf_decoder_counts(r->decoder);
	*counts = (struct pf_counts){ .rejected = c->rejected, .duplicate = c->duplicate,
				      .filtered = c->filtered };
}

static const struct pf_stage_reader_ops reader_ops = {
	.next = reader_next,
	.ready = reader_ready,
	.counts = reader_counts,
	.close = reader_close,
};

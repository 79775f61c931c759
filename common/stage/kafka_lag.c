/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_lag.h"

#include <stdlib.h>

#include "arrow/source_marks.h"
#include "arrow/stream.h"
#include "base/time.h"
#include "stage/kafka_message.h"
#include "stage/kafka_walk.h"

/* Messages are looked at for so long; the rest is reckoned by those. */
enum { LOOK_MS = 5000 };
/* One record decompresses to no more than this. */
enum { RECORD_LIMIT = 256 << 20 };

static int64_t start_of(const struct pf_stage_start *starts, size_t n, int32_t partition)
{
	for (size_t i = 0; i < n; i++)
		if (starts[i].partition == partition)
			return starts[i].offset;
	return 0;
}

/* --- seconds --- */

static int take_oldest(void *ctx, const struct pf_ask *ask,
		       const struct pf_kafka_record *r, struct pf_error *err)
{
	int64_t *oldest_ms = ctx;
	(void)ask;
	(void)err;
	if (r && r->time_ms >= 0 && r->time_ms < *oldest_ms)
		*oldest_ms = r->time_ms;
	return 0;
}

static int find_seconds(struct pf_kafka_stage *s, const struct pf_span *spans,
			struct pf_stage_lag *lag, struct pf_error *err)
{
	size_t n = (size_t)s->info.partitions;
	struct pf_ask *asks = pf_zalloc(n, sizeof *asks);
	int64_t oldest_ms = INT64_MAX;
	for (size_t p = 0; p < n; p++)
		asks[p] = (struct pf_ask){ .partition = (int32_t)p, .offset = spans[p].from,
					   .end = spans[p].end };
	int code = pf_kafka_stage_ask(s, asks, n, take_oldest, &oldest_ms, err);
	free(asks);
	int64_t age = pf_now_ms() - oldest_ms;
	if (oldest_ms < INT64_MAX && age > 0)
		lag->seconds = age / 1000;
	return code;
}

/* --- rows --- */

struct count {
	struct pf_source_marks marks;
	int64_t *next;   /* of each partition, behind what was looked at */
	int64_t rows, messages, until_us;
};

/* Of an Arrow stream that somebody else wrote; 0 when it is none. */
static int64_t foreign_rows(const struct pf_kafka_record *r)
{
	struct pf_memory_source memory = { .view = r->value };
	struct pf_byte_source bytes = pf_source_memory(&memory, "record");
	struct pf_stream_in *in;
	struct pf_event event = { .kind = PF_EVENT_MARK };
	int64_t rows = 0;
	if (pf_stream_in_open(&bytes, RECORD_LIMIT, &in, NULL))
		return 0;
	while (event.kind != PF_EVENT_END && !pf_stream_in_next(in, &event, NULL))
		rows += event.kind == PF_EVENT_BATCH ? event.batch.rows : 0;
	pf_stream_in_close(in);
	return rows;
}

/* What a source sent twice is one row. */
static int64_t rows_of(struct count *c, const struct pf_kafka_record *r)
{
	struct pf_origin o;
	if (!pf_origin_of(r, &o))
		return pf_record_is_arrow(r) ? foreign_rows(r) : 1;
	if (!o.source)
		return o.rows;
	if (o.to <= pf_source_marks_get(&c->marks, o.source, r->partition))
		return 0;
	pf_source_marks_set(&c->marks, o.source, r->partition, o.to, 0);
	return o.rows;
}

static bool take_rows(void *ctx, const struct pf_kafka_record *r)
{
	struct count *c = ctx;
	c->rows += rows_of(c, r);
	c->messages++;
	c->next[r->partition] = r->offset + 1;
	return pf_mono_us() < c->until_us;
}

static int find_rows(const struct pf_kafka_stage *s, const struct pf_span *spans,
		     const char *sources, struct pf_stage_lag *lag, struct pf_error *err)
{
	struct count c = { .until_us = pf_mono_us() + (int64_t)LOOK_MS * 1000 };
	size_t n = (size_t)s->info.partitions;
	int64_t left = 0;
	if (!lag->behind)
		return 0;
	c.next = pf_alloc(n, sizeof *c.next);
	for (size_t p = 0; p < n; p++)
		c.next[p] = spans[p].from;
	int code = sources ? pf_source_marks_read(&c.marks, sources, err) : 0;
	if (!code)
		code = pf_kafka_walk(s, spans, take_rows, &c, err);
	if (pf_mono_us() >= c.until_us)
		for (size_t p = 0; p < n; p++)
			left += spans[p].end > c.next[p] ? spans[p].end - c.next[p] : 0;
	lag->rows = c.rows;
	lag->about = left && c.messages;
	if (lag->about)
		lag->rows += (int64_t)((double)c.rows / (double)c.messages * (double)left);
	pf_source_marks_free(&c.marks);
	free(c.next);
	return code;
}

int pf_kafka_lag(struct pf_kafka_stage *s, const struct pf_stage_start *starts, size_t n,
		 const char *sources, struct pf_stage_lag *lag, struct pf_error *err)
{
	size_t parts = (size_t)s->info.partitions;
	struct pf_kafka_range *ranges;
	*lag = (struct pf_stage_lag){ 0 };
	PF_TRY(pf_kafka_stage_ranges(s, &ranges, err));
	struct pf_span *spans = pf_zalloc(parts, sizeof *spans);
	for (size_t p = 0; p < parts; p++) {
		int64_t first = ranges[p].first, end = ranges[p].end;
		int64_t next = start_of(starts, n, (int32_t)p);
		lag->loaded += next;
		lag->behind += end - next;
		spans[p] = (struct pf_span){ next < first ? first : next, end };
	}
	int code = find_seconds(s, spans, lag, err);
	if (!code)
		code = find_rows(s, spans, sources, lag, err);
	free(spans);
	free(ranges);
	return code;
}

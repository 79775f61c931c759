/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_scan.h"

#include <stdlib.h>

#include "arrow/batch.h"
#include "base/time.h"
#include "stage/kafka_message.h"
#include "stage/kafka_walk.h"

enum { SLOTS = 1 << 12, QUEUED_BYTES = 32 << 20 };

/* A group some of whose records were seen, or (session 0) the furthest whole
 * one of a source. */
struct group {
	struct group *next;
	uint64_t source, session;
	int64_t number;
	uint8_t *seen;   /* which of its records, a bit each */
	int32_t nseen;
	int64_t to;      /* of the furthest record */
	char *state;     /* JSON, or NULL */
	size_t state_len;
};

struct scan {
	struct pf_source_marks *known;
	struct group *slots[SLOTS];
};

static struct group **slot_of(struct scan *s, uint64_t source, uint64_t session,
			      int64_t number)
{
	uint64_t h = source ^ session * 0x9e3779b97f4a7c15u ^
		     (uint64_t)number * 0xbf58476d1ce4e5b9u;
	h ^= h >> 29;
	struct group **at = &s->slots[h % SLOTS];
	while (*at && ((*at)->source != source || (*at)->session != session ||
		       (*at)->number != number))
		at = &(*at)->next;
	return at;
}

static struct group *group_of(struct scan *s, uint64_t source, uint64_t session,
			      int64_t number)
{
	struct group **at = slot_of(s, source, session, number);
	if (!*at) {
		*at = pf_zalloc(1, sizeof **at);
		(*at)->source = source;
		(*at)->session = session;
		(*at)->number = number;
	}
	return *at;
}

static void drop(struct group **at)
{
	struct group *g = *at;
	*at = g->next;
	free(g->state);
	free(g->seen);
	free(g);
}

/* All records of the group are there: does its source stand there? */
static void complete(struct scan *s, struct group **at)
{
	struct group *g = *at;
	struct group *best = g->state ? group_of(s, g->source, 0, 0) : NULL;
	if (best && (!best->state || g->to >= best->to)) {
		free(best->state);
		best->state = g->state;
		best->state_len = g->state_len;
		best->to = g->to;
		g->state = NULL;
	}
	drop(slot_of(s, g->source, g->session, g->number));
}

static bool take(void *ctx, const struct pf_kafka_record *r)
{
	struct scan *s = ctx;
	struct pf_origin o;
	struct pf_view state;
	if (!pf_origin_of(r, &o) || !o.source || !o.session || !o.of)
		return true;
	pf_source_marks_set(s->known, o.source, r->partition, o.to, 0);
	struct group *g = group_of(s, o.source, o.session, o.group);
	if (o.to > g->to)
		g->to = o.to;
	if (!g->state && pf_kafka_header(r, PF_STATE_HEADER, &state) && state.len) {
		g->state = pf_strndup((const char *)state.data, state.len);
		g->state_len = strlen(g->state);
	}
	/* A broker may have a record twice: its twin stands for no other. */
	if (!g->seen)
		g->seen = pf_zalloc((size_t)o.of / 8 + 1, 1);
	if (!pf_bit(g->seen, o.index)) {
		pf_bit_set(g->seen, o.index);
		if (++g->nseen == o.of)
			complete(s, slot_of(s, o.source, o.session, o.group));
	}
	return true;
}

struct beginning {
	int64_t since_ms;
	struct pf_span *spans;
};

static int take_time(void *ctx, const struct pf_ask *ask, const struct pf_kafka_record *r,
		     struct pf_error *err)
{
	const struct beginning *b = ctx;
	(void)err;
	if (r && r->time_ms < b->since_ms)
		b->spans[ask->partition].from = ask->end;
	return 0;
}

/* Where to begin in each partition. When the broker finds nothing that recent,
 * believe it if the last record is older, too: timestamps need not ascend. */
static int find_spans(struct pf_kafka_stage *s, int64_t since_ms, struct pf_span *spans,
		      struct pf_error *err)
{
	struct beginning b = { since_ms, spans };
	size_t n = (size_t)s->info.partitions, nasks = 0;
	struct pf_kafka_range *ranges;
	PF_TRY(pf_kafka_stage_ranges(s, &ranges, err));
	struct pf_ask *asks = pf_zalloc(n, sizeof *asks);
	int64_t *from = pf_alloc(n, sizeof *from);
	int code = pf_kafka_offsets_at(s->consumer, s->info.partitions, since_ms,
				       s->timeout_ms, from, err);
	for (size_t p = 0; !code && p < n; p++) {
		int64_t first = ranges[p].first, end = ranges[p].end;
		if (from[p] == INT64_MAX && first < end)
			asks[nasks++] = (struct pf_ask){ .partition = (int32_t)p,
							 .offset = end - 1, .end = end };
		bool all = from[p] == INT64_MAX || from[p] < first;
		spans[p] = (struct pf_span){ all ? first : from[p], end };
	}
	if (!code)
		code = pf_kafka_stage_ask(s, asks, nasks, take_time, &b, err);
	free(from);
	free(asks);
	free(ranges);
	return code;
}

int pf_kafka_scan(struct pf_kafka_stage *s, int64_t look_back_ms,
		  struct pf_source_marks *known, struct pf_sources *sources,
		  struct pf_error *err)
{
	struct scan *scan = pf_zalloc(1, sizeof *scan);
	struct pf_span *spans = pf_zalloc((size_t)s->info.partitions, sizeof *spans);
	scan->known = known;
	int code = find_spans(s, pf_now_ms() - look_back_ms, spans, err);
	if (!code)
		code = pf_kafka_walk(s, spans, take, scan, err);
	for (size_t i = 0; i < SLOTS; i++)
		while (scan->slots[i]) {
			struct group *g = scan->slots[i];
			if (!code && !g->session && g->state)
				code = pf_sources_take(sources, g->state, g->state_len, err);
			drop(&scan->slots[i]);
		}
	free(spans);
	free(scan);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_scan.h"

#include <stdlib.h>

#include "arrow/batch.h"
#include "base/time.h"
#include "stage/kafka_message.h"

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
	int64_t since_ms;
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

static void take(struct scan *s, const struct pf_kafka_record *r,
		 struct pf_source_marks *known)
{
	struct pf_origin o;
	struct pf_view state;
	if (!pf_origin_of(r, &o) || !o.source || !o.session || !o.of)
		return;
	pf_source_marks_set(known, o.source, r->partition, o.to, 0);
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
}

struct beginning {
	int64_t since_ms;
	int64_t *from;
};

static int take_time(void *ctx, const struct pf_ask *ask, const struct pf_kafka_record *r,
		     struct pf_error *err)
{
	const struct beginning *b = ctx;
	(void)err;
	if (r && r->time_ms < b->since_ms)
		b->from[ask->partition] = ask->end;
	return 0;
}

/* Where to begin in each partition. When the broker finds nothing that recent,
 * believe it if the last record is older, too: timestamps need not ascend. */
static int find_begin(struct pf_kafka_stage *s, int64_t since_ms, int64_t *from,
		      int64_t *end, struct pf_error *err)
{
	struct beginning b = { since_ms, from };
	size_t n = (size_t)s->info.partitions, nasks = 0;
	struct pf_ask *asks = pf_zalloc(n, sizeof *asks);
	int code = pf_kafka_offsets_at(s->consumer, s->info.partitions, since_ms,
				       s->timeout_ms, from, err);
	for (size_t p = 0; !code && p < n; p++) {
		int64_t first;
		code = pf_kafka_range(s->consumer, (int32_t)p, s->timeout_ms, &first, &end[p],
				      err);
		if (!code && from[p] == INT64_MAX && first < end[p])
			asks[nasks++] = (struct pf_ask){ .partition = (int32_t)p,
							 .offset = end[p] - 1,
							 .end = end[p] };
		if (from[p] == INT64_MAX || from[p] < first)
			from[p] = first;
	}
	if (!code)
		code = pf_kafka_stage_ask(s, asks, nasks, take_time, &b, err);
	free(asks);
	return code;
}

static int read_partitions(struct pf_kafka_stage *s, struct pf_kafka *consumer,
			   struct scan *scan, struct pf_source_marks *known,
			   struct pf_error *err)
{
	int32_t n = s->info.partitions, running = 0;
	int64_t *from = pf_alloc((size_t)n, sizeof *from);
	int64_t *end = pf_alloc((size_t)n, sizeof *end);
	int64_t heard = pf_mono_us();
	int code = find_begin(s, scan->since_ms, from, end, err);
	for (int32_t p = 0; !code && p < n; p++) {
		if (from[p] >= end[p]) {
			end[p] = 0;
			continue;
		}
		code = pf_kafka_start(consumer, p, from[p], err);
		running++;
	}
	while (!code && running) {
		enum pf_kafka_event event;
		struct pf_kafka_record r;
		code = pf_kafka_next(consumer, 100, &event, &r, err);
		if (!code && event == PF_KAFKA_NOTHING &&
		    pf_mono_us() - heard > s->timeout_ms * 1000)
			code = pf_fail(err, PF_E_UNREACHABLE, "topic '%s' does not answer: %s",
				       s->url.topic, pf_kafka_trouble(consumer));
		if (code || event == PF_KAFKA_NOTHING)
			continue;
		heard = pf_mono_us();
		int32_t p = r.partition;
		bool live = p >= 0 && p < n && end[p];
		if (event == PF_KAFKA_RECORD && live && r.offset < end[p])
			take(scan, &r, known);
		/* Retention was faster: what is gone is as old as it says. */
		bool last = event == PF_KAFKA_RECORD ? r.offset + 1 >= end[p] : true;
		pf_kafka_release(&r);
		if (live && last) {
			pf_kafka_stop(consumer, p);
			end[p] = 0;
			running--;
		}
	}
	free(from);
	free(end);
	return code;
}

int pf_kafka_scan(struct pf_kafka_stage *s, int64_t look_back_ms,
		  struct pf_source_marks *known, struct pf_sources *sources,
		  struct pf_error *err)
{
	struct pf_kafka *consumer;
	PF_TRY(pf_kafka_stage_client(s, PF_KAFKA_CONSUMER, QUEUED_BYTES, 1, &consumer,
				     err));
	struct scan *scan = pf_zalloc(1, sizeof *scan);
	scan->since_ms = pf_now_ms() - look_back_ms;
	int code = read_partitions(s, consumer, scan, known, err);
	for (size_t i = 0; i < SLOTS; i++)
		while (scan->slots[i]) {
			struct group *g = scan->slots[i];
			if (!code && !g->session && g->state)
				code = pf_sources_take(sources, g->state, g->state_len, err);
			drop(&scan->slots[i]);
		}
	free(scan);
	pf_kafka_close(consumer);
	return code;
}

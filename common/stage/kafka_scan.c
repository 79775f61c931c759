/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_scan.h"

#include <stdlib.h>

#include "arrow/batch.h"
#include "base/time.h"
#include "stage/kafka_message.h"
#include "stage/kafka_walk.h"

/* The first step is so many offsets of each partition, each further one four times the
 * one before. Two clocks are no more than a minute apart. */
enum { SLOTS = 1 << 12, FIRST_STEP = 64, STEP_GROWS = 4, CLOCKS_MS = 60 * 1000 };

/* A group some of whose records were seen, or (session 0) the furthest whole
 * one of a source. */
struct group {
	struct group *next;
	uint64_t source, session;
	int64_t number;
	uint8_t *seen;   /* which of its records, a bit each */
	int32_t nseen;
	int64_t to;      /* of the furthest record */
	int64_t time_ms; /* of the oldest record; -1: not known */
	char *state;     /* JSON, or NULL */
	size_t state_len;
	/* Session 0: where that was told, whether it was since it changed, and whether
	 * it may still be. */
	struct pf_source_pos *item;
	bool told, left;
};

struct pf_kafka_scan {
	struct pf_kafka_stage *s;
	struct pf_source_marks *known;
	/* The least row number seen of a source in a partition, as INT64_MAX less that:
	 * marks only move up. */
	struct pf_source_marks least;
	struct pf_sources *sources;
	struct pf_span *all;  /* of each partition, young enough */
	struct pf_span *left; /* not looked at yet */
	int64_t step, messages;
	struct group *slots[SLOTS];
};

static struct group **slot_of(struct pf_kafka_scan *s, uint64_t source, uint64_t session,
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

static struct group *group_of(struct pf_kafka_scan *s, uint64_t source, uint64_t session,
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
static void complete(struct pf_kafka_scan *s, struct group **at)
{
	struct group *g = *at;
	struct group *best = g->state ? group_of(s, g->source, 0, 0) : NULL;
	if (best && (!best->state || g->to >= best->to)) {
		free(best->state);
		best->state = g->state;
		best->state_len = g->state_len;
		best->to = g->to;
		best->time_ms = g->time_ms;
		best->told = false;
		g->state = NULL;
	}
	drop(slot_of(s, g->source, g->session, g->number));
}

static bool take(void *ctx, const struct pf_kafka_record *r)
{
	struct pf_kafka_scan *s = ctx;
	struct pf_origin o;
	struct pf_view state;
	s->messages++;
	if (!pf_origin_of(r, &o) || !o.source || !o.session || !o.of)
		return true;
	pf_source_marks_set(s->known, o.source, r->partition, o.to, 0);
	pf_source_marks_set(&s->least, o.source, r->partition, INT64_MAX - o.to, 0);
	struct group *g = group_of(s, o.source, o.session, o.group);
	if (o.to > g->to)
		g->to = o.to;
	if (!g->seen || r->time_ms < g->time_ms)
		g->time_ms = r->time_ms;
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

/* --- how far back --- */

struct since {
	int64_t ms, *from;
};

static int take_time(void *ctx, const struct pf_ask *ask, const struct pf_kafka_record *r,
		     struct pf_error *err)
{
	const struct since *since = ctx;
	(void)err;
	if (r && r->time_ms < since->ms)
		since->from[ask->partition] = ask->end;
	return 0;
}

/* From where on records of each partition are that young; no less than its `from`.
 * When the broker finds none, believe it if the last one is older, too: timestamps
 * need not ascend. */
static int find_since(struct pf_kafka_stage *s, int64_t since_ms, const struct pf_span *all,
		      int64_t *from, struct pf_error *err)
{
	struct since since = { since_ms, from };
	size_t n = (size_t)s->info.partitions, nasks = 0;
	struct pf_ask *asks = pf_zalloc(n, sizeof *asks);
	int code = pf_kafka_offsets_at(s->consumer, s->info.partitions, since_ms,
				       s->timeout_ms, from, err);
	for (size_t p = 0; !code && p < n; p++) {
		bool none = from[p] == INT64_MAX;
		if (none && all[p].from < all[p].end)
			asks[nasks++] = (struct pf_ask){ .partition = (int32_t)p,
							 .offset = all[p].end - 1,
							 .end = all[p].end };
		if (none || from[p] < all[p].from)
			from[p] = all[p].from;
	}
	if (!code)
		code = pf_kafka_stage_ask(s, asks, nasks, take_time, &since, err);
	free(asks);
	return code;
}

static int find_spans(struct pf_kafka_scan *s, int64_t since_ms, struct pf_error *err)
{
	size_t n = (size_t)s->s->info.partitions;
	struct pf_kafka_range *ranges;
	PF_TRY(pf_kafka_stage_ranges(s->s, &ranges, err));
	for (size_t p = 0; p < n; p++)
		s->all[p] = (struct pf_span){ ranges[p].first, ranges[p].end };
	free(ranges);
	int64_t *from = pf_alloc(n, sizeof *from);
	int code = find_since(s->s, since_ms, s->all, from, err);
	for (size_t p = 0; !code && p < n; p++) {
		s->all[p].from = from[p];
		s->left[p] = s->all[p];
	}
	free(from);
	return code;
}

int pf_kafka_scan_open(struct pf_kafka_stage *stage, int64_t look_back_ms,
		       struct pf_source_marks *known, struct pf_sources *sources,
		       struct pf_kafka_scan **scan, struct pf_error *err)
{
	struct pf_kafka_scan *s = pf_zalloc(1, sizeof *s);
	s->s = stage;
	s->known = known;
	s->sources = sources;
	s->step = FIRST_STEP;
	s->all = pf_zalloc((size_t)stage->info.partitions, sizeof *s->all);
	s->left = pf_zalloc((size_t)stage->info.partitions, sizeof *s->left);
	int code = find_spans(s, pf_now_ms() - look_back_ms, err);
	if (code) {
		pf_kafka_scan_close(s);
		return code;
	}
	*scan = s;
	return 0;
}

void pf_kafka_scan_close(struct pf_kafka_scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		while (s->slots[i])
			drop(&s->slots[i]);
	pf_source_marks_free(&s->least);
	free(s->all);
	free(s->left);
	free(s);
}

bool pf_kafka_scan_more(const struct pf_kafka_scan *s)
{
	for (int32_t p = 0; p < s->s->info.partitions; p++)
		if (s->left[p].from < s->left[p].end)
			return true;
	return false;
}

int64_t pf_kafka_scan_messages(const struct pf_kafka_scan *s)
{
	return s ? s->messages : 0;
}

/* --- what was found --- */

static int oldest_first(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
	return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

/* Tell what changed; of two rounds of one name the later one comes later. */
static int tell(struct pf_kafka_scan *s, struct pf_error *err)
{
	struct group **list = NULL;
	size_t n = 0;
	for (size_t i = 0; i < SLOTS; i++)
		for (struct group *g = s->slots[i]; g; g = g->next) {
			if (g->session || !g->state || g->told || g->left)
				continue;
			if (n % 64 == 0)
				list = pf_realloc(list, pf_add(n, 64), sizeof *list);
			list[n++] = g;
		}
	if (n)
		qsort(list, n, sizeof *list, oldest_first);
	int code = 0;
	for (size_t i = 0; !code && i < n; i++) {
		struct group *g = list[i];
		code = pf_sources_take(s->sources, g->state, g->state_len, &g->item, err);
		g->told = true;
	}
	free(list);
	return code;
}

bool pf_kafka_scan_knows(struct pf_kafka_scan *s, uint64_t key)
{
	const struct group *g = *slot_of(s, key, 0, 0);
	return g && g->state;
}

void pf_kafka_scan_leave(struct pf_kafka_scan *s, const struct pf_source_pos *source)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (struct group *g = s->slots[i]; g; g = g->next)
			g->left |= g->item == source;
}

/* --- looking --- */

/* Look at so much of each partition, and have it behind us. */
static int look(struct pf_kafka_scan *s, const struct pf_span *spans, struct pf_error *err)
{
	PF_TRY(pf_kafka_walk(s->s, spans, take, s, err));
	for (int32_t p = 0; p < s->s->info.partitions; p++)
		if (spans[p].from < spans[p].end)
			s->left[p].end = spans[p].from;
	return tell(s, err);
}

/* The last of what is left of a partition, down to an offset. */
static struct pf_span last_of(const struct pf_kafka_scan *s, int32_t p, int64_t step,
			      int64_t down_to)
{
	struct pf_span span = s->left[p];
	if (down_to > span.from)
		span.from = down_to;
	if (span.from < span.end && span.end - span.from > step)
		span.from = span.end - step;
	return span;
}

int pf_kafka_scan_step(struct pf_kafka_scan *s, struct pf_error *err)
{
	int32_t n = s->s->info.partitions;
	struct pf_span *spans = pf_alloc((size_t)n, sizeof *spans);
	for (int32_t p = 0; p < n; p++)
		spans[p] = last_of(s, p, s->step, 0);
	int code = look(s, spans, err);
	if (s->step < INT64_MAX / STEP_GROWS)
		s->step *= STEP_GROWS;
	free(spans);
	return code;
}

int pf_kafka_scan_settle(struct pf_kafka_scan *s, uint64_t key, struct pf_error *err)
{
	int32_t n = s->s->info.partitions;
	const struct group *g = *slot_of(s, key, 0, 0);
	if (!g || !g->state)
		return 0;
	int64_t *from = pf_zalloc((size_t)n, sizeof *from), to = -1, step = FIRST_STEP;
	struct pf_span *spans = pf_alloc((size_t)n, sizeof *spans);
	int code = 0;
	for (bool any = true; !code && any;) {
		any = false;
		if (g->to != to)
			code = find_since(s->s, g->time_ms - CLOCKS_MS, s->all, from, err);
		to = g->to;
		for (int32_t p = 0; !code && p < n; p++) {
			int64_t least = INT64_MAX - pf_source_marks_get(&s->least, key, p);
			spans[p] = last_of(s, p, step, least <= to ? INT64_MAX : from[p]);
			any |= spans[p].from < spans[p].end;
		}
		if (!code && any)
			code = look(s, spans, err);
		step *= step < INT64_MAX / STEP_GROWS ? STEP_GROWS : 1;
	}
	free(spans);
	free(from);
	return code;
}

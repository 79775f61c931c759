/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stage/kafka_message.h"

void pf_kafka_parts_close(struct pf_kafka_parts *parts)
{
	pf_buf_free(&parts->gaps);
	free(parts->place);
	free(parts->items);
	*parts = (struct pf_kafka_parts){ 0 };
}

struct pf_kafka_part *pf_kafka_parts_find(const struct pf_kafka_parts *parts,
					  int32_t partition)
{
	if (partition < 0 || partition >= parts->npartitions || parts->place[partition] < 0)
		return NULL;
	return &parts->items[parts->place[partition]];
}

struct pf_kafka_anchor pf_kafka_part_anchor(const struct pf_kafka_part *p)
{
	return (struct pf_kafka_anchor){ p->partition, p->at, p->last, p->hash };
}

static const struct pf_stage_start *start_of(const struct pf_stage_read *how,
					     int32_t partition)
{
	for (size_t i = 0; i < how->nstarts; i++)
		if (how->starts[i].partition == partition)
			return &how->starts[i];
	return NULL;
}

static int check_range(struct pf_kafka_parts *parts, const struct pf_kafka_stage *s,
		       struct pf_kafka_part *p, int64_t end, bool accept_gap,
		       struct pf_error *err)
{
	if (p->at > end)
		return pf_kafka_too_short(s, p->partition, p->at, end, err);
	if (p->at >= p->first)
		return 0;
	if (!accept_gap)
		return pf_kafka_gone(s, p->partition, p->at, p->first, err);
	pf_buf_printf(&parts->gaps, "%s\"%" PRId32 "\": [[%" PRId64 ", %" PRId64 "]]",
		      parts->gaps.len ? ", " : "{", p->partition, p->at, p->first);
	p->at = p->first;
	p->last = -1;
	return 0;
}

static int add_part(struct pf_kafka_parts *parts, const struct pf_kafka_stage *s,
		    const struct pf_stage_read *how, const struct pf_kafka_range *range,
		    struct pf_error *err)
{
	const struct pf_stage_start *start = start_of(how, range->partition);
	int64_t back;
	struct pf_kafka_part *p = &parts->items[parts->n];
	*p = (struct pf_kafka_part){ .partition = range->partition, .first = range->first,
				     .last = -1 };
	p->at = how->oldest ? range->first : start ? start->offset : 0;
	p->marked = p->at;
	p->end = how->follow ? INT64_MAX : range->end;
	if (start && !how->oldest && pf_anchor_read(start->anchor, &p->hash, &back) &&
	    back <= p->at)
		p->last = p->at - back;
	parts->place[range->partition] = (int32_t)parts->n++;
	int code = check_range(parts, s, p, range->end, how->accept_gap, err);
	p->known = pf_kafka_part_anchor(p);
	return code;
}

/* Of the chosen partitions only those that can hold the fibers wanted. */
static void choose_fibers(const struct pf_kafka_stage *s, const struct pf_stage_read *how,
			  bool *chosen)
{
	int32_t n = s->info.partitions;
	if (!how->nfibers || s->url.partitioner != PF_PARTITIONER_FIBER)
		return;
	bool *can = pf_zalloc((size_t)n, sizeof *can);
	for (size_t i = 0; i < how->nfibers; i++)
		can[how->fibers[i] % n] = true;
	for (int32_t p = 0; p < n; p++)
		chosen[p] = chosen[p] && can[p];
	free(can);
}

/* The chosen ones, whose ranges are not asked for yet. */
static int choose(const struct pf_kafka_stage *s, const struct pf_stage_read *how,
		  struct pf_kafka_range *ranges, size_t *nranges, struct pf_error *err)
{
	int32_t n = s->info.partitions;
	bool *chosen = pf_alloc((size_t)n, sizeof *chosen);
	memset(chosen, 1, (size_t)n * sizeof *chosen);
	int code = how->partitions ? pf_partitions_parse(how->partitions, n, chosen, err) : 0;
	if (!code)
		choose_fibers(s, how, chosen);
	*nranges = 0;
	for (int32_t p = 0; !code && p < n; p++)
		if (chosen[p])
			ranges[(*nranges)++].partition = p;
	free(chosen);
	return code;
}

static int add_parts(struct pf_kafka_parts *parts, const struct pf_kafka_stage *s,
		     const struct pf_stage_read *how, struct pf_error *err)
{
	int32_t n = parts->npartitions;
	struct pf_kafka_range *ranges = pf_zalloc((size_t)n, sizeof *ranges);
	size_t nranges;
	int code = choose(s, how, ranges, &nranges, err);
	if (!code)
		code = pf_kafka_ranges(s->consumer, ranges, nranges, s->timeout_ms, err);
	for (size_t i = 0; !code && i < nranges; i++)
		code = add_part(parts, s, how, &ranges[i], err);
	free(ranges);
	for (size_t i = 0; !code && i < how->nstarts; i++)
		if (how->starts[i].partition >= n)
			code = pf_fail(err, PF_E_STAGE_CHANGED,
				       "topic '%s' has no partition %" PRId32
				       " any more: it was made anew", s->url.topic,
				       how->starts[i].partition);
	if (parts->gaps.len)
		pf_buf_byte(&parts->gaps, '}');
	return code;
}

/* Is the record before a start the one that is known? */
static int check_starts(const struct pf_kafka_parts *parts, struct pf_kafka_stage *s,
			struct pf_error *err)
{
	struct pf_kafka_anchor *anchors = pf_alloc(parts->n + 1, sizeof *anchors);
	size_t n = 0;
	for (size_t i = 0; i < parts->n; i++)
		/* Known, and not too old to be there still. */
		if (parts->items[i].last >= parts->items[i].first)
			anchors[n++] = pf_kafka_part_anchor(&parts->items[i]);
	int code = pf_kafka_anchors_compare(s, anchors, n, err);
	free(anchors);
	return code;
}

int pf_kafka_parts_open(struct pf_kafka_parts *parts, struct pf_kafka_stage *s,
			const struct pf_stage_read *how, struct pf_error *err)
{
	size_t n = (size_t)s->info.partitions;
	*parts = (struct pf_kafka_parts){ .npartitions = s->info.partitions };
	parts->items = pf_alloc(n, sizeof *parts->items);
	parts->place = pf_alloc(n, sizeof *parts->place);
	for (size_t i = 0; i < n; i++)
		parts->place[i] = -1;
	int code = add_parts(parts, s, how, err);
	if (!code)
		code = check_starts(parts, s, err);
	if (code)
		pf_kafka_parts_close(parts);
	return code;
}

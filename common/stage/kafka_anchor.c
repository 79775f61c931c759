/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_anchor.h"

#include <inttypes.h>
#include <stdlib.h>

#include "stage/kafka_message.h"

int pf_kafka_too_short(const struct pf_kafka_stage *s, int32_t partition, int64_t at,
		       int64_t end, struct pf_error *err)
{
	pf_fail(err, PF_E_STAGE_CHANGED,
		"offset %" PRId64 " lies beyond the end of topic '%s', partition %" PRId32
		" (%" PRId64 ")", at, s->url.topic, partition, end);
	return pf_hint(err, "the topic was truncated or made anew since that offset was taken");
}

int pf_kafka_gone(const struct pf_kafka_stage *s, int32_t partition, int64_t from,
		  int64_t to, struct pf_error *err)
{
	pf_fail(err, PF_E_STAGE_GAP,
		"topic '%s', partition %" PRId32 " no longer has messages %" PRId64
		" to %" PRId64, s->url.topic, partition, from, to - 1);
	return pf_hint(err, "--accept-gap goes on without them and says so in the table");
}

struct comparison {
	const struct pf_kafka_stage *s;
	const struct pf_kafka_anchor *anchors;
	size_t n;
};

static int take_anchor(void *ctx, const struct pf_ask *ask,
		       const struct pf_kafka_record *record, struct pf_error *err)
{
	const struct comparison *c = ctx;
	const struct pf_kafka_anchor *a = c->anchors;
	while (a < c->anchors + c->n - 1 && a->partition != ask->partition)
		a++;
	if (record && record->offset == a->offset && pf_record_hash(record) == a->hash)
		return 0;
	pf_fail(err, PF_E_STAGE_CHANGED,
		"topic '%s', partition %" PRId32 " has another message at offset %" PRId64
		" than the one that was read", c->s->url.topic, a->partition, a->offset);
	return pf_hint(err, "the topic was made anew, or lost messages and got others since");
}

int pf_kafka_anchors_compare(struct pf_kafka_stage *s, const struct pf_kafka_anchor *anchors,
			     size_t n, struct pf_error *err)
{
	struct pf_ask *asks = pf_zalloc(n + 1, sizeof *asks);
	struct comparison c = { s, anchors, n };
	size_t nasks = 0;
	for (size_t i = 0; i < n; i++)
		if (anchors[i].offset >= 0)
			asks[nasks++] = (struct pf_ask){ .partition = anchors[i].partition,
							 .offset = anchors[i].offset,
							 .end = anchors[i].at };
	int code = pf_kafka_stage_ask(s, asks, nasks, take_anchor, &c, err);
	free(asks);
	return code;
}

int pf_kafka_anchors_check(struct pf_kafka_stage *s, struct pf_kafka_anchor *anchors,
			   size_t n, struct pf_error *err)
{
	struct pf_kafka_range *ranges = pf_zalloc(n + 1, sizeof *ranges);
	for (size_t i = 0; i < n; i++)
		ranges[i].partition = anchors[i].partition;
	int code = pf_kafka_ranges(s->consumer, ranges, n, s->timeout_ms, err);
	for (size_t i = 0; !code && i < n; i++) {
		struct pf_kafka_anchor *a = &anchors[i];
		if (a->at > ranges[i].end)
			code = pf_kafka_too_short(s, a->partition, a->at, ranges[i].end, err);
		if (a->offset < ranges[i].first)
			a->offset = -1;
	}
	if (!code)
		code = pf_kafka_anchors_compare(s, anchors, n, err);
	free(ranges);
	return code;
}

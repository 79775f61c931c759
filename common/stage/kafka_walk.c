/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_walk.h"

#include <stdlib.h>

#include "base/time.h"

enum { QUEUED_BYTES = 32 << 20, WAIT_MS = 100 };

struct walk {
	const struct pf_kafka_stage *s;
	struct pf_kafka *consumer;
	int64_t *end;     /* of each partition; 0: it is done */
	int32_t running;
};

static int start(struct walk *w, const struct pf_span *spans, struct pf_error *err)
{
	for (int32_t p = 0; p < w->s->info.partitions; p++) {
		if (spans[p].from >= spans[p].end)
			continue;
		PF_TRY(pf_kafka_start(w->consumer, p, spans[p].from, err));
		w->end[p] = spans[p].end;
		w->running++;
	}
	return 0;
}

static int step(struct walk *w, int64_t *heard_us,
		bool (*take)(void *ctx, const struct pf_kafka_record *record), void *ctx,
		bool *stop, struct pf_error *err)
{
	enum pf_kafka_event event;
	struct pf_kafka_record r;
	PF_TRY(pf_kafka_next(w->consumer, WAIT_MS, &event, &r, err));
	if (event == PF_KAFKA_NOTHING)
		return pf_mono_us() - *heard_us <= w->s->timeout_ms * 1000 ? 0 :
		       pf_kafka_silent(w->consumer, err);
	*heard_us = pf_mono_us();
	int32_t p = r.partition;
	bool live = p >= 0 && p < w->s->info.partitions && w->end[p];
	if (event == PF_KAFKA_RECORD && live && r.offset < w->end[p])
		*stop = !take(ctx, &r);
	/* Retention was faster: what is gone cannot be looked at. */
	bool last = event != PF_KAFKA_RECORD || (live && r.offset + 1 >= w->end[p]);
	pf_kafka_release(&r);
	if (live && last) {
		pf_kafka_stop(w->consumer, p);
		w->end[p] = 0;
		w->running--;
	}
	return 0;
}

int pf_kafka_walk(const struct pf_kafka_stage *s, const struct pf_span *spans,
		  bool (*take)(void *ctx, const struct pf_kafka_record *record), void *ctx,
		  struct pf_error *err)
{
	struct walk w = { .s = s };
	PF_TRY(pf_kafka_stage_client(s, PF_KAFKA_CONSUMER, QUEUED_BYTES, 1, &w.consumer,
				     err));
	w.end = pf_zalloc((size_t)s->info.partitions, sizeof *w.end);
	int64_t heard_us = pf_mono_us();
	bool stop = false;
	int code = start(&w, spans, err);
	while (!code && !stop && w.running)
		code = step(&w, &heard_us, take, ctx, &stop, err);
	free(w.end);
	pf_kafka_close(w.consumer);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_send.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/random.h"
#include "base/time.h"
#include "stage/kafka_message.h"

enum { QUEUED_BYTES = 64 << 20, POLL_MS = 100, POLL_MESSAGES = 64 };
/* Once it is to stop; without any acknowledgement; when a password is refused again
 * and again. */
enum { STOP_MS = 25000, DELIVERY_MS = 45000, REFUSED_MS = 5000, ASK_MS = 1000, ASKS = 3 };

struct pf_sender {
	const struct pf_kafka_stage *stage;
	struct pf_kafka *producer;
	bool (*stopping)(void);
	uint64_t session;
	int64_t group;
	int64_t outstanding; /* messages without a report */
	int64_t patience_us; /* delivery.timeout.ms; 0: for ever */
	int64_t now_ms;      /* what records are given for their time */
	bool dies;           /* a test wants it to, at X2 */
	struct pf_buf origin, state; /* headers of the message that leaves */
};

static void on_report(void *ctx, const struct pf_kafka_report *r)
{
	struct pf_sender *s = ctx;
	(void)r;
	s->outstanding--;
}

int pf_sender_open(const struct pf_kafka_stage *stage, bool (*stopping)(void),
		   struct pf_sender **sender, struct pf_error *err)
{
	struct pf_sender *s = pf_zalloc(1, sizeof *s);
	s->stage = stage;
	s->stopping = stopping;
	pf_random_bytes(&s->session, sizeof s->session);
	s->session |= 1;
	const char *patience = pf_kafka_config_get(stage->config, "delivery.timeout.ms");
	s->patience_us = (patience ? strtoll(patience, NULL, 10) : DELIVERY_MS) * 1000;
	int code = pf_kafka_stage_client(stage, PF_KAFKA_PRODUCER, QUEUED_BYTES, 0,
					 &s->producer, err);
	if (code) {
		free(s);
		return code;
	}
	pf_kafka_on_report(s->producer, on_report, s);
	*sender = s;
	return 0;
}

void pf_sender_close(struct pf_sender *s)
{
	if (!s)
		return;
	pf_kafka_close(s->producer);
	pf_buf_free(&s->origin);
	pf_buf_free(&s->state);
	free(s);
}

/* --- waiting --- */

/* Since when nothing was acknowledged, and how often the topic answered since; since
 * when it is to stop. */
struct stall {
	int64_t outstanding, since_us, asked_us;
	int answers;
	int64_t stopped_us;
};

/* A broker that is away is waited for. One that answers and acknowledges nothing (for
 * want of replicas in sync, say) is asked three times within our patience; when no
 * report came in between, somebody has to look. So when it lets us in no longer. */
static int check_stall(struct pf_sender *s, struct stall *stall, struct pf_error *err)
{
	int64_t now = pf_mono_us();
	if (!stall->since_us || s->outstanding != stall->outstanding) {
		*stall = (struct stall){ s->outstanding, now, now, 0, stall->stopped_us };
		return 0;
	}
	if (pf_kafka_hopeless(s->producer) &&
	    now - stall->since_us >= (int64_t)REFUSED_MS * 1000)
		return pf_kafka_silent(s->producer, err);
	if (!s->patience_us || now - stall->asked_us < s->patience_us / ASKS)
		return 0;
	struct pf_kafka_info info;
	struct pf_error away = { 0 };
	stall->answers = pf_kafka_info(s->producer, ASK_MS, &info, &away) ? 0 :
			 stall->answers + 1;
	stall->asked_us = pf_mono_us();
	if (stall->answers < ASKS)
		return 0;
	pf_fail(err, PF_E_UNREACHABLE, "topic '%s' answers, but acknowledged none of %" PRId64
		" messages for %" PRId64 " s", s->stage->url.topic, s->outstanding,
		(stall->asked_us - stall->since_us) / 1000000);
	return pf_hint(err, "are there as many replicas in sync as min.insync.replicas wants? "
			    "What was acknowledged is left out when it is run again");
}

/* Once it is to stop it does not wait for long. */
static int check_stop(const struct pf_sender *s, struct stall *stall, struct pf_error *err)
{
	int64_t now = pf_mono_us();
	if (!s->stopping || !s->stopping())
		return 0;
	if (!stall->stopped_us)
		stall->stopped_us = now;
	if (now - stall->stopped_us < (int64_t)STOP_MS * 1000)
		return 0;
	const char *why = pf_kafka_trouble(s->producer);
	pf_fail(err, PF_E_INTERRUPTED,
		"%" PRId64 " messages for topic '%s' are not acknowledged%s%s",
		s->outstanding, s->stage->url.topic, *why ? ": " : "", why);
	return pf_hint(err, "run it again: what was acknowledged is left out");
}

/* Wait a moment for reports, if any are missing. */
static int wait_on(struct pf_sender *s, struct stall *stall, struct pf_error *err)
{
	PF_TRY(pf_kafka_poll(s->producer, POLL_MS, err));
	if (!s->outstanding)
		return 0;
	PF_TRY(check_stall(s, stall, err));
	return check_stop(s, stall, err);
}

int pf_sender_wait(struct pf_sender *s, struct pf_error *err)
{
	struct stall stall = { 0 };
	while (s->outstanding)
		PF_TRY(wait_on(s, &stall, err));
	return 0;
}

int pf_sender_busy(struct pf_sender *s, bool *busy, struct pf_error *err)
{
	int code = s->outstanding ? pf_kafka_poll(s->producer, 0, err) : 0;
	*busy = s->outstanding > 0;
	return code;
}

/* --- sending --- */

static int send_one(struct pf_sender *s, const struct pf_group_messages *group,
		    size_t number, int32_t index, const struct pf_origin_form *form,
		    struct pf_error *err)
{
	const struct pf_group_message *m = &group->messages[number];
	struct pf_view key = pf_view_of(group->bytes.data + m->key_at, m->key_bytes);
	s->origin.len = s->state.len = 0;
	pf_origin_fill(form, m->to, m->rows, index, &s->origin);
	if (m->source && !index)
		pf_source_write(m->source, &s->state);
	struct pf_kafka_header headers[] = {
		{ PF_ORIGIN_HEADER, pf_view_of(s->origin.data, s->origin.len) },
		{ PF_STATE_HEADER, pf_view_of(s->state.data, s->state.len) },
	};
	bool full = true;
	int code = 0;
	struct stall stall = { 0 };
	if (index % POLL_MESSAGES == 0)
		s->now_ms = pf_now_ms();
	while (!code && full) {
		code = pf_kafka_produce(s->producer, m->partition, m->key_bytes ? &key : NULL,
					pf_view_of(group->bytes.data + m->at, m->len),
					headers, s->state.len ? 2 : 1, s->now_ms, NULL, &full, err);
		if (!code && full)
			code = wait_on(s, &stall, err);
		else if (!code && index % POLL_MESSAGES == 0)
			code = pf_kafka_poll(s->producer, 0, err);
	}
	if (!code)
		s->outstanding++;
	/* Die when this one is safe and the rest of the group has not left. */
	if (!code && s->dies) {
		code = pf_sender_wait(s, err);
		pf_crash_point("X2");
	}
	return code;
}

int pf_sender_group(struct pf_sender *s, const struct pf_group_messages *group,
		    struct pf_error *err)
{
	s->group++;
	s->dies = pf_crash_armed("X2");
	for (size_t from = 0, to; from < group->n; from = to) {
		for (to = from + 1; to < group->n; to++)
			if (group->messages[to].source != group->messages[from].source)
				break;
		if (to - from > PF_GROUP_RECORDS)
			return pf_fail(err, PF_E_LIMIT, "too many messages in one commit");
		const struct pf_source_pos *source = group->messages[from].source;
		struct pf_origin common = {
			.source = source ? source->key : 0, .session = s->session,
			.group = s->group, .of = (int32_t)(to - from),
			.partitions = s->stage->info.partitions,
		};
		struct pf_origin_form form;
		pf_origin_form(&common, &form);
		for (size_t i = from; i < to; i++)
			PF_TRY(send_one(s, group, i, (int32_t)(i - from), &form, err));
	}
	return 0;
}

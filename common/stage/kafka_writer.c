/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending to a topic. Rows become messages (stage/kafka_accumulator.h) and leave at a
 * commit, as one group of each source; a commit waits until the one before has
 * been acknowledged (stage/kafka_send.h). So a position is durable when the
 * messages behind it say so. While that lasts nothing is read: the pipe fills.
 *
 * Exactly one process sends a row once; a process that follows one that died
 * may send again what is in doubt, and readers drop it by the rows' numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "ext/hash.h"
#include "stage/kafka_scan.h"
#include "stage/kafka_send.h"

enum { CONFIG_MS = 1000 };
/* Messages come and go: what they took is kept for the next. */
enum { KEEP_BYTES = 64 << 20 };
/* A run is repeated within so long, if nothing of it is there. */
enum { PERIOD_MS = 600 * 1000 };
/* max.message.bytes of a topic, message.max.bytes of librdkafka, if nobody changed
 * them. */
enum { TOPIC_BYTES = 1048588, CLIENT_BYTES = 1000000 };

struct topic_writer {
	struct pf_stage_writer base;
	struct pf_kafka_stage *s; /* base.stage */
	struct pf_accumulator *messages;
	struct pf_sender *sender;
	int64_t look_back_ms;
	char caution[160];        /* what the topic may lose, or "" */
	struct pf_error failed;   /* nothing is taken any more */

	/* What the topic has of its sources. */
	struct pf_kafka_scan *scan;      /* NULL: not asked for yet */
	struct pf_source_marks known;

	struct pf_source_pos *source;    /* whose rows come; NULL: nobody's */
	char *identity;                  /* its, while it has no key */

	int64_t pending;                 /* rows that wait for a commit */
	int64_t accepted, sent, durable; /* rows */
};

static int fail_writer(struct topic_writer *w, int code, const struct pf_error *err)
{
	if (code && !w->failed.code && err)
		w->failed = *err;
	return code;
}

static int refused(const struct topic_writer *w, struct pf_error *err)
{
	*err = w->failed;
	return err->code;
}

static void writer_limit(struct pf_stage_writer *base, struct pf_row_limit *limit)
{
	pf_accumulator_limit(((struct topic_writer *)base)->messages, limit);
}

/* --- sources --- */

static int writer_recall(struct pf_stage_writer *base, const struct pf_source_pos *source,
			 bool *more, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	if (!w->scan)
		PF_TRY(pf_kafka_scan_open(w->s, w->look_back_ms, &w->known, &base->sources,
					  &w->scan, err));
	PF_TRY(source ? pf_kafka_scan_settle(w->scan, source->key, err) :
			pf_kafka_scan_step(w->scan, err));
	*more = pf_kafka_scan_more(w->scan);
	return 0;
}

static int64_t writer_looked(const struct pf_stage_writer *base)
{
	return pf_kafka_scan_messages(((const struct topic_writer *)base)->scan);
}

/* Whoever begins a source anew must not have the numbers of rows that a table may
 * remember: of another input of that name, say, which the topic no longer has. */
static uint64_t key_of(const char *identity, const struct pf_buf *row, int64_t period,
		       int again)
{
	struct pf_buf text = { 0 };
	pf_buf_printf(&text, "%s\n%d\n%" PRId64 "\n", identity, again, period);
	pf_buf_add(&text, row->data, row->len);
	uint64_t key = pf_xxh3(text.data, text.len);
	pf_buf_free(&text);
	return key;
}

static bool is_owned(const struct topic_writer *w, uint64_t key)
{
	bool owned = !key || pf_kafka_scan_knows(w->scan, key);
	for (size_t i = 0; !owned && i < w->base.sources.n; i++)
		owned = w->base.sources.items[i]->key == key;
	return owned;
}

static bool has_marks(const struct topic_writer *w, uint64_t key)
{
	for (size_t i = 0; i < w->known.n; i++)
		if (w->known.items[i].source == key)
			return true;
	return false;
}

static bool any_lost(const struct topic_writer *w)
{
	for (size_t i = 0; i < w->known.n; i++)
		if (!is_owned(w, w->known.items[i].source))
			return true;
	return false;
}

/* When a run that died before anything was acknowledged is repeated, the key must be
 * the same: its records are there, without a position, or may come late. */
static uint64_t make_key(const struct topic_writer *w, const char *identity,
			 const struct pf_buf *row)
{
	int64_t now = pf_now_ms() / PERIOD_MS, periods = w->look_back_ms / PERIOD_MS + 1;
	uint64_t key = 0;
	bool lost = any_lost(w);
	for (int64_t back = 0; lost && back <= periods; back++) {
		for (int again = 0; is_owned(w, key); again++)
			key = key_of(identity, row, now - back, again);
		if (has_marks(w, key))
			return key;
		key = 0;
	}
	for (int again = 0; is_owned(w, key); again++)
		key = key_of(identity, row, now, again);
	return key;
}

/* Before anything of a source leaves, batch NULL: or its position alone. All that
 * the topic has must be known for that. */
static int give_key(struct topic_writer *w, const struct pf_batch *batch,
		    struct pf_error *err)
{
	struct pf_buf row = { 0 };
	if (!w->source || w->source->key)
		return 0;
	while (pf_kafka_scan_more(w->scan))
		PF_TRY(pf_kafka_scan_step(w->scan, err));
	if (batch)
		pf_accumulator_row(w->messages, batch, 0, &row);
	w->source->key = make_key(w, w->identity, &row);
	pf_buf_free(&row);
	return 0;
}

static int writer_commit(struct pf_stage_writer *base, struct pf_error *err);

static int writer_from(struct pf_stage_writer *base, struct pf_source_pos *source,
		       const char *identity, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	if (w->failed.code)
		return refused(w, err);
	PF_TRY(fail_writer(w, pf_accumulator_flush(w->messages, err), err));
	if (w->source && w->source->dirty)
		PF_TRY(fail_writer(w, give_key(w, NULL, err), err));
	/* A source that comes back begins a group of its own: its messages are
	 * counted in a row. */
	if (source && pf_accumulator_has(w->messages, source))
		PF_TRY(writer_commit(base, err));
	pf_accumulator_from(w->messages, source);
	free(w->identity);
	w->identity = pf_strdup(identity ? identity : "");
	w->source = source;
	if (!source)
		return 0;
	if (!w->scan)
		return fail_writer(w, pf_fail(err, PF_E_INTERNAL, "a source before its recall"),
				   err);
	pf_kafka_scan_leave(w->scan, source);
	int32_t n = w->s->info.partitions;
	if (!source->key)
		source->partitions = n;
	if (source->partitions == n)
		return 0;
	pf_fail(err, PF_E_KAFKA_PARTITIONS,
		"topic '%s' had %" PRId32 " partitions when '%s' was staged, and has %" PRId32
		" now", w->s->url.topic, source->partitions,
		source->name ? source->name : source->path ? source->path : "it", n);
	return pf_hint(err, "rows may go to other partitions now: what comes from here on needs "
			    "a name of its own, --source NAME");
}

/* --- rows --- */

static int writer_append(struct pf_stage_writer *base, const struct pf_batch *batch,
			 const int64_t *numbers, int64_t *taken, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	*taken = 0;
	if (w->failed.code)
		return refused(w, err);
	if (!numbers)
		return pf_fail(err, PF_E_INTERNAL, "rows for a topic without numbers");
	if (!batch->rows)
		return 0;
	PF_TRY(fail_writer(w, give_key(w, batch, err), err));
	PF_TRY(fail_writer(w, pf_accumulator_add(w->messages, batch, numbers, &w->known, taken,
						 err), err));
	w->accepted += *taken;
	w->pending += *taken;
	return 0;
}

/* --- commits --- */

static int wait_sent(struct topic_writer *w, struct pf_error *err)
{
	PF_TRY(pf_sender_wait(w->sender, err));
	w->durable = w->sent;
	return 0;
}

static int commit(struct topic_writer *w, struct pf_error *err)
{
	if (w->source && w->source->dirty)
		PF_TRY(give_key(w, NULL, err));
	PF_TRY(pf_accumulator_flush(w->messages, err));
	pf_accumulator_positions(w->messages, &w->base.sources);
	PF_TRY(wait_sent(w, err));
	PF_TRY(pf_sender_group(w->sender, pf_accumulator_group(w->messages), err));
	if (!pf_accumulator_group(w->messages)->n)
		w->durable = w->accepted;
	pf_accumulator_clear(w->messages);
	w->pending = 0;
	w->sent = w->accepted;
	pf_sources_clean(&w->base.sources);
	return 0;
}

static int writer_commit(struct pf_stage_writer *base, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	return w->failed.code ? refused(w, err) : fail_writer(w, commit(w, err), err);
}

static bool writer_busy(struct pf_stage_writer *base)
{
	struct topic_writer *w = (struct topic_writer *)base;
	struct pf_error err = { 0 };
	bool busy;
	fail_writer(w, pf_sender_busy(w->sender, &busy, &err), &err);
	return busy;
}

static int writer_sync(struct pf_stage_writer *base, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	return w->failed.code ? refused(w, err) : fail_writer(w, wait_sent(w, err), err);
}

static uint64_t pending_bytes(const struct pf_stage_writer *base)
{
	return pf_accumulator_bytes(((const struct topic_writer *)base)->messages);
}

static int64_t pending_rows(const struct pf_stage_writer *base)
{
	return ((const struct topic_writer *)base)->pending;
}

static int64_t accepted(const struct pf_stage_writer *base)
{
	return ((const struct topic_writer *)base)->accepted;
}

static int64_t durable(struct pf_stage_writer *base)
{
	return ((struct topic_writer *)base)->durable;
}

static void writer_close(struct pf_stage_writer *base)
{
	struct topic_writer *w = (struct topic_writer *)base;
	pf_sender_close(w->sender);
	pf_accumulator_free(w->messages);
	pf_kafka_scan_close(w->scan);
	pf_source_marks_free(&w->known);
	free(w->identity);
	pf_sources_free(&base->sources);
	pf_kafka_stage_free(w->s);
	free(w);
}

static const char *writer_caution(const struct pf_stage_writer *base)
{
	const struct topic_writer *w = (const struct topic_writer *)base;
	return w->caution[0] ? w->caution : NULL;
}

static const struct pf_stage_writer_ops writer_ops = {
	.recall = writer_recall,
	.looked = writer_looked,
	.from = writer_from,
	.row_limit = writer_limit,
	.append = writer_append,
	.pending_bytes = pending_bytes,
	.pending_rows = pending_rows,
	.commit = writer_commit,
	.busy = writer_busy,
	.sync = writer_sync,
	.accepted = accepted,
	.durable = durable,
	.caution = writer_caution,
	.close = writer_close,
};

/* --- opening --- */

/* The given definition, if the topic's own grows to it; else the topic's. */
static int define(struct topic_writer *w, const struct pf_stage_write *how, bool json,
		  struct pf_error *err)
{
	struct pf_tabledef *has = NULL, *given = NULL;
	if (!json)
		PF_TRY(pf_kafka_stage_peek(w->s, &has, err));
	int code = 0;
	if (how->definition) {
		const char *text = pf_tabledef_text(how->definition);
		code = pf_tabledef_parse(text, strlen(text), "definition", &given, err);
	}
	if (!code && given && has)
		code = pf_stage_evolves(w->s->stage.dir.path, has, given, err);
	if (!code && !given && !has) {
		pf_fail(err, PF_E_NO_SCHEMA, "topic '%s' does not say what its rows are",
			w->s->url.topic);
		code = pf_hint(err, "-S schema.yaml says it");
	}
	if (!code) {
		pf_kafka_stage_define(w->s, given ? given : has);
		*(given ? &given : &has) = NULL;
	}
	pf_tabledef_free(has);
	pf_tabledef_free(given);
	return code;
}

/* What acks=all is worth here. A broker that does not say what it wants in
 * sync is not waited for. */
static int check_replicas(struct topic_writer *w, bool require, struct pf_error *err)
{
	int64_t in_sync = 2;
	int32_t replicas = w->s->info.replicas;
	char text[32];
	struct pf_error none = { 0 };
	if (replicas >= 3 &&
	    !pf_kafka_topic_config(w->s->consumer, "min.insync.replicas", CONFIG_MS, text,
				   sizeof text, &none))
		in_sync = strtol(text, NULL, 10);
	if (replicas >= 3 && in_sync >= 2)
		return 0;
	if (replicas < 3)
		snprintf(w->caution, sizeof w->caution,
			 "the topic has %" PRId32 " replica%s: the loss of a broker may lose accepted rows",
			 replicas, replicas == 1 ? "" : "s");
	else
		snprintf(w->caution, sizeof w->caution,
			 "the topic has min.insync.replicas=%" PRId64
			 ": the loss of a broker may lose accepted rows", in_sync);
	if (!require)
		return 0;
	pf_fail(err, PF_E_USAGE, "%s", w->caution);
	return pf_hint(err, "--require-isr wants 3 replicas, of which 2 acknowledge");
}

static int64_t number_or(const char *text, int64_t otherwise)
{
	int64_t n = text ? strtoll(text, NULL, 10) : 0;
	return n > 0 ? n : otherwise;
}

/* How large a message may be: as the topic has it, and the client. */
static void find_message_bytes(struct pf_kafka_stage *s)
{
	struct pf_error none = { 0 };
	char text[32] = "";
	pf_kafka_topic_config(s->consumer, "max.message.bytes", CONFIG_MS, text, sizeof text,
			      &none);
	int64_t most = number_or(text, TOPIC_BYTES);
	int64_t mine = number_or(pf_kafka_config_get(s->config, "message.max.bytes"),
				 CLIENT_BYTES);
	s->message_bytes = (size_t)(most < mine ? most : mine);
}

/* What the options say goes before what the URL says. */
static void choose(const struct topic_writer *w, const struct pf_stage_write *how,
		   enum pf_kafka_payload *payload, enum pf_kafka_partitioner *partitioner)
{
	const struct pf_kafka_url *u = &w->s->url;
	*payload = how->kafka && how->kafka->has_payload ? how->kafka->payload : u->payload;
	*partitioner = how->kafka && how->kafka->partitioner ? how->kafka->partitioner :
		       u->partitioner ? u->partitioner :
		       *payload == PF_PAYLOAD_JSON ? PF_PARTITIONER_MURMUR2 :
		       PF_PARTITIONER_FIBER;
}

int pf_kafka_writer_open(const char *url, const struct pf_stage_write *how,
			 struct pf_stage_writer **writer, struct pf_error *err)
{
	struct topic_writer *w = pf_zalloc(1, sizeof *w);
	enum pf_kafka_payload payload;
	enum pf_kafka_partitioner partitioner;
	w->base.ops = &writer_ops;
	int code = pf_kafka_stage_connect(url, &how->access, true, &w->s, err);
	if (code) {
		free(w);
		return code;
	}
	w->base.stage = &w->s->stage;
	pf_alloc_keep(KEEP_BYTES);
	choose(w, how, &payload, &partitioner);
	bool json = payload == PF_PAYLOAD_JSON;
	if (payload == PF_PAYLOAD_CSV) {
		pf_fail(err, PF_E_UNSUPPORTED, "payload=csv is read, not written");
		code = pf_hint(err, "payload=json for a topic that others read");
	}
	w->look_back_ms = how->kafka && how->kafka->look_back_ms ? how->kafka->look_back_ms :
			  (int64_t)PF_SOURCE_MARKS_SECONDS * 1000;
	if (!code)
		code = check_replicas(w, how->kafka && how->kafka->require_isr, err);
	if (!code)
		code = define(w, how, json, err);
	if (!code)
		find_message_bytes(w->s);
	if (!code)
		code = pf_accumulator_new(w->s, json, partitioner == PF_PARTITIONER_FIBER ?
					  how->fiber : NULL, &w->messages, err);
	if (!code)
		code = pf_sender_open(w->s, how->stopping, &w->sender, err);
	if (code) {
		writer_close(&w->base);
		return code;
	}
	*writer = &w->base;
	return 0;
}

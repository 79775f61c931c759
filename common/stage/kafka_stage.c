/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/time.h"
#include "ext/hash.h"
#include "stage/kafka_decode.h"
#include "stage/kafka_lag.h"
#include "stage/kafka_message.h"

enum { TIMEOUT_MS = 30000, PEEK_BYTES = 4 << 20, MOST_PARTITIONS = 65536 };

void pf_kafka_stage_free(struct pf_kafka_stage *s)
{
	if (!s)
		return;
	pf_kafka_close(s->consumer);
	pf_kafka_url_free(&s->url);
	free(s->stage.dir.path);
	free(s->stage.id.text);
	pf_tabledef_free(s->stage.def);
	pf_schema_unref(s->stage.schema);
	free(s);
}

static void topic_close(struct pf_stage *s)
{
	pf_kafka_stage_free((struct pf_kafka_stage *)s);
}

/* At most what the topic takes; less if the user says so. */
static int64_t batch_bytes(const struct pf_kafka_stage *s)
{
	int64_t most = (int64_t)s->message_bytes, users = 0;
	const char *text = pf_kafka_config_get(s->config, "batch.size");
	if (text)
		users = strtoll(text, NULL, 10);
	return users > 0 && users < most ? users : most;
}

int pf_kafka_stage_client(const struct pf_kafka_stage *s, enum pf_kafka_kind kind,
			  size_t queued_bytes, int wait_ms, struct pf_kafka **client,
			  struct pf_error *err)
{
	size_t n = s->config ? s->config->n : 0, total = 0;
	struct pf_kafka_setting *all = pf_alloc(n + 2, sizeof *all);
	char servers[] = "bootstrap.servers", wait[] = "fetch.wait.max.ms", ms[16];
	char batch[] = "batch.size", bytes[24];
	all[total++] = (struct pf_kafka_setting){ servers, s->url.servers };
	snprintf(ms, sizeof ms, "%d", wait_ms);
	if (kind == PF_KAFKA_CONSUMER)
		all[total++] = (struct pf_kafka_setting){ wait, ms };
	if (n)
		memcpy(all + total, s->config->items, n * sizeof *all);
	total += n;
	/* The topic's limit is one of whole batches. */
	snprintf(bytes, sizeof bytes, "%" PRId64, batch_bytes(s));
	if (kind == PF_KAFKA_PRODUCER)
		all[total++] = (struct pf_kafka_setting){ batch, bytes };
	int code = pf_kafka_open(kind, all, total, s->url.topic, queued_bytes, client, err);
	free(all);
	struct pf_kafka_info info;
	/* Before it knows the topic's leaders, a client looks for them once a
	 * second only. */
	if (!code && s->info.partitions && kind == PF_KAFKA_CONSUMER) {
		code = pf_kafka_info(*client, s->timeout_ms, &info, err);
		if (code) {
			pf_kafka_close(*client);
			*client = NULL;
		}
	}
	return code;
}

/* "kafka:CLUSTER:TOPIC"; hashes of them when that is too long. */
static void set_identity(struct pf_kafka_stage *s)
{
	char *id = s->stage.id.uuid;
	size_t room = sizeof s->stage.id.uuid;
	const char *cluster = s->info.cluster, *topic = s->url.topic;
	int n = snprintf(id, room, "kafka:%s:%s", cluster, topic);
	if (n < 0 || (size_t)n >= room)
		snprintf(id, room, "kafka:%016" PRIx64 ":%016" PRIx64,
			 pf_xxh3(cluster, strlen(cluster)), pf_xxh3(topic, strlen(topic)));
}

static int no_topic(const struct pf_kafka_stage *s, struct pf_error *err)
{
	pf_fail(err, PF_E_NOT_A_STAGE, "there is no topic '%s' at %s", s->url.topic,
		s->url.servers);
	return pf_hint(err, "pf-stage append -S schema.yaml 'kafka://.../%s?partitions=N' makes it",
		       s->url.topic);
}

static int make_topic(struct pf_kafka_stage *s, struct pf_error *err)
{
	PF_TRY(pf_kafka_create(s->consumer, s->url.partitions, s->url.replication,
			       s->url.retention_ms, s->timeout_ms, err));
	PF_TRY(pf_kafka_await(s->consumer, s->timeout_ms, &s->info, err));
	return s->info.partitions ? 0 : no_topic(s, err);
}

/* Brokers of Kafka 4 compare strictly what RFC 5802 wants compared, and
 * librdkafka before 2.6.1 sent it wrongly. */
static int explain(const struct pf_kafka_stage *s, int code, struct pf_error *err)
{
	const char *mechanism = pf_kafka_config_get(s->config, "sasl.mechanism");
	if (!mechanism)
		mechanism = pf_kafka_config_get(s->config, "sasl.mechanisms");
	if (code == PF_E_ACCESS && mechanism && !strncmp(mechanism, "SCRAM", 5) &&
	    pf_kafka_older(2, 6, 1))
		pf_hint(err, "librdkafka %s cannot log in to Kafka 4 by SCRAM; 2.6.1 can",
			pf_kafka_version());
	return code;
}

static int connect_topic(struct pf_kafka_stage *s, bool create, struct pf_error *err)
{
	PF_TRY(pf_kafka_stage_client(s, PF_KAFKA_CONSUMER, PEEK_BYTES, 1, &s->consumer,
				     err));
	int code = pf_kafka_info(s->consumer, s->timeout_ms, &s->info, err);
	if (code)
		return explain(s, code, err);
	if (!s->info.partitions && create && s->url.partitions)
		PF_TRY(make_topic(s, err));
	if (!s->info.partitions)
		return no_topic(s, err);
	if (s->info.partitions > MOST_PARTITIONS)
		return pf_fail(err, PF_E_LIMIT, "topic '%s' has %" PRId32 " partitions",
			       s->url.topic, s->info.partitions);
	if (s->url.partitions && s->url.partitions != s->info.partitions)
		return pf_fail(err, PF_E_KAFKA_PARTITIONS,
			       "topic '%s' has %" PRId32 " partitions, not %" PRId32,
			       s->url.topic, s->info.partitions, s->url.partitions);
	set_identity(s);
	return 0;
}

static const struct pf_stage_ops topic_ops;

int pf_kafka_stage_connect(const char *url, const struct pf_stage_access *how,
			   bool create, struct pf_kafka_stage **stage,
			   struct pf_error *err)
{
	struct pf_kafka_stage *s = pf_zalloc(1, sizeof *s);
	s->stage.ops = &topic_ops;
	s->stage.dir = (struct pf_stage_dir){ pf_strdup(url), -1 };
	s->config = how->kafka;
	s->timeout_ms = how->timeout_ms ? how->timeout_ms : TIMEOUT_MS;
	int code = pf_kafka_url_parse(url, &s->url, err);
	if (!code)
		code = connect_topic(s, create, err);
	if (code) {
		pf_kafka_stage_free(s);
		return code;
	}
	*stage = s;
	return 0;
}

void pf_kafka_stage_define(struct pf_kafka_stage *s, struct pf_tabledef *def)
{
	pf_tabledef_free(s->stage.def);
	pf_schema_unref(s->stage.schema);
	free(s->stage.id.text);
	s->stage.def = def;
	s->stage.schema = pf_tabledef_schema(def);
	s->stage.id.text = pf_strdup(pf_tabledef_text(def));
}

/* A copy of a definition. */
static int copy_definition(const struct pf_tabledef *def, struct pf_tabledef **out,
			   struct pf_error *err)
{
	const char *text = pf_tabledef_text(def);
	return pf_tabledef_parse(text, strlen(text), "definition", out, err);
}

int pf_kafka_stage_open(const char *url, const struct pf_stage_access *how,
			struct pf_stage **stage, struct pf_error *err)
{
	struct pf_kafka_stage *s;
	struct pf_tabledef *def = NULL;
	PF_TRY(pf_kafka_stage_connect(url, how, false, &s, err));
	int code = 0;
	if (how->definition)
		code = copy_definition(how->definition, &def, err);
	else if (s->url.payload == PF_PAYLOAD_ARROW)
		code = pf_kafka_stage_peek(s, &def, err);
	if (!code && !def && how->fallback)
		code = copy_definition(how->fallback, &def, err);
	if (!code && !def) {
		pf_fail(err, PF_E_NO_SCHEMA, "topic '%s' does not say what its rows are",
			s->url.topic);
		code = pf_hint(err, "-S FILE names a table definition, --after TABLE takes the table's");
	}
	if (code) {
		pf_kafka_stage_free(s);
		return code;
	}
	pf_kafka_stage_define(s, def);
	*stage = &s->stage;
	return 0;
}

/* --- single records --- */

static struct pf_ask *ask_of(struct pf_ask *asks, size_t n, int32_t partition)
{
	for (size_t i = 0; i < n; i++)
		if (asks[i].partition == partition && asks[i].pending)
			return &asks[i];
	return NULL;
}

int pf_kafka_stage_ask(struct pf_kafka_stage *s, struct pf_ask *asks, size_t n,
		       int (*take)(void *ctx, const struct pf_ask *ask,
				   const struct pf_kafka_record *record,
				   struct pf_error *err),
		       void *ctx, struct pf_error *err)
{
	int64_t until = pf_mono_us() + s->timeout_ms * 1000;
	size_t pending = 0;
	int code = 0;
	for (size_t i = 0; !code && i < n; i++) {
		asks[i].pending = asks[i].offset < asks[i].end;
		if (asks[i].pending)
			code = pf_kafka_start(s->consumer, asks[i].partition, asks[i].offset,
					      err);
		pending += !code && asks[i].pending;
		asks[i].pending &= !code;
	}
	while (!code && pending) {
		enum pf_kafka_event event;
		struct pf_kafka_record r;
		code = pf_kafka_next(s->consumer, 100, &event, &r, err);
		struct pf_ask *ask = event == PF_KAFKA_NOTHING ? NULL :
			ask_of(asks, n, r.partition);
		if (!code && ask && r.offset >= ask->offset) {
			bool found = event == PF_KAFKA_RECORD && r.offset < ask->end;
			pf_kafka_stop(s->consumer, ask->partition);
			ask->pending = false;
			pending--;
			code = take(ctx, ask, found ? &r : NULL, err);
		}
		pf_kafka_release(&r);
		if (!code && pending && pf_mono_us() > until)
			code = pf_kafka_silent(s->consumer, err);
	}
	for (size_t i = 0; i < n; i++)
		if (asks[i].pending)
			pf_kafka_stop(s->consumer, asks[i].partition);
	return code;
}

/* A definition only grows: the one that others grow to is the newest. */
static int take_definition(void *ctx, const struct pf_ask *ask,
			   const struct pf_kafka_record *r, struct pf_error *err)
{
	struct pf_tabledef **def = ctx, *one = r ? pf_record_definition(r) : NULL;
	(void)ask;
	(void)err;
	if (!one || (*def && pf_stage_evolves("", *def, one, NULL))) {
		pf_tabledef_free(one);
		return 0;
	}
	pf_tabledef_free(*def);
	*def = one;
	return 0;
}

int pf_kafka_stage_ranges(struct pf_kafka_stage *s, struct pf_kafka_range **ranges,
			  struct pf_error *err)
{
	size_t n = (size_t)s->info.partitions;
	struct pf_kafka_range *all = pf_zalloc(n, sizeof *all);
	for (size_t p = 0; p < n; p++)
		all[p].partition = (int32_t)p;
	int code = pf_kafka_ranges(s->consumer, all, n, s->timeout_ms, err);
	*ranges = code ? NULL : all;
	if (code)
		free(all);
	return code;
}

int pf_kafka_stage_peek(struct pf_kafka_stage *s, struct pf_tabledef **def,
			struct pf_error *err)
{
	size_t n = (size_t)s->info.partitions;
	struct pf_kafka_range *ranges;
	*def = NULL;
	PF_TRY(pf_kafka_stage_ranges(s, &ranges, err));
	struct pf_ask *asks = pf_zalloc(n, sizeof *asks);
	for (size_t p = 0; p < n; p++) {
		int64_t end = ranges[p].end;
		asks[p] = (struct pf_ask){ .partition = (int32_t)p,
					   .offset = end > ranges[p].first ? end - 1 : end,
					   .end = end };
	}
	int code = pf_kafka_stage_ask(s, asks, n, take_definition, def, err);
	free(asks);
	free(ranges);
	if (code) {
		pf_tabledef_free(*def);
		*def = NULL;
	}
	return code;
}

/* --- status --- */

static int topic_status(struct pf_stage *base, struct pf_stage_status *status,
			struct pf_error *err)
{
	struct pf_kafka_stage *s = (struct pf_kafka_stage *)base;
	struct pf_kafka_range *ranges;
	*status = (struct pf_stage_status){ 0 };
	PF_TRY(pf_kafka_stage_ranges(s, &ranges, err));
	status->nparts = (size_t)s->info.partitions;
	status->parts = pf_alloc(status->nparts, sizeof *status->parts);
	for (int32_t p = 0; p < s->info.partitions; p++) {
		struct pf_stage_part *part = &status->parts[p];
		part->partition = p;
		part->first = ranges[p].first;
		part->end = ranges[p].end;
		status->first += part->first;
		status->end += part->end;
	}
	free(ranges);
	return 0;
}

static void topic_print(const struct pf_stage *base, const struct pf_stage_status *status,
			struct pf_buf *out)
{
	const struct pf_kafka_stage *s = (const struct pf_kafka_stage *)base;
	char messages[32];
	pf_buf_printf(out, "stage\t%s\ntopic\t%s\nmessages\t%s"
		      "\npartitions\t%zu\nreplicas\t%" PRId32 "\n",
		      s->stage.id.uuid, s->url.topic,
		      pf_count_text(messages, status->end - status->first, status->human),
		      status->nparts, s->info.replicas);
	for (size_t i = 0; i < status->nparts; i++)
		pf_buf_printf(out, "partition\t%" PRId32 "\t%" PRId64 " first\t%" PRId64
			      " end\n", status->parts[i].partition,
			      status->parts[i].first, status->parts[i].end);
}

static int topic_lag(struct pf_stage *base, const struct pf_stage_start *starts, size_t n,
		     const char *sources, struct pf_stage_lag *lag, struct pf_error *err)
{
	return pf_kafka_lag((struct pf_kafka_stage *)base, starts, n, sources, lag, err);
}

static const struct pf_stage_ops topic_ops = {
	.close = topic_close,
	.reader = pf_kafka_reader_open,
	.status = topic_status,
	.print = topic_print,
	.lag = topic_lag,
};

/* --- partitions --- */

static bool take_number(const char **p, int64_t *n)
{
	char *end;
	errno = 0;
	if (**p < '0' || **p > '9')
		return false;
	*n = strtoll(*p, &end, 10);
	*p = end;
	return !errno;
}

int pf_partitions_parse(const char *text, int32_t n, bool *chosen, struct pf_error *err)
{
	const char *p = text;
	memset(chosen, 0, (size_t)n * sizeof *chosen);
	for (;;) {
		int64_t from, to;
		bool fine = take_number(&p, &from);
		to = from;
		if (fine && *p == '-') {
			p++;
			fine = take_number(&p, &to);
		}
		if (!fine || (*p && *p != ',') || to < from) {
			pf_fail(err, PF_E_USAGE, "'%.60s' is no list of partitions", text);
			return pf_hint(err, "--partitions 0-3,7");
		}
		if (to >= n)
			return pf_fail(err, PF_E_USAGE,
				       "there is no partition %" PRId64 ": the topic has %" PRId32,
				       to, n);
		for (int64_t i = from; i <= to; i++)
			chosen[i] = true;
		if (!*p)
			return 0;
		p++;
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The properties of clients: what the promises rest on, which nobody may
 * change, and what we think better than librdkafka's defaults.
 */
#include <stdio.h>
#include <string.h>

#include "ext/kafka_client.h"

/* What the promises rest on: set here, last. */
static const struct {
	const char *key, *value;
	int kind; /* -1: both */
} rules[] = {
	{ "enable.idempotence", "true", PF_KAFKA_PRODUCER },
	{ "acks", "all", PF_KAFKA_PRODUCER },
	{ "request.required.acks", NULL, PF_KAFKA_PRODUCER },
	{ "max.in.flight.requests.per.connection", "5", PF_KAFKA_PRODUCER },
	{ "max.in.flight", NULL, PF_KAFKA_PRODUCER },
	/* So it is, whatever its other name, delivery.timeout.ms, was set to: that one
	 * is for who waits (stage/kafka_send.c). */
	{ "message.timeout.ms", "0", PF_KAFKA_PRODUCER },
	{ "retries", NULL, PF_KAFKA_PRODUCER },
	{ "message.send.max.retries", NULL, PF_KAFKA_PRODUCER },
	{ "transactional.id", NULL, PF_KAFKA_PRODUCER },
	{ "partitioner", NULL, PF_KAFKA_PRODUCER },
	{ "auto.offset.reset", "error", PF_KAFKA_CONSUMER },
	{ "enable.auto.commit", "false", PF_KAFKA_CONSUMER },
	{ "enable.auto.offset.store", "false", PF_KAFKA_CONSUMER },
	{ "check.crcs", "true", PF_KAFKA_CONSUMER },
	{ "enable.partition.eof", "true", PF_KAFKA_CONSUMER },
	{ "isolation.level", "read_committed", PF_KAFKA_CONSUMER },
	{ "allow.auto.create.topics", "false", PF_KAFKA_CONSUMER },
	{ "group.id", NULL, -1 },
	{ "group.instance.id", NULL, -1 },
	{ "interceptors", NULL, -1 },
	{ "opaque", NULL, -1 },
};

bool pf_kafka_setting_ours(const char *key)
{
	/* Whatever it is, it would load code of others into the client. */
	if (!strncmp(key, "plugin.", strlen("plugin.")))
		return true;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (!strcmp(rules[i].key, key))
			return true;
	return false;
}

#define TEXT_OF(x) TEXT_OF_TEXT(x)
#define TEXT_OF_TEXT(x) #x

/* What is better than librdkafka's defaults, but the user's to change. */
static const struct {
	const char *key, *value;
	int kind;
} defaults[] = {
	{ "client.id", "paraflow", -1 },
	{ "socket.nagle.disable", "true", -1 },
	{ "reconnect.backoff.max.ms", "1000", -1 },
	{ "log.connection.close", "false", -1 },
	{ "compression.codec", "lz4", PF_KAFKA_PRODUCER },
	{ "linger.ms", "5", PF_KAFKA_PRODUCER },
	{ "fetch.error.backoff.ms", "100", PF_KAFKA_CONSUMER },
	{ "queued.min.messages", TEXT_OF(PF_KAFKA_QUEUED_MESSAGES), PF_KAFKA_CONSUMER },
};

/* Properties of the other kind of client are not for this one. */
static bool other_kind(rd_kafka_conf_res_t result, const char *why)
{
	return result == RD_KAFKA_CONF_OK && *why;
}

static int set(const struct pf_kafka_library *lib, rd_kafka_conf_t *conf,
	       const char *key, const char *value, struct pf_error *err)
{
	char why[512] = "";
	rd_kafka_conf_res_t r = lib->rd_kafka_conf_set(conf, key, value, why, sizeof why);
	if (r == RD_KAFKA_CONF_OK || other_kind(r, why))
		return 0;
	/* Its text repeats the value, which may be a secret. */
	return pf_fail(err, PF_E_USAGE, r == RD_KAFKA_CONF_UNKNOWN ?
		       "librdkafka knows no property '%s'" :
		       "librdkafka refuses the value of property '%s'", key);
}

int pf_kafka_configure(const struct pf_kafka_library *lib, rd_kafka_conf_t *conf,
		       enum pf_kafka_kind kind, const struct pf_kafka_setting *settings,
		       size_t n, size_t queued_bytes, struct pf_error *err)
{
	char kib[24];
	size_t least = kind == PF_KAFKA_PRODUCER ? 4096 : 256;
	size_t queued = queued_bytes / 1024 < least ? least : queued_bytes / 1024;
	snprintf(kib, sizeof kib, "%zu", queued > 2097151 ? 2097151 : queued);
	PF_TRY(set(lib, conf, kind == PF_KAFKA_PRODUCER ? "queue.buffering.max.kbytes" :
		   "queued.max.messages.kbytes", kib, err));
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (defaults[i].kind < 0 || defaults[i].kind == (int)kind)
			PF_TRY(set(lib, conf, defaults[i].key, defaults[i].value, err));
	for (size_t i = 0; i < n; i++)
		PF_TRY(set(lib, conf, settings[i].key, settings[i].value, err));
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].value && rules[i].kind == (int)kind)
			PF_TRY(set(lib, conf, rules[i].key, rules[i].value, err));
	return 0;
}

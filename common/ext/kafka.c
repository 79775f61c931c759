/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/kafka.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/time.h"

/* --- the library, loaded when needed --- */

#define FUNCTIONS(X) \
	X(rd_kafka_version_str) X(rd_kafka_version) X(rd_kafka_err2str) X(rd_kafka_last_error) \
	X(rd_kafka_conf_new) X(rd_kafka_conf_destroy) X(rd_kafka_conf_set) \
	X(rd_kafka_conf_set_opaque) X(rd_kafka_conf_set_dr_msg_cb) \
	X(rd_kafka_conf_set_error_cb) X(rd_kafka_conf_set_log_cb) \
	X(rd_kafka_new) X(rd_kafka_destroy) X(rd_kafka_destroy_flags) \
	X(rd_kafka_topic_new) X(rd_kafka_topic_destroy) X(rd_kafka_topic_name) \
	X(rd_kafka_metadata) X(rd_kafka_metadata_destroy) X(rd_kafka_clusterid) \
	X(rd_kafka_mem_free) \
	X(rd_kafka_offsets_for_times) X(rd_kafka_topic_partition_list_new) \
	X(rd_kafka_topic_partition_list_add) \
	X(rd_kafka_topic_partition_list_destroy) \
	X(rd_kafka_NewTopic_new) X(rd_kafka_NewTopic_set_config) \
	X(rd_kafka_NewTopic_destroy) X(rd_kafka_CreateTopics) \
	X(rd_kafka_CreateTopics_result_topics) X(rd_kafka_topic_result_error) \
	X(rd_kafka_topic_result_error_string) X(rd_kafka_event_error) \
	X(rd_kafka_event_error_string) X(rd_kafka_event_CreateTopics_result) \
	X(rd_kafka_event_destroy) X(rd_kafka_AdminOptions_new) \
	X(rd_kafka_AdminOptions_set_request_timeout) \
	X(rd_kafka_AdminOptions_set_operation_timeout) \
	X(rd_kafka_AdminOptions_destroy) \
	X(rd_kafka_queue_new) X(rd_kafka_queue_destroy) X(rd_kafka_queue_poll) \
	X(rd_kafka_consume_start_queue) X(rd_kafka_consume_stop) \
	X(rd_kafka_consume_queue) X(rd_kafka_message_destroy) \
	X(rd_kafka_message_timestamp) X(rd_kafka_message_errstr) \
	X(rd_kafka_message_headers) X(rd_kafka_header_get_last) \
	X(rd_kafka_headers_new) X(rd_kafka_headers_destroy) \
	X(rd_kafka_header_add) X(rd_kafka_produceva) X(rd_kafka_error_code) \
	X(rd_kafka_error_string) X(rd_kafka_error_destroy) X(rd_kafka_poll) \
	X(rd_kafka_purge) X(rd_kafka_fatal_error) \
	X(rd_kafka_ConfigResource_new) X(rd_kafka_ConfigResource_destroy) \
	X(rd_kafka_DescribeConfigs) X(rd_kafka_event_DescribeConfigs_result) \
	X(rd_kafka_DescribeConfigs_result_resources) \
	X(rd_kafka_ConfigResource_configs) X(rd_kafka_ConfigResource_error) \
	X(rd_kafka_ConfigEntry_name) X(rd_kafka_ConfigEntry_value)

struct library {
	void *handle;
#define X(name) __typeof__(name) *name;
	FUNCTIONS(X)
#undef X
};

/* Filled once, then only read. */
static struct library lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *handle = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
	bool complete = handle != NULL;
#define X(name) \
	if (complete) { \
		void *symbol = dlsym(handle, #name); \
		memcpy(&lib.name, &symbol, sizeof symbol); \
		complete = symbol != NULL; \
	}
	FUNCTIONS(X)
#undef X
	lib.handle = complete ? handle : NULL;
}

static bool loaded(void)
{
	pthread_once(&once, load);
	return lib.handle != NULL;
}

const char *pf_kafka_version(void)
{
	return loaded() ? lib.rd_kafka_version_str() : NULL;
}

bool pf_kafka_older(int major, int minor, int patch)
{
	int wanted = major << 24 | minor << 16 | patch << 8;
	return loaded() && (lib.rd_kafka_version() | 0xff) < wanted;
}

/* --- a client --- */

struct pf_kafka {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	char *name;              /* of the topic */
	rd_kafka_queue_t *queue; /* consumer: of all partitions */
	void (*report)(void *ctx, const struct pf_kafka_report *r);
	void *report_ctx;
	struct pf_error failed;  /* will not get better */
	char trouble[400];       /* the last thing that went wrong */
	int trouble_code;        /* of pf_code */
	bool hopeless;           /* it is of the kind that waiting does not mend */
};

/* Which of our codes says it best. */
static int code_of(rd_kafka_resp_err_t e)
{
	switch ((int)e) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return PF_E_ACCESS;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		return PF_E_NOT_A_STAGE;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
	case RD_KAFKA_RESP_ERR__WAIT_COORD:
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
	case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
	case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
	case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
		return PF_E_UNREACHABLE;
	case RD_KAFKA_RESP_ERR__BAD_MSG:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
		return PF_E_STAGE_CORRUPT;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		return PF_E_LIMIT;
	default:
		return PF_E_KAFKA;
	}
}

static int fail(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason,
		struct pf_error *err)
{
	return pf_fail(err, code_of(e), "topic '%s': %s", k->name,
		       reason && *reason ? reason : lib.rd_kafka_err2str(e));
}

/* librdkafka's own messages name hosts and reasons, never properties' values. */
static void note_trouble(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason)
{
	/* That all brokers are down says less than why. */
	if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->trouble[0])
		return;
	pf_quote(k->trouble, sizeof k->trouble, reason, strlen(reason));
	k->trouble_code = code_of(e);
	/* Other failures of TLS may be a broker's that is going down. */
	k->hopeless |= k->trouble_code == PF_E_ACCESS ||
		       (e == RD_KAFKA_RESP_ERR__SSL &&
			strstr(reason, "certificate verify failed"));
}

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque)
{
	struct pf_kafka *k = opaque;
	char text[400];
	if (e == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_resp_err_t why = lib.rd_kafka_fatal_error(rk, text, sizeof text);
		fail(k, why, text, &k->failed);
		k->failed.code = PF_E_KAFKA;
		return;
	}
	note_trouble(k, (rd_kafka_resp_err_t)e, reason);
}

/* What librdkafka logs is said by its errors, too, where it matters. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility,
		   const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	struct pf_kafka *k = opaque;
	struct pf_kafka_report r = { .tag = m->_private, .partition = m->partition,
				     .offset = m->offset, .failed = m->err != 0 };
	if (m->err && !k->failed.code)
		fail(k, m->err, NULL, &k->failed);
	if (k->report)
		k->report(k->report_ctx, &r);
}

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
	{ "message.timeout.ms", "0", PF_KAFKA_PRODUCER },
	{ "delivery.timeout.ms", NULL, PF_KAFKA_PRODUCER },
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
	{ "plugin.library.paths", NULL, -1 },
	{ "interceptors", NULL, -1 },
	{ "opaque", NULL, -1 },
};

bool pf_kafka_setting_ours(const char *key)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (!strcmp(rules[i].key, key))
			return true;
	return false;
}

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
};

/* Properties of the other kind of client are not for this one. */
static bool other_kind(rd_kafka_conf_res_t result, const char *why)
{
	return result == RD_KAFKA_CONF_OK && *why;
}

static int set(rd_kafka_conf_t *conf, const char *key, const char *value,
	       struct pf_error *err)
{
	char why[512] = "";
	rd_kafka_conf_res_t r = lib.rd_kafka_conf_set(conf, key, value, why, sizeof why);
	if (r == RD_KAFKA_CONF_OK || other_kind(r, why))
		return 0;
	/* Its text repeats the value, which may be a secret. */
	return pf_fail(err, PF_E_USAGE, r == RD_KAFKA_CONF_UNKNOWN ?
		       "librdkafka knows no property '%s'" :
		       "librdkafka refuses the value of property '%s'", key);
}

static int configure(rd_kafka_conf_t *conf, enum pf_kafka_kind kind,
		     const struct pf_kafka_setting *settings, size_t n,
		     size_t queued_bytes, struct pf_error *err)
{
	char kib[24];
	size_t least = kind == PF_KAFKA_PRODUCER ? 4096 : 256;
	size_t queued = queued_bytes / 1024 < least ? least : queued_bytes / 1024;
	snprintf(kib, sizeof kib, "%zu", queued > 2097151 ? 2097151 : queued);
	PF_TRY(set(conf, kind == PF_KAFKA_PRODUCER ? "queue.buffering.max.kbytes" :
		   "queued.max.messages.kbytes", kib, err));
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (defaults[i].kind < 0 || defaults[i].kind == (int)kind)
			PF_TRY(set(conf, defaults[i].key, defaults[i].value, err));
	for (size_t i = 0; i < n; i++)
		PF_TRY(set(conf, settings[i].key, settings[i].value, err));
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].value && rules[i].kind == (int)kind)
			PF_TRY(set(conf, rules[i].key, rules[i].value, err));
	return 0;
}

int pf_kafka_open(enum pf_kafka_kind kind, const struct pf_kafka_setting *settings,
		  size_t n, const char *topic, size_t queued_bytes,
		  struct pf_kafka **kafka, struct pf_error *err)
{
	char why[512] = "";
	if (!loaded()) {
		pf_fail(err, PF_E_UNSUPPORTED, "kafka:// needs librdkafka, which cannot be loaded");
		return pf_hint(err, "on Debian: apt install librdkafka1");
	}
	rd_kafka_conf_t *conf = lib.rd_kafka_conf_new();
	int code = configure(conf, kind, settings, n, queued_bytes, err);
	if (code) {
		lib.rd_kafka_conf_destroy(conf);
		return code;
	}
	struct pf_kafka *k = pf_zalloc(1, sizeof *k);
	k->name = pf_strdup(topic);
	lib.rd_kafka_conf_set_opaque(conf, k);
	lib.rd_kafka_conf_set_log_cb(conf, on_log);
	lib.rd_kafka_conf_set_error_cb(conf, on_error);
	if (kind == PF_KAFKA_PRODUCER)
		lib.rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	k->rk = lib.rd_kafka_new(kind == PF_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER :
				 RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (!k->rk) {
		char quoted[512];
		lib.rd_kafka_conf_destroy(conf);
		pf_kafka_close(k);
		return pf_fail(err, PF_E_USAGE, "cannot make a Kafka client: %s",
			       pf_quote(quoted, sizeof quoted, why, strlen(why)));
	}
	k->topic = lib.rd_kafka_topic_new(k->rk, topic, NULL);
	if (kind == PF_KAFKA_CONSUMER)
		k->queue = lib.rd_kafka_queue_new(k->rk);
	if (!k->topic) {
		code = pf_fail(err, PF_E_USAGE, "'%s' is no name of a topic", topic);
		pf_kafka_close(k);
		return code;
	}
	*kafka = k;
	return 0;
}

void pf_kafka_close(struct pf_kafka *k)
{
	if (!k)
		return;
	k->report = NULL;
	if (k->rk)
		lib.rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE |
				   RD_KAFKA_PURGE_F_INFLIGHT);
	if (k->queue)
		lib.rd_kafka_queue_destroy(k->queue);
	if (k->topic)
		lib.rd_kafka_topic_destroy(k->topic);
	if (k->rk)
		lib.rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(k->name);
	free(k);
}

const char *pf_kafka_trouble(const struct pf_kafka *k)
{
	return k->trouble;
}

int pf_kafka_trouble_code(const struct pf_kafka *k)
{
	return k->trouble[0] ? k->trouble_code : PF_E_UNREACHABLE;
}

bool pf_kafka_hopeless(const struct pf_kafka *k)
{
	return k->hopeless;
}

/* --- the topic --- */

/* Again, while there is time, if the failure may pass. */
static bool again(struct pf_kafka *k, rd_kafka_resp_err_t e, int64_t until_us)
{
	lib.rd_kafka_poll(k->rk, 0);
	if (k->hopeless || code_of(e) != PF_E_UNREACHABLE || pf_mono_us() >= until_us)
		return false;
	lib.rd_kafka_poll(k->rk, 50);
	return true;
}

static int give_up(struct pf_kafka *k, rd_kafka_resp_err_t e, struct pf_error *err)
{
	int code = code_of(e);
	if (code != PF_E_UNREACHABLE || !k->trouble[0])
		return fail(k, e, NULL, err);
	return pf_fail(err, k->trouble_code, "topic '%s': %s", k->name, k->trouble);
}

static int step_ms(int64_t until_us)
{
	int64_t left = (until_us - pf_mono_us()) / 1000;
	return left < 1 ? 1 : left > 1000 ? 1000 : (int)left;
}

int pf_kafka_info(struct pf_kafka *k, int64_t timeout_ms, struct pf_kafka_info *info,
		  struct pf_error *err)
{
	const struct rd_kafka_metadata *md;
	int64_t until = pf_mono_us() + timeout_ms * 1000;
	rd_kafka_resp_err_t e;
	*info = (struct pf_kafka_info){ 0 };
	for (;;) {
		e = lib.rd_kafka_metadata(k->rk, 0, k->topic, &md, step_ms(until));
		if (!e) {
			e = md->topic_cnt ? md->topics[0].err :
				RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
			if (e != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
				break;
			lib.rd_kafka_metadata_destroy(md);
		}
		if (!again(k, e, until))
			return give_up(k, e, err);
	}
	if (!e) {
		info->partitions = md->topics[0].partition_cnt;
		info->replicas = INT32_MAX;
		for (int i = 0; i < md->topics[0].partition_cnt; i++)
			if (md->topics[0].partitions[i].replica_cnt < info->replicas)
				info->replicas = md->topics[0].partitions[i].replica_cnt;
	}
	lib.rd_kafka_metadata_destroy(md);
	if (e && e != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return fail(k, e, NULL, err);
	char *cluster = lib.rd_kafka_clusterid(k->rk, step_ms(until));
	snprintf(info->cluster, sizeof info->cluster, "%s", cluster ? cluster : "");
	if (cluster)
		lib.rd_kafka_mem_free(k->rk, cluster);
	return 0;
}

/* Where a partition begins (RD_KAFKA_OFFSET_BEGINNING) or ends (..._END). Not by
 * rd_kafka_query_watermark_offsets: before librdkafka 2.3 it waits for ever
 * when the broker goes away at that moment, whatever its timeout says. */
static int edge(struct pf_kafka *k, int32_t partition, int64_t which, int64_t until,
		int64_t *offset, struct pf_error *err)
{
	for (;;) {
		rd_kafka_topic_partition_list_t *list =
			lib.rd_kafka_topic_partition_list_new(1);
		lib.rd_kafka_topic_partition_list_add(list, k->name, partition)->offset =
			which;
		rd_kafka_resp_err_t e =
			lib.rd_kafka_offsets_for_times(k->rk, list, step_ms(until));
		if (!e)
			e = list->elems[0].err;
		*offset = list->elems[0].offset;
		lib.rd_kafka_topic_partition_list_destroy(list);
		if (!e)
			return 0;
		if (!again(k, e, until))
			return give_up(k, e, err);
	}
}

int pf_kafka_range(struct pf_kafka *k, int32_t partition, int64_t timeout_ms,
		   int64_t *first, int64_t *end, struct pf_error *err)
{
	int64_t until = pf_mono_us() + timeout_ms * 1000;
	PF_TRY(edge(k, partition, RD_KAFKA_OFFSET_BEGINNING, until, first, err));
	return edge(k, partition, RD_KAFKA_OFFSET_END, until, end, err);
}

int pf_kafka_offsets_at(struct pf_kafka *k, int32_t partitions, int64_t ms,
			int64_t timeout_ms, int64_t *offsets, struct pf_error *err)
{
	int64_t until = pf_mono_us() + timeout_ms * 1000;
	rd_kafka_resp_err_t e;
	do {
		rd_kafka_topic_partition_list_t *list =
			lib.rd_kafka_topic_partition_list_new(partitions);
		for (int32_t p = 0; p < partitions; p++)
			lib.rd_kafka_topic_partition_list_add(list, k->name, p)->offset =
				ms;
		e = lib.rd_kafka_offsets_for_times(k->rk, list, step_ms(until));
		for (int32_t p = 0; !e && p < partitions; p++) {
			e = list->elems[p].err;
			int64_t at = list->elems[p].offset;
			offsets[p] = at < 0 ? INT64_MAX : at;
		}
		lib.rd_kafka_topic_partition_list_destroy(list);
	} while (e && again(k, e, until));
	return e ? give_up(k, e, err) : 0;
}

static int created(struct pf_kafka *k, rd_kafka_event_t *event, struct pf_error *err)
{
	if (!event)
		return fail(k, RD_KAFKA_RESP_ERR__TIMED_OUT, k->trouble, err);
	rd_kafka_resp_err_t e = lib.rd_kafka_event_error(event);
	char why[400];
	snprintf(why, sizeof why, "%s", e ? lib.rd_kafka_event_error_string(event) : "");
	size_t n = 0;
	const rd_kafka_CreateTopics_result_t *result =
		e ? NULL : lib.rd_kafka_event_CreateTopics_result(event);
	const rd_kafka_topic_result_t **topics =
		result ? lib.rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
	if (n) {
		const char *text = lib.rd_kafka_topic_result_error_string(topics[0]);
		e = lib.rd_kafka_topic_result_error(topics[0]);
		snprintf(why, sizeof why, "%s", text ? text : "");
	}
	lib.rd_kafka_event_destroy(event);
	if (!e || e == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return 0;
	int code = fail(k, e, why, err);
	return pf_context(err, "cannot create it") ? code : code;
}

int pf_kafka_create(struct pf_kafka *k, int32_t partitions, int32_t replication,
		    int64_t retention_ms, int64_t timeout_ms, struct pf_error *err)
{
	char why[400] = "", value[24];
	rd_kafka_NewTopic_t *topic = lib.rd_kafka_NewTopic_new(
		k->name, partitions, replication ? replication : -1, why, sizeof why);
	if (!topic)
		return pf_fail(err, PF_E_USAGE, "cannot create topic '%s': %s", k->name, why);
	if (retention_ms) {
		snprintf(value, sizeof value, "%" PRId64, retention_ms);
		lib.rd_kafka_NewTopic_set_config(topic, "retention.ms", value);
	}
	rd_kafka_AdminOptions_t *options =
		lib.rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_queue_t *queue = lib.rd_kafka_queue_new(k->rk);
	lib.rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, why,
						      sizeof why);
	lib.rd_kafka_AdminOptions_set_operation_timeout(options, (int)timeout_ms, why,
							sizeof why);
	lib.rd_kafka_CreateTopics(k->rk, &topic, 1, options, queue);
	int code = created(k, lib.rd_kafka_queue_poll(queue, (int)timeout_ms + 1000), err);
	lib.rd_kafka_queue_destroy(queue);
	lib.rd_kafka_AdminOptions_destroy(options);
	lib.rd_kafka_NewTopic_destroy(topic);
	return code;
}

/* The value out of what the broker said of the topic. */
static bool find_config(rd_kafka_event_t *event, const char *name, char *value,
			size_t value_bytes)
{
	size_t resources = 0, n = 0;
	const rd_kafka_DescribeConfigs_result_t *result =
		event ? lib.rd_kafka_event_DescribeConfigs_result(event) : NULL;
	const rd_kafka_ConfigResource_t **list = result ?
		lib.rd_kafka_DescribeConfigs_result_resources(result, &resources) : NULL;
	if (!resources || lib.rd_kafka_ConfigResource_error(list[0]))
		return false;
	const rd_kafka_ConfigEntry_t **entries =
		lib.rd_kafka_ConfigResource_configs(list[0], &n);
	for (size_t i = 0; i < n; i++) {
		const char *text = lib.rd_kafka_ConfigEntry_value(entries[i]);
		if (!text || strcmp(lib.rd_kafka_ConfigEntry_name(entries[i]), name) != 0)
			continue;
		snprintf(value, value_bytes, "%s", text);
		return true;
	}
	return false;
}

int pf_kafka_topic_config(struct pf_kafka *k, const char *name, int64_t timeout_ms,
			  char *value, size_t value_bytes, struct pf_error *err)
{
	char why[200];
	rd_kafka_ConfigResource_t *topic =
		lib.rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, k->name);
	rd_kafka_AdminOptions_t *options =
		lib.rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_queue_t *queue = lib.rd_kafka_queue_new(k->rk);
	lib.rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, why,
						      sizeof why);
	lib.rd_kafka_DescribeConfigs(k->rk, &topic, 1, options, queue);
	rd_kafka_event_t *event = lib.rd_kafka_queue_poll(queue, (int)timeout_ms);
	bool found = find_config(event, name, value, value_bytes);
	if (event)
		lib.rd_kafka_event_destroy(event);
	lib.rd_kafka_queue_destroy(queue);
	lib.rd_kafka_AdminOptions_destroy(options);
	lib.rd_kafka_ConfigResource_destroy(topic);
	return found ? 0 : pf_fail(err, PF_E_KAFKA, "topic '%s' does not say its %s", k->name,
				   name);
}

/* --- consuming --- */

int pf_kafka_start(struct pf_kafka *k, int32_t partition, int64_t offset,
		   struct pf_error *err)
{
	if (lib.rd_kafka_consume_start_queue(k->topic, partition, offset, k->queue))
		return fail(k, lib.rd_kafka_last_error(), NULL, err);
	return 0;
}

void pf_kafka_stop(struct pf_kafka *k, int32_t partition)
{
	lib.rd_kafka_consume_stop(k->topic, partition);
}

static int take_message(struct pf_kafka *k, rd_kafka_message_t *m,
			enum pf_kafka_event *event, struct pf_kafka_record *r,
			struct pf_error *err)
{
	rd_kafka_timestamp_type_t type;
	r->partition = m->partition;
	r->offset = m->offset;
	if (!m->err) {
		r->time_ms = lib.rd_kafka_message_timestamp(m, &type);
		r->key = pf_view_of(m->key, m->key_len);
		r->value = pf_view_of(m->payload, m->len);
		r->has_key = m->key != NULL;
		r->has_value = m->payload != NULL;
		r->handle = m;
		*event = PF_KAFKA_RECORD;
		return 0;
	}
	rd_kafka_resp_err_t e = m->err;
	char why[400], quoted[400];
	snprintf(why, sizeof why, "%s", lib.rd_kafka_message_errstr(m));
	lib.rd_kafka_message_destroy(m);
	if (e == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		*event = PF_KAFKA_END;
		return 0;
	}
	if (e == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
	    e == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
		*event = PF_KAFKA_OUT_OF_RANGE;
		return 0;
	}
	if (code_of(e) == PF_E_UNREACHABLE) {
		note_trouble(k, e, why);
		return 0;
	}
	return pf_fail(err, code_of(e), "topic '%s', partition %" PRId32
		       ", offset %" PRId64 ": %s", k->name, r->partition, r->offset,
		       pf_quote(quoted, sizeof quoted, why, strlen(why)));
}

int pf_kafka_next(struct pf_kafka *k, int timeout_ms, enum pf_kafka_event *event,
		  struct pf_kafka_record *r, struct pf_error *err)
{
	*event = PF_KAFKA_NOTHING;
	*r = (struct pf_kafka_record){ 0 };
	rd_kafka_message_t *m = lib.rd_kafka_consume_queue(k->queue, 0);
	if (!m && timeout_ms) {
		lib.rd_kafka_poll(k->rk, 0);
		if (k->failed.code) {
			*err = k->failed;
			return err->code;
		}
		m = lib.rd_kafka_consume_queue(k->queue, timeout_ms);
	}
	return m ? take_message(k, m, event, r, err) : 0;
}

void pf_kafka_release(struct pf_kafka_record *r)
{
	if (r->handle)
		lib.rd_kafka_message_destroy(r->handle);
	r->handle = NULL;
}

bool pf_kafka_header(const struct pf_kafka_record *r, const char *name,
		     struct pf_view *value)
{
	rd_kafka_headers_t *headers;
	const void *data;
	size_t len;
	if (!r->handle || lib.rd_kafka_message_headers(r->handle, &headers) ||
	    lib.rd_kafka_header_get_last(headers, name, &data, &len))
		return false;
	*value = pf_view_of(data, data ? len : 0);
	return true;
}

/* --- producing --- */

void pf_kafka_on_report(struct pf_kafka *k,
			void (*report)(void *ctx, const struct pf_kafka_report *r),
			void *ctx)
{
	k->report = report;
	k->report_ctx = ctx;
}

int pf_kafka_produce(struct pf_kafka *k, int32_t partition, const struct pf_view *key,
		     struct pf_view value, const struct pf_kafka_header *headers,
		     size_t nheaders, void *tag, bool *full, struct pf_error *err)
{
	*full = false;
	if (k->failed.code) {
		*err = k->failed;
		return err->code;
	}
	rd_kafka_headers_t *list = lib.rd_kafka_headers_new(nheaders);
	for (size_t i = 0; i < nheaders; i++)
		lib.rd_kafka_header_add(list, headers[i].name, -1, headers[i].value.data,
					(ssize_t)headers[i].value.len);
	/* librdkafka takes what it copies by plain pointers. */
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = k->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		  .u.mem = { (void *)(uintptr_t)value.data, value.len } },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = tag },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = list },
		{ .vtype = RD_KAFKA_VTYPE_KEY,
		  .u.mem = { key ? (void *)(uintptr_t)key->data : NULL,
			     key ? key->len : 0 } },
	};
	rd_kafka_error_t *e = lib.rd_kafka_produceva(k->rk, vus,
						     key ? 7 : 6);
	if (!e)
		return 0;
	lib.rd_kafka_headers_destroy(list);
	rd_kafka_resp_err_t code = lib.rd_kafka_error_code(e);
	char why[400];
	snprintf(why, sizeof why, "%s", lib.rd_kafka_error_string(e));
	lib.rd_kafka_error_destroy(e);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		*full = true;
		return 0;
	}
	return fail(k, code, why, err);
}

int pf_kafka_poll(struct pf_kafka *k, int timeout_ms, struct pf_error *err)
{
	lib.rd_kafka_poll(k->rk, timeout_ms);
	if (!k->failed.code)
		return 0;
	*err = k->failed;
	return err->code;
}

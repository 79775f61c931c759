/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ext/hash.h"
#include "ext/kafka_client.h"

/* --- errors --- */

bool pf_kafka_unknown(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	       e == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
	       e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

int pf_kafka_code_of(rd_kafka_resp_err_t e)
{
	if (pf_kafka_unknown(e))
		return PF_E_NOT_A_STAGE;
	switch ((int)e) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return PF_E_ACCESS;
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		return PF_E_NOT_A_STAGE;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR__PARTIAL:
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

int pf_kafka_fail(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason,
		struct pf_error *err)
{
	return pf_fail(err, pf_kafka_code_of(e), "topic '%s': %s", k->name,
		       reason && *reason ? reason : k->lib->rd_kafka_err2str(e));
}

/* librdkafka's own messages name hosts and reasons, never properties' values. */
void pf_kafka_note_trouble(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason)
{
	/* Other failures of TLS may be a broker's that is going down. */
	bool hopeless = pf_kafka_code_of(e) == PF_E_ACCESS ||
			(e == RD_KAFKA_RESP_ERR__SSL &&
			 strstr(reason, "certificate verify failed"));
	/* That all brokers are down says less than why, and so does what happens to
	 * other connections while we are refused. */
	if ((e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && k->trouble[0]) ||
	    (k->hopeless && !hopeless))
		return;
	pf_quote(k->trouble, sizeof k->trouble, reason, strlen(reason));
	k->trouble_code = pf_kafka_code_of(e);
	k->hopeless = hopeless;
}

static void on_error(rd_kafka_t *rk, int e, const char *reason, void *opaque)
{
	struct pf_kafka *k = opaque;
	char text[400];
	if (e == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_resp_err_t why = k->lib->rd_kafka_fatal_error(rk, text, sizeof text);
		pf_kafka_fail(k, why, text, &k->failed);
		k->failed.code = PF_E_KAFKA;
		return;
	}
	if (pf_kafka_unknown((rd_kafka_resp_err_t)e))
		k->unknown = true;
	else
		pf_kafka_note_trouble(k, (rd_kafka_resp_err_t)e, reason);
}

/* In a thread of librdkafka. Of a new connection is noted whether it replaces one; that
 * is known before anything that it brings. */
static int on_connect(int fd, const struct sockaddr *addr, int len, const char *id,
		      void *opaque)
{
	struct pf_kafka *k = opaque;
	uint64_t place = pf_xxh3(addr, (size_t)len);
	size_t i = 0;
	(void)id;
	pthread_mutex_lock(&k->lock);
	while (i < k->nplaces && k->places[i] != place)
		i++;
	if (i == k->nplaces && i < PF_KAFKA_PLACES)
		k->places[k->nplaces++] = place;
	else
		k->again = true;
	pthread_mutex_unlock(&k->lock);
	return connect(fd, addr, (socklen_t)len) && errno != EINPROGRESS ? errno : 0;
}

bool pf_kafka_reconnected(struct pf_kafka *k)
{
	pthread_mutex_lock(&k->lock);
	bool again = k->again;
	k->again = false;
	pthread_mutex_unlock(&k->lock);
	return again;
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
	if (!m->err) {
		k->hopeless = false;
		k->trouble[0] = '\0';
	}
	if (m->err && !k->failed.code) {
		pf_kafka_fail(k, m->err, NULL, &k->failed);
		/* There was such a topic, and may be again in a moment, when brokers know
		 * each other: whoever comes next asks for it anew. */
		if (pf_kafka_unknown(m->err))
			k->failed.code = PF_E_UNREACHABLE;
	}
	if (k->report)
		k->report(k->report_ctx, &r);
}

/* --- life --- */

int pf_kafka_open(enum pf_kafka_kind kind, const struct pf_kafka_setting *settings,
		  size_t n, const char *topic, size_t queued_bytes,
		  struct pf_kafka **kafka, struct pf_error *err)
{
	char why[512] = "";
	const struct pf_kafka_library *lib = pf_kafka_library();
	if (!lib) {
		pf_fail(err, PF_E_UNSUPPORTED, "kafka:// needs librdkafka, which cannot be loaded");
		return pf_hint(err, "on Debian: apt install librdkafka1");
	}
	rd_kafka_conf_t *conf = lib->rd_kafka_conf_new();
	int code = pf_kafka_configure(lib, conf, kind, settings, n, queued_bytes, err);
	if (code) {
		lib->rd_kafka_conf_destroy(conf);
		return code;
	}
	struct pf_kafka *k = pf_zalloc(1, sizeof *k);
	k->lib = lib;
	pthread_mutex_init(&k->lock, NULL);
	k->name = pf_strdup(topic);
	lib->rd_kafka_conf_set_opaque(conf, k);
	lib->rd_kafka_conf_set_log_cb(conf, on_log);
	lib->rd_kafka_conf_set_error_cb(conf, on_error);
	lib->rd_kafka_conf_set_connect_cb(conf, on_connect);
	if (kind == PF_KAFKA_PRODUCER)
		lib->rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	k->rk = k->lib->rd_kafka_new(kind == PF_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER :
				 RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (!k->rk) {
		char quoted[512];
		lib->rd_kafka_conf_destroy(conf);
		pf_kafka_close(k);
		return pf_fail(err, PF_E_USAGE, "cannot make a Kafka client: %s",
			       pf_quote(quoted, sizeof quoted, why, strlen(why)));
	}
	k->topic = k->lib->rd_kafka_topic_new(k->rk, topic, NULL);
	if (kind == PF_KAFKA_CONSUMER) {
		k->queue = k->lib->rd_kafka_queue_new(k->rk);
		k->fetched = k->lib->rd_kafka_topic_partition_list_new(1);
		k->queued_bytes = queued_bytes;
	}
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
		k->lib->rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE |
				   RD_KAFKA_PURGE_F_INFLIGHT);
	if (k->queue)
		k->lib->rd_kafka_queue_destroy(k->queue);
	if (k->fetched)
		k->lib->rd_kafka_topic_partition_list_destroy(k->fetched);
	if (k->topic)
		k->lib->rd_kafka_topic_destroy(k->topic);
	if (k->rk)
		k->lib->rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_mutex_destroy(&k->lock);
	free(k->name);
	free(k);
}

const char *pf_kafka_trouble(const struct pf_kafka *k)
{
	return k->trouble;
}

int pf_kafka_silent(const struct pf_kafka *k, struct pf_error *err)
{
	int code = k->trouble[0] ? k->trouble_code : PF_E_UNREACHABLE;
	return pf_fail(err, code, "topic '%s' does not answer%s%s", k->name,
		       k->trouble[0] ? ": " : "", k->trouble);
}

bool pf_kafka_hopeless(const struct pf_kafka *k)
{
	return k->hopeless;
}

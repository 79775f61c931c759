/* SPDX-License-Identifier: Apache-2.0
 *
 * What brokers say of a topic: partitions, offsets, settings; and making one.
 * Whatever may pass is asked again while there is time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "ext/kafka_client.h"

enum { PAUSE_MS = 50 };

/* Again, while there is time, if the failure may pass. So may that of a topic, or of
 * partitions, which one broker named and another does not know yet. */
static bool again(struct pf_kafka *k, rd_kafka_resp_err_t e, int64_t until_us)
{
	k->lib->rd_kafka_poll(k->rk, 0);
	bool passes = pf_kafka_code_of(e) == PF_E_UNREACHABLE || pf_kafka_unknown(e);
	if (k->hopeless || !passes || pf_mono_us() >= until_us)
		return false;
	k->lib->rd_kafka_poll(k->rk, PAUSE_MS);
	return true;
}

static int give_up(struct pf_kafka *k, rd_kafka_resp_err_t e, struct pf_error *err)
{
	int code = pf_kafka_code_of(e);
	if (code != PF_E_UNREACHABLE || !k->trouble[0])
		return pf_kafka_fail(k, e, NULL, err);
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
		e = k->lib->rd_kafka_metadata(k->rk, 0, k->topic, &md, step_ms(until));
		if (!e) {
			e = md->topic_cnt ? md->topics[0].err :
				RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
			/* A broker that knows of none, not even itself, has just begun,
			 * or was away (is fenced): it does not know topics either. */
			if (!md->broker_cnt)
				e = RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE;
			else if (e != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
				break;
			k->lib->rd_kafka_metadata_destroy(md);
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
	k->lib->rd_kafka_metadata_destroy(md);
	if (e && e != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return pf_kafka_fail(k, e, NULL, err);
	char *cluster = k->lib->rd_kafka_clusterid(k->rk, step_ms(until));
	snprintf(info->cluster, sizeof info->cluster, "%s", cluster ? cluster : "");
	if (cluster)
		k->lib->rd_kafka_mem_free(k->rk, cluster);
	return 0;
}

int pf_kafka_await(struct pf_kafka *k, int64_t timeout_ms, struct pf_kafka_info *info,
		   struct pf_error *err)
{
	int64_t until = pf_mono_us() + timeout_ms * 1000;
	for (;;) {
		PF_TRY(pf_kafka_info(k, timeout_ms, info, err));
		if (info->partitions || pf_mono_us() >= until)
			return 0;
		k->lib->rd_kafka_poll(k->rk, PAUSE_MS);
	}
}

/* Which offset each partition of a list has for a time, or RD_KAFKA_OFFSET_BEGINNING
 * or ..._END. Not by rd_kafka_query_watermark_offsets: before librdkafka 2.3 it waits
 * for ever when the broker goes away at that moment, whatever its timeout says. */
static int ask_offsets(struct pf_kafka *k, rd_kafka_topic_partition_list_t *list,
		       int64_t time, int64_t until, struct pf_error *err)
{
	rd_kafka_resp_err_t e;
	do {
		for (int i = 0; i < list->cnt; i++) {
			list->elems[i].offset = time;
			list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
		}
		e = k->lib->rd_kafka_offsets_for_times(k->rk, list, step_ms(until));
		/* That the partitions are unknown is what it says when none has a leader,
		 * too; they themselves have the reason. */
		bool each = !e || e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
		for (int i = 0; each && i < list->cnt; i++)
			if (list->elems[i].err)
				e = list->elems[i].err;
	} while (e && again(k, e, until));
	return e ? give_up(k, e, err) : 0;
}

int pf_kafka_ranges(struct pf_kafka *k, struct pf_kafka_range *ranges, size_t n,
		    int64_t timeout_ms, struct pf_error *err)
{
	int64_t until = pf_mono_us() + timeout_ms * 1000;
	if (!n)
		return 0;
	rd_kafka_topic_partition_list_t *list =
		k->lib->rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n; i++)
		k->lib->rd_kafka_topic_partition_list_add(list, k->name, ranges[i].partition);
	int code = ask_offsets(k, list, RD_KAFKA_OFFSET_BEGINNING, until, err);
	for (size_t i = 0; !code && i < n; i++)
		ranges[i].first = list->elems[i].offset;
	if (!code)
		code = ask_offsets(k, list, RD_KAFKA_OFFSET_END, until, err);
	for (size_t i = 0; !code && i < n; i++)
		ranges[i].end = list->elems[i].offset;
	k->lib->rd_kafka_topic_partition_list_destroy(list);
	return code;
}

int pf_kafka_offsets_at(struct pf_kafka *k, int32_t partitions, int64_t ms,
			int64_t timeout_ms, int64_t *offsets, struct pf_error *err)
{
	rd_kafka_topic_partition_list_t *list =
		k->lib->rd_kafka_topic_partition_list_new(partitions);
	for (int32_t p = 0; p < partitions; p++)
		k->lib->rd_kafka_topic_partition_list_add(list, k->name, p);
	int code = ask_offsets(k, list, ms, pf_mono_us() + timeout_ms * 1000, err);
	for (int32_t p = 0; !code && p < partitions; p++)
		offsets[p] = list->elems[p].offset < 0 ? INT64_MAX : list->elems[p].offset;
	k->lib->rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static int created(struct pf_kafka *k, rd_kafka_event_t *event, struct pf_error *err)
{
	if (!event)
		return pf_kafka_fail(k, RD_KAFKA_RESP_ERR__TIMED_OUT, k->trouble, err);
	rd_kafka_resp_err_t e = k->lib->rd_kafka_event_error(event);
	char why[400];
	snprintf(why, sizeof why, "%s", e ? k->lib->rd_kafka_event_error_string(event) : "");
	size_t n = 0;
	const rd_kafka_CreateTopics_result_t *result =
		e ? NULL : k->lib->rd_kafka_event_CreateTopics_result(event);
	const rd_kafka_topic_result_t **topics =
		result ? k->lib->rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
	if (n) {
		const char *text = k->lib->rd_kafka_topic_result_error_string(topics[0]);
		e = k->lib->rd_kafka_topic_result_error(topics[0]);
		snprintf(why, sizeof why, "%s", text ? text : "");
	}
	k->lib->rd_kafka_event_destroy(event);
	if (!e || e == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return 0;
	pf_kafka_fail(k, e, why, err);
	return pf_context(err, "cannot create it");
}

int pf_kafka_create(struct pf_kafka *k, int32_t partitions, int32_t replication,
		    int64_t retention_ms, int64_t timeout_ms, struct pf_error *err)
{
	char why[400] = "", value[24];
	rd_kafka_NewTopic_t *topic = k->lib->rd_kafka_NewTopic_new(
		k->name, partitions, replication ? replication : -1, why, sizeof why);
	if (!topic)
		return pf_fail(err, PF_E_USAGE, "cannot create topic '%s': %s", k->name, why);
	if (retention_ms) {
		snprintf(value, sizeof value, "%" PRId64, retention_ms);
		k->lib->rd_kafka_NewTopic_set_config(topic, "retention.ms", value);
	}
	rd_kafka_AdminOptions_t *options =
		k->lib->rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_queue_t *queue = k->lib->rd_kafka_queue_new(k->rk);
	k->lib->rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, why,
						      sizeof why);
	k->lib->rd_kafka_AdminOptions_set_operation_timeout(options, (int)timeout_ms, why,
							sizeof why);
	k->lib->rd_kafka_CreateTopics(k->rk, &topic, 1, options, queue);
	int code = created(k, k->lib->rd_kafka_queue_poll(queue, (int)timeout_ms + 1000), err);
	k->lib->rd_kafka_queue_destroy(queue);
	k->lib->rd_kafka_AdminOptions_destroy(options);
	k->lib->rd_kafka_NewTopic_destroy(topic);
	return code;
}

/* The value out of what the broker said of the topic. */
static bool find_config(const struct pf_kafka *k, rd_kafka_event_t *event,
			const char *name, char *value, size_t value_bytes)
{
	size_t resources = 0, n = 0;
	const rd_kafka_DescribeConfigs_result_t *result =
		event ? k->lib->rd_kafka_event_DescribeConfigs_result(event) : NULL;
	const rd_kafka_ConfigResource_t **list = result ?
		k->lib->rd_kafka_DescribeConfigs_result_resources(result, &resources) : NULL;
	if (!resources || k->lib->rd_kafka_ConfigResource_error(list[0]))
		return false;
	const rd_kafka_ConfigEntry_t **entries =
		k->lib->rd_kafka_ConfigResource_configs(list[0], &n);
	for (size_t i = 0; i < n; i++) {
		const char *text = k->lib->rd_kafka_ConfigEntry_value(entries[i]);
		if (!text || strcmp(k->lib->rd_kafka_ConfigEntry_name(entries[i]), name) != 0)
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
		k->lib->rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, k->name);
	rd_kafka_AdminOptions_t *options =
		k->lib->rd_kafka_AdminOptions_new(k->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_queue_t *queue = k->lib->rd_kafka_queue_new(k->rk);
	k->lib->rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, why,
						      sizeof why);
	k->lib->rd_kafka_DescribeConfigs(k->rk, &topic, 1, options, queue);
	rd_kafka_event_t *event = k->lib->rd_kafka_queue_poll(queue, (int)timeout_ms);
	bool found = find_config(k, event, name, value, value_bytes);
	if (event)
		k->lib->rd_kafka_event_destroy(event);
	k->lib->rd_kafka_queue_destroy(queue);
	k->lib->rd_kafka_AdminOptions_destroy(options);
	k->lib->rd_kafka_ConfigResource_destroy(topic);
	return found ? 0 : pf_fail(err, PF_E_KAFKA, "topic '%s' does not say its %s", k->name,
				   name);
}

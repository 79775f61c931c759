/* SPDX-License-Identifier: Apache-2.0
 *
 * librdkafka's functions, found when the first of them is needed: programs that
 * never see a kafka:// operand do not pay the library's start. Internal to
 * ext/kafka*.c.
 */
#ifndef PF_EXT_KAFKA_LIBRARY_H
#define PF_EXT_KAFKA_LIBRARY_H

#include <librdkafka/rdkafka.h>

#define PF_KAFKA_FUNCTIONS(X) \
	X(rd_kafka_version_str) X(rd_kafka_version) X(rd_kafka_err2str) X(rd_kafka_last_error) \
	X(rd_kafka_conf_new) X(rd_kafka_conf_destroy) X(rd_kafka_conf_set) \
	X(rd_kafka_conf_set_opaque) X(rd_kafka_conf_set_dr_msg_cb) \
	X(rd_kafka_conf_set_error_cb) X(rd_kafka_conf_set_connect_cb) X(rd_kafka_conf_set_log_cb) \
	X(rd_kafka_new) X(rd_kafka_destroy) X(rd_kafka_destroy_flags) \
	X(rd_kafka_topic_new) X(rd_kafka_topic_destroy) X(rd_kafka_topic_name) \
	X(rd_kafka_metadata) X(rd_kafka_metadata_destroy) X(rd_kafka_clusterid) \
	X(rd_kafka_mem_free) \
	X(rd_kafka_offsets_for_times) X(rd_kafka_topic_partition_list_new) \
	X(rd_kafka_topic_partition_list_add) X(rd_kafka_topic_partition_list_del) \
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

struct pf_kafka_library {
	void *handle;
#define X(name) __typeof__(name) *name;
	PF_KAFKA_FUNCTIONS(X)
#undef X
};

/* NULL: it is not installed, or lacks one of the functions. */
const struct pf_kafka_library *pf_kafka_library(void);

#endif

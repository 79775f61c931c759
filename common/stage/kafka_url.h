/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka://host[:port][,host[:port]...]/topic[?option=value&...]: which topic a
 * stage is, and how its records are made and read. Where it is and what it
 * holds stands in the URL; how to get in (passwords, certificates) never does,
 * but in the file of --kafka-config.
 *
 *   payload=arrow|json|csv         what a record holds; default arrow
 *   partitioner=fiber|murmur2      which partition a row goes to; default fiber,
 *                                  for payload=json murmur2
 *   partitions=N                   make the topic when there is none, with so
 *   replication=N  retention=TIME  many partitions
 */
#ifndef PF_STAGE_KAFKA_URL_H
#define PF_STAGE_KAFKA_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum pf_kafka_payload { PF_PAYLOAD_ARROW, PF_PAYLOAD_JSON, PF_PAYLOAD_CSV };
enum pf_kafka_partitioner {
	PF_PARTITIONER_DEFAULT, /* not said */
	PF_PARTITIONER_FIBER,
	PF_PARTITIONER_MURMUR2,
};

struct pf_kafka_url {
	char *servers; /* "host:port,host:port" */
	char *topic;
	enum pf_kafka_payload payload;
	bool has_payload;
	enum pf_kafka_partitioner partitioner;
	int32_t partitions;  /* 0: not said */
	int32_t replication; /* 0: the broker's default */
	int64_t retention_ms;
};

bool pf_kafka_url_is(const char *text);
int pf_kafka_url_parse(const char *text, struct pf_kafka_url *url, struct pf_error *err);
void pf_kafka_url_free(struct pf_kafka_url *url);

int pf_kafka_payload_parse(const char *text, enum pf_kafka_payload *out,
			   struct pf_error *err);
int pf_kafka_partitioner_parse(const char *text, enum pf_kafka_partitioner *out,
			       struct pf_error *err);

#endif

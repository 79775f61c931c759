/* SPDX-License-Identifier: Apache-2.0
 *
 * A Kafka topic as a stage. Its partitions are the stage's, offsets count
 * messages. What it holds is known from its own records (each Arrow record
 * carries the definition in its schema), or told by the user or a table; up to
 * where a table has read it stands in the table. Nothing is kept in Kafka but
 * the records: no group, no committed offset.
 *
 * The identity is the cluster's id and the topic's name. A topic that was made
 * anew under its name is found by the anchors: the table keeps a hash of the
 * last record it has of each partition (stage/kafka_message.h).
 */
#ifndef PF_STAGE_KAFKA_STAGE_H
#define PF_STAGE_KAFKA_STAGE_H

#include "stage/backend.h"
#include "stage/kafka_config.h"
#include "stage/kafka_url.h"
#include "stage/open.h"

struct pf_kafka_stage {
	struct pf_stage stage;
	struct pf_kafka_url url;
	const struct pf_kafka_config *config; /* borrowed, may be NULL */
	int64_t timeout_ms;
	struct pf_kafka *consumer;
	struct pf_kafka_info info;
	size_t message_bytes; /* what a message that is sent may take, with all that
			       * Kafka puts around it */
};

/* A message of ours is at most so large; brokers take 1 MiB if nobody changed that. */
enum { PF_MESSAGE_BYTES = 900 * 1000 };

/* What a producer may be told besides the URL. */
struct pf_kafka_produce {
	bool has_payload;
	enum pf_kafka_payload payload;
	enum pf_kafka_partitioner partitioner; /* DEFAULT: as the URL says */
	int64_t look_back_ms; /* to find where sources stand; 0: seven days */
	bool require_isr;     /* PF_E_USAGE for a topic that one broker can lose */
};

/* Connects; makes the topic if `create` and the URL asks for it. The definition
 * may be missing (stage.def NULL). */
int pf_kafka_stage_connect(const char *url, const struct pf_stage_access *how,
			   bool create, struct pf_kafka_stage **stage,
			   struct pf_error *err);
void pf_kafka_stage_free(struct pf_kafka_stage *s);
/* A client of this stage's topic. wait_ms: how long a broker may hold an answer
 * back until there is something to say (consumers; it holds up whatever is
 * asked of that broker meanwhile). */
int pf_kafka_stage_client(const struct pf_kafka_stage *s, enum pf_kafka_kind kind,
			  size_t queued_bytes, int wait_ms, struct pf_kafka **client,
			  struct pf_error *err);
/* Take this definition over. */
void pf_kafka_stage_define(struct pf_kafka_stage *s, struct pf_tabledef *def);
/* What each partition has; freed by the caller. */
int pf_kafka_stage_ranges(struct pf_kafka_stage *s, struct pf_kafka_range **ranges,
			  struct pf_error *err);
/* The newest definition that the last records carry; *def NULL: none. */
int pf_kafka_stage_peek(struct pf_kafka_stage *s, struct pf_tabledef **def,
			struct pf_error *err);

/* Single records: for each ask the next one of its partition from an offset on,
 * before `end`. take is called once for each that is not empty, record NULL:
 * there is none. At most one ask a partition; nothing else may be started. */
struct pf_ask {
	int32_t partition;
	int64_t offset, end;
	bool pending;
};
int pf_kafka_stage_ask(struct pf_kafka_stage *s, struct pf_ask *asks, size_t n,
		       int (*take)(void *ctx, const struct pf_ask *ask,
				   const struct pf_kafka_record *record,
				   struct pf_error *err),
		       void *ctx, struct pf_error *err);

int pf_kafka_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			 struct pf_stage_reader **reader, struct pf_error *err);

/* "0-3,7": chosen[partition], of n. */
int pf_partitions_parse(const char *text, int32_t n, bool *chosen, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client of librdkafka is, for the files that make it (kafka.c), ask it
 * about its topic (kafka_topic.c), and move records through it
 * (kafka_records.c). Internal to ext/kafka*.c.
 */
#ifndef PF_EXT_KAFKA_CLIENT_H
#define PF_EXT_KAFKA_CLIENT_H

#include <pthread.h>

#include "ext/kafka.h"
#include "ext/kafka_library.h"

/* Of so many brokers it is known whether we had a connection before. */
enum { PF_KAFKA_PLACES = 64 };

struct pf_kafka {
	const struct pf_kafka_library *lib;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	char *name;              /* of the topic */
	rd_kafka_queue_t *queue; /* consumer: of all partitions */
	rd_kafka_topic_partition_list_t *fetched; /* consumer: these partitions */
	size_t queued_bytes;     /* what the queue holds, about */
	size_t taken_bytes;      /* from it since its fetcher was woken, */
	int64_t taken;           /* and how many messages */
	void (*report)(void *ctx, const struct pf_kafka_report *r);
	void *report_ctx;
	struct pf_error failed;  /* will not get better */
	char trouble[400];       /* the last thing that went wrong */
	int trouble_code;        /* of pf_code */
	/* Where it connected to, by its own threads: hashes of addresses. */
	pthread_mutex_t lock;
	uint64_t places[PF_KAFKA_PLACES];
	size_t nplaces;
	bool again;              /* ... to a place for a second time */
	bool hopeless;           /* it is of the kind that waiting does not mend */
	bool unknown;            /* consumer: so is the topic, or a partition, it heard */
};

/* Messages that wait for a consumer, about. */
#define PF_KAFKA_QUEUED_MESSAGES 100000

/* Is a topic or a partition not known? */
bool pf_kafka_unknown(rd_kafka_resp_err_t e);
/* Which of our codes says it best; PF_E_UNREACHABLE: it may pass. */
int pf_kafka_code_of(rd_kafka_resp_err_t e);
/* "topic 'name': reason"; reason NULL: librdkafka's text for e. */
int pf_kafka_fail(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason,
		  struct pf_error *err);
/* Something went wrong that librdkafka goes on from. */
void pf_kafka_note_trouble(struct pf_kafka *k, rd_kafka_resp_err_t e, const char *reason);

/* All properties of a client: the user's between our defaults and our rules. */
int pf_kafka_configure(const struct pf_kafka_library *lib, rd_kafka_conf_t *conf,
		       enum pf_kafka_kind kind, const struct pf_kafka_setting *settings,
		       size_t n, size_t queued_bytes, struct pf_error *err);

#endif

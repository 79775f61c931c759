/* SPDX-License-Identifier: Apache-2.0
 *
 * librdkafka: one client, bound to one topic, that produces or consumes. The
 * library is loaded when the first client is made, so that programs that
 * never see a kafka:// operand do not pay its start.
 *
 * Consuming goes partition by partition from offsets that the caller gives,
 * through one queue (librdkafka's simple consumer): no group, no stored
 * offsets, no rebalance. An offset that the broker does not have is reported
 * and never replaced by another one. Producing waits for all in-sync
 * replicas, is idempotent and never gives up by itself; only delivery reports
 * say that a record is safe. What those rules need is set here and cannot be
 * overridden.
 *
 * A client belongs to one thread; callbacks run inside pf_kafka_poll and
 * pf_kafka_next.
 */
#ifndef PF_EXT_KAFKA_H
#define PF_EXT_KAFKA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct pf_kafka;

struct pf_kafka_setting {
	char *key, *value; /* of librdkafka's CONFIGURATION.md */
};

enum pf_kafka_kind { PF_KAFKA_CONSUMER, PF_KAFKA_PRODUCER };

/* May a user set this property? Those that the rules above need are ours. */
bool pf_kafka_setting_ours(const char *key);

/* Makes the client; connects later. PF_E_USAGE for a property that librdkafka
 * refuses (its value is not shown), PF_E_UNSUPPORTED when the library is not
 * installed. queued_bytes bounds what waits in memory. */
int pf_kafka_open(enum pf_kafka_kind kind, const struct pf_kafka_setting *settings,
		  size_t n, const char *topic, size_t queued_bytes,
		  struct pf_kafka **kafka, struct pf_error *err);
void pf_kafka_close(struct pf_kafka *k); /* NULL is fine; drops what is queued */

const char *pf_kafka_version(void); /* "2.0.2", or NULL: not installed */
/* Is it older than, say, 2, 6, 1? */
bool pf_kafka_older(int major, int minor, int patch);

/* --- the topic --- */

struct pf_kafka_info {
	int32_t partitions;  /* 0: there is no such topic */
	int32_t replicas;    /* the fewest of a partition */
	char cluster[64];    /* its id */
};

/* Ask for at most timeout_ms. PF_E_UNREACHABLE, PF_E_ACCESS. */
int pf_kafka_info(struct pf_kafka *k, int64_t timeout_ms, struct pf_kafka_info *info,
		  struct pf_error *err);

/* The same of a topic that was made a moment ago, or that a broker does not know
 * which others named: not there after timeout_ms only if it is not until then. */
int pf_kafka_await(struct pf_kafka *k, int64_t timeout_ms, struct pf_kafka_info *info,
		   struct pf_error *err);

/* Of each partition given the first offset that is there, and the end: behind the
 * last record that read_committed may see. Asked of all at once. */
struct pf_kafka_range {
	int32_t partition;
	int64_t first, end;
};
int pf_kafka_ranges(struct pf_kafka *k, struct pf_kafka_range *ranges, size_t n,
		    int64_t timeout_ms, struct pf_error *err);

/* For each partition the first offset with a timestamp at or after ms;
 * INT64_MAX: none. */
int pf_kafka_offsets_at(struct pf_kafka *k, int32_t partitions, int64_t ms,
			int64_t timeout_ms, int64_t *offsets, struct pf_error *err);

/* A setting of the topic, as text. */
int pf_kafka_topic_config(struct pf_kafka *k, const char *name, int64_t timeout_ms,
			  char *value, size_t value_bytes, struct pf_error *err);

/* replication 0, retention_ms 0: as the broker has it by default. A topic that
 * exists already is no error. */
int pf_kafka_create(struct pf_kafka *k, int32_t partitions, int32_t replication,
		    int64_t retention_ms, int64_t timeout_ms, struct pf_error *err);

/* --- consuming --- */

/* Fetch a partition from an offset on; it must be stopped. */
int pf_kafka_start(struct pf_kafka *k, int32_t partition, int64_t offset,
		   struct pf_error *err);
/* Records of it that are fetched already may still come. */
void pf_kafka_stop(struct pf_kafka *k, int32_t partition);

enum pf_kafka_event {
	PF_KAFKA_NOTHING,      /* within the time */
	PF_KAFKA_RECORD,
	PF_KAFKA_END,          /* of the partition, at record.offset */
	PF_KAFKA_OUT_OF_RANGE, /* the partition has not what was asked for */
};

struct pf_kafka_record {
	int32_t partition;
	int64_t offset;
	int64_t time_ms;          /* -1: none */
	struct pf_view key, value;
	bool has_key, has_value;
	void *handle;             /* librdkafka's, until released */
};

int pf_kafka_next(struct pf_kafka *k, int timeout_ms, enum pf_kafka_event *event,
		  struct pf_kafka_record *record, struct pf_error *err);
void pf_kafka_release(struct pf_kafka_record *record);
/* Was a connection made since this was asked last, in place of another? What was
 * given out before came by the old ones; what waits may be of either. */
bool pf_kafka_reconnected(struct pf_kafka *k);
/* The last header of that name. */
bool pf_kafka_header(const struct pf_kafka_record *record, const char *name,
		     struct pf_view *value);

/* --- producing --- */

struct pf_kafka_header {
	const char *name;
	struct pf_view value;
};

/* What became of a record. */
struct pf_kafka_report {
	void *tag;
	int32_t partition;
	int64_t offset;
	bool failed; /* err of the poll says why */
};

/* Called for each record that was produced, within pf_kafka_poll. */
void pf_kafka_on_report(struct pf_kafka *k,
			void (*report)(void *ctx, const struct pf_kafka_report *r),
			void *ctx);

/* Queue a record of that time; everything is copied. *full: no room now, poll and come
 * again. */
int pf_kafka_produce(struct pf_kafka *k, int32_t partition, const struct pf_view *key,
		     struct pf_view value, const struct pf_kafka_header *headers,
		     size_t nheaders, int64_t time_ms, void *tag, bool *full,
		     struct pf_error *err);

/* Deliver reports, waiting at most timeout_ms for one. Fails when a record
 * will never be delivered, or the client is finished. */
int pf_kafka_poll(struct pf_kafka *k, int timeout_ms, struct pf_error *err);

/* Why nothing happens at the moment, or "": for messages; that as an error; and
 * whether waiting will not mend it (a password, a certificate). */
const char *pf_kafka_trouble(const struct pf_kafka *k);
int pf_kafka_silent(const struct pf_kafka *k, struct pf_error *err);
bool pf_kafka_hopeless(const struct pf_kafka *k);

#endif

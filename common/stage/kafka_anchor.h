/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a topic still the one that was read? An anchor is a record that is known by
 * its place and its hash (stage/kafka_message.h). A topic that was made anew, or
 * whose log was cut and written on, has another record there, or none; one whose
 * retention went past it says nothing. librdkafka before 2.1 does not notice by
 * itself (KIP-320).
 */
#ifndef PF_STAGE_KAFKA_ANCHOR_H
#define PF_STAGE_KAFKA_ANCHOR_H

#include "stage/kafka_stage.h"

struct pf_kafka_anchor {
	int32_t partition;
	int64_t at;      /* what comes next */
	int64_t offset;  /* of the record before it; -1: not known */
	uint64_t hash;
};

/* Compare; their partitions have records at these offsets. PF_E_STAGE_CHANGED. */
int pf_kafka_anchors_compare(struct pf_kafka_stage *s, const struct pf_kafka_anchor *anchors,
			     size_t n, struct pf_error *err);

/* Ask what the partitions have first: PF_E_STAGE_CHANGED also when one ends before
 * `at`; records that are gone are not asked for. */
int pf_kafka_anchors_check(struct pf_kafka_stage *s, struct pf_kafka_anchor *anchors,
			   size_t n, struct pf_error *err);

/* The errors: it ends before `at`; it no longer has [from, to). */
int pf_kafka_too_short(const struct pf_kafka_stage *s, int32_t partition, int64_t at,
		       int64_t end, struct pf_error *err);
int pf_kafka_gone(const struct pf_kafka_stage *s, int32_t partition, int64_t from,
		  int64_t to, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Every record of ranges of a topic, once, in each partition in order: for those
 * who look at records, and not at their rows.
 */
#ifndef PF_STAGE_KAFKA_WALK_H
#define PF_STAGE_KAFKA_WALK_H

#include "stage/kafka_stage.h"

struct pf_span {
	int64_t from, end; /* offsets; from >= end: nothing */
};

/* spans: one for each partition. take says whether to go on. Records that the topic
 * no longer has are passed over. PF_E_UNREACHABLE when no broker answers for the
 * stage's timeout. */
int pf_kafka_walk(const struct pf_kafka_stage *s, const struct pf_span *spans,
		  bool (*take)(void *ctx, const struct pf_kafka_record *record), void *ctx,
		  struct pf_error *err);

#endif

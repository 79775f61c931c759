/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a reader of a topic is behind: in messages, by offsets; in rows, by what
 * the messages say of themselves; in seconds, by when the oldest of them came.
 */
#ifndef PF_STAGE_KAFKA_LAG_H
#define PF_STAGE_KAFKA_LAG_H

#include "stage/kafka_stage.h"

int pf_kafka_lag(struct pf_kafka_stage *s, const struct pf_stage_start *starts, size_t n,
		 const char *sources, struct pf_stage_lag *lag, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a topic knows of its sources, by the headers of its own records: for
 * each the last row number in every partition, and the position from which it
 * goes on: that of its furthest group of which every record is there (see
 * stage/kafka_message.h).
 *
 * Looks back from the ends, a step at a time, no further than look_back_ms, and
 * reads no record twice. In each partition a source's numbers ascend. So once a
 * source has a whole group, no later one is missed when in each partition
 *
 *   a record of it was seen that is no later than that group, or
 *   everything was seen that is as young as that group (a minute younger or
 *   older is nothing: clocks differ), or
 *   all of look_back_ms was seen.
 *
 * Where clocks are wrong by more, a position may be found that is too early:
 * then rows come into the topic again, and readers drop them by their numbers.
 */
#ifndef PF_STAGE_KAFKA_SCAN_H
#define PF_STAGE_KAFKA_SCAN_H

#include "arrow/source_marks.h"
#include "stage/kafka_stage.h"
#include "stage/sources.h"

struct pf_kafka_scan;

/* What is found is added to known and sources (borrowed). */
int pf_kafka_scan_open(struct pf_kafka_stage *s, int64_t look_back_ms,
		       struct pf_source_marks *known, struct pf_sources *sources,
		       struct pf_kafka_scan **scan, struct pf_error *err);
void pf_kafka_scan_close(struct pf_kafka_scan *scan); /* NULL is fine */

/* Is there anything that was not looked at? */
bool pf_kafka_scan_more(const struct pf_kafka_scan *scan);

/* How many messages were looked at; NULL: none. */
int64_t pf_kafka_scan_messages(const struct pf_kafka_scan *scan);

/* One step further in every partition; each is longer than the one before. */
int pf_kafka_scan_step(struct pf_kafka_scan *scan, struct pf_error *err);

/* As far as it takes to know where the source of that key stands. */
int pf_kafka_scan_settle(struct pf_kafka_scan *scan, uint64_t key, struct pf_error *err);

/* Does a whole group of that key stand in what was looked at? */
bool pf_kafka_scan_knows(struct pf_kafka_scan *scan, uint64_t key);

/* The source is the caller's from now on, and does not change any more. */
void pf_kafka_scan_leave(struct pf_kafka_scan *scan, const struct pf_source_pos *source);

#endif

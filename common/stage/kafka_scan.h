/* SPDX-License-Identifier: Apache-2.0
 *
 * What a topic knows of its sources, by the headers of its own records: for
 * each the last row number in every partition, and the position from which it
 * goes on: that of its furthest group of which every record is there (see
 * stage/kafka_message.h). Looks at the records of the last look_back_ms.
 */
#ifndef PF_STAGE_KAFKA_SCAN_H
#define PF_STAGE_KAFKA_SCAN_H

#include "arrow/source_marks.h"
#include "stage/kafka_stage.h"
#include "stage/sources.h"

/* Fills known, and adds to sources. */
int pf_kafka_scan(struct pf_kafka_stage *s, int64_t look_back_ms,
		  struct pf_source_marks *known, struct pf_sources *sources,
		  struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows into messages. Rows of the source at hand are sorted into the topic's
 * partitions; of each partition's rows messages are made that are small enough:
 * Arrow streams of many rows, or one JSON object a row. What was made waits,
 * source by source, until it is sent as one group (stage/kafka_send.h).
 */
#ifndef PF_STAGE_KAFKA_ACCUMULATOR_H
#define PF_STAGE_KAFKA_ACCUMULATOR_H

#include "arrow/source_marks.h"
#include "stage/kafka_stage.h"
#include "stage/sources.h"
#include "text/reader.h"

/* A message that waits; key and value stand in pf_group_messages.bytes. */
struct pf_group_message {
	int32_t partition;
	struct pf_source_pos *source; /* NULL: nobody's */
	int64_t to, rows;             /* number of the last row; rows */
	size_t key_at, key_bytes, at, len;
};

/* All that waits. Messages of one source stand together. */
struct pf_group_messages {
	struct pf_group_message *messages;
	size_t n;
	struct pf_buf bytes;
};

struct pf_accumulator;

/* For a stage that has its definition. fiber NULL: murmur2 of the ID's text
 * chooses the partition. PF_E_LIMIT when the topic's messages have no room for the
 * columns. */
int pf_accumulator_new(const struct pf_kafka_stage *s, bool json, pf_fiber_fn *fiber,
		       struct pf_accumulator **accumulator, struct pf_error *err);
void pf_accumulator_free(struct pf_accumulator *a); /* NULL is fine */

/* The rows that come now are this source's (NULL: nobody's). What came before
 * must have been flushed. */
void pf_accumulator_from(struct pf_accumulator *a, struct pf_source_pos *source);

/* How large a row of the source at hand may be. */
void pf_accumulator_limit(struct pf_accumulator *a, struct pf_row_limit *limit);

/* Take rows; those at or below the source's mark in `known` are left out.
 * *taken: how many were not. PF_E_ROW_SIZE for a row larger than the limit. */
int pf_accumulator_add(struct pf_accumulator *a, const struct pf_batch *batch,
		       const int64_t *numbers, const struct pf_source_marks *known,
		       int64_t *taken, struct pf_error *err);

/* A row as JSON. */
void pf_accumulator_row(struct pf_accumulator *a, const struct pf_batch *batch, int64_t row,
			struct pf_buf *out);

/* All rows taken become messages. */
int pf_accumulator_flush(struct pf_accumulator *a, struct pf_error *err);

/* Add a message without rows for each source that moved without any, so that its
 * position is said. */
void pf_accumulator_positions(struct pf_accumulator *a, const struct pf_sources *sources);

/* Does a message of this source wait? */
bool pf_accumulator_has(const struct pf_accumulator *a, const struct pf_source_pos *source);

const struct pf_group_messages *pf_accumulator_group(const struct pf_accumulator *a);
void pf_accumulator_clear(struct pf_accumulator *a); /* it was sent */

/* Bytes that wait, in rows or in messages. */
size_t pf_accumulator_bytes(const struct pf_accumulator *a);

#endif

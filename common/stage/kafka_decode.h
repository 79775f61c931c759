/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of a topic as rows of a stage's schema, in the order they came.
 * Arrow streams are told by their first bytes; anything else is text, one row
 * a record: JSON, or CSV where the URL says so, or a message of a change stream
 * where the definition says so, which is any number of rows. Our own records (they have an
 * origin header) are read by the columns' names, others by the definition.
 *
 * Rows that a source sent twice are dropped here, by its mark. A record that
 * does not fit is rejected with its topic, partition and offset; whether that
 * ends the reading is the callback's to say. Text records are gathered, so that
 * a batch is worth its while; where one ends and the next begins is never left
 * to their content.
 */
#ifndef PF_STAGE_KAFKA_DECODE_H
#define PF_STAGE_KAFKA_DECODE_H

#include "arrow/batch.h"
#include "arrow/source_marks.h"
#include "ext/kafka.h"
#include "stage/kafka_url.h"
#include "text/reader.h"

struct pf_decode_options {
	struct pf_schema *schema;
	const struct pf_tabledef *definition; /* of that schema */
	const char *topic;
	bool csv;
	struct pf_source_marks *marks; /* moved along */
	int (*reject)(void *ctx, const struct pf_reject *reject, struct pf_error *err);
	void *ctx;
	void (*notice)(void *ctx, const struct pf_notice *notice);
	void *notice_ctx;
};

struct pf_decode_counts {
	int64_t rejected, duplicate, filtered;
};

struct pf_decoder;

int pf_decoder_new(const struct pf_decode_options *options, struct pf_decoder **decoder,
		   struct pf_error *err);
void pf_decoder_free(struct pf_decoder *d); /* NULL is fine */

/* Take a record over (it is released here, also on failure). Only when it is
 * not full. */
int pf_decoder_add(struct pf_decoder *d, struct pf_kafka_record *record,
		   struct pf_error *err);
bool pf_decoder_full(const struct pf_decoder *d);
bool pf_decoder_empty(const struct pf_decoder *d);

/* Rows of what was taken, valid until the next call; rows == 0: none are left.
 * PF_E_STAGE_GREW: a record of ours has columns that the schema lacks. */
int pf_decoder_next(struct pf_decoder *d, struct pf_batch *batch, struct pf_error *err);

const struct pf_decode_counts *pf_decoder_counts(const struct pf_decoder *d);

/* The definition that an Arrow record of ours carries; NULL: none. The caller
 * frees it. */
struct pf_tabledef *pf_record_definition(const struct pf_kafka_record *r);

#endif

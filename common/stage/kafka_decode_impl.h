/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decoder of records is, for the files that read the two kinds of them:
 * Arrow streams (kafka_decode_arrow.c) and text (kafka_decode_text.c); what comes
 * first is decided in kafka_decode.c. Internal to them.
 */
#ifndef PF_STAGE_KAFKA_DECODE_IMPL_H
#define PF_STAGE_KAFKA_DECODE_IMPL_H

#include "arrow/stream.h"
#include "stage/adapt.h"
#include "stage/kafka_decode.h"
#include "stage/kafka_message.h"
#include "stage/nulls.h"

enum { PF_CHUNK_RECORDS = 8192, PF_CHUNK_BYTES = 1 << 20, PF_DECODE_ROWS = 8192 };
/* One record decompresses to no more than this. */
enum { PF_RECORD_LIMIT = 256 << 20 };

/* Where a text record stood. */
struct place {
	int32_t partition;
	int64_t offset;
};

/* How text is read. */
enum text_kind {
	TEXT_OWN,   /* JSON of ours: columns by name */
	TEXT_LINES, /* one line a record */
	TEXT_ALONE, /* its end is not a line's: a reader for it alone */
};

struct pf_decoder {
	struct pf_decode_options o;
	struct pf_decode_counts counts;
	struct pf_tabledef *own, *foreign; /* how text is read */

	/* Text records, as lines. */
	struct pf_buf chunk;
	struct place *places;
	size_t nplaces;
	enum text_kind kind;
	struct pf_memory_source memory;
	struct pf_byte_source bytes;
	struct pf_text *text;
	bool changes;               /* foreign text is messages of changes */
	int64_t good, bad;          /* of the chunk so far */
	char **said;                /* notices that need not be said again */
	size_t nsaid;
	struct pf_reject why;       /* of a record that is read alone */
	struct pf_builder *rows;

	/* The record that comes behind the chunk. */
	struct pf_kafka_record held;
	bool has_held;

	/* An Arrow record. */
	struct pf_kafka_record record;
	struct pf_origin origin;
	bool in_record, ours;
	struct pf_stream_in *in;
	struct pf_adapt *adapt;
	int pos_column;
	int64_t record_rows;
	struct pf_nulls nulls;
};

/* A row, or a record, that does not fit: to the reject callback, with its place. */
int pf_decoder_refuse(struct pf_decoder *d, int32_t partition, int64_t offset,
		      const struct pf_reject *why, struct pf_error *err);
int pf_decoder_refuse_record(struct pf_decoder *d, const struct pf_kafka_record *r,
			     int code, const char *reason, struct pf_error *err);

/* Rows of d->record; none: it is at its end, and closed. */
int pf_decoder_next_arrow(struct pf_decoder *d, struct pf_batch *batch,
			  struct pf_error *err);
void pf_decoder_close_arrow(struct pf_decoder *d);

/* Gather a record of text. *taken false: it must wait until the chunk has left. */
int pf_decoder_take_text(struct pf_decoder *d, const struct pf_kafka_record *r,
			 bool *taken, struct pf_error *err);
/* Rows of the chunk; none: it is at its end, and closed. */
int pf_decoder_next_text(struct pf_decoder *d, struct pf_batch *batch,
			 struct pf_error *err);
void pf_decoder_close_text(struct pf_decoder *d);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The segment stream between pf-pack, pf-index and pf-put: a record stream
 * (arrow/stream.h) with one row per segment, a packed Parquet file of one
 * (partition, bucket). Its schema's metadata is that of the rows inside, and
 * pf:content = segments.
 */
#ifndef PF_LOAD_SEGMENTS_H
#define PF_LOAD_SEGMENTS_H

#include "arrow/batch.h"
#include "arrow/layout.h"

/* Positions of the columns. */
enum pf_segment_column {
	PF_SEGMENT_PARTITION, /* strings: values of the partition columns, [] for none */
	PF_SEGMENT_BUCKET,    /* int */
	PF_SEGMENT_ROWS,      /* bigint */
	PF_SEGMENT_DATA,      /* large_bytes: the Parquet file */
	PF_SEGMENT_INDEX,     /* bytes: Paimon file index container, or null */
	PF_SEGMENT_REPLACES,  /* strings: names of stored files this replaces, or null */
	PF_SEGMENT_CHANGELOG, /* large_bytes: the rows as they came (Parquet), or null */
	PF_SEGMENT_COLUMNS
};

/* The schema of segments of such rows; the caller unrefs it. */
struct pf_schema *pf_segment_schema(const struct pf_schema *rows);

/* Fails with PF_E_SCHEMA_MISMATCH, saying which program to put before, when a
 * stream carries rows instead. */
int pf_segment_check(const struct pf_schema *schema, struct pf_error *err);

/* One segment, borrowed from row `row` of a batch. */
struct pf_segment {
	struct pf_cell cell;
	int64_t rows;
	struct pf_view data;
	struct pf_view index; /* data == NULL: none */
	struct pf_view changelog; /* likewise; where the table keeps one */
	bool replaces;        /* the list of files is in the batch */
};

/* Read and check one; PF_E_CORRUPT when it makes no sense. */
int pf_segment_at(const struct pf_batch *batch, int64_t row,
		  struct pf_segment *segment, struct pf_error *err);

/* One segment as a batch of one row, without copying its bytes: they, and the
 * room, must stay until the batch has been used. replaces: n names. */
struct pf_segment_room {
	struct pf_column columns[PF_SEGMENT_COLUMNS];
	struct pf_column partition, names; /* the elements of lists */
	int32_t partition_list[2], partition_ends[2], index_ends[2], names_list[2];
	int64_t data_ends[2], changelog_ends[2];
	int64_t rows;
	int32_t bucket;
	uint8_t null; /* a validity bitmap */
	struct pf_buf names_text, names_ends;
};

struct pf_batch pf_segment_lend(struct pf_segment_room *room,
				const struct pf_schema *schema,
				const struct pf_segment *segment,
				const struct pf_view *replaces, size_t n_replaces);
void pf_segment_room_free(struct pf_segment_room *room);

#endif

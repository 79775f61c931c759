/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing: rows of many cells become segments, Parquet files of one cell each,
 * sorted by (ID, time), ties as they came; of tables with a primary key, sorted
 * by the key, one row for all versions of it (load/versions.h).
 *
 * Memory is bounded by memory_bytes. Rows wait in columns per cell; when they
 * take a third of it they are put aside in a temporary file, cell by cell
 * (as a hash join partitions its input), and fetched when their cell is
 * packed. A cell is packed when the packer is flushed, or when it alone would
 * take a third of the memory to sort; where that happens depends on the rows
 * of the cell only, so the same rows give the same segments however batches
 * were cut and however many threads encode.
 *
 * Segments are emitted in the order in which their cells were packed, by the
 * calling thread.
 */
#ifndef PF_LOAD_PACK_H
#define PF_LOAD_PACK_H

#include "load/segments.h"

struct pf_pack_options {
	size_t memory_bytes;   /* at least 16 MiB */
	size_t segment_bytes;  /* a segment is closed when it has so many */
	int threads;           /* that sort and encode; 1: the caller's own */
	int zstd_level;
	bool old_readers;      /* see parquet/writer.h */
	const char *tmp_dir;   /* NULL: see load/spill.h */
	const char *created_by;
};

typedef int pf_segment_fn(void *ctx, const struct pf_segment *segment,
			  struct pf_error *err);

struct pf_pack_stats {
	int64_t rows, segments;
	int64_t superseded;     /* rows that others of their key stand for */
	int64_t ignored;        /* rows that the table's rules leave out */
	uint64_t bytes;         /* of all segments */
	uint64_t spilled_bytes;
};

struct pf_packer;

/* rows: the schema of partitioned rows (its layout metadata decides). */
int pf_packer_new(struct pf_schema *rows, const struct pf_pack_options *options,
		  pf_segment_fn *emit, void *ctx, struct pf_packer **packer,
		  struct pf_error *err);
/* Stops the threads; nothing is emitted any more. NULL is fine. */
void pf_packer_free(struct pf_packer *p);

/* A batch of the cell that its metadata names. May emit. */
int pf_packer_add(struct pf_packer *p, const struct pf_batch *batch,
		  struct pf_error *err);

/* Pack and emit everything. */
int pf_packer_flush(struct pf_packer *p, struct pf_error *err);

/* Rows added that were not emitted yet. */
int64_t pf_packer_waiting(const struct pf_packer *p);

struct pf_pack_stats pf_packer_stats(const struct pf_packer *p);

#endif

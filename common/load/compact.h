/* SPDX-License-Identifier: Apache-2.0
 *
 * Compaction: small files of a cell (a bucket of a partition) become few big
 * ones, sorted by (ID, time) and not overlapping; so do the overlapping
 * segments of a large load and the unsorted files of other writers. Rows stay
 * what they are; rows of equal ID and time stay in the order in which they
 * were committed. Indexes that the files had are made for what takes their
 * place, and so are those that the table's options ask for.
 *
 * Which files: the files of a cell are a sequence of sorted runs, oldest
 * first; files that a compaction made together share a range of sequence
 * numbers and are one run. From the newest run backwards, runs are taken
 * together while the next older one is at most PF_COMPACT_RATIO times as large
 * as those taken so far; two or more become one. So a row is written anew only
 * when its run grows by a fixed part, a cell has at most logarithmically many
 * runs, and only neighbours are merged, which keeps the order of ties. (Size
 * tiers as in Bigtable and RocksDB's universal compaction.) An unsorted file is
 * always rewritten. `full` makes every cell one run, of the newest schema.
 *
 * Memory is bounded by memory_bytes: a third for the runs being merged, which
 * are merged into temporary files first when they are too many (D. Knuth,
 * TAOCP 3, 5.4), or sorted into such when they are unsorted; the rest for a
 * row group of output.
 *
 * Every GiB that was written is committed by itself: COMPACT snapshots,
 * which go through whatever others appended meanwhile. When an input has been
 * replaced or deleted by somebody else, what remains is planned anew.
 */
#ifndef PF_LOAD_COMPACT_H
#define PF_LOAD_COMPACT_H

#include "paimon/scan.h"

enum { PF_COMPACT_RATIO = 2 };

struct pf_compact_options {
	bool full;
	size_t memory_bytes;   /* at least 64 MiB */
	int64_t target_bytes;  /* of a file; 0: 64 MiB; at most twice as many */
	int zstd_level;
	const char *tmp_dir;   /* NULL: see load/spill.h */
	const char *created_by;
	/* Called now and then. */
	void *ctx;
	void (*progress)(void *ctx, int64_t rows);
	bool (*stopping)(void *ctx); /* what is committed stays */
};

/* Neighbouring files of one cell, oldest first, that become one run. */
struct pf_compact_job {
	size_t from, n;     /* in the plan's order */
	size_t runs;
	int64_t bytes, rows;
	const char *why;    /* "runs of like size", "unsorted", "full" */
};

struct pf_compact_plan {
	int64_t snapshot;   /* 0: the table is empty */
	struct pf_file_list list;
	const struct pf_data_file **files; /* by cell, then oldest first */
	struct pf_compact_job *jobs;
	size_t n_jobs;
	/* all of them */
	int64_t job_files, job_bytes, job_rows;
	size_t cells;
	size_t left_alone;          /* cells that are not for us */
	const char *left_alone_why; /* the last one's reason */
};

/* PF_E_TABLE_FEATURE when the table is not for us to write. */
int pf_compact_plan(struct pf_table *table, const struct pf_compact_options *options,
		    struct pf_compact_plan *plan, struct pf_error *err);
void pf_compact_plan_free(struct pf_compact_plan *plan);

struct pf_compact_result {
	int64_t commits, first, last; /* snapshots */
	int64_t files_before, files_after, bytes_before, bytes_after, rows;
	size_t left_alone;
	const char *left_alone_why;
};

/* Plan, do and commit until there is nothing left to do. PF_E_CONFLICT when
 * others replace the inputs again and again; PF_E_INTERRUPTED. */
int pf_compact(struct pf_table *table, const struct pf_compact_options *options,
	       struct pf_compact_result *result, struct pf_error *err);

#endif

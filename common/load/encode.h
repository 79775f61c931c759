/* SPDX-License-Identifier: Apache-2.0
 *
 * One cell's rows to segments: fetch what was put aside, sort, make one of the
 * versions of each row that has a primary key, write Parquet.
 * A pure function of the rows and options, so that threads can share the
 * work; see load/pack.h.
 */
#ifndef PF_LOAD_ENCODE_H
#define PF_LOAD_ENCODE_H

#include "keyed/rules.h"
#include "load/chunks.h"
#include "load/spill.h"
#include "load/versions.h"

struct pf_encode_plan {
	struct pf_schema *rows; /* borrowed */
	struct pf_layout layout;
	struct pf_versions_plan *versions; /* of a primary key, or NULL */
	struct pf_rules *rules;            /* its; merging is more than choosing */
	size_t segment_bytes;
	struct pf_chunk_pool *chunks; /* where rows in memory come from */
	size_t keep_bytes; /* a thread keeps no room of jobs that cost more */
	int zstd_level;
	bool old_readers; /* see parquet/writer.h */
	const char *created_by;
};

/* The work, and what came of it. */
struct pf_encode_job {
	/* in; all freed by pf_encode_job_free */
	char *partition; /* NULL: none */
	int32_t bucket;
	struct pf_extent *extents; /* rows put aside, before those in memory */
	size_t n_extents;
	struct pf_chunks rows;
	/* out */
	struct pf_encoded {
		struct pf_buf data;
		struct pf_buf changelog; /* all rows of the job, of its first one */
		int64_t rows;
	} *segments;
	size_t n_segments;
	struct pf_buf changelog; /* before there is a segment */
	int64_t ignored;    /* rows that the rules leave out */
	int64_t superseded; /* rows that others of their key stand for */
	int code;
	struct pf_error error;
};

/* What a thread keeps from job to job, so that its memory need not be asked
 * for and zeroed each time. */
struct pf_encode_room;
struct pf_encode_room *pf_encode_room_new(void);
void pf_encode_room_free(struct pf_encode_room *room); /* NULL is fine */

void pf_encode_run(const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   struct pf_encode_room *room, struct pf_encode_job *job);
void pf_encode_job_free(const struct pf_encode_plan *plan, struct pf_encode_job *job);

/* Memory that a job takes at its worst: its rows, the sort, and the Parquet
 * file, which is hardly ever larger than half of its rows; where versions are
 * merged, those of one key once more. */
size_t pf_encode_cost(const struct pf_encode_plan *plan, size_t row_bytes, int64_t rows);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending to a stage. Rows are accepted batch by batch and become durable
 * in groups: pf_stage_commit writes a seal and starts fdatasync on another
 * thread, so that parsing goes on meanwhile; the next seal is not written
 * before the last one is on disk. So at most one seal is ever in doubt, and
 * a bad group before a good one is known to be damage.
 */
#ifndef PF_STAGE_WRITER_H
#define PF_STAGE_WRITER_H

#include "stage/sources.h"
#include "stage/stage.h"

struct pf_stage_writer;

/* Fibers of rows [0, rows) of the ID column (Paimon's bucket function, which
 * lives in a layer of its own). */
typedef int pf_fiber_fn(const struct pf_column *key, struct pf_type type, int64_t rows,
			int32_t buckets, int32_t *out, struct pf_error *err);

struct pf_kafka_produce; /* stage/kafka_stage.h */
struct pf_row_limit;     /* text/reader.h */

struct pf_stage_write {
	const struct pf_tabledef *definition; /* NULL: the stage exists already */
	int64_t wait_ms;       /* how long to wait for the lock */
	uint64_t segment_bytes; /* 0: 64 MiB */
	bool no_sync;          /* tests and throw-away stages only */
	struct pf_stage_access access; /* of a topic: how to get at it */
	const struct pf_kafka_produce *kafka; /* NULL: as the URL says */
	pf_fiber_fn *fiber;    /* topics: which fiber a row belongs to */
	bool (*stopping)(void); /* do not wait for a broker that is away; or NULL */
};

/* Opens the stage, or makes it when there is none and a definition is given.
 * An existing stage takes a definition that equals its own, or adds nullable
 * columns or widens types (PF_E_STAGE_SCHEMA otherwise). Cuts a torn tail,
 * and syncs what is left. PF_E_LOCKED when somebody else is writing. */
int pf_stage_writer_open(const char *path, const struct pf_stage_write *how,
			 struct pf_stage_writer **writer, struct pf_error *err);

/* The stage as it is seen by this writer. */
struct pf_stage *pf_stage_writer_stage(struct pf_stage_writer *writer);

/* Where every known source stands, with what has been appended. */
struct pf_sources *pf_stage_writer_sources(struct pf_stage_writer *writer);

/* Does it keep the numbers of rows and the identity of sources beside them? */
bool pf_stage_wants_origin(const struct pf_stage_writer *writer);

/* Find out where sources stand, when that takes long: before pf_stage_writer_sources
 * is relied on. source NULL: look for more of them; else make sure that this one
 * stands where it says (it may change, and a later round of it appear). *more: not
 * all was looked at. */
int pf_stage_recall(struct pf_stage_writer *writer, const struct pf_source_pos *source,
		    bool *more, struct pf_error *err);

/* How many messages it looked at for that. */
int64_t pf_stage_looked(const struct pf_stage_writer *writer);

/* The rows that follow come from this source (NULL: nobody will come back to
 * it). identity: what it is known by even before a position of it is durable.
 * A topic says so beside the rows; it gives the source its key. It was recalled. */
int pf_stage_from(struct pf_stage_writer *writer, struct pf_source_pos *source,
		  const char *identity, struct pf_error *err);

/* How large rows of the source at hand may be; text/reader.h. */
void pf_stage_row_limit(struct pf_stage_writer *writer, struct pf_row_limit *limit);

/* Accept rows of the stage's schema. Not durable before a commit. numbers: of
 * each row within its source, ascending, or NULL; *taken: how many of them the
 * stage did not have before (a topic may have rows behind the position from
 * which a source goes on). */
int pf_stage_append(struct pf_stage_writer *writer, const struct pf_batch *batch,
		    const int64_t *numbers, int64_t *taken, struct pf_error *err);

/* Bytes and rows accepted since the last commit. */
uint64_t pf_stage_pending_bytes(const struct pf_stage_writer *writer);
int64_t pf_stage_pending_rows(const struct pf_stage_writer *writer);

/* Seal what was accepted, with the source positions as they are now (also
 * when only a position moved), and start to make it durable. Waits for the
 * commit before. */
int pf_stage_commit(struct pf_stage_writer *writer, struct pf_error *err);

/* Is a commit on its way? Has it arrived (without waiting)? */
bool pf_stage_busy(struct pf_stage_writer *writer);

/* Wait until everything committed is durable. */
int pf_stage_sync(struct pf_stage_writer *writer, struct pf_error *err);

/* Rows accepted, and the end of those that are durable; a topic counts from the
 * beginning of this run. */
int64_t pf_stage_accepted(const struct pf_stage_writer *writer);
int64_t pf_stage_durable(struct pf_stage_writer *writer);

/* What may happen to accepted rows nevertheless, as a sentence, or NULL. */
const char *pf_stage_caution(const struct pf_stage_writer *writer);

/* Gives up the lock. What was not committed is not there. */
void pf_stage_writer_close(struct pf_stage_writer *writer); /* NULL is fine */

#endif

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

struct pf_stage_write {
	const struct pf_tabledef *definition; /* NULL: the stage exists already */
	int64_t wait_ms;       /* how long to wait for the lock */
	uint64_t segment_bytes; /* 0: 64 MiB */
	bool no_sync;          /* tests and throw-away stages only */
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

/* Accept rows of the stage's schema. Not durable before a commit. */
int pf_stage_append(struct pf_stage_writer *writer, const struct pf_batch *batch,
		    struct pf_error *err);

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

/* Rows accepted, and the end of those that are durable. */
int64_t pf_stage_accepted(const struct pf_stage_writer *writer);
int64_t pf_stage_durable(struct pf_stage_writer *writer);

/* Gives up the lock. What was not committed is not there. */
void pf_stage_writer_close(struct pf_stage_writer *writer); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside window/: the steps of a job; job.c opens it, job_tables.c the
 * tables of its state, job_read.c brings the state up to date, job_answer.c gives
 * out, job_missing.c says which days have no rows.
 */
#ifndef PF_WINDOW_JOB_INTERNAL_H
#define PF_WINDOW_JOB_INTERNAL_H

#include "window/job.h"

/* text: allocated, the job's from here on. */
void pf_job_note(struct pf_job *j, char *text);

/* Bind the question to the input; again when the ends are known. */
int pf_job_shape(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err);

/* The coarsest of day, hour, minute, second that all bounds of windows are
 * whole multiples of; 0: none. */
int64_t pf_job_grain(const struct pf_job *j);

/* Where windows end behind a moment: at midnight, or if lengths are of hours (or
 * less) with the hour. The same with a state and without. */
int64_t pf_job_end_after(const struct pf_job *j, int64_t wall_us);

/* The end that was not said: behind the newest row. */
void pf_job_default_end(struct pf_job *j);

/* Match the tables named with those that the state is of (a new one takes them
 * on), and open them: j->tables and room for their snapshots. PF_E_USAGE. */
int pf_job_open_tables(struct pf_job *j, struct pf_source **sources, size_t n,
		       struct pf_error *err);
/* The number of a state's table, -1: it is of no such table. */
int pf_job_table(const struct pf_state *s, const char *name);

/* Without a state everything that the windows need; with one what changed. */
int pf_job_read_plain(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err);
int pf_job_read_state(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err);

/* Rows of no table, known by the name of their input: they take the place of
 * those that came under that name before. */
int pf_job_read_named(struct pf_job *j, struct pf_source **sources, size_t n,
		      struct pf_error *err);

/* Are there rows of these days, in the state or in flight? */
bool pf_job_has_rows(const struct pf_job *j, int64_t from_us, int64_t to_us);

/* Days within the window that nothing is known of are an error, or a note.
 * Before the first day that ever was there is nothing to miss, but the window
 * is not full: that is said. PF_E_MISSING_DAY. */
int pf_job_check_missing(struct pf_job *j, int64_t from_us, int64_t to_us,
			 struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoding jobs on a few threads, finished in the order of their submission.
 * Bounded twice: at most `threads` run, and what is under way costs at most
 * budget_bytes, so that submit waits for the oldest instead of growing.
 * With one thread jobs run in the caller.
 */
#ifndef PF_LOAD_WORKERS_H
#define PF_LOAD_WORKERS_H

#include "load/encode.h"

/* Takes a finished job's segments; the job is freed afterwards. */
typedef int pf_job_done_fn(void *ctx, struct pf_encode_job *job,
			   struct pf_error *err);

struct pf_workers;

/* plan and spill are borrowed and must not change while jobs are under way. */
int pf_workers_new(int threads, size_t budget_bytes,
		   const struct pf_encode_plan *plan, const struct pf_spill *spill,
		   pf_job_done_fn *done, void *ctx, struct pf_workers **workers,
		   struct pf_error *err);
/* Joins the threads and frees jobs that were not delivered. NULL is fine. */
void pf_workers_free(struct pf_workers *w);

/* Takes the job over, also when it fails. Delivers older ones when it must
 * make room. */
int pf_workers_submit(struct pf_workers *w, struct pf_encode_job *job,
		      size_t cost_bytes, struct pf_error *err);

/* Wait for all and deliver them. */
int pf_workers_drain(struct pf_workers *w, struct pf_error *err);

#endif

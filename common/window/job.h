/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of windows, from the question to the commit:
 *
 *	open     the shape is bound to the input, the state opened and locked
 *	answer   the state is brought up to date (or everything is read, if there
 *	         is none), the ends are decided, each window is given out
 *	commit   the state moves, after what was given out has left
 *
 * A crash before the commit leaves the state as it was, and the next run gives
 * out the same bytes again.
 */
#ifndef PF_WINDOW_JOB_H
#define PF_WINDOW_JOB_H

#include "window/answer.h"
#include "window/rows_in.h"
#include "window/update.h"

enum pf_late_rows { PF_LATE_APPLY, PF_LATE_REPORT, PF_LATE_FAIL };

struct pf_job {
	/* The question: borrowed. */
	char *const *windows;
	size_t nwindows;
	char *const *group_by;
	size_t ngroup_by;
	char *const *aggregates;
	size_t naggregates;
	char *const *where;
	size_t nwhere;
	const char *time, *end, *from; /* or NULL */
	const char *reduce, *merge; /* commands, or NULL */
	char *const *names;   /* of what they print */
	size_t nnames;
	int64_t every_us;
	const char *state;    /* directory, or NULL */
	const char *input;    /* name of the rows given, if they are no table's */
	int64_t wait_ms;
	bool fresh, allow_missing;
	bool changes, revise, per_day, state_out, keep_dropped;
	bool wide;            /* one row for each key, the windows side by side */
	int late;             /* enum pf_late_rows */
	double verify;        /* share of days to compute again */
	struct pf_buf *explain; /* not NULL: plan into it, give nothing out */
	size_t memory;
	/* Where answers go; begin is called once, before the first row. */
	int (*begin)(void *ctx, const struct pf_schema *schema, struct pf_error *err);
	int (*put)(void *ctx, const struct pf_batch *batch, struct pf_error *err);
	void *ctx;

	/* Told of every batch of rows that is read; or NULL. */
	void (*tick)(void *ctx, int64_t rows);

	/* What it came to. */
	const char *zone_name;
	char **notes;         /* for people: what is odd */
	size_t nnotes;
	char **ranges;        /* for people: what each window covers */
	size_t nranges;
	int64_t verified_days, verified_rows;
	int64_t read_us, answer_us; /* how long it took, of a clock on the wall */
	struct pf_update update;
	struct pf_answer answer;

	/* The job's own. */
	struct pf_window *parsed;
	struct pf_shape *shape;
	struct pf_state *st;
	struct pf_schema *result;
	struct pf_update_table *tables; /* the state's, in its order */
	struct pf_snapshot **snapshots; /* theirs, to be freed */
	size_t ntables;
	struct pf_flight flight;
	int flight_fd;
	struct pf_run_out *flight_out;
	bool uneven;          /* bounds that no grain fits */
	int64_t *cuts;        /* see struct pf_shape_options */
	bool has_newest;
	int64_t newest_us;    /* wall clock of the newest row */
	bool no_rows;         /* none at all, and so no end */
	int64_t *ends;
	size_t nends;
	int64_t first_us, last_us; /* of all windows */
};

/* The options are set; schema: of the input. PF_E_USAGE, PF_E_LOCKED, ... */
int pf_job_open(struct pf_job *j, const struct pf_schema *schema, struct pf_error *err);
/* Find the newest row that counts. The sources are read and closed. */
int pf_job_newest(struct pf_job *j, struct pf_source **sources, size_t n, size_t memory,
		  struct pf_error *err);
/* The sources stay the caller's. */
int pf_job_answer(struct pf_job *j, struct pf_source **sources, size_t n,
		  struct pf_error *err);
int pf_job_commit(struct pf_job *j, struct pf_error *err);

/* What was done, for people; and as a JSON object. */
void pf_job_explain(const struct pf_job *j, struct pf_buf *out);
void pf_job_stats(const struct pf_job *j, struct pf_buf *out);
void pf_job_close(struct pf_job *j);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What pf-stage read, status and trim do: rows of a stage on stdout; how far
 * it reaches and how far tables are behind; what every table has.
 */
#ifndef PF_APP_REPLAY_H
#define PF_APP_REPLAY_H

#include <stdbool.h>

#include "base/error.h"
#include "cli/option.h"

struct pf_run;

struct pf_replay_options {
	bool from_start, follow, accept_gap;
	const char *offsets, *after; /* where to begin; else at the oldest row */
	int64_t limit;
	/* Of a topic. */
	const char *partitions, *kafka_config;
	const char *schema, *rejects; /* files, or NULL */
	int on_error;                 /* PF_ON_ERROR_ of app/append.h */
	int64_t timeout_ms;           /* for a first answer of its brokers */
	bool human; /* status: counts as 1.2M */
	/* trim */
	struct pf_strings consumers;
	int64_t grace_ms;
	bool dry_run;
};

int pf_replay(struct pf_run *run, const struct pf_replay_options *o, struct pf_error *err);
int pf_replay_status(struct pf_run *run, const struct pf_replay_options *o,
		     struct pf_error *err);
int pf_replay_trim(struct pf_run *run, const struct pf_replay_options *o,
		   struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The maintenance modes of pf-put. Each plans, then either says what it would
 * do (explain: on stdout, nothing is changed) or does it and says in one line
 * what was done.
 */
#ifndef PF_APP_MAINTAIN_H
#define PF_APP_MAINTAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pf_run;
struct pf_table;

struct pf_maintain_options {
	bool explain;
	/* --compact */
	bool full;
	int64_t memory;
	const char *tmp; /* or NULL */
	/* --expire */
	int64_t keep, keep_ms, grace_ms;
	/* --tag */
	int64_t snapshot; /* 0: the newest */
	/* --clean */
	int64_t older_ms;
	/* --alter */
	bool drop;
};

int pf_maintain_compact(struct pf_run *run, struct pf_table *table,
			const struct pf_maintain_options *options,
			struct pf_error *err);
int pf_maintain_expire(struct pf_run *run, struct pf_table *table,
		       const struct pf_maintain_options *options,
		       struct pf_error *err);
int pf_maintain_clean(struct pf_run *run, struct pf_table *table,
		      const struct pf_maintain_options *options, struct pf_error *err);
int pf_maintain_tag(struct pf_run *run, struct pf_table *table, const char *name,
		    const struct pf_maintain_options *options, struct pf_error *err);
int pf_maintain_delete_tag(struct pf_run *run, struct pf_table *table,
			   const char *name,
			   const struct pf_maintain_options *options,
			   struct pf_error *err);
/* target: a snapshot's number or a tag. */
int pf_maintain_rollback(struct pf_run *run, struct pf_table *table,
			 const char *target,
			 const struct pf_maintain_options *options,
			 struct pf_error *err);
/* definition: a YAML file. */
int pf_maintain_alter(struct pf_run *run, struct pf_table *table,
		      const char *definition, const struct pf_maintain_options *options,
		      struct pf_error *err);

#endif

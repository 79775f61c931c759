/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a fold: what grouping (fold.c), which finds the versions of one key, and
 * the merge engines (engine.c), which make one row of them, share. Everything is the
 * fold's; an engine only fills in what pf_versions says of the row.
 */
#ifndef PF_KEYED_FOLD_INTERNAL_H
#define PF_KEYED_FOLD_INTERNAL_H

#include "keyed/fold.h"

/* A sequence group, by columns of versions. */
struct pf_fold_group {
	int *fields;
	size_t n;
	bool removes;
};

/* The versions of one key, oldest first, and what they make. */
struct pf_versions {
	const struct pf_batch *batch;
	const uint32_t *rows;
	size_t n;
	const int8_t *kinds; /* by row of the batch */
	/* out: a version that is the row as it stands, or -1: the columns come
	 * from values; nothing: there is no row at all. */
	int64_t row;
	int8_t kind;
	bool nothing;
	struct pf_keyed_value *values; /* by column */
	const struct pf_column_rule **columns;
	const struct pf_rules *rules;
	const struct pf_fold_group *groups; /* of rules */
	/* 0: not yet compared with the version at hand, 1: it is newer or the
	 * same, 2: it is older, 3: it says nothing; by group */
	uint8_t *standing;
};

/* What a merge engine makes of two versions or more. */
typedef int pf_engine_fn(struct pf_versions *v, struct pf_error *err);
pf_engine_fn *pf_engine_of(enum pf_merge_engine engine);

#endif

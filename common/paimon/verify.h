/* SPDX-License-Identifier: Apache-2.0
 *
 * Is the table what its metadata says? Checks the newest snapshot: lists,
 * manifests and their counts, every data file's existence, size and rows,
 * the bucket and partition of every row, the order that a footer claims,
 * and that all statistics, page indexes, bloom filters and file indexes
 * admit the rows beneath them; and, of all snapshots, the changelogs, whose
 * files hold rows as they came. Changes nothing.
 */
#ifndef PF_PAIMON_VERIFY_H
#define PF_PAIMON_VERIFY_H

#include "paimon/scan.h"

struct pf_verify_report {
	int64_t snapshot; /* 0: the table is empty */
	int64_t files, rows, bytes;
	int64_t changelogs, changes; /* their files, and the rows in these */
	int64_t problems;
};

/* Called for each problem, one line without full stop. */
typedef void pf_verify_say(void *ctx, const char *problem);

/* Errors are those of not being able to look; what is found wrong is said and
 * counted. After 100 problems of one file the rest of it is left alone. */
int pf_table_verify(struct pf_table *table, pf_verify_say *say, void *ctx,
		    struct pf_verify_report *report, struct pf_error *err);

#endif

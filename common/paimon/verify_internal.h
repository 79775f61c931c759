/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of pf_table_verify: the metadata (verify.c), one data file (verify_file.c),
 * its keys (verify_key.c). Each says a problem and goes on; only what keeps the others
 * from being looked at is an error.
 */
#ifndef PF_PAIMON_VERIFY_INTERNAL_H
#define PF_PAIMON_VERIFY_INTERNAL_H

#include "paimon/verify.h"

struct pf_verify {
	struct pf_table *table;
	pf_verify_say *say;
	void *ctx;
	struct pf_verify_report *report;
	int64_t snapshot; /* at hand */
	int64_t in_file; /* problems of the file at hand */
	bool changelog;  /* it holds rows as they came: a key may be there more than once */
};

void pf_verify_problem(struct pf_verify *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Everything that can be said about one file of Parquet. */
int pf_verify_file(struct pf_verify *v, const struct pf_data_file *file,
		   struct pf_error *err);

/* --- verify_key.c: keys, sequence numbers, kinds; nothing for append tables --- */

struct pf_parquet_file;
int pf_verify_key(struct pf_verify *v, const struct pf_data_file *file,
		  struct pf_parquet_file *parquet, struct pf_error *err);

#endif

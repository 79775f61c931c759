/* SPDX-License-Identifier: Apache-2.0
 *
 * What pf-put does without a mode: segment streams, the operands behind the
 * table or stdin, become snapshots, each with the mark that ends it.
 */
#ifndef PF_APP_PUBLISH_H
#define PF_APP_PUBLISH_H

#include <stdbool.h>

#include "base/error.h"

struct pf_run;
struct pf_table;

struct pf_publish_options {
	bool append;  /* streams without marks, too, each one once */
	bool restart; /* take marks at their word where the table knows nothing */
};

int pf_publish(struct pf_run *run, struct pf_table *table,
	       const struct pf_publish_options *options, struct pf_error *err);

#endif

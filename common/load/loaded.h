/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to where a table has loaded a stage: the link between the two, which is
 * kept in the table and nowhere else.
 */
#ifndef PF_LOAD_LOADED_H
#define PF_LOAD_LOADED_H

#include <stdint.h>

#include "base/error.h"

struct pf_loaded {
	int64_t next;    /* offset of the first row that it has not */
	char anchor[33]; /* of the history before it; "" when nothing is loaded */
};

/* By the table's newest snapshot with an offset map; as_of_ms > 0: as it was
 * then. A table without snapshots (at that time) has loaded nothing. */
int pf_loaded_read(const char *table, const char *stage_uuid, int64_t as_of_ms,
		   struct pf_loaded *loaded, struct pf_error *err);

#endif

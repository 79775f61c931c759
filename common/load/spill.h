/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that do not fit in memory, put aside in an unlinked temporary file and
 * fetched again: columns as they are, no format that outlives the process.
 * Writing is one thread's business; any thread may read what was written.
 */
#ifndef PF_LOAD_SPILL_H
#define PF_LOAD_SPILL_H

#include "arrow/batch.h"

struct pf_spill;

/* Where some rows lie in the file. */
struct pf_extent {
	uint64_t offset;
	size_t bytes;
	int64_t rows;
};

/* dir: NULL for TMPDIR or /var/tmp (/tmp may be memory). The file comes into
 * being with the first write. */
struct pf_spill *pf_spill_new(const char *dir);
void pf_spill_free(struct pf_spill *s); /* NULL is fine */

int pf_spill_write(struct pf_spill *s, const struct pf_batch *batch,
		   struct pf_extent *extent, struct pf_error *err);

/* Append the rows of an extent to a builder of the same schema. */
int pf_spill_read(const struct pf_spill *s, const struct pf_extent *extent,
		  struct pf_builder *out, struct pf_error *err);

/* Forget everything written; no reader may be at work. */
int pf_spill_reset(struct pf_spill *s, struct pf_error *err);

/* Bytes ever written. */
uint64_t pf_spill_written(const struct pf_spill *s);

#endif

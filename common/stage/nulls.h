/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of Arrow input that a table would refuse: those with a null where none
 * may be (types were settled when the schema was looked at); and those too large
 * for where they go. They are handed to the reject callback as JSON, numbered from
 * 1 within the input.
 */
#ifndef PF_STAGE_NULLS_H
#define PF_STAGE_NULLS_H

#include "arrow/batch.h"
#include "text/reader.h"

struct pf_json_writer; /* text/json_write.h */

struct pf_nulls {
	struct pf_builder *builder; /* rows that are left */
	struct pf_json_writer *objects; /* a row that is not, */
	struct pf_buf row;          /* as it is handed on */
	int64_t rejected;           /* of the last call */
	/* NULL, or: set to the builder, before reject is called. */
	const struct pf_builder **before;
	struct pf_row_limit limit;  /* zeros: there is none */
};

/* *out: the good rows of in, valid until the next call. first_row: number of
 * the batch's first row within file. Without reject the first bad row is
 * PF_E_NULL_VALUE or PF_E_ROW_SIZE, and *out what stands before it. */
int pf_nulls_refuse(struct pf_nulls *n, const struct pf_batch *in, const char *file,
		    int64_t first_row,
		    int (*reject)(void *ctx, const struct pf_reject *reject,
				  struct pf_error *err),
		    void *ctx, struct pf_batch *out, struct pf_error *err);
void pf_nulls_free(struct pf_nulls *n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a record batch laid over a tree of arrays (ipc_batch.c: how
 * long everything must be) and verified (ipc_check.c: what may be in it).
 * Between the IPC reader and its parts only.
 */
#ifndef PF_ARROW_IPC_BATCH_H
#define PF_ARROW_IPC_BATCH_H

#include "arrow/flatbuf.h"
#include "arrow/ipc.h"

/* Arrays for the fields, to be filled batch after batch. */
struct pf_array *pf_arrays_new(const struct pf_arrow_field *fields, size_t n);
void pf_arrays_free(struct pf_array *arrays, size_t n);

struct pf_ipc_body {
	struct pf_fb_table header; /* table RecordBatch */
	int version;
	struct pf_view body;
	size_t limit;            /* of all that is decompressed */
	struct pf_buf **buffers; /* decompressed, by number; reused */
	size_t *nbuffers;
	/* The current values of a dictionary, NULL: none yet. */
	struct pf_dictionary *(*dictionary)(void *ctx, int64_t id);
	void *ctx;
};

/* Fill and verify arrays; *rows is the batch's length. */
int pf_arrays_read(const struct pf_ipc_body *in, struct pf_array *arrays, size_t n,
		   int64_t *rows, struct pf_error *err);

/* PF_E_ARROW: what is wrong with an array, of its column. */
int pf_array_odd(const struct pf_array *a, struct pf_error *err, const char *what);

int pf_array_check(const struct pf_array *a, struct pf_error *err);

#endif

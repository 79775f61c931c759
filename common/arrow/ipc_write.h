/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches as Arrow IPC messages, in the plain profile that every reader
 * understands: metadata V5, little-endian, no compression, no dictionaries,
 * no views. A type that Arrow cannot say exactly goes along as field metadata
 * pf:type, the field id as PARQUET:field_id.
 *
 * A stream is the schema, batches, and pf_ipc_end_of_stream.
 */
#ifndef PF_ARROW_IPC_WRITE_H
#define PF_ARROW_IPC_WRITE_H

#include "arrow/batch.h"

#define PF_META_TYPE "pf:type"
#define PF_META_FIELD_ID "PARQUET:field_id"

struct pf_ipc_writer;

struct pf_ipc_writer *pf_ipc_writer_new(const struct pf_schema *schema);
void pf_ipc_writer_free(struct pf_ipc_writer *w); /* NULL is fine */

/* A batch (with its meta) as the pieces that make up its message, one behind
 * the other. They point into the batch and into the writer: valid until
 * either changes. */
const struct pf_view *pf_ipc_write_batch(struct pf_ipc_writer *w,
					 const struct pf_batch *batch, size_t *pieces);

/* The schema message, and a batch's, appended to a buffer. */
void pf_ipc_append_schema(struct pf_ipc_writer *w, struct pf_buf *out);
void pf_ipc_append_batch(struct pf_ipc_writer *w, const struct pf_batch *batch,
			 struct pf_buf *out);

extern const uint8_t pf_ipc_end_of_stream[8];

#endif

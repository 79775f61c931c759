/* SPDX-License-Identifier: Apache-2.0
 *
 * Any legal Arrow IPC stream, message by message, as nested arrays: every
 * type, dictionaries with deltas and replacement, LZ4 and ZSTD bodies,
 * metadata V4 and V5, the framing before 0.15, files as well as streams.
 * Everything is verified before it is handed out (columnar format, "IPC";
 * Arrow's Security.rst): no offset, index, code or view leads outside its
 * buffer, counts agree, text is UTF-8.
 *
 * Refused by name: big-endian data, other metadata versions, tensors.
 */
#ifndef PF_ARROW_IPC_READ_H
#define PF_ARROW_IPC_READ_H

#include "arrow/ipc.h"
#include "base/io.h"

enum pf_ipc_event {
	PF_IPC_BATCH,
	PF_IPC_DICTIONARY,    /* the reader has noted it */
	PF_IPC_END_OF_STREAM, /* the marker; another stream may follow */
	PF_IPC_END,           /* the input ended, without a marker if the last
	                       * event was not END_OF_STREAM */
};

/* One message; valid until the next call. The arrays' buffers start at
 * multiples of 8 at least. */
struct pf_ipc_message {
	enum pf_ipc_event event;
	struct pf_view head, body;      /* as they stood on the wire */
	int64_t rows;                   /* BATCH, as what follows */
	const struct pf_array *columns; /* as many as the schema has fields */
	const struct pf_meta *meta;     /* the message's own */
};

struct pf_ipc_reader;

/* Reads nothing yet. limit_bytes bounds a body, what it is decompressed to,
 * and all dictionaries together; 0: 256 MiB. */
struct pf_ipc_reader *pf_ipc_reader_new(const struct pf_byte_source *source,
					size_t limit_bytes);
void pf_ipc_reader_free(struct pf_ipc_reader *r); /* NULL is fine */

/* Read the schema that a stream begins with; *schema is the reader's. *found
 * is false when the input ended before. */
int pf_ipc_read_schema(struct pf_ipc_reader *r, const struct pf_arrow_schema **schema,
		       bool *found, struct pf_error *err);

int pf_ipc_read_next(struct pf_ipc_reader *r, struct pf_ipc_message *message,
		     struct pf_error *err);

bool pf_ipc_reader_ready(struct pf_ipc_reader *r, int timeout_ms);

#endif

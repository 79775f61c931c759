/* SPDX-License-Identifier: Apache-2.0
 *
 * Encapsulated messages out of a byte source: prefix, metadata, body. Knows
 * the framing, not what the messages mean. Memory follows the bytes that
 * arrive, never what a header claims.
 *
 * A body starts at a multiple of 64 in memory, in a buffer that the next
 * message overwrites.
 */
#ifndef PF_ARROW_IPC_MESSAGE_H
#define PF_ARROW_IPC_MESSAGE_H

#include "arrow/flatbuf.h"
#include "base/io.h"

enum pf_message_kind {
	PF_MESSAGE_END = -2,         /* the input ended between messages */
	PF_MESSAGE_END_OF_STREAM = -1,
	PF_MESSAGE_SCHEMA = 1,       /* MessageHeader of Message.fbs */
	PF_MESSAGE_DICTIONARY = 2,
	PF_MESSAGE_BATCH = 3,
};

/* Valid until the next one is read. */
struct pf_message {
	int kind;
	int version;                /* 3: V4, 4: V5 */
	struct pf_fb_table root;    /* table Message */
	struct pf_fb_table header;  /* the kind's own table */
	struct pf_view head;        /* prefix and metadata, as they came */
	struct pf_view body;
};

struct pf_messages;

/* limit_bytes bounds one body; 0: 256 MiB. */
struct pf_messages *pf_messages_new(const struct pf_byte_source *source,
				    size_t limit_bytes);
void pf_messages_free(struct pf_messages *m);

int pf_messages_next(struct pf_messages *m, struct pf_message *message,
		     struct pf_error *err);

/* Would next return without waiting for input? */
bool pf_messages_ready(struct pf_messages *m, int timeout_ms);

/* Keep the memory of the last message's body: the caller frees it. */
void *pf_messages_keep_body(struct pf_messages *m);

#endif

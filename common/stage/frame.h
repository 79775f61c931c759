/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of a segment, as far as one must look into them to walk it:
 * how long each is, how many rows it has, and what the control messages say.
 *
 * Control messages are record batches without rows and with metadata:
 *   pf:control=head   first in a segment: pf:stage (UUID), pf:from (its first
 *                     offset), pf:prev (hash of the last seal before it),
 *                     pf:anchor (of that offset), pf:sources (all of them)
 *   pf:control=seal   ends a group: pf:start (file position of the group's
 *                     first byte), pf:from, pf:to (offsets), pf:prev (hash of
 *                     the seal before it), pf:hash, pf:sources (those changed)
 *
 * pf:hash is the XXH3-64, as 16 hex digits, of all bytes from the end of the
 * seal before (or the file's beginning) to the end of this seal, in which the
 * first occurrence of those 16 digits within the seal counts as zeros ('0').
 * So every byte of a segment is under exactly one hash.
 */
#ifndef PF_STAGE_FRAME_H
#define PF_STAGE_FRAME_H

#include "arrow/schema.h"
#include "base/buf.h"

#define PF_HASH_DIGITS 16

enum pf_frame_kind {
	PF_FRAME_SHORT,  /* more bytes are needed: frame.need of them */
	PF_FRAME_BAD,    /* no message of a segment */
	PF_FRAME_EOS,
	PF_FRAME_SCHEMA,
	PF_FRAME_ROWS,   /* no control message; may have 0 rows */
	PF_FRAME_HEAD,
	PF_FRAME_SEAL,
};

struct pf_frame {
	enum pf_frame_kind kind;
	size_t need;      /* SHORT */
	size_t head;      /* bytes of prefix and metadata */
	uint64_t bytes;   /* with the body */
	int64_t rows;
	/* HEAD, SEAL */
	int64_t from, to;
	uint64_t start;
	char prev[PF_HASH_DIGITS + 1];   /* "" before the first seal of all */
	char hash[PF_HASH_DIGITS + 1];   /* SEAL */
	char anchor[PF_HASH_DIGITS + 1]; /* HEAD */
	char stage[37];                  /* HEAD */
	char *sources;    /* allocated, or NULL */
};

/* Look at a message of which `len` bytes are at hand (the body need not be). */
void pf_frame_read(const uint8_t *data, size_t len, struct pf_frame *frame);
void pf_frame_clear(struct pf_frame *frame);

/* The hash that a seal must have: of `before` (what stands between the seal
 * before it and this one) and of the seal itself, which holds digits. The
 * second form goes on from a state that has seen `before` already. */
void pf_seal_hash(struct pf_view before, struct pf_view seal,
		  const char digits[PF_HASH_DIGITS + 1],
		  char out[PF_HASH_DIGITS + 1]);
struct pf_xxh3_state;
void pf_seal_hash_end(struct pf_xxh3_state *state, struct pf_view seal,
		      const char digits[PF_HASH_DIGITS + 1],
		      char out[PF_HASH_DIGITS + 1]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed input made plain: a byte source over another one that knows
 * gzip (any number of members) and zstd (any number of frames) by their first
 * bytes and hands everything else through as it is. Memory is bounded: a
 * buffer of input and the codec's window (zstd: at most 128 MiB).
 *
 * Input that stops inside a member or frame is PF_E_TRUNCATED, malformed
 * input PF_E_CODEC; both say how many plain bytes came before. What was
 * decoded up to there has been handed out by then.
 */
#ifndef PF_EXT_INFLATE_H
#define PF_EXT_INFLATE_H

#include "base/io.h"

struct pf_inflate;

/* Reads the first bytes. Copies the struct, not what it points to. */
int pf_inflate_open(const struct pf_byte_source *source, struct pf_inflate **inflate,
		    struct pf_error *err);

/* "gzip", "zstd", or NULL when bytes are handed through. */
const char *pf_inflate_format(const struct pf_inflate *inflate);

/* The plain bytes; valid until close. */
struct pf_byte_source pf_inflate_source(struct pf_inflate *inflate);

void pf_inflate_close(struct pf_inflate *inflate); /* NULL is fine */

#endif

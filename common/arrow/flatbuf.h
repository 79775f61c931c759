/* SPDX-License-Identifier: Apache-2.0
 *
 * The little of FlatBuffers that Arrow metadata needs: a builder that works
 * back to front and a reader that believes nothing. Format: "FlatBuffers
 * internals" (flatbuffers.dev) and Arrow's Schema.fbs, Message.fbs.
 *
 * The reader never fails in the middle: whatever is out of bounds reads as
 * absent and is remembered in pf_fb.bad, which the caller looks at once,
 * after it has taken what it wanted and before it trusts it.
 */
#ifndef PF_ARROW_FLATBUF_H
#define PF_ARROW_FLATBUF_H

#include <stdbool.h>

#include "base/buf.h"

/* --- reading --- */

struct pf_fb {
	const uint8_t *data;
	size_t len;
	const char *bad; /* NULL, or the first thing that was wrong */
};

/* A table; fb == NULL when it is absent (all its slots are, too). */
struct pf_fb_table {
	struct pf_fb *fb;
	uint32_t pos, vtable;
	uint16_t bytes, vtable_bytes;
};

/* n items of fixed size; items == NULL when absent. */
struct pf_fb_vector {
	struct pf_fb *fb;
	const uint8_t *items;
	uint32_t n;
};

struct pf_fb_table pf_fb_root(struct pf_fb *fb);
/* A signed number of 1, 2, 4 or 8 bytes. */
int64_t pf_fb_int(struct pf_fb_table t, unsigned slot, unsigned width,
		  int64_t absent);
struct pf_fb_table pf_fb_table(struct pf_fb_table t, unsigned slot);
/* data == NULL when absent. */
struct pf_view pf_fb_string(struct pf_fb_table t, unsigned slot);
struct pf_fb_vector pf_fb_vector(struct pf_fb_table t, unsigned slot,
				 size_t item_bytes);
/* Item of a vector of tables. */
struct pf_fb_table pf_fb_item(struct pf_fb_vector v, uint32_t i);

static inline int64_t pf_fb_i64(const uint8_t *p)
{
	int64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* --- building --- */

enum { PF_FBB_SLOTS = 16 };

/* A position counted from the end of the buffer; 0: nothing. */
typedef uint32_t pf_fbb_ref;

struct pf_fbb {
	uint8_t *data;
	size_t cap, used; /* the last `used` bytes of data are written */
	uint32_t slots[PF_FBB_SLOTS];
	uint32_t table_end;
};

void pf_fbb_reset(struct pf_fbb *b); /* keep the memory */
void pf_fbb_free(struct pf_fbb *b);

pf_fbb_ref pf_fbb_string(struct pf_fbb *b, const char *text);
pf_fbb_ref pf_fbb_refs(struct pf_fbb *b, const pf_fbb_ref *refs, size_t n);
/* Structs or numbers that are aligned to 8. */
pf_fbb_ref pf_fbb_structs(struct pf_fbb *b, const void *items, size_t n,
			  size_t item_bytes);

/* A table is written slot by slot between begin and end; what its slots refer
 * to stands before begin. */
void pf_fbb_begin(struct pf_fbb *b);
void pf_fbb_int(struct pf_fbb *b, unsigned slot, unsigned width, int64_t value);
void pf_fbb_ref_slot(struct pf_fbb *b, unsigned slot, pf_fbb_ref ref);
pf_fbb_ref pf_fbb_end(struct pf_fbb *b);

/* Write the root; the whole, a multiple of 8 bytes, is valid until reset. */
struct pf_view pf_fbb_finish(struct pf_fbb *b, pf_fbb_ref root);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside combine: runs on their way through (combine_rows.c), the keys of the
 * chunk that is being made (combine.c) and what is given out of it
 * (combine_out.c).
 */
#ifndef PF_WINDOW_COMBINE_INTERNAL_H
#define PF_WINDOW_COMBINE_INTERNAL_H

#include "window/combine.h"
#include "window/radix.h"

enum { PF_COMBINE_KEYS = 4096 }; /* at a time */

/* One run on its way through. */
struct pf_cursor {
	struct pf_run_in *in;
	const struct pf_combine_input *input;
	struct pf_batch batch;
	int skip;              /* leading columns that are no key */
	int64_t row;           /* the next */
	int64_t to;            /* rows up to there are in the order, or of no use */
	int64_t pending;       /* rows before it that were given slots only */
	int64_t seen;          /* rows of all batches so far */
	const int64_t *ints;   /* keys that are one whole number each; or NULL: */
	pf_u128 *heads;        /* per row of the batch */
	uint32_t *slots;
	size_t cap;
	int64_t *widened;      /* ints, where the column is narrower */
	struct pf_buf keys;    /* long keys: bytes, and where they end */
	size_t *ends;
	bool end;
};

/* Keys by their distance from the least (combine_dense.c). */
struct pf_dense {
	int64_t least;
	size_t range, at;      /* distances, and the first that no chunk had */
	uint16_t *numbers;     /* by distance: 0 nobody has it; else, within the
	                        * chunk, its slot + 1 */
	size_t cap;
	uint32_t *distances;   /* of each slot of this chunk; NULL: it is sorted */
};

struct pf_combine {
	const struct pf_shape *shape;
	struct pf_combine_input *inputs;
	struct pf_cursor *cursors;
	size_t n;
	bool by_cell, longer;  /* longer: keys may exceed 16 bytes */
	bool changed, before;  /* pf_combine_changed */
	size_t nkeys;
	enum pf_kind only;     /* of the one key, when it is a whole number */
	bool plain;
	/* Rows of all batches up to a key that no later batch can have: a is the
	 * cursor, b the row of its batch. */
	struct pf_radix order;
	size_t at;
	const struct pf_radix_item **first; /* of each slot of this chunk */
	struct pf_dense dense; /* instead of the order */
	pf_u128 *deltas;       /* heads of theirs that are in the order, sorted */
	size_t ndeltas, delta_cap;
	int64_t *rows;
	bool *hit;             /* a delta has the slot's key */
	struct pf_agg_states **states;
	size_t slots;
	uint32_t *kept;        /* slots with rows behind them */
	size_t nkept;
	struct pf_builder *out; /* of pf_combine_stored */
	int scratch;           /* of earlier passes, -1: none */
	struct pf_run_out *scratch_out;
};

/* The next rows of all runs into m->order. The batches stay until the next
 * call; m->order.n == 0 behind the last. */
int pf_combine_fill(struct pf_combine *m, struct pf_error *err);

/* Are the rows that are next keys close to each other? Then they need not be
 * put in order. */
bool pf_combine_dense(struct pf_combine *m);
/* Slots for the next chunk of them; their rows are pending. */
void pf_combine_dense_slots(struct pf_combine *m);

/* Do both have the same key? */
bool pf_combine_same(const struct pf_combine *m, const struct pf_radix_item *a,
		     const struct pf_radix_item *b);
/* Of the same day and bucket, when these belong to the key? */
bool pf_combine_same_cell(const struct pf_combine *m, const struct pf_radix_item *a,
			  const struct pf_radix_item *b);

void pf_cursor_free(struct pf_cursor *c);

#endif

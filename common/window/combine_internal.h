/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside combine: runs on their way through (combine_rows.c), the keys of the
 * chunk that is being made (combine.c), what is given out of it
 * (combine_out.c), and how it differs from another answer (combine_changes.c).
 */
#ifndef PF_WINDOW_COMBINE_INTERNAL_H
#define PF_WINDOW_COMBINE_INTERNAL_H

#include "window/combine.h"
#include "window/radix.h"

enum { PF_COMBINE_KEYS = 4096 }; /* at a time, of all lanes together */

/* Rows of a batch, one behind the other. */
struct pf_stretch {
	int64_t from, n;
};

/* One run on its way through. */
struct pf_cursor {
	struct pf_run_in *in;
	const struct pf_combine_input *input;
	struct pf_batch batch;
	int skip;              /* leading columns that are no key */
	int64_t row;           /* the next */
	int64_t to;            /* rows up to there are in the order, or of no use */
	struct pf_stretch *pending; /* rows that were given slots only */
	size_t npending, pending_cap;
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
	uint16_t *numbers;     /* by distance: 0 nobody has it that matters; else,
	                        * within the chunk, its slot + 1 */
	size_t cap;
	uint32_t *distances;   /* of each slot of this chunk; NULL: it is sorted */
};

/* One of the answers that are made at once. */
struct pf_lane {
	int64_t *rows;         /* per slot */
	struct pf_agg_states **states; /* of each aggregate */
	size_t nkept;          /* slots with rows, of this chunk */
	bool apart;            /* watched: runs are of one answer or the other */
};

/* Two answers, key by key. */
struct pf_watch {
	const struct pf_combine_label *was;
	bool only;
	bool *hit;             /* per slot: a run of one of them has its key */
	uint32_t *old, *new;   /* slots that are hit and have rows */
	size_t nold, nnew;
	struct pf_builder *rows; /* of both answers: the old one's stand first */
	uint32_t *order;       /* those of them that differ */
	struct pf_builder *out;
};

struct pf_combine {
	const struct pf_shape *shape;
	struct pf_combine_input *inputs;
	struct pf_cursor *cursors;
	size_t n;
	bool by_cell, longer;  /* longer: keys may exceed 16 bytes */
	struct pf_watch *watch; /* or NULL */
	size_t nkeys;
	enum pf_kind only;     /* of the one key, when it is a whole number */
	bool plain;
	/* Rows of all batches up to a key that no later batch can have: a is the
	 * cursor, b the row of its batch. */
	struct pf_radix order;
	size_t at;
	const struct pf_radix_item **first; /* of each slot of this chunk */
	struct pf_dense dense; /* instead of the order */
	pf_u128 *wanted;       /* heads that keys must have to matter, sorted */
	size_t nwanted, wanted_cap;
	struct pf_lane *lanes;
	size_t nlanes;
	size_t slots, most;    /* of this chunk, of any */
	uint32_t *kept;        /* slots with rows behind them, in whatever lane */
	size_t nkept;
	uint32_t *of_lane;     /* those of one of several */
	struct pf_builder *out; /* of pf_combine_stored */
	int scratch;           /* of earlier passes, -1: none */
	struct pf_run_out *scratch_out;
};

/* Has the slot rows in whatever lane? */
static inline bool pf_combine_any(const struct pf_combine *m, size_t slot)
{
	bool any = false;
	for (size_t l = 0; l < m->nlanes && !any; l++)
		any = m->lanes[l].rows[slot] > 0;
	return any;
}

/* Do only keys matter that runs of one answer alone have? */
static inline bool pf_combine_only(const struct pf_combine *m)
{
	return m->watch && m->watch->only;
}

/* The next rows of all runs into m->order. The batches stay until the next
 * call; m->order.n == 0 behind the last. */
int pf_combine_fill(struct pf_combine *m, struct pf_error *err);

/* The row has a slot; rows that follow each other are one stretch. */
void pf_cursor_add_slow(struct pf_cursor *c, int64_t from, int64_t n);
static inline void pf_cursor_add(struct pf_cursor *c, int64_t row)
{
	struct pf_stretch *last = c->npending ? &c->pending[c->npending - 1] : NULL;
	if (last && last->from + last->n == row)
		last->n++;
	else
		pf_cursor_add_slow(c, row, 1);
}

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

/* Values of slots, as pf_combine_finished gives them. */
int pf_combine_put(struct pf_combine *m, const uint32_t *slots, size_t n,
		   const struct pf_combine_label *labels, struct pf_builder *rows,
		   struct pf_error *err);

/* States of no rows for all slots. */
void pf_lane_clear(const struct pf_combine *m, const struct pf_lane *lane);

/* Slots are given: which of them does it concern? Then, when the states are the
 * old answer's: what they are; lanes whose runs are of one answer alone are
 * cleared. Then, when they are the new one's, likewise. */
void pf_watch_slots(struct pf_combine *m);
int pf_watch_old(struct pf_combine *m, struct pf_error *err);
void pf_watch_new(struct pf_combine *m);
void pf_watch_free(struct pf_watch *w); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * How a table has changed since the snapshot that a state was built from, in
 * terms of the state's inputs; see update.h.
 */
#ifndef PF_WINDOW_CHANGES_H
#define PF_WINDOW_CHANGES_H

#include "paimon/scan.h"
#include "window/state.h"

struct pf_keyset;

struct pf_added {
	const struct pf_data_file *file;
	size_t input; /* its number among the state's inputs */
};

struct pf_changes {
	size_t table;           /* of the state's */
	struct pf_added *added; /* files to be read */
	size_t nadded;
	struct pf_ids gone;     /* inputs whose rows are not in the table as they
	                         * were; sorted */
	int64_t removed;        /* files that left the table otherwise than by a
	                         * compaction */
	int64_t renamed;        /* files that compactions made */
	int64_t snapshots;      /* walked */
	bool compared;
	struct pf_file_list live; /* of the snapshot, once listed */
	bool listed;
	struct pf_file_list *deltas; /* what added points into */
	size_t ndeltas;
	struct pf_keyset *names; /* of inputs, in their order */
	bool *is_new;           /* per input: it is among added */
	size_t *mixed;          /* inputs that cover new ones: see changes.c */
	size_t nmixed;
};

struct pf_changes_how {
	bool keep_dropped; /* a partition that was dropped whole stays counted */
	bool back;         /* days before those of the state will be read, too */
};

/* The state's inputs of its table number `at` become those of the snapshot; its
 * cells stay. */
int pf_changes_find(struct pf_changes *c, struct pf_state *s, size_t at, struct pf_table *table,
		    const struct pf_snapshot *snapshot, const struct pf_changes_how *how,
		    struct pf_error *err);
void pf_changes_free(struct pf_changes *c);

/* Make sure that c->live is there. */
int pf_changes_list(struct pf_changes *c, struct pf_table *table,
		    const struct pf_snapshot *snapshot, struct pf_error *err);

/* Is the file one that the state had before, under whatever name? */
bool pf_changes_is_old(const struct pf_changes *c, const struct pf_state *s,
		       const struct pf_data_file *file, size_t *input);

#endif

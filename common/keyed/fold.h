/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of rows to rows: what comes sorted by key leaves as one row per
 * key, by the rules of the table. Versions of one key may come in any order
 * and be spread over batches; they are put in order here, by the sequence
 * columns (a null is older than any value), the sequence number, and retracts
 * before what is added.
 *
 * A key of a single version is that version as it stands, whatever the engine
 * is: it may hold an aggregate already.
 *
 * Memory: the versions of one key, and a batch of rows.
 *
 * Source: Apache Paimon, SortMergeReader, ReducerMergeFunctionWrapper and the
 * merge functions (reference paimon-format.md section 8.5).
 */
#ifndef PF_KEYED_FOLD_H
#define PF_KEYED_FOLD_H

#include "keyed/rules.h"

struct pf_keyed_fold;

/* versions: the columns of batches (a reference is taken). Among them must be
 * the rules' keys and sequence columns, PF_SEQUENCE_COLUMN (bigint) and
 * PF_KIND_COLUMN (tinyint). keep_deletes: a key whose row is deleted leaves
 * its delete, for whoever writes files. rules must outlive the fold. */
int pf_keyed_fold_new(const struct pf_rules *rules, struct pf_schema *versions,
		bool keep_deletes, struct pf_keyed_fold **fold, struct pf_error *err);
void pf_keyed_fold_free(struct pf_keyed_fold *f); /* NULL is fine */

/* More versions (rows may be 0), sorted by key and not before the last ones.
 * end: there are no more. Rows of the keys that are complete, of the same
 * columns, valid until the next call; their sequence number and kind are the
 * newest version's. */
int pf_keyed_fold_add(struct pf_keyed_fold *f, const struct pf_batch *versions, bool end,
		struct pf_batch *rows, struct pf_error *err);

#endif

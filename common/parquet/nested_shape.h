/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape of a nested column as the file's schema tells it: rows, lists and
 * maps over leaves, with the levels that say in each leaf's entries where they
 * begin and end. Annotations of either generation and the old forms of lists
 * and maps are understood (parquet-format, LogicalTypes.md).
 */
#ifndef PF_PARQUET_NESTED_SHAPE_H
#define PF_PARQUET_NESTED_SHAPE_H

#include "parquet/file.h"

enum pq_shape_kind { PQ_SHAPE_LEAF, PQ_SHAPE_ROW, PQ_SHAPE_LIST, PQ_SHAPE_MAP };

struct pq_shape_node {
	enum pq_shape_kind kind;
	char *name;
	bool optional;
	unsigned def;     /* definition level at which it is not null */
	unsigned rep;     /* list, map: level at which an element repeats */
	unsigned element; /* list, map: definition level of an element */
	size_t leaf, n_leaves; /* those beneath it, of the column's; at least one */
	struct pq_shape_node *children; /* list: 1, map: 1 or 2 */
	size_t n;
};

struct pq_shape_leaf {
	struct pq_mapping mapping;
	size_t at; /* among the file's leaves */
	unsigned max_def, max_rep;
};

struct pq_shape {
	struct pq_shape_node root;
	struct pq_shape_leaf *leaves; /* in the order of the file's */
	size_t n_leaves;
};

/* Of the column whose element stands at `at`; first_leaf: of the file. False,
 * with nothing to be freed, when the shape is none that is known, too deep or
 * too wide, or a leaf cannot be read. */
bool pq_shape_read(const struct pf_parquet_file *f, size_t at, size_t first_leaf,
		   struct pq_shape *shape);
void pq_shape_free(struct pq_shape *shape);

#endif

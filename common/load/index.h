/* SPDX-License-Identifier: Apache-2.0
 *
 * Indexes that need another look at the values of a finished segment: bloom
 * filters of further columns inside the Parquet file, and Paimon's file index
 * beside it. What a segment has already is not made again, so indexing twice
 * gives the bytes of indexing once.
 */
#ifndef PF_LOAD_INDEX_H
#define PF_LOAD_INDEX_H

#include "load/segments.h"
#include "paimon/file_index.h"

/* How often a bloom filter says yes in vain where nobody says it. */
#define PF_INDEX_FPP 0.01

/* One index that somebody wants. */
struct pf_index_wish {
	char *column;
	bool native;   /* a bloom filter inside the Parquet file */
	enum pf_file_index_kind kind; /* else */
	double fpp;
	bool optional; /* leave out what cannot be; else it is an error */
};

/* Zero-initialised wishes nothing. */
struct pf_index_plan {
	struct pf_index_wish *wishes;
	size_t n;
};

void pf_index_plan_free(struct pf_index_plan *plan);

/* A bloom filter inside the file. */
void pf_index_plan_bloom(struct pf_index_plan *plan, const char *column);

/* A file index of that kind, left out where it cannot be. */
void pf_index_plan_kind(struct pf_index_plan *plan, const char *column,
			enum pf_file_index_kind kind);

/* "bitmap:event,kind", "bloom-filter:url". PF_E_USAGE. */
int pf_index_plan_file_index(struct pf_index_plan *plan, const char *text, double fpp,
			     struct pf_error *err);

/* What a table's options ask for: file-index.<type>.columns, with
 * file-index.bloom-filter.<column>.fpp, and parquet.bloom.filter.enabled#
 * <column>. Types unknown to us are left to others. */
void pf_index_plan_options(struct pf_index_plan *plan, const struct pf_meta *options,
			   double fpp);

/* Does it wish for a bitmap? Then files must be without DELTA encodings (see
 * load/recode.h), and pf_index_segment makes them so. */
bool pf_index_plan_bitmaps(const struct pf_index_plan *plan);

/* Where a segment's new bytes stand; zero-initialised, reused. */
struct pf_index_room {
	struct pf_buf data, index, recoded;
};

void pf_index_room_free(struct pf_index_room *room);

/* Add what is missing. *changed: data or index of the segment now point into
 * the room, until the next call; else the segment is as it was.
 * PF_E_UNKNOWN_COLUMN, PF_E_UNSUPPORTED, and the errors of reading Parquet. */
int pf_index_segment(const struct pf_index_plan *plan, struct pf_segment *segment,
		     struct pf_index_room *room, bool *changed,
		     struct pf_error *err);

#endif

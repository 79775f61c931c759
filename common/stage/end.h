/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a stage ends: the last good seal of its newest segment that has one,
 * and whether what stands behind it is a torn tail or damage.
 */
#ifndef PF_STAGE_END_H
#define PF_STAGE_END_H

#include "stage/dir.h"
#include "stage/scan.h"

struct pf_stage_end {
	int64_t *segments;  /* first offsets of all, ascending; owned */
	size_t nsegments;
	size_t last;        /* the one that place is in; nsegments: there is none */
	bool closed;        /* that one has its end-of-stream marker */
	uint64_t bytes;     /* its size, with what is torn */
	struct pf_scan_place place; /* offset is right also if nothing was found */
	char stage[37];     /* UUID in its head */
};

/* thorough: verify every hash of the newest segment, not only the last one's.
 * sources: takes over all positions, or NULL. PF_E_STAGE_CORRUPT when bytes
 * before a good seal are damaged. */
int pf_stage_end_find(const struct pf_stage_dir *dir, bool thorough,
		      struct pf_sources *sources, struct pf_stage_end *end,
		      struct pf_error *err);
void pf_stage_end_free(struct pf_stage_end *end);

enum pf_walk {
	PF_WALK_QUICK,    /* verify the last group's hash only */
	PF_WALK_THOROUGH, /* verify every hash */
	PF_WALK_LIVE,     /* quick; an unfinished message at the end is being
			   * written just now, and not searched for damage */
};

/* Walk on from where the scan stands to the last good seal there is now.
 * sources and stage may be NULL. */
int pf_stage_walk(struct pf_scan *scan, const char *name, enum pf_walk how,
		  struct pf_sources *sources, char stage[37], bool *closed,
		  struct pf_error *err);

/* "stage/00000000000000000042.arrows"; the caller frees it. */
char *pf_stage_segment_path(const struct pf_stage_dir *dir, int64_t first);

#endif

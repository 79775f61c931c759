/* SPDX-License-Identifier: Apache-2.0
 *
 * What a table has loaded: stage -> partition -> next offset, kept in the
 * properties of its snapshots and nowhere else (design section 6). Any
 * snapshot of ours carries the whole map, so the newest one that has it
 * decides; foreign committers do not copy it, so we walk back.
 *
 * Snapshot property "pf:offsets" (JSON text):
 *   {"stages": {"<id>": {"parts": {"0": {"next": 123, "anchor": "0f.."}},
 *                         "sources": {...},  marks of a topic's sources
 *                         "gaps": ["..."]}},  ranges accepted as lost, as marks say
 *    "streams": ["<hash>", ...]}              of streams put with --append
 */
#ifndef PF_PAIMON_OFFSETS_H
#define PF_PAIMON_OFFSETS_H

#include "arrow/stream.h"
#include "paimon/table.h"

#define PF_OFFSETS_PROPERTY "pf:offsets"

struct pf_offset_part {
	int32_t partition;
	int64_t next;
	char anchor[33]; /* identifies the record before next; "" when next is 0 */
};

struct pf_stage_offsets {
	char stage[64];
	struct pf_offset_part *parts; /* by partition */
	size_t nparts;
	char *sources; /* marks of sources (arrow/source_marks.h), or NULL */
	char **gaps; /* what was accepted as lost: JSON of marks, newest 100 */
	size_t ngaps;
};

struct pf_offset_map {
	int64_t snapshot; /* that holds it; 0: the table has none yet */
	struct pf_stage_offsets *stages;
	size_t nstages;
	char (*streams)[17]; /* hex hashes, oldest first, at most 1000 */
	size_t nstreams;
};

/* The newest map, walking back from `from` (NULL: from the newest snapshot).
 * Nobody of us was ever here: an empty map and 0. It was there and is gone
 * (expired): PF_E_NO_OFFSETS. */
int pf_table_offsets(struct pf_table *table, const struct pf_snapshot *from,
		     struct pf_offset_map *map, struct pf_error *err);
void pf_offset_map_free(struct pf_offset_map *map);

/* Offsets of one stage, NULL if the table has loaded nothing of it. */
const struct pf_stage_offsets *pf_offset_map_find(const struct pf_offset_map *map,
						  const char *stage);
/* Next offset of one partition (0 when nothing is known), and its anchor. */
int64_t pf_offset_next(const struct pf_offset_map *map, const char *stage,
		       int32_t partition, const char **anchor);

int pf_offset_map_parse(const char *json, struct pf_offset_map *map,
			struct pf_error *err);
void pf_offset_map_format(const struct pf_offset_map *map, struct pf_buf *out);

/* How a mark stands to the map: */
enum pf_mark_state {
	PF_MARK_NEXT,   /* begins exactly where the table ends: load it */
	PF_MARK_LOADED, /* all of it is at or before what the table has */
	PF_MARK_OTHER,  /* overlaps, leaves a hole, or ends at another record */
};
/* restart: where the table knows nothing of a partition, the mark is taken at
 * its word about where it begins. */
enum pf_mark_state pf_offset_compare(const struct pf_offset_map *map,
				     const struct pf_mark *mark, bool restart);
/* Move the map to the mark's end. */
void pf_offset_advance(struct pf_offset_map *map, const struct pf_mark *mark);

/* Streams that were put with --append. */
bool pf_offset_has_stream(const struct pf_offset_map *map, uint64_t hash);
void pf_offset_add_stream(struct pf_offset_map *map, uint64_t hash);

#endif

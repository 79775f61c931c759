/* SPDX-License-Identifier: Apache-2.0
 *
 * Which inputs a stage has taken rows from, and how far. A source is a file
 * known by its beginning (hash of its first 4 KiB) and by the 4 KiB before
 * the position reached: the same beginning under another path is the same
 * source, moved; another beginning, or a file that ends before the position,
 * is a new one. A source with a name (--source) is known by that name.
 *
 * Positions count bytes after decompression. The table is written into every
 * segment's head, and into each seal as far as it changed, as JSON.
 */
#ifndef PF_STAGE_SOURCES_H
#define PF_STAGE_SOURCES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

#define PF_SOURCE_PIECE 4096

/* So many are kept; those not used for longest leave when a segment begins. */
#define PF_SOURCES_KEPT 65536

struct pf_source_pos {
	int64_t id;          /* within the stage; ascending */
	char *name;          /* --source, or NULL */
	char *path;          /* last seen under; for people and as a tie-break */
	uint64_t position;   /* bytes taken */
	int64_t rows;        /* records taken, rejected ones included */
	int64_t line;        /* number of the line at the position */
	uint32_t head_bytes; /* how much of the beginning the hash covers */
	uint32_t tail_bytes; /* likewise of the bytes before the position */
	uint64_t head_hash;  /* XXH3-64 */
	uint64_t tail_hash;
	uint64_t used;       /* grows from use to use; 0: not since it is counted */
	bool dirty;          /* changed since the last seal */
	/* Topics: what its rows are known by, and how many partitions there were
	 * (0: the embedded stage needs neither). */
	uint64_t key;
	int32_t partitions;
};

struct pf_sources {
	struct pf_source_pos **items; /* by id; the structs do not move */
	size_t n;
	uint64_t uses; /* the last that was given */
};

void pf_sources_free(struct pf_sources *s);
struct pf_source_pos *pf_sources_add(struct pf_sources *s);
/* Of several rounds of that name the one that was used last; NULL: there is none. */
struct pf_source_pos *pf_sources_named(const struct pf_sources *s, const char *name);

/* It is in use now: an input is taken from it, or found to be it. */
void pf_sources_touch(struct pf_sources *s, struct pf_source_pos *p);

/* Let those go that were not used for longest, so that at most keep are left.
 * Pointers to them end. */
void pf_sources_forget(struct pf_sources *s, size_t keep);

/* Append all, or those that changed, as a JSON array. Returns how many. */
size_t pf_sources_write(struct pf_sources *s, bool all, struct pf_buf *json);
/* One of them, as a JSON object. */
void pf_source_write(const struct pf_source_pos *p, struct pf_buf *json);
/* They are written: nothing is dirty. */
void pf_sources_clean(struct pf_sources *s);

/* Take over what a head or seal says. PF_E_STAGE_CORRUPT when malformed. */
int pf_sources_apply(struct pf_sources *s, const char *json, struct pf_error *err);
/* What a JSON object says of one; *item NULL: a new one, which it becomes. */
int pf_sources_take(struct pf_sources *s, const char *json, size_t len,
		    struct pf_source_pos **item, struct pf_error *err);

#endif

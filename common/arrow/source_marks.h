/* SPDX-License-Identifier: Apache-2.0
 *
 * Up to which row each source is known in each partition of a topic. A
 * producer that starts again sends what it has no report of once more; its
 * rows are numbered, so a reader drops those at or below the mark of their
 * source. Marks travel in mark messages and stay in the table's offset map:
 *
 *   {"of": {"<16 hex digits>": {"t": <seconds>, "p": {"0": 120, "3": 99}}},
 *    "left": <how many were forgotten>}
 *
 * They are bounded: a source that was silent for seven days is forgotten, and
 * beyond 4 096 the oldest.
 */
#ifndef PF_ARROW_SOURCE_MARKS_H
#define PF_ARROW_SOURCE_MARKS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

enum { PF_SOURCE_MARKS_KEPT = 4096, PF_SOURCE_MARKS_SECONDS = 7 * 86400 };

struct pf_source_mark {
	uint64_t source;
	int64_t seconds; /* since 1970: last heard of */
	struct pf_source_mark_part {
		int32_t partition;
		int64_t number; /* of the last row known */
	} *parts;
	size_t nparts;
	bool changed;    /* since pf_source_marks_clean */
};

struct pf_source_marks {
	struct pf_source_mark *items; /* by source */
	size_t n;
	int64_t left;
};

void pf_source_marks_free(struct pf_source_marks *m);

/* Number of the last row known, 0: none. */
int64_t pf_source_marks_get(const struct pf_source_marks *m, uint64_t source,
			    int32_t partition);
/* Move it up (never down). */
void pf_source_marks_set(struct pf_source_marks *m, uint64_t source, int32_t partition,
			 int64_t number, int64_t seconds);
void pf_source_marks_clean(struct pf_source_marks *m);

/* Drop what the bounds do not allow at this time. */
void pf_source_marks_forget(struct pf_source_marks *m, int64_t now_seconds);

/* Take over what a text says (moves marks up). PF_E_CORRUPT. */
int pf_source_marks_read(struct pf_source_marks *m, const char *json,
			 struct pf_error *err);
struct pf_json;
int pf_source_marks_read_value(struct pf_source_marks *m, const struct pf_json *v,
			       struct pf_error *err);
/* Append all of them, or those that changed. Returns how many. */
size_t pf_source_marks_write(const struct pf_source_marks *m, bool all,
			     struct pf_buf *json);

#endif

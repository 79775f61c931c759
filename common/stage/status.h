/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stage holds and how far its readers are behind, and the removal of segments
 * that nobody needs any more. A status is a picture of one moment, freed by
 * the caller; a writer may be at work meanwhile.
 */
#ifndef PF_STAGE_STATUS_H
#define PF_STAGE_STATUS_H

#include "stage/sources.h"
#include "stage/stage.h"

struct pf_stage_status {
	int64_t first, end;  /* offsets: oldest row kept, end of the durable ones */
	size_t segments;
	uint64_t bytes;
	uint64_t torn;       /* bytes behind the last seal, without a good one */
	bool human;          /* to be printed for people: 1.2M; offsets stay exact */
	struct pf_sources sources;
	/* Topics: what each partition holds; first and end above are sums. */
	struct pf_stage_part {
		int32_t partition;
		int64_t first, end;
	} *parts;
	size_t nparts;
};

int pf_stage_status(struct pf_stage *stage, struct pf_stage_status *status,
		    struct pf_error *err);
void pf_stage_status_free(struct pf_stage_status *status);

/* As lines "name<tab>value": stage, rows, first, end, segments, bytes, unsealed
 * (if any), and a line for each source; of a topic stage, topic, messages, and
 * a line for each partition. */
void pf_stage_status_print(const struct pf_stage *stage,
			   const struct pf_stage_status *status, struct pf_buf *out);

/* How far somebody who begins there is behind. */
struct pf_stage_lag {
	int64_t loaded;  /* rows (of a topic: messages) before the starts */
	int64_t behind;  /* behind them */
	int64_t rows;    /* in those */
	bool about;      /* rows are reckoned by some of the messages: there are many */
	int64_t seconds; /* since the oldest of those came; -1: not known */
};
/* sources: as of struct pf_stage_read. */
int pf_stage_lag(struct pf_stage *stage, const struct pf_stage_start *starts, size_t n,
		 const char *sources, struct pf_stage_lag *lag, struct pf_error *err);

struct pf_trimmed {
	size_t segments;
	uint64_t bytes;
	int64_t first; /* oldest row now */
};

/* Remove the segments whose rows all lie before `before`, but never the
 * newest finished one: it says where the sources stand.
 * A writer or reader that is running is not disturbed. dry: only count. */
int pf_stage_trim_refused(const char *path, struct pf_error *err); /* a topic */
int pf_stage_trim(struct pf_stage *stage, int64_t before, bool dry,
		  struct pf_trimmed *trimmed, struct pf_error *err);

#endif

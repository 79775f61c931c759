/* SPDX-License-Identifier: Apache-2.0
 *
 * Where rows come from: an input, and which of the stage's sources it is. It is
 * the one of its name if it was given one, else the one whose bytes it has
 * (stage/track.h); what was staged of it before is found, and the stage is told
 * whose rows come before it takes any. An input without path and name is nobody's:
 * nobody will come back to it, and it has no source.
 */
#ifndef PF_STAGE_ORIGIN_H
#define PF_STAGE_ORIGIN_H

#include "stage/track.h"
#include "stage/writer.h"

struct pf_origin {
	struct pf_stage_writer *writer;
	const struct pf_append_input *input;
	const char *name;             /* that it was given, or NULL */
	struct pf_track *track;
	struct pf_source_pos *source; /* NULL: it has none (yet) */
	bool known;                   /* it may have one */
};

/* All but the origin are the caller's and stay until it is closed. stopping: as in
 * pf_track_new. */
void pf_origin_open(struct pf_origin *o, struct pf_stage_writer *writer,
		    const struct pf_append_input *input, const char *name,
		    bool (*stopping)(void));
void pf_origin_close(struct pf_origin *o); /* nothing of it is left */

/* Find its source, which stands where its rows are to go on: at 0 if it has another
 * beginning than before. */
int pf_origin_identify(struct pf_origin *o, struct pf_error *err);

/* Tell the stage whose rows come, if it wants to know. */
int pf_origin_announce(struct pf_origin *o, struct pf_error *err);

/* So far its rows were taken: the source says so with the next commit. */
int pf_origin_note(struct pf_origin *o, uint64_t position, int64_t rows, int64_t line,
		   struct pf_error *err);

/* What a source is called in reports: its name, its path, or "-". */
const char *pf_origin_title(const struct pf_source_pos *source);

#endif

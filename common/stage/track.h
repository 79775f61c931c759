/* SPDX-License-Identifier: Apache-2.0
 *
 * An input that is being staged: counts its bytes, and can say the hash of
 * those around a position, by which the input is known again (see
 * stage/sources.h). A plain file is looked into where needed; of anything else
 * the last bytes are kept as they pass.
 */
#ifndef PF_STAGE_TRACK_H
#define PF_STAGE_TRACK_H

#include "base/io.h"
#include "stage/sources.h"

struct pf_append_input {
	const char *name;   /* for messages and reports */
	const char *path;   /* of a regular file, else NULL */
	int fd;             /* of that file, else -1 */
	bool packed;        /* source unpacks what fd holds */
	bool arrow;         /* an Arrow stream, else text */
	const struct pf_byte_source *source;
};

struct pf_track;

/* remember false: positions only, no hashes. stopping: the input ends early
 * when it says so (or NULL). input must stay. */
struct pf_track *pf_track_new(const struct pf_append_input *input, bool remember,
			      bool (*stopping)(void));
void pf_track_free(struct pf_track *t); /* NULL is fine */

/* The bytes; valid until free. */
struct pf_byte_source pf_track_source(struct pf_track *t);
uint64_t pf_track_taken(const struct pf_track *t);
bool pf_track_ready(struct pf_track *t, int timeout_ms);

/* Find which of the sources without a name this file is: *found is NULL when
 * it is a new one. A regular file only; does not move it. same_name: rows
 * depend on the file's name, so that under another it is another source. */
int pf_track_match(struct pf_track *t, const struct pf_sources *sources,
		   bool same_name, struct pf_source_pos **found,
		   struct pf_error *err);

/* Does the input begin as this source did? Waits for that many bytes. */
int pf_track_same_head(struct pf_track *t, const struct pf_source_pos *source,
		       bool *same, struct pf_error *err);

/* It goes on behind the source's position: reading past it checks the bytes
 * before it and fails with PF_E_SOURCE_CHANGED when they differ or end. */
void pf_track_expect(struct pf_track *t, const struct pf_source_pos *source);

/* Move a plain file forward without reading (pf_text_options.skip). */
bool pf_track_can_skip(const struct pf_track *t);
int pf_track_skip(void *track, uint64_t bytes, struct pf_error *err);

/* Write position and hashes into the source; bytes before them may be
 * forgotten. */
int pf_track_note(struct pf_track *t, uint64_t position, struct pf_source_pos *source,
		  struct pf_error *err);
/* Nobody will ask for bytes that far before position any more. */
void pf_track_passed(struct pf_track *t, uint64_t position);

#endif

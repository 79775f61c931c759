/* SPDX-License-Identifier: Apache-2.0
 *
 * Staging inputs: from text or Arrow, through validation, to durable rows,
 * with the position of each input kept beside its rows, so that doing it
 * again adds exactly what was not staged.
 *
 * Groups are committed at a size, after a time, and whenever the input would
 * block; so bulk input is fast, and a line that came alone is acknowledged at
 * once.
 */
#ifndef PF_STAGE_APPEND_H
#define PF_STAGE_APPEND_H

#include "stage/track.h"
#include "stage/writer.h"
#include "text/reader.h"

/* A position that is durable. */
struct pf_append_ack {
	const char *source;  /* its name, or its path, or "-" */
	uint64_t position;   /* bytes of it that are staged or rejected */
	int64_t offset;      /* end of the stage's durable rows then */
};

struct pf_append_how {
	enum pf_text_format format; /* PF_TEXT_AUTO: the definition's, or by look */
	const char *source;   /* the name of the input, or NULL */
	bool final_line;      /* the end of the input ends its last line */
	int64_t group_ms;     /* commit at the latest after so long (0: 50) */
	uint64_t group_bytes; /* ... or so many bytes (0: 8 MiB) */
	bool (*stopping)(void); /* NULL, or: end the input here */
	/* As in pf_text_options; NULL: the first bad row is an error. */
	int (*reject)(void *ctx, const struct pf_reject *reject,
		      struct pf_error *err);
	/* Make durable what reject was given; before the rows' seal. */
	int (*settle)(void *ctx, struct pf_error *err);
	int (*ack)(void *ctx, const struct pf_append_ack *ack, struct pf_error *err);
	void *ctx;
	/* As in pf_text_options. */
	void (*notice)(void *ctx, const struct pf_notice *notice);
	void *notice_ctx;
};

struct pf_append_counts {
	int64_t rows;      /* appended */
	int64_t rejected;
	int64_t duplicate; /* staged before, left out now */
	size_t waiting;    /* bytes of last lines that have no newline yet */
	int64_t bytes;     /* of inputs read */
	struct pf_passed passed; /* messages of change streams that gave no row */
};

struct pf_append;

struct pf_append *pf_append_new(struct pf_stage_writer *writer,
				const struct pf_append_how *how);

/* All of one input. When a row is refused, those before it are committed. */
int pf_append_input(struct pf_append *a, const struct pf_append_input *input,
		    struct pf_error *err);

/* Commit what is left and wait until it is durable and acknowledged. */
int pf_append_finish(struct pf_append *a, struct pf_error *err);

const struct pf_append_counts *pf_append_counts(const struct pf_append *a);
void pf_append_free(struct pf_append *a); /* NULL is fine */

#endif

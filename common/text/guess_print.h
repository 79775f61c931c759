/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found out about a sample, and the table definition that says it, with a
 * comment wherever the sample left doubt. The text is YAML that a person is to read
 * and edit, and that the definition's reader takes as it is. Internal to text/.
 */
#ifndef PF_TEXT_GUESS_PRINT_H
#define PF_TEXT_GUESS_PRINT_H

#include "text/guess_shape.h"

struct pf_guess {
	const char *file;
	struct pf_guess_shape shape;
	int64_t rows, rejected;
	uint64_t sample, total; /* bytes */
	bool whole;             /* the sample is all */
	bool markers[PF_GUESS_MARKERS];
	struct pf_guess_type *types;
	int id, time;           /* columns, -1: none */
	bool id_unlikely;       /* the likeliest, but nothing speaks for it */
	int parts[4];           /* year, month, day, hour: when there is no time */
	bool combined;
};

/* Is the column of a time's type? How many of its values are missing? */
bool pf_guess_is_time(const struct pf_guess *g, size_t column);
int64_t pf_guess_missing(const struct pf_guess *g, size_t column);

/* Append the definition with its comments. */
void pf_guess_print(const struct pf_guess *g, struct pf_buf *out);

#endif

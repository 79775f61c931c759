/* SPDX-License-Identifier: Apache-2.0
 *
 * The outer form of a sample: format, delimiter, header, and the columns it
 * has. Internal to text/.
 */
#ifndef PF_TEXT_GUESS_SHAPE_H
#define PF_TEXT_GUESS_SHAPE_H

#include "text/guess_column.h"
#include "text/tabledef.h"

struct pf_guess_shape {
	struct pf_text_input input;
	struct pf_guess_column *columns;
	size_t n;
	size_t collapsed; /* objects kept as JSON text because they are wide */
	bool header; /* the first line holds names */
};

/* data[len] is a newline or NUL. format AUTO: found out. */
int pf_guess_shape(const char *file, enum pf_text_format format,
		   const uint8_t *data, size_t len, struct pf_guess_shape *shape,
		   struct pf_error *err);
/* Lines of a well-known log? Then the shape has its pattern and columns. */
bool pf_guess_lines(struct pf_guess_shape *shape, const char *data, const char *end);
void pf_guess_shape_free(struct pf_guess_shape *shape);

#endif

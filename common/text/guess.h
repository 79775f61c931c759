/* SPDX-License-Identifier: Apache-2.0
 *
 * A first table definition from a sample of data, for a person to edit: the
 * format, the types, the null markers, the time formats, which column looks
 * like the entity ID and which like the event time, and the grain and number
 * of buckets that make files of megabytes. Everything that was seen is said in
 * comments; what was guessed is said to be a guess.
 */
#ifndef PF_TEXT_GUESS_H
#define PF_TEXT_GUESS_H

#include "base/io.h"
#include "text/tabledef.h"

struct pf_guess_options {
	const char *file;           /* path: name of the table, comments */
	enum pf_text_format format; /* AUTO: found out */
	size_t sample_bytes;        /* 0: 64 MiB */
	uint64_t total_bytes;       /* of the whole input, 0: not known */
};

/* Append the YAML to out. PF_E_BAD_ROW when the sample is no table at all. */
int pf_schema_guess(const struct pf_byte_source *source,
		    const struct pf_guess_options *options, struct pf_buf *out,
		    struct pf_error *err);

#endif

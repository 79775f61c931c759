/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema part of a Debezium message: Kafka Connect's JsonConverter puts it
 * beside the payload ("value.converter.schemas.enable"), and it names how values
 * are written that JSON has no type for. A decimal is the base64 of its unscaled
 * bytes, a time a number of some unit. Here that becomes a coding per column,
 * and a coded value becomes the text that any reader takes.
 *
 * Sources: Kafka Connect's logical types (org.apache.kafka.connect.data) and
 * Debezium's semantic types (io.debezium.time, io.debezium.data). Types that
 * are neither known nor plain are refused, once a column wants their value.
 * Internal to text/.
 */
#ifndef PF_TEXT_CONNECT_H
#define PF_TEXT_CONNECT_H

#include "text/tabledef.h"

enum pf_coding_kind {
	PF_CODING_PLAIN,    /* as JSON has it */
	PF_CODING_DECIMAL,  /* base64 of two's complement, big endian */
	PF_CODING_VARIABLE, /* an object of scale and value */
	PF_CODING_DAYS,     /* since 1970 */
	PF_CODING_OF_DAY,   /* units since midnight */
	PF_CODING_WALL,     /* units since 1970 of a wall clock */
	PF_CODING_LATIN1,   /* bytes as characters (Canal) */
	PF_CODING_UNKNOWN,  /* refused: see name */
};

struct pf_coding {
	enum pf_coding_kind kind;
	int32_t scale; /* of a decimal */
	int64_t units; /* of times: per second */
	char *name;    /* of an unknown type */
};

/* The codings of the definition's columns (def->n of them, zeroed or as a call
 * before left them) by a schema part. 0, or PF_E_JSON with a description. */
int pf_connect_codings(const struct pf_tabledef *def, struct pf_view schema,
		       struct pf_coding *codings, struct pf_error *err);

/* Back to plain, all n of them. */
void pf_codings_clear(struct pf_coding *codings, size_t n);

/* Append the text of a coded value, a scanned JSON value that is not null, to
 * out. NULL, or why not ("is not base64"), to stand behind the quoted value. */
const char *pf_coding_text(const struct pf_coding *c, struct pf_view value,
			   struct pf_buf *out);

#endif

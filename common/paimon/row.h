/* SPDX-License-Identifier: Apache-2.0
 *
 * Paimon's BinaryRow: how a table's metadata writes a few values (a
 * partition, minima and maxima), and what the bucket hash is computed over.
 * Little-endian; a null-bit area, then an 8-byte slot per value, then the
 * variable part, every value 8-aligned. The serialized form puts the arity in
 * front as 4 bytes big-endian.
 *
 * Two rules that decide buckets: small integers leave the rest of their slot
 * zero (no sign extension), and a null decimal of more than 18 digits or a
 * null timestamp of more than 3 still reserves its variable part.
 *
 * Source: Apache Paimon, BinaryRow and BinaryRowWriter (reference
 * paimon-format.md section 5).
 */
#ifndef PF_PAIMON_ROW_H
#define PF_PAIMON_ROW_H

#include "expr/datum.h"

/* Append the row's bytes, without arity. */
void pf_row_encode(struct pf_buf *out, const struct pf_datum *values, size_t n);
/* Append the serialized form (arity in front). n == 0: the 12 bytes of the
 * empty row. */
void pf_row_serialize(struct pf_buf *out, const struct pf_datum *values, size_t n);

/* Check a serialized row of n columns: PF_E_TABLE_CORRUPT when it is too
 * short or its arity differs; what names it in the message. */
int pf_row_check(struct pf_view row, size_t n, const char *what,
		 struct pf_error *err);
/* The arity that a serialized row says it has; 0 for a malformed one. */
size_t pf_row_arity(struct pf_view row);
/* One value of a checked row; text is borrowed. A slot that points outside
 * is PF_E_TABLE_CORRUPT. */
int pf_row_get(struct pf_view row, size_t column, struct pf_type type,
	       struct pf_datum *out, struct pf_error *err);

#endif

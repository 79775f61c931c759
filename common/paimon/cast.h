/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a file that is older than its column's type, as the table's type
 * has them now. What loses nothing (tinyint as int, float as double) the
 * Parquet reader does; the rest is done here, as Paimon's own readers do it:
 * integers wrap around as Java's do, a decimal that does not fit is null, text
 * is cut to VARCHAR(n) and filled up to CHAR(n), a time is cut to fewer digits,
 * and what is of a zone is seen in the table's one.
 *
 * Source: Apache Paimon, CastExecutors and its rules (org.apache.paimon.casting).
 */
#ifndef PF_PAIMON_CAST_H
#define PF_PAIMON_CAST_H

#include "expr/datum.h"
#include "paimon/table.h"

struct pf_cast {
	bool needed; /* else the Parquet reader gives the values as they are now */
	struct pf_type from, to;
	int64_t most; /* characters or bytes of the new type; 0: any number */
	bool fill;    /* CHAR(n), BINARY(n): up to as many */
};

enum pf_cast_need { PF_CAST_NONE, PF_CAST_VALUES, PF_CAST_NEVER };

/* What it takes to read a column that was `then` as it is `now`; fills cast. */
enum pf_cast_need pf_cast_between(const struct pf_table_field *then,
				  const struct pf_table_field *now, struct pf_cast *cast);

/* Has the column's type changed since the file's schema so that values need a
 * cast? Then statistics and indexes of the file speak of other values. */
bool pf_cast_since(const struct pf_table_schema *now,
		   const struct pf_table_schema *then, int32_t field_id);

/* A time of day as it is cast to text: of its fraction, as far as the type has
 * digits, zeros at the end are left out, but one. Out of 48 bytes. */
size_t pf_cast_time(char *out, const struct pf_datum *v);

/* Append all rows of a column of type from, cast. zone: NULL is UTC. */
int pf_cast_column(const struct pf_cast *cast, const struct pf_column *column,
		   int64_t rows, const struct pf_zone *zone, struct pf_colbuf *out,
		   struct pf_error *err);

#endif

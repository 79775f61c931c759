/* SPDX-License-Identifier: Apache-2.0
 *
 * One text becomes one value of a column. A pf_conv is what a reader needs to
 * know about a column to do so, made once per file from the definition.
 * Internal to text/.
 */
#ifndef PF_TEXT_VALUE_H
#define PF_TEXT_VALUE_H

#include <regex.h>

#include "arrow/batch.h"
#include "base/zone.h"
#include "text/tabledef.h"
#include "text/timefmt.h"

/* Which short way a value can take (text/fast_value.h). */
enum pf_fast {
	PF_FAST_NONE,
	PF_FAST_INT,
	PF_FAST_DOUBLE,
	PF_FAST_DECIMAL,
	PF_FAST_STRING,
	PF_FAST_TIME, /* a text */
	PF_FAST_EPOCH,
	PF_FAST_BOOL,
};

struct pf_conv {
	enum pf_fast fast;
	enum pf_kind kind;
	struct pf_type type;
	bool nullable, round_down;
	bool row_kind; /* +I -U +U -D */
	regex_t *deletes; /* texts that say -D, all others +I; or NULL */
	uint8_t kinds_refused;
	bool base64; /* bytes are base64 (JSON), not hex */
	struct pf_timefmt format;
	struct pf_zone *zone;       /* of times without offset */
	struct pf_zone *table_zone; /* of wall clocks in the table */
	bool same_zone;             /* both are the same */
	bool in_utc;                /* the table's is UTC */
	const char *name;
	char *const *nulls;
	size_t nnulls;
	bool empty_is_null; /* "" is among the markers */
	bool only_empty;    /* and the only one */
	int64_t low, high;  /* of integers; of decimals, unscaled, as far as 18 digits */
	/* The last date read: rows come in order, mostly. */
	char last_date[16];
	int64_t last_day_seconds;
};

/* The definition's column as a conversion. json: the defaults of JSON apply
 * (no null markers unless given, bytes in base64). */
int pf_conv_open(struct pf_conv *c, const struct pf_tabledef *def,
		 const struct pf_coldef *column, bool json, struct pf_error *err);
void pf_conv_close(struct pf_conv *c);

/* Is the text one of the markers of NULL? */
bool pf_conv_is_null(const struct pf_conv *c, const char *text, size_t len);

/* Append the value. NULL, or why not, to stand behind the quoted text ("is not
 * an integer"); nothing is appended then. */
const char *pf_conv_append(struct pf_conv *c, struct pf_colbuf *out,
			   const char *text, size_t len);

/* The same for dates and times, without blanks around them. */
const char *pf_conv_append_time(struct pf_conv *c, struct pf_colbuf *out,
				const char *text, size_t len);

/* Append an instant of epoch units: an integer of JSON under epoch_*. The
 * format must be PF_TIMEFMT_EPOCH. */
const char *pf_conv_append_epoch(struct pf_conv *c, struct pf_colbuf *out,
				 int64_t value);

/* Append the kind of a row (enum pf_row_kind), to the column of it. */
const char *pf_conv_append_kind(const struct pf_conv *c, struct pf_colbuf *out,
				int8_t kind);

const char *pf_conv_append_int(struct pf_conv *c, struct pf_colbuf *out,
			       int64_t value);

#endif

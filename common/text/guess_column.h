/* SPDX-License-Identifier: Apache-2.0
 *
 * What a column of a sample looks like: which types all of its values have,
 * how many distinct ones, which null markers, which time formats and how many
 * steps back in time. Internal to text/.
 */
#ifndef PF_TEXT_GUESS_COLUMN_H
#define PF_TEXT_GUESS_COLUMN_H

#include "arrow/type.h"
#include "base/buf.h"
#include "text/timefmt.h"

/* Words that stand for nothing in files of the wild. "" is among them. */
enum { PF_GUESS_MARKERS = 10, PF_GUESS_TIMES = 21, PF_GUESS_DISTINCT = 1 << 16 };
extern const char *const pf_guess_markers[PF_GUESS_MARKERS];

/* A time format that all values had so far, but for a few that have none. */
struct pf_guess_time {
	bool dead;
	int64_t last, low, high; /* seconds */
	uint32_t last_nanos;
	int64_t inversions;
	bool offsets, bare, mixed; /* with offset, without; different ones */
	int32_t offset;
	bool dates_only;
};

struct pf_guess_column {
	char *name;  /* in the definition */
	char *from;  /* where it comes from, NULL: its name */
	bool text_in_json; /* JSON strings: digits stay text */
	bool nested; /* JSON text of an array or object */
	int64_t rows, nulls; /* values; JSON nulls and absent ones */
	int64_t markers[PF_GUESS_MARKERS];
	int64_t plain; /* values that are no markers */
	bool not_bool, not_int, not_number, zero_one;
	bool floats_as_ints; /* 17850.0 */
	int64_t low, high;
	int whole_digits, scale; /* of numbers */
	bool exponents;
	int fraction; /* digits of seconds */
	struct pf_guess_time times[PF_GUESS_TIMES];
	int64_t time_values, not_times; /* values in the formats left, and others */
	char not_time[48]; /* the first of those */
	uint64_t bytes, longest;
	uint64_t *set; /* hashes of distinct values */
	size_t set_size, distinct;
	bool many; /* more than PF_GUESS_DISTINCT */
	char example[48];
};

void pf_guess_value(struct pf_guess_column *c, const char *text, size_t len);
void pf_guess_free(struct pf_guess_column *c);

/* The verdict. */
struct pf_guess_type {
	struct pf_type type;
	const char *format; /* of times, NULL: iso */
	int time;           /* index into times, -1: no time */
	int year;           /* which a format without one was read with */
	bool epoch;
};
struct pf_guess_type pf_guess_verdict(const struct pf_guess_column *c);

/* Does the name sound like a time, an entity? 0 no, more is better. */
int pf_guess_time_name(const char *name);
int pf_guess_id_name(const char *name);

#endif

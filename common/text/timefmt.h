/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as text in the formats that a table definition can name: iso, rfc3339,
 * epoch_s|ms|us|ns, or a pattern of strptime's conversions. Always the C
 * locale's names; nothing of libc's locale or TZ is used.
 */
#ifndef PF_TEXT_TIMEFMT_H
#define PF_TEXT_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum pf_timefmt_kind {
	PF_TIMEFMT_ISO,     /* Y-m-d, or with T or blank H:M[:S[.f]], offset or not */
	PF_TIMEFMT_RFC3339, /* the same, complete, with its offset */
	PF_TIMEFMT_EPOCH,   /* a number since 1970, fraction or not */
	PF_TIMEFMT_PATTERN,
};

struct pf_timefmt {
	enum pf_timefmt_kind kind;
	uint8_t epoch_digits; /* 0 s, 3 ms, 6 us, 9 ns */
	const char *pattern;  /* borrowed */
	int year;             /* of a pattern that has none */
};

/* What a text said. seconds is the wall clock as written (of the day alone
 * when there is no date); with an offset, the instant is seconds - offset. */
struct pf_moment {
	int64_t seconds;
	uint32_t nanos;
	int32_t offset;
	bool has_offset;
	bool has_date, has_time;
	bool finer; /* digits beyond nanoseconds that are not zero */
};

/* PF_E_SCHEMA_FILE for an unknown name or conversion, with a hint. need_date,
 * need_time: what the column's type must find in a pattern. year: of a pattern
 * without one (logs that say "Mar 27 13:06:56"); 0: there must be one. */
int pf_timefmt_parse(const char *text, bool need_date, bool need_time, int year,
		     struct pf_timefmt *format, struct pf_error *err);

/* NULL, or why not: "is not a time" ... to stand behind the quoted text. */
const char *pf_timefmt_read(const struct pf_timefmt *format, const char *text,
			    size_t len, struct pf_moment *moment);

#endif

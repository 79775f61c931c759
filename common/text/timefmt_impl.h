/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside text/: the pieces of times that fixed formats (timefmt.c) and patterns
 * (timefmt_pattern.c) both read. A piece that is not there leaves the cursor
 * anywhere: its text is no time then.
 */
#ifndef PF_TEXT_TIMEFMT_IMPL_H
#define PF_TEXT_TIMEFMT_IMPL_H

#include "text/timefmt.h"

struct pf_time_cursor {
	const char *p, *end;
};

static inline bool pf_is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* Between low and high digits (greedy). */
static inline bool pf_take_digits(struct pf_time_cursor *c, int low, int high, int *out)
{
	int n = 0, value = 0;
	while (n < high && c->p < c->end && pf_is_digit(*c->p)) {
		value = value * 10 + (*c->p++ - '0');
		n++;
	}
	*out = value;
	return n >= low;
}

/* Two digits at p as a number, or more than 99. */
static inline unsigned pf_two_digits(const char *p)
{
	unsigned a = (unsigned char)(p[0] - '0'), b = (unsigned char)(p[1] - '0');
	return a > 9 || b > 9 ? 1000 : a * 10 + b;
}

static inline bool pf_take_char(struct pf_time_cursor *c, char ch)
{
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

/* The digits behind the point, as nanoseconds. */
void pf_take_fraction(struct pf_time_cursor *c, struct pf_moment *m);

/* Z, +hh, +hhmm, +hh:mm. */
bool pf_take_offset(struct pf_time_cursor *c, struct pf_moment *m);

/* Can the pattern be read, and does it find what is needed? See pf_timefmt_parse. */
int pf_time_pattern_check(const char *text, bool need_date, bool need_time, int given_year,
			  struct pf_error *err);
/* As pf_timefmt_read. */
const char *pf_time_pattern_read(const struct pf_timefmt *format, const char *text,
				 size_t len, struct pf_moment *m);

#endif

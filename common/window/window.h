/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows over the time column: which stretch of time an answer covers. Times
 * here are wall clock microseconds in the table's zone, so that thirty days
 * are thirty calendar days, whatever the clock did in between.
 */
#ifndef PF_WINDOW_WINDOW_H
#define PF_WINDOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum pf_window_kind {
	PF_WINDOW_LENGTH,   /* that long before the end */
	PF_WINDOW_SINCE,    /* from a moment on */
	PF_WINDOW_CALENDAR, /* from the beginning of the day, week, ... */
	PF_WINDOW_TUMBLE,   /* the last whole one of windows side by side */
};

enum pf_window_unit { PF_WINDOW_DAY, PF_WINDOW_WEEK, PF_WINDOW_MONTH, PF_WINDOW_YEAR };

struct pf_window {
	const char *text; /* as given; borrowed */
	enum pf_window_kind kind;
	enum pf_window_unit unit;
	int64_t start_us, length_us;
};

/* "30d", "12h", "since=2024-01-01", "week" (from Monday), "month",
 * "tumble=7d". A start with an offset becomes wall clock in the zone (NULL: UTC).
 * PF_E_UNSUPPORTED for sessions, which are still to come. */
struct pf_zone;
int pf_window_parse(const char *text, const struct pf_zone *zone, struct pf_window *w,
		    struct pf_error *err);

/* [*from, *to) of the window that ends at end_us; a tumbling one may end
 * before it. PF_E_USAGE when it would be empty. */
int pf_window_range(const struct pf_window *w, int64_t end_us, int64_t *from,
		    int64_t *to, struct pf_error *err);

/* The end of the day (or other grain) after a moment: where a window ends
 * whose last row that is. */
int64_t pf_window_end_after(int64_t wall_us, int64_t grain_us);

/* "2024-01-31" when it is a midnight, else "2024-01-31T10:00:00" with as many
 * digits as needed; out of 48 bytes. Returns out. */
char *pf_window_format(int64_t wall_us, char *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "window/window.h"

#include <string.h>

#include "base/time.h"
#include "base/zone.h"
#include "expr/datum.h"

static const int64_t day_us = 86400000000;

static int not_a_window(const char *text, struct pf_error *err)
{
	char quoted[64];
	pf_fail(err, PF_E_USAGE, "'%s' is not a window",
		pf_quote(quoted, sizeof quoted, text, strlen(text)));
	return pf_hint(err, "a length (30d), since=2024-01-01, week, month, year, tumble=7d");
}

static int parse_length(const char *text, const char *length, struct pf_window *w,
			struct pf_error *err)
{
	int64_t ms;
	if (pf_parse_duration(length, &ms, NULL) || ms <= 0 ||
	    __builtin_mul_overflow(ms, (int64_t)1000, &w->length_us))
		return not_a_window(text, err);
	return 0;
}

static int parse_since(const char *text, const struct pf_zone *zone, struct pf_window *w,
		       struct pf_error *err)
{
	char quoted[64];
	struct pf_datum d;
	w->kind = PF_WINDOW_SINCE;
	if (pf_datum_parse((struct pf_type){ PF_TIMESTAMP, 6, 0 }, text + 6, strlen(text + 6),
			   zone, &d, NULL)) {
		pf_fail(err, PF_E_USAGE, "'%s' does not begin with a date, in --window",
			pf_quote(quoted, sizeof quoted, text, strlen(text)));
		return pf_hint(err, "since=2024-07-01, since=2024-07-01T10:00:00Z");
	}
	w->start_us = d.i;
	return 0;
}

int pf_window_parse(const char *text, const struct pf_zone *zone, struct pf_window *w,
		    struct pf_error *err)
{
	static const char *const units[] = { "day", "week", "month", "year" };
	*w = (struct pf_window){ .text = text };
	if (!strncmp(text, "since=", 6))
		return parse_since(text, zone, w, err);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(text, units[i])) {
			w->kind = PF_WINDOW_CALENDAR;
			w->unit = (enum pf_window_unit)i;
			return 0;
		}
	if (!strncmp(text, "session", 7)) {
		pf_fail(err, PF_E_UNSUPPORTED, "--window session: windows of sessions are not supported yet");
		return pf_hint(err, "a length (30d), since=2024-01-01, week, month, year, tumble=7d");
	}
	if (!strncmp(text, "tumble=", 7)) {
		w->kind = PF_WINDOW_TUMBLE;
		return parse_length(text, text + 7, w, err);
	}
	return parse_length(text, text, w, err);
}

/* The beginning of the week, month, ... that a moment is in. */
static int64_t beginning(enum pf_window_unit unit, int64_t wall_us)
{
	int64_t day = pf_floor_div(wall_us, day_us), year;
	unsigned month, in_month;
	pf_civil_from_days(day, &year, &month, &in_month);
	switch (unit) {
	case PF_WINDOW_DAY:
		break;
	case PF_WINDOW_WEEK:
		day -= pf_floor_mod(day + 3, 7); /* 1970-01-01 was a Thursday */
		break;
	case PF_WINDOW_MONTH:
		day = pf_days_from_civil(year, month, 1);
		break;
	case PF_WINDOW_YEAR:
		day = pf_days_from_civil(year, 1, 1);
		break;
	}
	return day * day_us;
}

/* Weeks begin on Mondays; other lengths count from 1970. */
static int64_t tumble_origin(int64_t length_us)
{
	return length_us % (7 * day_us) ? 0 : 4 * day_us;
}

int pf_window_range(const struct pf_window *w, int64_t end_us, int64_t *from,
		    int64_t *to, struct pf_error *err)
{
	int64_t origin = tumble_origin(w->length_us);
	*to = end_us;
	switch (w->kind) {
	case PF_WINDOW_SINCE:
		*from = w->start_us;
		break;
	case PF_WINDOW_CALENDAR:
		*from = beginning(w->unit, end_us - 1);
		break;
	case PF_WINDOW_TUMBLE:
		*to = pf_floor_div(end_us - origin, w->length_us) * w->length_us + origin;
		*from = *to - w->length_us;
		break;
	case PF_WINDOW_LENGTH:
		if (__builtin_sub_overflow(end_us, w->length_us, from))
			return pf_fail(err, PF_E_USAGE, "the window is longer than time");
		break;
	}
	char a[48], b[48];
	if (*from >= *to)
		return pf_fail(err, PF_E_USAGE, "the window from %s to %s is empty",
			       pf_window_format(*from, a), pf_window_format(*to, b));
	return 0;
}

int64_t pf_window_end_after(int64_t wall_us, int64_t grain_us)
{
	return (pf_floor_div(wall_us, grain_us) + 1) * grain_us;
}

char *pf_window_format(int64_t wall_us, char *out)
{
	size_t n;
	if (pf_floor_mod(wall_us, day_us) == 0)
		n = pf_format_date(out, pf_floor_div(wall_us, day_us));
	else
		n = pf_format_timestamp(out, wall_us, 1000000,
					wall_us % 1000000 == 0 ? 0 : 6);
	out[n] = '\0';
	return out;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "window/window.h"

#include <string.h>

#include "base/time.h"
#include "base/zone.h"
#include "expr/datum.h"

static const int64_t day_us = 86400000000;

int pf_window_parse(const char *text, struct pf_window *w, struct pf_error *err)
{
	char quoted[64];
	int64_t ms;
	*w = (struct pf_window){ 0 };
	pf_quote(quoted, sizeof quoted, text, strlen(text));
	if (!strncmp(text, "since=", 6)) {
		struct pf_datum d;
		w->fixed_start = true;
		if (pf_datum_parse((struct pf_type){ PF_TIMESTAMP, 6, 0 }, text + 6,
				   strlen(text + 6), NULL, &d, NULL))
			return pf_fail(err, PF_E_USAGE, "'%s' does not begin with a date, in --window",
				       quoted);
		w->start_us = d.i;
		return 0;
	}
	if (!strcmp(text, "day") || !strcmp(text, "week") || !strcmp(text, "month") ||
	    !strcmp(text, "year") || !strncmp(text, "session", 7)) {
		pf_fail(err, PF_E_UNSUPPORTED, "--window %s: calendar and session windows are not supported yet",
			quoted);
		return pf_hint(err, "a length (30d) or a fixed start (since=2024-01-01)");
	}
	if (pf_parse_duration(text, &ms, NULL) || ms <= 0 ||
	    __builtin_mul_overflow(ms, (int64_t)1000, &w->length_us)) {
		pf_fail(err, PF_E_USAGE, "'%s' is not a window", quoted);
		return pf_hint(err, "a length (30d) or a fixed start (since=2024-01-01)");
	}
	return 0;
}

int pf_window_range(const struct pf_window *w, int64_t end_us, int64_t *from,
		    int64_t *to, struct pf_error *err)
{
	*to = end_us;
	*from = w->start_us;
	if (!w->fixed_start && __builtin_sub_overflow(end_us, w->length_us, from))
		return pf_fail(err, PF_E_USAGE, "the window is longer than time");
	char a[48], b[48];
	if (*from >= *to)
		return pf_fail(err, PF_E_USAGE, "the window from %s to %s is empty",
			       pf_window_format(*from, a), pf_window_format(*to, b));
	return 0;
}

int64_t pf_window_end_after(int64_t wall_us)
{
	return (pf_floor_div(wall_us, day_us) + 1) * day_us;
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

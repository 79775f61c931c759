/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"

static int fail(const char *text, const char *option, struct pf_error *err)
{
	char quoted[80];
	pf_fail(err, PF_E_USAGE, "'%s' is not a time, in %s",
		pf_quote(quoted, sizeof quoted, text, strlen(text)), option);
	return pf_hint(err, "2024-07-01, 2024-07-01T10:00:00Z, @1719828000, now, "
			    "or a duration: 2h, 7d (ago)");
}

/* @seconds, perhaps with a fraction. */
static bool epoch(const char *text, int64_t *micros)
{
	struct pf_datum d;
	if (pf_datum_parse((struct pf_type){ PF_DECIMAL, 38, 6 }, text, strlen(text), NULL,
			   &d, NULL))
		return false;
	*micros = (int64_t)d.dec;
	return *micros == d.dec;
}

int pf_time_argument(const char *text, const char *option, const struct pf_zone *zone,
		     int64_t *micros, struct pf_error *err)
{
	struct pf_datum d;
	int64_t ago;
	if (!strcmp(text, "now")) {
		*micros = pf_now_ms() * 1000;
		return 0;
	}
	if (text[0] == '@')
		return epoch(text + 1, micros) ? 0 : fail(text, option, err);
	if (!pf_datum_parse((struct pf_type){ PF_TIMESTAMP_LTZ, 6, 0 }, text, strlen(text),
			    zone, &d, NULL)) {
		*micros = d.i;
		return 0;
	}
	if (pf_parse_duration(text, &ago, NULL))
		return fail(text, option, err);
	if (__builtin_mul_overflow(ago, (int64_t)1000, &ago) ||
	    __builtin_sub_overflow(pf_now_ms() * 1000, ago, micros))
		return fail(text, option, err);
	return 0;
}

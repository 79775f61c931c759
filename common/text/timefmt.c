/* SPDX-License-Identifier: Apache-2.0
 *
 * The formats that have names: ISO 8601, RFC 3339, epochs.
 */
#include "text/timefmt_impl.h"

#include <string.h>

#include "base/near.h"
#include "base/time.h"

void pf_take_fraction(struct pf_time_cursor *c, struct pf_moment *m)
{
	uint32_t scale = 100000000;
	m->nanos = 0;
	for (; c->p < c->end && pf_is_digit(*c->p); c->p++) {
		m->nanos += (uint32_t)(*c->p - '0') * scale;
		if (!scale && *c->p != '0')
			m->finer = true;
		scale /= 10;
	}
}

bool pf_take_offset(struct pf_time_cursor *c, struct pf_moment *m)
{
	if (c->p == c->end)
		return false;
	m->has_offset = true;
	m->offset = 0;
	if (*c->p == 'Z' || *c->p == 'z') {
		c->p++;
		return true;
	}
	if (*c->p != '+' && *c->p != '-')
		return false;
	int sign = *c->p++ == '-' ? -1 : 1, h, min = 0;
	if (!pf_take_digits(c, 2, 2, &h))
		return false;
	if (c->p < c->end && *c->p == ':') {
		c->p++;
		if (!pf_take_digits(c, 2, 2, &min))
			return false;
	} else if (c->p < c->end && pf_is_digit(*c->p)) {
		if (!pf_take_digits(c, 2, 2, &min))
			return false;
	}
	if (h > 18 || min > 59)
		return false;
	m->offset = sign * (h * 3600 + min * 60);
	return true;
}

/* --- iso and rfc3339 --- */

static const char *read_iso(const char *text, size_t len, bool strict,
			    struct pf_moment *m)
{
	const char *why = "is not a time (Y-m-d H:M:S expected)";
	if (len < 10 || text[4] != '-' || text[7] != '-')
		return why;
	unsigned century = pf_two_digits(text), year = pf_two_digits(text + 2);
	unsigned month = pf_two_digits(text + 5), day = pf_two_digits(text + 8);
	if ((century | year | month | day) >= 512)
		return why;
	year += century * 100;
	if (!pf_civil_valid(year, month, day))
		return "is no date of the calendar";
	m->seconds = pf_days_from_civil(year, month, day) * 86400;
	m->has_date = true;
	if (len == 10)
		return strict ? why : NULL;
	struct pf_time_cursor c = { text + 10, text + len };
	if (*c.p != 'T' && *c.p != ' ' && *c.p != 't')
		return why;
	c.p++;
	int h, min, s = 0;
	if (!pf_take_digits(&c, 2, 2, &h) || !pf_take_char(&c, ':') || !pf_take_digits(&c, 2, 2, &min))
		return why;
	if (c.p < c.end && *c.p == ':') {
		c.p++;
		if (!pf_take_digits(&c, 2, 2, &s))
			return why;
		if (c.p < c.end && (*c.p == '.' || *c.p == ',')) {
			c.p++;
			if (c.p == c.end || !pf_is_digit(*c.p))
				return why;
			pf_take_fraction(&c, m);
		}
	} else if (strict) {
		return why;
	}
	if (h > 23 || min > 59 || s > 60)
		return "is no time of the day";
	m->seconds += h * 3600 + min * 60 + s;
	m->has_time = true;
	if (!strict && c.p < c.end && *c.p == ' ')
		c.p++;
	if (c.p < c.end ? !pf_take_offset(&c, m) || c.p != c.end : strict)
		return strict && c.p == c.end ? "has no offset (rfc3339 needs one)" :
						why;
	return NULL;
}

/* H:M[:S[.f]] alone, for columns of type time. */
static const char *read_iso_clock(const char *text, size_t len,
				  struct pf_moment *m)
{
	struct pf_time_cursor c = { text, text + len };
	int h, min, s = 0;
	if (!pf_take_digits(&c, 1, 2, &h) || !pf_take_char(&c, ':') || !pf_take_digits(&c, 2, 2, &min))
		return "is not a time of the day (H:M:S expected)";
	if (c.p < c.end && *c.p == ':') {
		c.p++;
		if (!pf_take_digits(&c, 2, 2, &s))
			return "is not a time of the day (H:M:S expected)";
		if (pf_take_char(&c, '.'))
			pf_take_fraction(&c, m);
	}
	if (c.p != c.end)
		return "is not a time of the day (H:M:S expected)";
	if (h > 23 || min > 59 || s > 59)
		return "is no time of the day";
	m->seconds = h * 3600 + min * 60 + s;
	m->has_time = true;
	return NULL;
}

/* --- epochs --- */

static const char *read_epoch(unsigned scale_digits, const char *text, size_t len,
			      struct pf_moment *m)
{
	const char *why = "is not a number of seconds (or ms, us, ns) since 1970";
	struct pf_time_cursor c = { text, text + len };
	bool negative = false;
	if (c.p < c.end && (*c.p == '-' || *c.p == '+'))
		negative = *c.p++ == '-';
	/* The number in nanoseconds, digit by digit: 39 digits cannot
	 * overflow 128 bits with 18 taken here and 9 more to come. */
	__extension__ unsigned __int128 nanos = 0;
	int whole = 0;
	for (; c.p < c.end && pf_is_digit(*c.p); c.p++, whole++) {
		if (whole > 19)
			return "is out of range of times";
		nanos = nanos * 10 + (unsigned)(*c.p - '0');
	}
	if (!whole)
		return why;
	int left = 9 - (int)scale_digits;
	bool finer = false;
	if (c.p < c.end && *c.p == '.') {
		c.p++;
		for (; c.p < c.end && pf_is_digit(*c.p); c.p++) {
			if (left > 0) {
				nanos = nanos * 10 + (unsigned)(*c.p - '0');
				left--;
			} else if (*c.p != '0') {
				finer = true;
			}
		}
	}
	/* 1.5211e9 is how some programs write large numbers. */
	if (c.p != c.end)
		return why;
	for (; left > 0; left--)
		nanos *= 10;
	__extension__ const unsigned __int128 second = 1000000000;
	if (nanos / second > (uint64_t)1 << 50)
		return "is out of range of times";
	int64_t seconds = (int64_t)(nanos / second);
	uint32_t rest = (uint32_t)(nanos % second);
	if (negative) {
		seconds = -seconds - (rest > 0);
		rest = rest ? 1000000000 - rest : 0;
	}
	*m = (struct pf_moment){ .seconds = seconds, .nanos = rest, .has_offset = true,
				 .has_date = true, .has_time = true, .finer = finer };
	return NULL;
}

/* --- the formats' names --- */

static const struct {
	const char *name;
	enum pf_timefmt_kind kind;
	uint8_t digits;
} names[] = {
	{ "iso", PF_TIMEFMT_ISO, 0 },	      { "rfc3339", PF_TIMEFMT_RFC3339, 0 },
	{ "epoch_s", PF_TIMEFMT_EPOCH, 0 },   { "epoch_ms", PF_TIMEFMT_EPOCH, 3 },
	{ "epoch_us", PF_TIMEFMT_EPOCH, 6 },  { "epoch_ns", PF_TIMEFMT_EPOCH, 9 },
};
enum { NAMES = sizeof names / sizeof *names };

int pf_timefmt_parse(const char *text, bool need_date, bool need_time, int year,
		     struct pf_timefmt *format, struct pf_error *err)
{
	const char *words[NAMES];
	*format = (struct pf_timefmt){ 0 };
	if (strchr(text, '%')) {
		PF_TRY(pf_time_pattern_check(text, need_date, need_time, year, err));
		format->kind = PF_TIMEFMT_PATTERN;
		format->year = year;
		format->pattern = text;
		return 0;
	}
	for (int i = 0; i < NAMES; i++) {
		words[i] = names[i].name;
		if (!strcmp(text, names[i].name)) {
			format->kind = names[i].kind;
			format->epoch_digits = names[i].digits;
			return 0;
		}
	}
	const char *near = pf_near_of(text, words, NAMES);
	pf_fail(err, PF_E_SCHEMA_FILE, "unknown time format '%s'", text);
	if (near)
		return pf_hint(err, "did you mean '%s'?", near);
	return pf_hint(err, "iso, rfc3339, epoch_s, epoch_ms, epoch_us, epoch_ns, or a "
		       "pattern like '%%d/%%b/%%Y:%%H:%%M:%%S %%z'");
}

const char *pf_timefmt_read(const struct pf_timefmt *format, const char *text,
			    size_t len, struct pf_moment *m)
{
	*m = (struct pf_moment){ 0 };
	switch (format->kind) {
	case PF_TIMEFMT_ISO:
		if (len >= 4 && len < 19 && memchr(text, ':', 3))
			return read_iso_clock(text, len, m);
		return read_iso(text, len, false, m);
	case PF_TIMEFMT_RFC3339:
		return read_iso(text, len, true, m);
	case PF_TIMEFMT_EPOCH:
		return read_epoch(format->epoch_digits, text, len, m);
	default:
		return pf_time_pattern_read(format, text, len, m);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "text/timefmt.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/near.h"
#include "base/time.h"

struct cursor {
	const char *p, *end;
};

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* Between low and high digits (greedy). */
static bool digits(struct cursor *c, int low, int high, int *out)
{
	int n = 0, value = 0;
	while (n < high && c->p < c->end && is_digit(*c->p)) {
		value = value * 10 + (*c->p++ - '0');
		n++;
	}
	*out = value;
	return n >= low;
}

static bool literal(struct cursor *c, char ch)
{
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

static void fraction(struct cursor *c, struct pf_moment *m)
{
	uint32_t scale = 100000000;
	m->nanos = 0;
	for (; c->p < c->end && is_digit(*c->p); c->p++) {
		m->nanos += (uint32_t)(*c->p - '0') * scale;
		if (!scale && *c->p != '0')
			m->finer = true;
		scale /= 10;
	}
}

/* Z, +hh, +hhmm, +hh:mm. */
static bool offset(struct cursor *c, struct pf_moment *m)
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
	if (!digits(c, 2, 2, &h))
		return false;
	if (c->p < c->end && *c->p == ':') {
		c->p++;
		if (!digits(c, 2, 2, &min))
			return false;
	} else if (c->p < c->end && is_digit(*c->p)) {
		if (!digits(c, 2, 2, &min))
			return false;
	}
	if (h > 18 || min > 59)
		return false;
	m->offset = sign * (h * 3600 + min * 60);
	return true;
}

/* --- iso and rfc3339 --- */

/* Two digits at p as a number, or more than 99. */
static unsigned two(const char *p)
{
	unsigned a = (unsigned char)(p[0] - '0'), b = (unsigned char)(p[1] - '0');
	return a > 9 || b > 9 ? 1000 : a * 10 + b;
}

static const char *read_iso(const char *text, size_t len, bool strict,
			    struct pf_moment *m)
{
	const char *why = "is not a time (Y-m-d H:M:S expected)";
	if (len < 10 || text[4] != '-' || text[7] != '-')
		return why;
	unsigned century = two(text), year = two(text + 2);
	unsigned month = two(text + 5), day = two(text + 8);
	if ((century | year | month | day) >= 512)
		return why;
	year += century * 100;
	if (!pf_civil_valid(year, month, day))
		return "is no date of the calendar";
	m->seconds = pf_days_from_civil(year, month, day) * 86400;
	m->has_date = true;
	if (len == 10)
		return strict ? why : NULL;
	struct cursor c = { text + 10, text + len };
	if (*c.p != 'T' && *c.p != ' ' && *c.p != 't')
		return why;
	c.p++;
	int h, min, s = 0;
	if (!digits(&c, 2, 2, &h) || !literal(&c, ':') || !digits(&c, 2, 2, &min))
		return why;
	if (c.p < c.end && *c.p == ':') {
		c.p++;
		if (!digits(&c, 2, 2, &s))
			return why;
		if (c.p < c.end && (*c.p == '.' || *c.p == ',')) {
			c.p++;
			if (c.p == c.end || !is_digit(*c.p))
				return why;
			fraction(&c, m);
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
	if (c.p < c.end ? !offset(&c, m) || c.p != c.end : strict)
		return strict && c.p == c.end ? "has no offset (rfc3339 needs one)" :
						why;
	return NULL;
}

/* H:M[:S[.f]] alone, for columns of type time. */
static const char *read_iso_clock(const char *text, size_t len,
				  struct pf_moment *m)
{
	struct cursor c = { text, text + len };
	int h, min, s = 0;
	if (!digits(&c, 1, 2, &h) || !literal(&c, ':') || !digits(&c, 2, 2, &min))
		return "is not a time of the day (H:M:S expected)";
	if (c.p < c.end && *c.p == ':') {
		c.p++;
		if (!digits(&c, 2, 2, &s))
			return "is not a time of the day (H:M:S expected)";
		if (literal(&c, '.'))
			fraction(&c, m);
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
	struct cursor c = { text, text + len };
	bool negative = false;
	if (c.p < c.end && (*c.p == '-' || *c.p == '+'))
		negative = *c.p++ == '-';
	/* The number in nanoseconds, digit by digit: 39 digits cannot
	 * overflow 128 bits with 18 taken here and 9 more to come. */
	__extension__ unsigned __int128 nanos = 0;
	int whole = 0;
	for (; c.p < c.end && is_digit(*c.p); c.p++, whole++) {
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
		for (; c.p < c.end && is_digit(*c.p); c.p++) {
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

/* --- patterns --- */

static const char *const months[] = { "January", "February", "March",
				      "April", "May", "June", "July",
				      "August", "September", "October",
				      "November", "December" };
static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday",
					"Wednesday", "Thursday", "Friday",
					"Saturday" };

/* A full name or its first three letters, any case. */
static bool name(struct cursor *c, const char *const *names, int n, int *out)
{
	size_t left = (size_t)(c->end - c->p);
	for (int i = 0; i < n; i++) {
		size_t full = strlen(names[i]);
		if (left >= full && !strncasecmp(c->p, names[i], full)) {
			c->p += full;
			*out = i;
			return true;
		}
	}
	for (int i = 0; i < n; i++)
		if (left >= 3 && !strncasecmp(c->p, names[i], 3)) {
			c->p += 3;
			*out = i;
			return true;
		}
	return false;
}

struct fields {
	int year, month, day, yday, hour, hour12, pm, minute, second;
	bool has_year, has_month, has_day, has_yday, has_hour, has_hour12,
		has_epoch;
	int64_t epoch;
};

/* The conversions that stand for several. */
static const char *expanded(char conversion)
{
	switch (conversion) {
	case 'T':
		return "%H:%M:%S";
	case 'R':
		return "%H:%M";
	case 'D':
		return "%m/%d/%y";
	case 'F':
		return "%Y-%m-%d";
	default:
		return NULL;
	}
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool conversion(char what, struct cursor *c, struct fields *f,
		       struct pf_moment *m)
{
	int n;
	switch (what) {
	case 'Y':
		f->has_year = true;
		return digits(c, 4, 4, &f->year);
	case 'y':
		f->has_year = true;
		if (!digits(c, 2, 2, &f->year))
			return false;
		f->year += f->year < 69 ? 2000 : 1900;
		return true;
	case 'm':
		f->has_month = true;
		return digits(c, 1, 2, &f->month);
	case 'b':
	case 'B':
	case 'h':
		f->has_month = true;
		if (!name(c, months, 12, &f->month))
			return false;
		f->month++;
		return true;
	case 'e':
		skip_blanks(c);
		/* fall through */
	case 'd':
		f->has_day = true;
		return digits(c, 1, 2, &f->day);
	case 'j':
		f->has_yday = true;
		return digits(c, 1, 3, &f->yday);
	case 'k':
		skip_blanks(c);
		/* fall through */
	case 'H':
		f->has_hour = true;
		return digits(c, 1, 2, &f->hour);
	case 'l':
		skip_blanks(c);
		/* fall through */
	case 'I':
		f->has_hour12 = true;
		return digits(c, 1, 2, &f->hour12) && f->hour12 >= 1 &&
		       f->hour12 <= 12;
	case 'p':
		if (c->end - c->p < 2 || (c->p[1] != 'M' && c->p[1] != 'm'))
			return false;
		f->pm = toupper((unsigned char)c->p[0]) == 'P';
		n = f->pm || toupper((unsigned char)c->p[0]) == 'A';
		c->p += 2;
		return n;
	case 'M':
		return digits(c, 1, 2, &f->minute);
	case 'S':
		return digits(c, 1, 2, &f->second);
	case 'f':
		if (c->p == c->end || !is_digit(*c->p))
			return false;
		fraction(c, m);
		return true;
	case 'z':
		return offset(c, m);
	case 'Z':
		for (n = 3; n >= 1; n -= 2) {
			const char *const zones[] = { "Z", "UTC", "GMT" };
			for (int i = 0; i < 3; i++)
				if ((int)strlen(zones[i]) == n && c->end - c->p >= n &&
				    !strncmp(c->p, zones[i], (size_t)n)) {
					c->p += n;
					m->has_offset = true;
					m->offset = 0;
					return true;
				}
		}
		return false;
	case 'a':
	case 'A':
		return name(c, weekdays, 7, &n);
	case 's': {
		bool negative = literal(c, '-');
		int count = 0;
		f->epoch = 0;
		while (c->p < c->end && is_digit(*c->p) && count++ < 15)
			f->epoch = f->epoch * 10 + (*c->p++ - '0');
		if (negative)
			f->epoch = -f->epoch;
		f->has_epoch = true;
		return count > 0;
	}
	case 'n':
	case 't':
		skip_blanks(c);
		return true;
	case '%':
		return literal(c, '%');
	default:
		return false;
	}
}

/* Depth: patterns expand into plain ones, once. */
static bool match(const char *pattern, struct cursor *c, struct fields *f,
		  struct pf_moment *m)
{
	for (const char *p = pattern; *p; p++) {
		if (*p == ' ') {
			if (c->p == c->end || (*c->p != ' ' && *c->p != '\t'))
				return false;
			skip_blanks(c);
		} else if (*p != '%') {
			if (!literal(c, *p))
				return false;
		} else {
			const char *inner = expanded(*++p);
			if (inner ? !match(inner, c, f, m) : !conversion(*p, c, f, m))
				return false;
		}
	}
	return true;
}

static const char *read_pattern(const char *pattern, const char *text, size_t len,
				struct pf_moment *m, int given_year)
{
	struct cursor c = { text, text + len };
	struct fields f = { .pm = -1 };
	if (!match(pattern, &c, &f, m) || c.p != c.end)
		return "does not match the column's time format";
	if (f.has_epoch) {
		m->seconds = f.epoch;
		m->has_offset = m->has_date = m->has_time = true;
		m->offset = 0;
		return NULL;
	}
	if (f.has_hour12) {
		f.hour = f.hour12 % 12 + (f.pm == 1 ? 12 : 0);
		f.has_hour = true;
	}
	if (f.hour > 23 || f.minute > 59 || f.second > 60)
		return "is no time of the day";
	m->seconds = f.hour * 3600 + f.minute * 60 + f.second;
	m->has_time = f.has_hour;
	if (!f.has_year && given_year) {
		f.year = given_year;
		f.has_year = true;
	}
	if (f.has_year && f.has_yday) {
		bool leap = pf_civil_valid(f.year, 2, 29);
		if (f.yday < 1 || f.yday > 365 + leap)
			return "is no date of the calendar";
		m->seconds += (pf_days_from_civil(f.year, 1, 1) + f.yday - 1) * 86400;
		m->has_date = true;
	} else if (f.has_year && f.has_month) {
		if (!f.has_day)
			f.day = 1;
		if (!pf_civil_valid(f.year, (unsigned)f.month, (unsigned)f.day))
			return "is no date of the calendar";
		m->seconds += pf_days_from_civil(f.year, (unsigned)f.month,
						 (unsigned)f.day) * 86400;
		m->has_date = true;
	}
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

/* Which letters a pattern has, with the compound ones taken apart. */
static int pattern_letters(const char *text, const char *pattern, bool *seen,
			   struct pf_error *err)
{
	for (const char *p = pattern; *p; p++) {
		if (*p != '%')
			continue;
		const char *inner = expanded(*++p);
		if (inner) {
			PF_TRY(pattern_letters(text, inner, seen, err));
			continue;
		}
		if (!*p || !strchr("YymbBhedjkHlIpMSfzZaAsnt%", *p)) {
			char shown[8];
			pf_quote(shown, sizeof shown, p, *p ? 1 : 0);
			pf_fail(err, PF_E_SCHEMA_FILE,
				"unknown conversion '%%%s' in the time format '%s'",
				shown, text);
			return pf_hint(err, "%%Y %%m %%d %%H %%I %%p %%M %%S %%f %%b "
					    "%%B %%e %%j %%y %%z %%Z %%T %%D %%F %%R "
					    "%%a %%A %%s %%%%");
		}
		seen[(unsigned char)*p] = true;
	}
	return 0;
}

static int check_pattern(const char *text, bool need_date, bool need_time,
			 int given_year, struct pf_error *err)
{
	bool seen[256] = { false };
	PF_TRY(pattern_letters(text, text, seen, err));
	if (seen['s'])
		return 0;
	bool year = seen['Y'] || seen['y'];
	bool month = seen['m'] || seen['b'] || seen['B'] || seen['h'];
	if (year && given_year)
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the time format '%s' has a year, and 'year' gives another",
			       text);
	if (need_date && !year && !given_year) {
		pf_fail(err, PF_E_SCHEMA_FILE, "the time format '%s' has no year", text);
		return pf_hint(err, "'year: 2024' beside the format says which it is");
	}
	if (need_date && !month && !seen['j'])
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the time format '%s' has no month", text);
	if (need_time && !seen['H'] && !seen['k'] && !seen['I'] && !seen['l'])
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the time format '%s' has no hour", text);
	if ((seen['I'] || seen['l']) && !seen['p'])
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the time format '%s' has %%I without %%p", text);
	return 0;
}

int pf_timefmt_parse(const char *text, bool need_date, bool need_time, int year,
		     struct pf_timefmt *format, struct pf_error *err)
{
	const char *words[NAMES];
	*format = (struct pf_timefmt){ 0 };
	if (strchr(text, '%')) {
		PF_TRY(check_pattern(text, need_date, need_time, year, err));
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
		return read_pattern(format->pattern, text, len, m, format->year);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Times by a pattern of strptime's conversions.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "text/timefmt_impl.h"

static const char *const months[] = { "January", "February", "March",
				      "April", "May", "June", "July",
				      "August", "September", "October",
				      "November", "December" };
static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday",
					"Wednesday", "Thursday", "Friday",
					"Saturday" };

/* A full name or its first three letters, any case. */
static bool name(struct pf_time_cursor *c, const char *const *names, int n, int *out)
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

static void skip_blanks(struct pf_time_cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool date_part(char what, struct pf_time_cursor *c, struct fields *f)
{
	switch (what) {
	case 'Y':
		f->has_year = true;
		return pf_take_digits(c, 4, 4, &f->year);
	case 'y':
		f->has_year = true;
		if (!pf_take_digits(c, 2, 2, &f->year))
			return false;
		f->year += f->year < 69 ? 2000 : 1900;
		return true;
	case 'm':
		f->has_month = true;
		return pf_take_digits(c, 1, 2, &f->month);
	case 'b':
	case 'B':
	case 'h':
		f->has_month = true;
		if (!name(c, months, 12, &f->month))
			return false;
		f->month++;
		return true;
	case 'j':
		f->has_yday = true;
		return pf_take_digits(c, 1, 3, &f->yday);
	default: /* d, e */
		if (what == 'e')
			skip_blanks(c);
		f->has_day = true;
		return pf_take_digits(c, 1, 2, &f->day);
	}
}

static bool am_or_pm(struct pf_time_cursor *c, struct fields *f)
{
	if (c->end - c->p < 2 || toupper((unsigned char)c->p[1]) != 'M')
		return false;
	int first = toupper((unsigned char)c->p[0]);
	f->pm = first == 'P';
	c->p += 2;
	return first == 'P' || first == 'A';
}

static bool clock_part(char what, struct pf_time_cursor *c, struct fields *f)
{
	if (what == 'k' || what == 'l')
		skip_blanks(c);
	switch (what) {
	case 'H':
	case 'k':
		f->has_hour = true;
		return pf_take_digits(c, 1, 2, &f->hour);
	case 'I':
	case 'l':
		f->has_hour12 = true;
		return pf_take_digits(c, 1, 2, &f->hour12) && f->hour12 >= 1 &&
		       f->hour12 <= 12;
	case 'M':
		return pf_take_digits(c, 1, 2, &f->minute);
	case 'S':
		return pf_take_digits(c, 1, 2, &f->second);
	default: /* p */
		return am_or_pm(c, f);
	}
}

static bool zone_name(struct pf_time_cursor *c, struct pf_moment *m)
{
	static const char *const zones[] = { "UTC", "GMT", "Z" };
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		size_t n = strlen(zones[i]);
		if ((size_t)(c->end - c->p) < n || strncmp(c->p, zones[i], n) != 0)
			continue;
		c->p += n;
		m->has_offset = true;
		m->offset = 0;
		return true;
	}
	return false;
}

static bool epoch(struct pf_time_cursor *c, struct fields *f)
{
	enum { MOST_DIGITS = 15 };
	bool negative = pf_take_char(c, '-');
	int count = 0;
	f->epoch = 0;
	for (; c->p < c->end && pf_is_digit(*c->p) && count < MOST_DIGITS; count++)
		f->epoch = f->epoch * 10 + (*c->p++ - '0');
	if (negative)
		f->epoch = -f->epoch;
	f->has_epoch = true;
	return count > 0;
}

static bool conversion(char what, struct pf_time_cursor *c, struct fields *f,
		       struct pf_moment *m)
{
	int unused;
	switch (what) {
	case 'Y': case 'y': case 'm': case 'b': case 'B': case 'h': case 'd': case 'e':
	case 'j':
		return date_part(what, c, f);
	case 'H': case 'k': case 'I': case 'l': case 'p': case 'M': case 'S':
		return clock_part(what, c, f);
	case 'f':
		if (c->p == c->end || !pf_is_digit(*c->p))
			return false;
		pf_take_fraction(c, m);
		return true;
	case 'z':
		return pf_take_offset(c, m);
	case 'Z':
		return zone_name(c, m);
	case 'a': case 'A':
		return name(c, weekdays, 7, &unused);
	case 's':
		return epoch(c, f);
	case 'n': case 't':
		skip_blanks(c);
		return true;
	case '%':
		return pf_take_char(c, '%');
	default:
		return false;
	}
}

/* Depth: patterns expand into plain ones, once. */
static bool match(const char *pattern, struct pf_time_cursor *c, struct fields *f,
		  struct pf_moment *m)
{
	for (const char *p = pattern; *p; p++) {
		if (*p == ' ') {
			if (c->p == c->end || (*c->p != ' ' && *c->p != '\t'))
				return false;
			skip_blanks(c);
		} else if (*p != '%') {
			if (!pf_take_char(c, *p))
				return false;
		} else {
			const char *inner = expanded(*++p);
			if (inner ? !match(inner, c, f, m) : !conversion(*p, c, f, m))
				return false;
		}
	}
	return true;
}

const char *pf_time_pattern_read(const struct pf_timefmt *format, const char *text,
				 size_t len, struct pf_moment *m)
{
	struct pf_time_cursor c = { text, text + len };
	struct fields f = { .pm = -1 };
	if (!match(format->pattern, &c, &f, m) || c.p != c.end)
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
	if (!f.has_year && format->year) {
		f.year = format->year;
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

/* --- is it a pattern? --- */

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

int pf_time_pattern_check(const char *text, bool need_date, bool need_time, int given_year,
			  struct pf_error *err)
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

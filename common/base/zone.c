/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/time.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo"

enum { DAY = 86400, LARGEST_FILE = 1 << 20, LONGEST_NAME = 128 };

/* When a POSIX rule switches: Mm.w.d, Jn or n, at a second of that day. */
struct rule_date {
	char kind; /* 'M', 'J', '0' */
	int month, week, day;
	int32_t second;
};

/* The footer: standard time, and daylight saving time if there is any. */
struct rule {
	bool used, has_dst;
	int32_t standard, daylight;
	struct rule_date begin, end;
};

struct pf_zone {
	char *name;
	bool fixed;
	int32_t first; /* offset before the first transition; the fixed one */
	size_t n;
	int64_t *at;      /* transitions, instants, ascending */
	int32_t *offsets; /* from that instant on */
	struct rule rule; /* beyond the last transition */
};

/* --- the POSIX rule of the footer: CET-1CEST,M3.5.0,M10.5.0/3 --- */

static bool rule_name(const char **p)
{
	const char *s = *p;
	if (*s == '<') {
		while (*s && *s != '>')
			s++;
		if (*s != '>')
			return false;
		*p = s + 1;
		return true;
	}
	while (isalpha((unsigned char)*s))
		s++;
	bool enough = s - *p >= 3;
	*p = s;
	return enough;
}

static bool rule_number(const char **p, int low, int high, int *out)
{
	int n = 0, digits = 0;
	while (isdigit((unsigned char)**p) && digits < 4) {
		n = n * 10 + (**p - '0');
		(*p)++;
		digits++;
	}
	*out = n;
	return digits && n >= low && n <= high;
}

/* [+-]h[h][:mm[:ss]], hours up to 167 as RFC 8536 allows. */
static bool rule_clock(const char **p, int32_t *out)
{
	int sign = 1, h, m = 0, s = 0;
	if (**p == '+' || **p == '-')
		sign = *(*p)++ == '-' ? -1 : 1;
	if (!rule_number(p, 0, 167, &h))
		return false;
	if (**p == ':' && ((*p)++, !rule_number(p, 0, 59, &m)))
		return false;
	if (**p == ':' && ((*p)++, !rule_number(p, 0, 59, &s)))
		return false;
	*out = sign * (h * 3600 + m * 60 + s);
	return true;
}

static bool rule_date(const char **p, struct rule_date *d)
{
	d->second = 7200;
	if (*(*p)++ != ',')
		return false;
	if (**p == 'M') {
		(*p)++;
		d->kind = 'M';
		if (!rule_number(p, 1, 12, &d->month) || *(*p)++ != '.' ||
		    !rule_number(p, 1, 5, &d->week) || *(*p)++ != '.' ||
		    !rule_number(p, 0, 6, &d->day))
			return false;
	} else {
		d->kind = **p == 'J' ? 'J' : '0';
		*p += d->kind == 'J';
		if (!rule_number(p, d->kind == 'J', 365, &d->day))
			return false;
	}
	if (**p == '/') {
		(*p)++;
		return rule_clock(p, &d->second);
	}
	return true;
}

static bool rule_parse(const char *p, struct rule *r)
{
	if (!*p)
		return true;
	if (!rule_name(&p) || !rule_clock(&p, &r->standard))
		return false;
	/* POSIX counts west of UTC. */
	r->standard = -r->standard;
	r->used = true;
	if (!*p)
		return true;
	r->has_dst = true;
	r->daylight = r->standard + 3600;
	if (!rule_name(&p))
		return false;
	if (*p != ',') {
		if (!rule_clock(&p, &r->daylight))
			return false;
		r->daylight = -r->daylight;
	}
	return rule_date(&p, &r->begin) && rule_date(&p, &r->end) && !*p;
}

/* Wall clock seconds since 1970 at which the date falls in a year. */
static int64_t rule_moment(const struct rule_date *d, int64_t year)
{
	int64_t days = pf_days_from_civil(year, 1, 1);
	if (d->kind == '0') {
		days += d->day;
	} else if (d->kind == 'J') {
		/* Day 60 is 1 March in every year. */
		days += d->day - 1 + (d->day >= 60 && pf_civil_valid(year, 2, 29));
	} else {
		int64_t first = pf_days_from_civil(year, (unsigned)d->month, 1);
		int64_t weekday = pf_floor_mod(first + 4, 7);
		int64_t day = first + pf_floor_mod(d->day - weekday, 7) +
			      7 * (d->week - 1);
		int64_t next = d->month == 12 ?
				       pf_days_from_civil(year + 1, 1, 1) :
				       pf_days_from_civil(year, (unsigned)d->month + 1, 1);
		days = day >= next ? day - 7 : day;
	}
	return days * DAY + d->second;
}

static int32_t rule_offset(const struct rule *r, int64_t utc)
{
	if (!r->has_dst)
		return r->standard;
	int64_t year;
	unsigned month, day;
	pf_civil_from_days(pf_floor_div(utc + r->standard, DAY), &year, &month, &day);
	int64_t begin = rule_moment(&r->begin, year) - r->standard;
	int64_t end = rule_moment(&r->end, year) - r->daylight;
	bool dst = begin < end ? utc >= begin && utc < end :
				 utc >= begin || utc < end;
	return dst ? r->daylight : r->standard;
}

/* --- TZif --- */

static int32_t be32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
			 (uint32_t)p[2] << 8 | p[3]);
}

static int64_t be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)(uint32_t)be32(p) << 32 |
			 (uint32_t)be32(p + 4));
}

enum { HEADER = 44 };

struct counts {
	size_t isut, isstd, leap, time, type, chars;
};

static bool tz_header(const uint8_t *p, size_t len, struct counts *c)
{
	if (len < HEADER || memcmp(p, "TZif", 4))
		return false;
	const size_t limit = 1 << 16;
	size_t *fields[] = { &c->isut, &c->isstd, &c->leap,
			     &c->time, &c->type,  &c->chars };
	for (size_t i = 0; i < 6; i++) {
		*fields[i] = (uint32_t)be32(p + 20 + 4 * i);
		if (*fields[i] > limit)
			return false;
	}
	return c->type > 0;
}

static size_t tz_body(const struct counts *c, size_t width)
{
	return c->time * width + c->time + c->type * 6 + c->chars +
	       c->leap * (width + 4) + c->isstd + c->isut;
}

/* Version 2 and later: skip the 32-bit body, read the 64-bit one. */
static bool tz_parse(const uint8_t *p, size_t len, struct pf_zone *z)
{
	struct counts c;
	if (!tz_header(p, len, &c) || p[4] < '2')
		return false;
	size_t skip = HEADER + tz_body(&c, 4);
	if (skip > len || !tz_header(p + skip, len - skip, &c))
		return false;
	p += skip + HEADER;
	len -= skip + HEADER;
	size_t body = tz_body(&c, 8);
	if (body > len)
		return false;
	const uint8_t *index = p + c.time * 8, *types = index + c.time;
	z->at = pf_alloc(c.time + 1, sizeof *z->at);
	z->offsets = pf_alloc(c.time + 1, sizeof *z->offsets);
	z->first = be32(types);
	for (size_t i = 0; i < c.time; i++) {
		if (index[i] >= c.type)
			return false;
		z->at[i] = be64(p + 8 * i);
		z->offsets[i] = be32(types + 6 * index[i]);
		if (i && z->at[i] <= z->at[i - 1])
			return false;
	}
	z->n = c.time;
	/* The footer: newline, rule, newline. */
	const char *foot = (const char *)p + body;
	size_t left = len - body;
	const char *stop = left > 1 ? memchr(foot + 1, '\n', left - 1) : NULL;
	if (!left || foot[0] != '\n' || !stop)
		return false;
	char *text = pf_strndup(foot + 1, (size_t)(stop - foot - 1));
	bool ok = rule_parse(text, &z->rule);
	free(text);
	return ok;
}

/* --- names --- */

/* +hh, +hhmm, +hh:mm, optionally behind "UTC". */
static bool fixed_offset(const char *s, int32_t *offset)
{
	if (!strncmp(s, "UTC", 3) && s[3])
		s += 3;
	if (*s != '+' && *s != '-')
		return false;
	int sign = *s == '-' ? -1 : 1;
	int digit[4] = { 0 }, n = 0;
	for (s++; *s; s++) {
		if (*s == ':' && n == 2 && s[1])
			continue;
		if (!isdigit((unsigned char)*s) || n == 4)
			return false;
		digit[n++] = *s - '0';
	}
	int hours = digit[0] * 10 + digit[1], minutes = digit[2] * 10 + digit[3];
	if ((n != 2 && n != 4) || hours > 18 || minutes > 59)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* A name must not lead out of the directory. */
static bool plausible(const char *name)
{
	size_t len = strlen(name);
	if (!len || len > LONGEST_NAME || name[0] == '/' || name[0] == '.' ||
	    strstr(name, ".."))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_+-/.", *p))
			return false;
	return true;
}

static int load(const char *name, struct pf_zone *z)
{
	char path[sizeof ZONE_DIRECTORY + LONGEST_NAME + 2];
	struct pf_buf bytes = { 0 };
	struct pf_error ignored;
	snprintf(path, sizeof path, "%s/%s", ZONE_DIRECTORY, name);
	int code = pf_read_file(path, LARGEST_FILE, &bytes, &ignored);
	if (!code && !tz_parse(bytes.data, bytes.len, z))
		code = PF_E_SCHEMA_FILE;
	pf_buf_free(&bytes);
	return code;
}

int pf_zone_open(const char *name, struct pf_zone **zone, struct pf_error *err)
{
	if (!name || !*name)
		name = "UTC";
	struct pf_zone *z = pf_zalloc(1, sizeof *z);
	z->name = pf_strdup(name);
	*zone = z;
	if (!strcmp(name, "UTC") || !strcmp(name, "Z") || !strcmp(name, "GMT") ||
	    !strcmp(name, "Etc/UTC")) {
		z->fixed = true;
		return 0;
	}
	if (fixed_offset(name, &z->first)) {
		z->fixed = true;
		return 0;
	}
	if (plausible(name) && !load(name, z)) {
		z->fixed = !z->n && !z->rule.has_dst;
		if (z->fixed && z->rule.used)
			z->first = z->rule.standard;
		return 0;
	}
	char shown[160];
	pf_quote(shown, sizeof shown, name, strlen(name));
	pf_zone_close(z);
	*zone = NULL;
	pf_fail(err, PF_E_SCHEMA_FILE, "unknown time zone '%s'", shown);
	if (access(ZONE_DIRECTORY "/Europe", R_OK))
		return pf_hint(err, "no time zones in " ZONE_DIRECTORY
				    ": is tzdata installed? UTC and +02:00 work without");
	return pf_hint(err, "UTC, an offset like +02:00, or a name like Europe/Zurich");
}

void pf_zone_close(struct pf_zone *zone)
{
	if (!zone)
		return;
	free(zone->name);
	free(zone->at);
	free(zone->offsets);
	free(zone);
}

const char *pf_zone_name(const struct pf_zone *zone)
{
	return zone->name;
}

bool pf_zone_fixed(const struct pf_zone *zone, int32_t *offset)
{
	if (zone->fixed && offset)
		*offset = zone->first;
	return zone->fixed;
}

int32_t pf_zone_offset(const struct pf_zone *z, int64_t utc)
{
	if (z->fixed)
		return z->first;
	if (!z->n || utc < z->at[0])
		return z->first;
	if (utc >= z->at[z->n - 1] && z->rule.used)
		return rule_offset(&z->rule, utc);
	size_t low = 0, high = z->n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (z->at[middle] <= utc)
			low = middle;
		else
			high = middle;
	}
	return z->offsets[low];
}

int64_t pf_zone_to_wall(const struct pf_zone *zone, int64_t utc)
{
	return utc + pf_zone_offset(zone, utc);
}

int64_t pf_zone_to_utc(const struct pf_zone *zone, int64_t wall)
{
	if (zone->fixed)
		return wall - zone->first;
	/* The offsets in force safely before and after decide: in a fold both
	 * fit and the one before is meant; in a gap neither fits and the one
	 * before moves the time forward by the gap. */
	int32_t before = pf_zone_offset(zone, wall - DAY);
	int32_t after = pf_zone_offset(zone, wall + DAY);
	if (before == after) {
		/* Two changes within two days are not a thing to care for, but
		 * a plain answer must be consistent. */
		return wall - before;
	}
	if (pf_zone_offset(zone, wall - before) == before)
		return wall - before;
	if (pf_zone_offset(zone, wall - after) == after)
		return wall - after;
	return wall - before;
}

size_t pf_zone_format_offset(char *out, int32_t offset)
{
	if (!offset) {
		memcpy(out, "Z", 2);
		return 1;
	}
	int32_t a = offset < 0 ? -offset : offset;
	char sign = offset < 0 ? '-' : '+';
	if (a % 60)
		return (size_t)snprintf(out, 16, "%c%02d:%02d:%02d", sign, a / 3600,
					a / 60 % 60, a % 60);
	return (size_t)snprintf(out, 16, "%c%02d:%02d", sign, a / 3600, a / 60 % 60);
}

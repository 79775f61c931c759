/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates and times out of texts and epoch numbers: a moment becomes what the column
 * keeps, in its zone, with its digits, within the years that every engine prints.
 */
#include "text/value.h"

#include <string.h>

#include "base/time.h"
#include "text/timefmt_impl.h"

/* 0001-01-01 and 10000-01-01 in seconds since 1970: what every engine can
 * print, and what dt sorts as text. */
static const int64_t first_second = -62135596800, end_second = 253402300800;

static const char *append_time(struct pf_conv *c, struct pf_colbuf *out,
			       const struct pf_moment *m)
{
	static const uint32_t unit[] = { 1000000000, 100000000, 10000000, 1000000 };
	if (!m->has_time)
		return "has no time of the day";
	unsigned p = c->type.precision > 3 ? 3 : c->type.precision;
	if ((m->nanos % unit[p] || m->finer) && !c->round_down)
		return "has more digits than the column keeps (round: down drops them)";
	int64_t of_day = pf_floor_mod(m->seconds, 86400);
	uint32_t nanos = m->nanos - m->nanos % unit[p];
	pf_col_i32(out, (int32_t)(of_day * 1000 + nanos / 1000000));
	return NULL;
}

static const char *append_moment(struct pf_conv *c, struct pf_colbuf *out,
				 const struct pf_moment *m)
{
	if (c->kind == PF_TIME)
		return append_time(c, out, m);
	if (!m->has_date)
		return "has no date";
	int64_t s = m->seconds;
	if (c->kind == PF_TIMESTAMP_LTZ)
		s = m->has_offset ? s - m->offset : pf_zone_to_utc(c->zone, s);
	else if (m->has_offset && c->in_utc)
		s -= m->offset;
	else if (m->has_offset)
		s = pf_zone_to_wall(c->table_zone, s - m->offset);
	else if (!c->same_zone && (m->has_time || c->kind != PF_DATE))
		s = pf_zone_to_wall(c->table_zone, pf_zone_to_utc(c->zone, s));
	if (s < first_second || s >= end_second)
		return "is out of range of times (years 1 to 9999)";
	if (c->kind == PF_DATE) {
		int64_t day = pf_floor_div(s, 86400);
		if ((s != day * 86400 || m->nanos || m->finer) && !c->round_down)
			return "has a time of the day, the column keeps dates (round: down drops it)";
		pf_col_i32(out, (int32_t)day);
		return NULL;
	}
	int64_t units = pf_type_units(c->type), value = s * units;
	if (m->nanos || m->finer) {
		static const uint32_t unit[] = { 1000000000, 100000000, 10000000,
						 1000000,    100000,    10000,
						 1000 };
		uint32_t rest = m->nanos % unit[c->type.precision];
		if ((rest || m->finer) && !c->round_down)
			return "has more digits than the column keeps (round: down drops them)";
		value += (m->nanos - rest) / (uint32_t)(1000000000 / units);
	}
	pf_col_i64(out, value);
	return NULL;
}

/* "2024-01-31T10:05:03" with .fff or Z or neither, the date as in the row
 * before: nearly all rows of nearly all logs. False: take the long way. */
static bool quick_iso(const struct pf_conv *c, const char *p, size_t len,
		      struct pf_moment *m)
{
	if (len < 19 || memcmp(p, c->last_date, 10) ||
	    (p[10] != 'T' && p[10] != ' ') || p[13] != ':' || p[16] != ':')
		return false;
	unsigned h = pf_two_digits(p + 11), min = pf_two_digits(p + 14), s = pf_two_digits(p + 17);
	if (h > 23 || min > 59 || s > 59)
		return false;
	uint32_t nanos = 0;
	size_t at = 19;
	if (at < len && p[at] == '.') {
		uint32_t scale = 100000000;
		for (at++; at < len && scale; at++, scale /= 10) {
			unsigned digit = (unsigned char)(p[at] - '0');
			if (digit > 9)
				break;
			nanos += digit * scale;
		}
		if (at == 20)
			return false;
	}
	bool utc = at < len && p[at] == 'Z';
	if (at + utc != len)
		return false;
	*m = (struct pf_moment){
		.seconds = c->last_day_seconds + h * 3600 + min * 60 + s,
		.nanos = nanos,
		.has_offset = utc,
		.has_date = true,
		.has_time = true,
	};
	return utc || c->format.kind != PF_TIMEFMT_RFC3339;
}

const char *pf_conv_append_time(struct pf_conv *c, struct pf_colbuf *out,
				const char *text, size_t len)
{
	struct pf_moment m;
	if (c->format.kind <= PF_TIMEFMT_RFC3339 && c->kind != PF_TIME) {
		if (quick_iso(c, text, len, &m))
			return append_moment(c, out, &m);
		const char *why = pf_timefmt_read(&c->format, text, len, &m);
		if (why)
			return why;
		if (m.has_date) {
			memcpy(c->last_date, text, 10);
			c->last_day_seconds = pf_floor_div(m.seconds, 86400) * 86400;
			/* A leap second can carry into the next day. */
			if (len >= 19 && !memcmp(text + 17, "60", 2))
				c->last_date[0] = '\0';
		}
		return append_moment(c, out, &m);
	}
	const char *why = pf_timefmt_read(&c->format, text, len, &m);
	return why ? why : append_moment(c, out, &m);
}

const char *pf_conv_append_epoch(struct pf_conv *c, struct pf_colbuf *out,
				 int64_t value)
{
	static const int64_t per_second[] = { 1, 0, 0, 1000, 0, 0, 1000000, 0, 0,
					      1000000000 };
	int64_t units = per_second[c->format.epoch_digits];
	int64_t seconds = pf_floor_div(value, units);
	const struct pf_moment m = {
		.seconds = seconds,
		.nanos = (uint32_t)((value - seconds * units) * (1000000000 / units)),
		.has_offset = true,
		.has_date = true,
		.has_time = true,
	};
	if (seconds < first_second || seconds >= end_second)
		return "is out of range of times (years 1 to 9999)";
	return append_moment(c, out, &m);
}

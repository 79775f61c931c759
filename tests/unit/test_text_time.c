/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <time.h>

#include "base/time.h"
#include "base/zone.h"
#include "text/timefmt.h"

/* What a text says, as one line: [wall][.nanos][offset], or why not. */
static const char *said(const char *format, const char *text)
{
	static char out[128];
	struct pf_timefmt f;
	struct pf_moment m;
	struct pf_error err = { 0 };
	if (pf_timefmt_parse(format, false, false, 0, &f, &err))
		return "bad format";
	const char *why = pf_timefmt_read(&f, text, strlen(text), &m);
	if (why)
		return why;
	char *p = out;
	if (m.has_date)
		p += pf_format_timestamp(p, m.seconds, 1, 0);
	else
		p += sprintf(p, "%lld", (long long)m.seconds);
	if (m.nanos)
		p += sprintf(p, ".%09u", m.nanos);
	if (m.has_offset)
		p += sprintf(p, "%+d", m.offset);
	if (m.finer)
		p += sprintf(p, "finer");
	return out;
}

TEST(iso)
{
	CHECK_STR(said("iso", "2024-01-31T10:05:03"), "2024-01-31T10:05:03");
	CHECK_STR(said("iso", "2024-01-31 10:05:03.5"), "2024-01-31T10:05:03.500000000");
	CHECK_STR(said("iso", "2024-01-31 10:05"), "2024-01-31T10:05:00");
	CHECK_STR(said("iso", "2024-01-31"), "2024-01-31T00:00:00");
	CHECK_STR(said("iso", "2024-01-31T10:05:03Z"), "2024-01-31T10:05:03+0");
	CHECK_STR(said("iso", "2024-01-31T10:05:03-07:00"), "2024-01-31T10:05:03-25200");
	CHECK_STR(said("iso", "2024-01-31 10:05:03.123456789 +0530"),
		  "2024-01-31T10:05:03.123456789+19800");
	CHECK_STR(said("iso", "2024-01-31T10:05:03.1234567891Z"),
		  "2024-01-31T10:05:03.123456789+0finer");
	CHECK_STR(said("iso", "2016-12-31T23:59:60Z"), "2017-01-01T00:00:00+0");
	CHECK_STR(said("iso", "2023-02-29"), "is no date of the calendar");
	CHECK_STR(said("iso", "2024-01-31T24:00:00"), "is no time of the day");
	CHECK_STR(said("iso", "2024-01-31T10:05:03x"),
		  "is not a time (Y-m-d H:M:S expected)");
	CHECK_STR(said("iso", "2024-1-31"), "is not a time (Y-m-d H:M:S expected)");
	CHECK_STR(said("rfc3339", "2024-01-31T10:05:03"),
		  "has no offset (rfc3339 needs one)");
	CHECK_STR(said("rfc3339", "2024-01-31T10:05:03+01:00"), "2024-01-31T10:05:03+3600");
}

TEST(epochs)
{
	CHECK_STR(said("epoch_s", "1521911720.865716"),
		  "2018-03-24T17:15:20.865716000+0");
	CHECK_STR(said("epoch_ms", "1533101250000"), "2018-08-01T05:27:30+0");
	CHECK_STR(said("epoch_ms", "1533101250000.25"), "2018-08-01T05:27:30.000250000+0");
	CHECK_STR(said("epoch_us", "-1"), "1969-12-31T23:59:59.999999000+0");
	CHECK_STR(said("epoch_ns", "1"), "1970-01-01T00:00:00.000000001+0");
	CHECK_STR(said("epoch_s", "12x"),
		  "is not a number of seconds (or ms, us, ns) since 1970");
	CHECK_STR(said("epoch_s", "999999999999999999999"), "is out of range of times");
}

TEST(patterns)
{
	CHECK_STR(said("%d/%b/%Y:%H:%M:%S %z", "17/May/2015:10:05:03 +0000"),
		  "2015-05-17T10:05:03+0");
	CHECK_STR(said("%Y %b %e %T", "2017 Mar  7 13:06:56"), "2017-03-07T13:06:56");
	CHECK_STR(said("%m-%d-%Y %H:%M", "04-21-1991 9:09"), "1991-04-21T09:09:00");
	CHECK_STR(said("%m-%d-%Y %H:%M", "06-31-1991 9:09"), "is no date of the calendar");
	CHECK_STR(said("%A, %d %B %y %I:%M %p", "Sunday, 01 February 70 12:30 AM"),
		  "1970-02-01T00:30:00");
	CHECK_STR(said("%D %I%p", "02/01/68 12PM"), "2068-02-01T12:00:00");
	CHECK_STR(said("%F %T.%f", "2024-01-31 10:05:03.25"),
		  "2024-01-31T10:05:03.250000000");
	CHECK_STR(said("%Y-%j", "2024-366"), "2024-12-31T00:00:00");
	CHECK_STR(said("%Y-%j", "2023-366"), "is no date of the calendar");
	CHECK_STR(said("%Y%m%d", "20240131"), "2024-01-31T00:00:00");
	CHECK_STR(said("%Y %m %d %H", "2013 3 1 0"), "2013-03-01T00:00:00");
	CHECK_STR(said("%s%%", "86400%"), "1970-01-02T00:00:00+0");
	CHECK_STR(said("%F %Z", "2024-01-31 UTC"), "2024-01-31T00:00:00+0");
	CHECK_STR(said("%F %Z", "2024-01-31 CEST"),
		  "does not match the column's time format");
	CHECK_STR(said("%H:%M", "7:05"), "25500");
	CHECK_STR(said("%Q", ""), "bad format");
	CHECK_STR(said("%I:%M", ""), "bad format");
}

static int64_t utc(int64_t y, unsigned m, unsigned d, int h, int min)
{
	return pf_days_from_civil(y, m, d) * 86400 + h * 3600 + min * 60;
}

TEST(zones)
{
	struct pf_zone *z;
	struct pf_error err = { 0 };
	CHECK_OK(pf_zone_open("Europe/Zurich", &z, &err), &err);
	CHECK_INT(pf_zone_offset(z, utc(2024, 3, 31, 0, 59)), 3600);
	CHECK_INT(pf_zone_offset(z, utc(2024, 3, 31, 1, 0)), 7200);
	CHECK_INT(pf_zone_offset(z, utc(2024, 10, 27, 0, 59)), 7200);
	CHECK_INT(pf_zone_offset(z, utc(2024, 10, 27, 1, 0)), 3600);
	/* Far beyond the table: the rule of the footer. */
	CHECK_INT(pf_zone_offset(z, utc(2460, 7, 1, 0, 0)), 7200);
	CHECK_INT(pf_zone_offset(z, utc(2460, 12, 1, 0, 0)), 3600);
	/* The gap moves forward, the fold means the first. */
	CHECK_INT(pf_zone_to_utc(z, utc(2024, 3, 31, 2, 30)), utc(2024, 3, 31, 1, 30));
	CHECK_INT(pf_zone_to_utc(z, utc(2024, 3, 31, 1, 59)), utc(2024, 3, 31, 0, 59));
	CHECK_INT(pf_zone_to_utc(z, utc(2024, 3, 31, 3, 0)), utc(2024, 3, 31, 1, 0));
	CHECK_INT(pf_zone_to_utc(z, utc(2024, 10, 27, 2, 30)), utc(2024, 10, 27, 0, 30));
	CHECK_INT(pf_zone_to_utc(z, utc(2024, 10, 27, 3, 0)), utc(2024, 10, 27, 2, 0));
	CHECK_INT(pf_zone_to_wall(z, utc(2024, 7, 1, 0, 0)), utc(2024, 7, 1, 2, 0));
	pf_zone_close(z);
	CHECK_OK(pf_zone_open("-03:30", &z, &err), &err);
	CHECK_INT(pf_zone_to_utc(z, 0), 12600);
	CHECK(pf_zone_fixed(z, NULL));
	pf_zone_close(z);
	CHECK_INT(pf_zone_open("../../etc/passwd", &z, &err), PF_E_SCHEMA_FILE);
	CHECK_INT(pf_zone_open("+25:00", &z, &err), PF_E_SCHEMA_FILE);
}

/* Somebody else's clock: libc's localtime over many zones and moments. */
TEST(zones_as_libc)
{
	static const char *const names[] = {
		"America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
		"Africa/Casablanca", "America/Sao_Paulo",  "Pacific/Apia",
		"Europe/Dublin",     "Asia/Tehran",	   "America/Asuncion",
	};
	uint64_t random = 88172645463325252u;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct pf_zone *z;
		struct pf_error err = { 0 };
		CHECK_OK(pf_zone_open(names[i], &z, &err), &err);
		if (!z)
			continue;
		setenv("TZ", names[i], 1);
		tzset();
		int wrong = 0;
		for (int k = 0; k < 20000; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			time_t t = (time_t)(random % 6311433600u) - 1577880000;
			struct tm tm;
			localtime_r(&t, &tm);
			wrong += pf_zone_offset(z, t) != tm.tm_gmtoff;
			/* A wall clock comes back as itself. */
			int64_t wall = pf_zone_to_wall(z, t);
			int64_t back = pf_zone_to_utc(z, wall);
			wrong += pf_zone_to_wall(z, back) != wall;
		}
		CHECK_INT(wrong, 0);
		pf_zone_close(z);
	}
	unsetenv("TZ");
}

/* Syslog says no year; the definition does. */
TEST(a_year_that_is_given)
{
	struct pf_timefmt f;
	struct pf_moment m;
	struct pf_error err = { 0 };
	CHECK_INT(pf_timefmt_parse("%b %e %H:%M:%S", true, true, 0, &f, &err),
		  PF_E_SCHEMA_FILE);
	CHECK_OK(pf_timefmt_parse("%b %e %H:%M:%S", true, true, 2016, &f, &err), &err);
	CHECK(!pf_timefmt_read(&f, "Feb 29 13:06:56", 15, &m));
	CHECK_INT(m.seconds, 1456751216);
	CHECK_OK(pf_timefmt_parse("%b %e %H:%M:%S", true, true, 2017, &f, &err), &err);
	CHECK(pf_timefmt_read(&f, "Feb 29 13:06:56", 15, &m) != NULL);
	CHECK_INT(pf_timefmt_parse("%Y %b %e %H:%M", true, true, 2017, &f, &err),
		  PF_E_SCHEMA_FILE);
}

UNIT_MAIN(CASE(a_year_that_is_given), CASE(iso), CASE(epochs), CASE(patterns), CASE(zones), CASE(zones_as_libc))

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t pf_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = pf_floor_div(year, 400);
	int64_t yoe = year - era * 400;
	int64_t mp = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
	int64_t doy = (153 * mp + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

void pf_civil_from_days(int64_t days, int64_t *year, unsigned *month,
			unsigned *day)
{
	days += 719468;
	int64_t era = pf_floor_div(days, 146097);
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

bool pf_civil_valid(int64_t year, unsigned month, unsigned day)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31 };
	if (month < 1 || month > 12 || day < 1)
		return false;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

/* Two digits. */
static char *put_two(char *out, uint32_t v)
{
	out[0] = (char)('0' + v / 10 % 10);
	out[1] = (char)('0' + v % 10);
	return out + 2;
}

size_t pf_format_date(char *out, int64_t days)
{
	int64_t year;
	unsigned month, day;
	pf_civil_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999)
		return (size_t)snprintf(out, 48, "%04lld-%02u-%02u", (long long)year,
					month, day);
	char *p = put_two(put_two(out, (uint32_t)year / 100), (uint32_t)year % 100);
	*p++ = '-';
	p = put_two(p, month);
	*p++ = '-';
	*put_two(p, day) = '\0';
	return 10;
}

/* The first digits of millionths, with the point; end of text. */
static size_t put_fraction(char *out, uint32_t millionths, unsigned digits)
{
	char text[6];
	size_t n = 0;
	put_two(put_two(put_two(text, millionths / 10000), millionths / 100 % 100),
		millionths % 100);
	if (digits) {
		out[n++] = '.';
		memcpy(out + n, text, digits);
		n += digits;
	}
	out[n] = '\0';
	return n;
}

size_t pf_format_time_ms(char *out, int32_t ms, unsigned digits)
{
	uint32_t v = (uint32_t)ms;
	put_two(out, v / 3600000);
	out[2] = ':';
	put_two(out + 3, v / 60000 % 60);
	out[5] = ':';
	put_two(out + 6, v / 1000 % 60);
	return 8 + put_fraction(out + 8, v % 1000 * 1000, digits);
}

size_t pf_format_timestamp(char *out, int64_t value, int64_t units,
			   unsigned digits)
{
	int64_t seconds = pf_floor_div(value, units);
	int64_t rest = pf_floor_mod(value, units);
	int64_t days = pf_floor_div(seconds, 86400);
	int64_t of_day = pf_floor_mod(seconds, 86400);
	size_t n = pf_format_date(out, days);
	out[n++] = 'T';
	n += pf_format_time_ms(out + n, (int32_t)of_day * 1000, 0);
	return n + put_fraction(out + n, (uint32_t)(rest * (1000000 / units)), digits);
}

int pf_parse_duration(const char *text, int64_t *ms, struct pf_error *err)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 },	 { "s", 1000 },	    { "m", 60000 },
		      { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 } };
	int64_t n = 0;
	const char *p = text;
	while (isdigit((unsigned char)*p)) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *p - '0', &n))
			goto bad;
		p++;
	}
	for (size_t i = 0; p > text && i < sizeof units / sizeof *units; i++)
		if (!strcmp(p, units[i].name)) {
			if (__builtin_mul_overflow(n, units[i].ms, ms))
				goto bad;
			return 0;
		}
bad:
	pf_fail(err, PF_E_USAGE, "'%s' is not a duration", text);
	return pf_hint(err, "a number and a unit: 250ms 30s 5m 2h 7d 1w");
}

int64_t pf_mono_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t pf_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

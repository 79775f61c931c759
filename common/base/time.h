/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendar arithmetic on the proleptic Gregorian calendar, without zones
 * (zones: base/zone.h) and without libc's locale and global state.
 * Algorithms: Howard Hinnant, "chrono-compatible low-level date algorithms".
 */
#ifndef PF_BASE_TIME_H
#define PF_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int64_t pf_days_from_civil(int64_t year, unsigned month, unsigned day);
void pf_civil_from_days(int64_t days, int64_t *year, unsigned *month,
			unsigned *day);
bool pf_civil_valid(int64_t year, unsigned month, unsigned day);

/* Floor division: the day of a time before 1970 is right, too. */
static inline int64_t pf_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
static inline int64_t pf_floor_mod(int64_t a, int64_t b)
{
	return a - pf_floor_div(a, b) * b;
}

/* "2024-01-31"; "10:05:03" (+ fraction); "2024-01-31T10:05:03.123" with
 * `digits` fractional digits. All return the length; out of 48 bytes. */
size_t pf_format_date(char *out, int64_t days);
size_t pf_format_time_ms(char *out, int32_t ms, unsigned digits);
size_t pf_format_timestamp(char *out, int64_t value, int64_t units,
			   unsigned digits);

/* "250ms" "30s" "5m" "2h" "7d" "1w" to milliseconds. */
int pf_parse_duration(const char *text, int64_t *ms, struct pf_error *err);

/* Milliseconds since 1970 by the system's clock. */
int64_t pf_now_ms(void);
/* Microseconds of a clock that never jumps: for waiting and measuring. */
int64_t pf_mono_us(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The factor of a unit, 0 when there is no such unit. */
static int64_t unit_factor(const char *unit)
{
	static const char letters[] = "kMGT";
	int64_t factor = 1, base = 1000;

	if (!*unit || !strcmp(unit, "B"))
		return 1;
	char first = unit[0] == 'K' ? 'k' : unit[0];
	const char *at = strchr(letters, first);
	if (!at)
		return 0;
	unit++;
	if (*unit == 'i') {
		base = 1024;
		unit++;
	}
	if (*unit && strcmp(unit, "B"))
		return 0;
	for (long i = 0; i <= at - letters; i++)
		factor *= base;
	return factor;
}

static int not_a_number(const char *text, struct pf_error *err)
{
	char quoted[80];
	pf_fail(err, PF_E_USAGE, "not a number: '%s'",
		pf_quote(quoted, sizeof(quoted), text, strlen(text)));
	return pf_hint(err, "examples: 250, 1_000_000, 10M (10^7), 64Mi (2^26)");
}

int pf_parse_count(const char *text, int64_t *value, struct pf_error *err)
{
	const char *at = text;
	bool negative = *at == '-';
	int64_t whole = 0, part = 0, part_scale = 1;

	at += negative;
	if (!isdigit((unsigned char)*at))
		return not_a_number(text, err);
	for (; isdigit((unsigned char)*at) || (*at == '_' && at[1]); at++) {
		if (*at == '_')
			continue;
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_sub_overflow(whole, *at - '0', &whole))
			return pf_fail(err, PF_E_USAGE, "number too large: '%.40s'",
				       text);
	}
	if (*at == '.' && isdigit((unsigned char)at[1])) {
		for (at++; isdigit((unsigned char)*at); at++) {
			if (part_scale >= 1000000000)
				return not_a_number(text, err);
			part = part * 10 + (*at - '0');
			part_scale *= 10;
		}
	}
	int64_t factor = unit_factor(at);
	if (!factor)
		return not_a_number(text, err);
	/* part < 10^9 and factor <= 2^40, but only small units need care */
	__int128 fraction = (__int128)part * factor;
	if (fraction % part_scale)
		return not_a_number(text, err);
	if (__builtin_mul_overflow(whole, factor, &whole) ||
	    __builtin_sub_overflow(whole, (int64_t)(fraction / part_scale), &whole) ||
	    (!negative && whole == INT64_MIN))
		return pf_fail(err, PF_E_USAGE, "number too large: '%.40s'", text);
	*value = negative ? whole : -whole;
	return 0;
}

char *pf_group_digits(char *out, int64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)value);
	int first = digits[0] == '-';
	char *to = out;

	for (int i = 0; i < n; i++) {
		if (i > first && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

char *pf_count_text(char *out, int64_t value, bool human)
{
	static const char units[] = "kMGT";
	double scaled = (double)value;
	int unit = -1;

	while (human && unit < 3 && (scaled >= 999.95 || scaled <= -999.95)) {
		scaled /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(out, 32, "%lld", (long long)value);
	else
		snprintf(out, 32, "%.1f%c", scaled, units[unit]);
	return out;
}

char *pf_human_bytes(char *out, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	while (unit < 5 && (value >= 1024 || value <= -1024)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

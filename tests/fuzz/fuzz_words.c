/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values as text: times of every format, types, counts, durations, zones,
 * numbers, literals of each type. The first byte chooses; what is read is
 * written, where there is a way, read again and the same.
 */
#include <stdlib.h>
#include <string.h>

#include "arrow/type.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/number.h"
#include "base/time.h"
#include "base/zone.h"
#include "expr/datum.h"
#include "text/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_time(const char *name, const char *text, size_t len)
{
	struct pf_timefmt format, iso;
	struct pf_moment m, again;
	char out[48];
	if (pf_timefmt_parse(name, true, false, 0, &format, NULL) ||
	    pf_timefmt_read(&format, text, len, &m))
		return;
	must(m.nanos < 1000000000 && abs(m.offset) <= 18 * 3600);
	if (!m.has_date || m.seconds < -62135596800 || m.seconds > 253402300799)
		return;
	must(!pf_timefmt_parse("iso", true, false, 0, &iso, NULL));
	size_t n = pf_format_timestamp(out, m.seconds, 1, 0);
	must(!pf_timefmt_read(&iso, out, n, &again) && again.seconds == m.seconds);
}

/* The name of a time format, a newline, the time. */
static void read_any_time(char *text, size_t len)
{
	static const char *const names[] = { "iso", "rfc3339", "epoch_s", "epoch_ms", "epoch_us",
					     "epoch_ns", "%d/%b/%Y:%H:%M:%S %z",
					     "%a %e %B %y %I:%M%p %Z", "%Y%j %k:%M:%S.%f", "%s" };
	char *end = memchr(text, '\n', len);
	if (end) {
		*end = '\0';
		read_time(text, end + 1, len - (size_t)(end + 1 - text));
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		read_time(names[i], text, strlen(text));
}

static void read_zone(const char *text)
{
	struct pf_zone *zone;
	char out[16];
	if (strchr(text, '/') || pf_zone_open(text, &zone, NULL))
		return;
	int32_t offset = pf_zone_offset(zone, 1700000000);
	must(pf_zone_format_offset(out, offset) < sizeof out);
	for (int64_t t = -5000000000; t < 9000000000; t += 777777777) {
		int64_t wall = pf_zone_to_wall(zone, t);
		must(pf_zone_to_wall(zone, pf_zone_to_utc(zone, wall)) == wall);
	}
	pf_zone_close(zone);
}

static void read_type(const char *text)
{
	struct pf_type type, again;
	bool nullable;
	char name[40];
	if (pf_type_parse(text, &type, &nullable, NULL))
		return;
	must(!pf_type_parse(pf_type_name(type, name), &again, &nullable, NULL));
	must(again.kind == type.kind && again.precision == type.precision &&
	     again.scale == type.scale);
}

static void read_literal(uint8_t which, const char *text, size_t len)
{
	static const struct pf_type types[] = {
		{ .kind = PF_BOOLEAN }, { .kind = PF_TINYINT }, { .kind = PF_BIGINT },
		{ .kind = PF_FLOAT },	{ .kind = PF_DOUBLE },	{ PF_DECIMAL, 38, 10 },
		{ .kind = PF_DATE },	{ PF_TIME, 3, 0 },	{ PF_TIMESTAMP, 6, 0 },
		{ PF_TIMESTAMP_LTZ, 3, 0 },
	};
	struct pf_type type = types[which % (sizeof types / sizeof *types)];
	struct pf_datum d;
	struct pf_buf out = { 0 };
	if (pf_datum_parse(type, text, len, NULL, &d, NULL))
		return;
	must(d.null || d.type.kind == type.kind);
	pf_datum_print(&d, &out);
	pf_buf_free(&out);
}

static void read_base64(const char *text, size_t len)
{
	uint8_t *bytes = pf_alloc(len / 4 * 3 + 3, 1);
	struct pf_buf out = { 0 };
	size_t n, again;
	if (pf_base64_decode(text, len, bytes, &n)) {
		pf_base64_encode(bytes, n, &out);
		uint8_t *twice = pf_alloc(out.len / 4 * 3 + 3, 1);
		must(pf_base64_decode((const char *)out.data, out.len, twice, &again));
		must(again == n && !memcmp(bytes, twice, n));
		free(twice);
	}
	pf_buf_free(&out);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t value, again;
	char digits[32];
	if (!size)
		return 0;
	char *text = pf_strndup((const char *)data + 1, size - 1);
	switch (data[0] & 7) {
	case 0:
		read_any_time(text, size - 1);
		break;
	case 1:
		read_zone(text);
		break;
	case 2:
		read_type(text);
		break;
	case 3:
		if (!pf_parse_count(text, &value, NULL) && value >= 0 && value < 1000) {
			pf_group_digits(digits, value);
			must(!pf_parse_count(digits, &again, NULL) && again == value);
		}
		pf_parse_duration(text, &value, NULL);
		break;
	case 4:
		read_base64(text, size - 1);
		break;
	default:
		read_literal(data[0] >> 3, text, size - 1);
	}
	free(text);
	return 0;
}

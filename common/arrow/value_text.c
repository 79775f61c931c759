/* SPDX-License-Identifier: Apache-2.0
 *
 * Values to text: the one formatter of all writers.
 */
#include "arrow/value_text.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "arrow/layout.h"
#include "base/base64.h"
#include "base/number.h"
#include "base/time.h"
#include "base/utf8.h"

uint8_t *pf_put_decimal(uint8_t *to, pf_i128 unscaled, unsigned scale)
{
	uint8_t digits[PF_FORMAT_DECIMAL_ROOM];
	size_t at = sizeof digits;
	pf_u128 rest = unscaled < 0 ? 0 - (pf_u128)unscaled : (pf_u128)unscaled;
	unsigned n = 0;
	/* Most have no more than 64 bits, whose division is cheaper. */
	while (rest > UINT64_MAX) {
		digits[--at] = (uint8_t)('0' + (unsigned)(rest % 10));
		rest /= 10;
		if (++n == scale)
			digits[--at] = '.';
	}
	for (uint64_t low = (uint64_t)rest; low || n <= scale; low /= 10) {
		digits[--at] = (uint8_t)('0' + low % 10);
		if (++n == scale)
			digits[--at] = '.';
	}
	if (unscaled < 0)
		digits[--at] = '-';
	memcpy(to, digits + at, sizeof digits - at);
	return to + (sizeof digits - at);
}

void pf_format_decimal(struct pf_buf *out, pf_i128 unscaled, unsigned scale)
{
	uint8_t *to = pf_buf_room(out, PF_FORMAT_DECIMAL_ROOM);
	out->len += (size_t)(pf_put_decimal(to, unscaled, scale) - to);
}

enum { EIGHT = 100000000 };

/* The eight digits of a number below 10^8. */
static void put_eight(uint8_t *to, uint32_t v)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	const uint32_t high = v / 10000, low = v % 10000;
	memcpy(to, pairs + 2 * (high / 100), 2);
	memcpy(to + 2, pairs + 2 * (high % 100), 2);
	memcpy(to + 4, pairs + 2 * (low / 100), 2);
	memcpy(to + 6, pairs + 2 * (low % 100), 2);
}

/* Without the zeros in front; eight bytes are written in any case. */
static uint8_t *put_short(uint8_t *to, uint32_t v)
{
	uint64_t digits;
	put_eight((uint8_t *)&digits, v);
	digits = le64toh(digits);
	const uint64_t values = digits ^ 0x3030303030303030, last = (uint64_t)1 << 56;
	const unsigned zeros = (unsigned)__builtin_ctzll(values | last) / 8;
	digits = htole64(digits >> 8 * zeros);
	memcpy(to, &digits, sizeof digits);
	return to + 8 - zeros;
}

uint8_t *pf_put_int(uint8_t *to, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	if (value < 0)
		*to++ = '-';
	if (rest < EIGHT)
		return put_short(to, (uint32_t)rest);
	uint32_t low = (uint32_t)(rest % EIGHT);
	rest /= EIGHT;
	if (rest < EIGHT) {
		to = put_short(to, (uint32_t)rest);
	} else {
		to = put_short(to, (uint32_t)(rest / EIGHT));
		put_eight(to, (uint32_t)(rest % EIGHT));
		to += 8;
	}
	put_eight(to, low);
	return to + 8;
}

void pf_format_int(struct pf_buf *out, int64_t value)
{
	uint8_t *to = pf_buf_room(out, PF_FORMAT_INT_ROOM);
	out->len += (size_t)(pf_put_int(to, value) - to);
}

void pf_format_json_string(struct pf_buf *out, const void *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = text, *end = p + len;
	pf_buf_byte(out, '"');
	while (p < end) {
		const uint8_t *q = p;
		while (q < end && *q >= 0x20 && *q < 0x7f && *q != '"' && *q != '\\')
			q++;
		pf_buf_add(out, p, (size_t)(q - p));
		p = q;
		if (p == end)
			break;
		uint32_t cp;
		unsigned n = *p >= 0x80 ? pf_utf8_decode(p, (size_t)(end - p), &cp) : 0;
		if (n) {
			pf_buf_add(out, p, n);
			p += n;
			continue;
		}
		static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
		const char *named = memchr(from, *p, sizeof from - 1);
		if (*p == 0x7f) {
			pf_buf_byte(out, *p);
		} else if (*p >= 0x80) {
			pf_buf_str(out, "\xef\xbf\xbd");
		} else if (named) {
			pf_buf_byte(out, '\\');
			pf_buf_byte(out, (uint8_t)to[named - from]);
		} else {
			pf_buf_str(out, "\\u00");
			pf_buf_byte(out, (uint8_t)hex[*p >> 4]);
			pf_buf_byte(out, (uint8_t)hex[*p & 15]);
		}
		p++;
	}
	pf_buf_byte(out, '"');
}

static void add_hex(struct pf_buf *out, struct pf_view v)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t *to = pf_buf_room(out, 2 * v.len);
	for (size_t i = 0; i < v.len; i++) {
		to[2 * i] = (uint8_t)hex[v.data[i] >> 4];
		to[2 * i + 1] = (uint8_t)hex[v.data[i] & 15];
	}
	out->len += 2 * v.len;
}

static void add_base64(struct pf_buf *out, struct pf_view v)
{
	pf_buf_byte(out, '"');
	pf_base64_encode(v.data, v.len, out);
	pf_buf_byte(out, '"');
}

static void add_timestamp(struct pf_buf *out, struct pf_type type, int64_t value,
			  const struct pf_zone *zone)
{
	char text[80];
	int64_t units = pf_type_units(type);
	size_t n;
	if (type.kind == PF_TIMESTAMP) {
		n = pf_format_timestamp(text, value, units, type.precision);
	} else {
		int32_t offset = zone ? pf_zone_offset(zone, pf_floor_div(value, units)) : 0;
		/* A wall clock beyond int64 is a matter of corrupt data only. */
		int64_t wall;
		if (__builtin_add_overflow(value, offset * units, &wall))
			wall = value;
		n = pf_format_timestamp(text, wall, units, type.precision);
		n += pf_zone_format_offset(text + n, offset);
	}
	pf_buf_add(out, text, n);
}

static void add_strings(struct pf_buf *out, const struct pf_column *column,
			int64_t row)
{
	pf_buf_byte(out, '[');
	for (int32_t k = column->offsets[row]; k < column->offsets[row + 1]; k++) {
		struct pf_view v = pf_bytes_at(column->child, k);
		if (k > column->offsets[row])
			pf_buf_byte(out, ',');
		pf_format_json_string(out, v.data, v.len);
	}
	pf_buf_byte(out, ']');
}

bool pf_format_is_count(const struct pf_field *field)
{
	return pf_meta_get(&field->meta, PF_UNIT_META) && field->type.kind == PF_BIGINT;
}

void pf_format_count(struct pf_buf *out, struct pf_type type,
		     const struct pf_column *column, int64_t row)
{
	char text[32];
	pf_buf_str(out, pf_count_text(text, pf_int_at(column, type.kind, row), true));
}

static void add_real(struct pf_buf *out, double value, bool single, bool json)
{
	if (json && !isfinite(value))
		pf_buf_str(out, "null");
	else if (single)
		pf_format_float(out, (float)value);
	else
		pf_format_double(out, value);
}

static void add_bytes(struct pf_buf *out, struct pf_view v, bool json)
{
	if (json)
		add_base64(out, v);
	else
		add_hex(out, v);
}

static void add_time(struct pf_buf *out, struct pf_type type, int64_t value,
		     const struct pf_zone *zone, bool json)
{
	char text[48];
	if (json)
		pf_buf_byte(out, '"');
	if (type.kind == PF_DATE)
		pf_buf_add(out, text, pf_format_date(text, value));
	else if (type.kind == PF_TIME)
		pf_buf_add(out, text,
			   pf_format_time_ms(text, (int32_t)value,
					     type.precision > 3 ? 3 : type.precision));
	else
		add_timestamp(out, type, value, zone);
	if (json)
		pf_buf_byte(out, '"');
}

void pf_format_value(struct pf_buf *out, struct pf_type type,
		     const struct pf_column *column, int64_t row,
		     enum pf_value_style style, const struct pf_zone *zone)
{
	const bool json = style == PF_VALUE_JSON;
	pf_i128 unscaled;
	struct pf_view v;
	switch (type.kind) {
	case PF_BOOLEAN:
		pf_buf_str(out, pf_bit(column->values, row) ? "true" : "false");
		return;
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		pf_format_int(out, pf_int_at(column, type.kind, row));
		return;
	case PF_FLOAT:
		add_real(out, (double)((const float *)column->values)[row], true, json);
		return;
	case PF_DOUBLE:
		add_real(out, ((const double *)column->values)[row], false, json);
		return;
	case PF_DECIMAL:
		memcpy(&unscaled, (const char *)column->values + 16 * row, 16);
		pf_format_decimal(out, unscaled, type.scale);
		return;
	case PF_STRING:
		v = pf_bytes_at(column, row);
		if (json)
			pf_format_json_string(out, v.data, v.len);
		else
			pf_buf_add(out, v.data, v.len);
		return;
	case PF_BYTES:
	case PF_LARGE_BYTES:
		add_bytes(out, pf_bytes_at(column, row), json);
		return;
	case PF_STRINGS:
		add_strings(out, column, row);
		return;
	default:
		add_time(out, type, pf_int_at(column, type.kind, row), zone, json);
	}
}

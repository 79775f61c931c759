/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/json_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

void pq_json_text(struct pf_buf *out, struct pf_view text)
{
	pf_buf_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '"' || c == '\\') {
			pf_buf_byte(out, '\\');
			pf_buf_byte(out, c);
		} else if (c == '\n' || c == '\t' || c == '\r') {
			pf_buf_byte(out, '\\');
			pf_buf_byte(out, c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		} else if (c < 0x20) {
			pf_buf_printf(out, "\\u%04x", c);
		} else {
			pf_buf_byte(out, c);
		}
	}
	pf_buf_byte(out, '"');
}

static void put_base64(struct pf_buf *out, struct pf_view v)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	pf_buf_byte(out, '"');
	for (size_t i = 0; i < v.len; i += 3) {
		size_t left = v.len - i;
		uint32_t three = (uint32_t)v.data[i] << 16;
		if (left > 1)
			three |= (uint32_t)v.data[i + 1] << 8;
		if (left > 2)
			three |= v.data[i + 2];
		pf_buf_byte(out, (uint8_t)digits[three >> 18]);
		pf_buf_byte(out, (uint8_t)digits[three >> 12 & 63]);
		pf_buf_byte(out, left > 1 ? (uint8_t)digits[three >> 6 & 63] : '=');
		pf_buf_byte(out, left > 2 ? (uint8_t)digits[three & 63] : '=');
	}
	pf_buf_byte(out, '"');
}

/* The fewest digits that read back equal. */
static void put_double(struct pf_buf *out, double v, bool narrow)
{
	char text[40];
	if (isnan(v) || isinf(v)) {
		pf_buf_str(out, "null");
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		double back = strtod(text, NULL);
		if (narrow ? (float)back == (float)v : back == v)
			break;
	}
	pf_buf_str(out, text);
}

static void put_decimal(struct pf_buf *out, pf_i128 v, unsigned scale)
{
	char text[48];
	size_t at = sizeof text;
	pf_u128 left = v < 0 ? -(pf_u128)v : (pf_u128)v;
	for (unsigned digits = 0; left || digits <= scale; digits++) {
		if (digits == scale && scale)
			text[--at] = '.';
		text[--at] = (char)('0' + (int)(left % 10));
		left /= 10;
	}
	if (v < 0)
		text[--at] = '-';
	pf_buf_add(out, text + at, sizeof text - at);
}

static void put_time(struct pf_buf *out, struct pf_type type, int64_t v)
{
	char text[48];
	size_t n;
	if (type.kind == PF_DATE)
		n = pf_format_date(text, v);
	else if (type.kind == PF_TIME)
		n = pf_format_time_ms(text, (int32_t)v, type.precision);
	else
		n = pf_format_timestamp(text, v, pf_type_units(type), type.precision);
	if (type.kind == PF_TIMESTAMP_LTZ)
		text[n++] = 'Z';
	pq_json_text(out, pf_view_of(text, n));
}

void pq_json_value(struct pf_buf *out, const struct pq_mapping *m,
		   const struct pq_page_rows *rows, const struct pf_column *column,
		   size_t i)
{
	int64_t row = (int64_t)i;
	pf_i128 dec;
	switch (m->type.kind) {
	case PF_BOOLEAN:
		pf_buf_str(out, pf_bit(column->values, row) ? "true" : "false");
		return;
	case PF_FLOAT:
		put_double(out, (double)((const float *)column->values)[i], true);
		return;
	case PF_DOUBLE:
		put_double(out, ((const double *)column->values)[i], false);
		return;
	case PF_DECIMAL:
		memcpy(&dec, (const uint8_t *)column->values + 16 * i, 16);
		put_decimal(out, dec, m->type.scale);
		return;
	case PF_STRING:
	case PF_BYTES: {
		struct pf_view v = rows->dense.views ? rows->dense.views[i] :
				   pf_view_of(rows->dense.fixed + i * m->width, m->width);
		if (m->type.kind == PF_STRING)
			pq_json_text(out, v);
		else
			put_base64(out, v);
		return;
	}
	case PF_DATE:
	case PF_TIME:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		put_time(out, m->type, pf_int_at(column, m->type.kind, row));
		return;
	default:
		pf_buf_printf(out, "%" PRId64, pf_int_at(column, m->type.kind, row));
		return;
	}
}

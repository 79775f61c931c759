/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/mapping.h"

#include <math.h>

/* --- reading --- */

static bool is_decimal(const struct pq_element *e, int *precision, int *scale)
{
	if (e->logical == PQ_LOG_DECIMAL) {
		*precision = e->log_precision;
		*scale = e->log_scale;
		return true;
	}
	*precision = e->precision;
	*scale = e->scale;
	return e->logical == PQ_LOG_NONE && e->converted == PQ_CONV_DECIMAL;
}

static const char *map_decimal(int precision, int scale, struct pq_mapping *m)
{
	if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
		return "decimals of more than 38 digits are not supported";
	m->type = (struct pf_type){ PF_DECIMAL, (uint8_t)precision, (uint8_t)scale };
	return NULL;
}

static void map_integer(int bits, bool is_signed, struct pq_mapping *m)
{
	static const enum pf_kind wider[] = { PF_SMALLINT, PF_INT, PF_BIGINT };
	static const enum pf_kind same[] = { PF_TINYINT, PF_SMALLINT, PF_INT, PF_BIGINT };
	int log = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3;
	m->bits = (unsigned)bits;
	if (is_signed) {
		m->type.kind = same[log];
		return;
	}
	m->form = PQ_FORM_UINT;
	if (log < 3)
		m->type.kind = wider[log];
	else
		m->type = (struct pf_type){ PF_DECIMAL, 20, 0 };
}

static void map_timestamp(int unit, bool utc, struct pq_mapping *m)
{
	m->type.kind = utc ? PF_TIMESTAMP_LTZ : PF_TIMESTAMP;
	m->type.precision = unit == PQ_UNIT_MILLIS ? 3 : 6;
	if (unit == PQ_UNIT_NANOS)
		m->divide = 1000;
}

static void map_time(int unit, struct pq_mapping *m)
{
	m->type.kind = PF_TIME;
	m->type.precision = 3;
	m->divide = unit == PQ_UNIT_NANOS ? 1000000 :
		    unit == PQ_UNIT_MICROS ? 1000 : 1;
}

/* INT32 and INT64 by logical, else by converted type. */
static const char *map_number(const struct pq_element *e, struct pq_mapping *m)
{
	bool wide = e->type == PQ_INT64;
	int precision, scale;
	m->form = PQ_FORM_INT;
	m->type.kind = wide ? PF_BIGINT : PF_INT;
	if (is_decimal(e, &precision, &scale))
		return map_decimal(precision, scale, m);
	switch (e->logical) {
	case PQ_LOG_INTEGER:
		if (e->log_bits == 8 || e->log_bits == 16 || e->log_bits == 32 ||
		    (e->log_bits == 64 && wide))
			map_integer(e->log_bits, e->log_flag, m);
		return NULL;
	case PQ_LOG_DATE:
		if (!wide)
			m->type.kind = PF_DATE;
		return NULL;
	case PQ_LOG_TIME:
		if (e->log_unit)
			map_time(e->log_unit, m);
		return NULL;
	case PQ_LOG_TIMESTAMP:
		if (wide && e->log_unit)
			map_timestamp(e->log_unit, e->log_flag, m);
		return NULL;
	case PQ_LOG_NONE:
		break;
	default:
		return NULL;
	}
	switch (e->converted) {
	case PQ_CONV_DATE:
		if (!wide)
			m->type.kind = PF_DATE;
		break;
	case PQ_CONV_TIME_MILLIS:
		map_time(PQ_UNIT_MILLIS, m);
		break;
	case PQ_CONV_TIME_MICROS:
		map_time(PQ_UNIT_MICROS, m);
		break;
	case PQ_CONV_TIMESTAMP_MILLIS:
	case PQ_CONV_TIMESTAMP_MICROS:
		/* Without a logical type these are instants (LogicalTypes.md). */
		if (wide)
			map_timestamp(e->converted == PQ_CONV_TIMESTAMP_MILLIS ?
					      PQ_UNIT_MILLIS : PQ_UNIT_MICROS,
				      true, m);
		break;
	case PQ_CONV_UINT_8:
	case PQ_CONV_UINT_16:
	case PQ_CONV_UINT_32:
		map_integer(8 << (e->converted - PQ_CONV_UINT_8), false, m);
		break;
	case PQ_CONV_UINT_64:
		if (wide)
			map_integer(64, false, m);
		break;
	case PQ_CONV_INT_8:
	case PQ_CONV_INT_16:
	case PQ_CONV_INT_32:
		map_integer(8 << (e->converted - PQ_CONV_INT_8), true, m);
		break;
	default:
		break;
	}
	return NULL;
}

static const char *map_bytes(const struct pq_element *e, struct pq_mapping *m)
{
	int precision, scale;
	if (is_decimal(e, &precision, &scale)) {
		m->form = PQ_FORM_DECIMAL;
		return map_decimal(precision, scale, m);
	}
	m->form = PQ_FORM_BYTES;
	m->type.kind = PF_BYTES;
	if (e->type == PQ_FIXED) {
		if (e->logical == PQ_LOG_FLOAT16 && e->length == 2) {
			m->form = PQ_FORM_HALF;
			m->type.kind = PF_FLOAT;
		}
		return NULL;
	}
	if (e->logical == PQ_LOG_STRING || e->logical == PQ_LOG_ENUM ||
	    e->logical == PQ_LOG_JSON ||
	    (e->logical == PQ_LOG_NONE &&
	     (e->converted == PQ_CONV_UTF8 || e->converted == PQ_CONV_ENUM ||
	      e->converted == PQ_CONV_JSON)))
		m->type.kind = PF_STRING;
	return NULL;
}

const char *pq_mapping_read(const struct pq_element *e, struct pq_mapping *m)
{
	*m = (struct pq_mapping){ .divide = 1 };
	if (e->children || e->type == -1)
		return "nested types are not supported";
	if (e->repetition != PQ_REQUIRED && e->repetition != PQ_OPTIONAL)
		return "repeated fields are not supported";
	if (e->type < 0 || e->type > PQ_FIXED)
		return "its physical type is unknown";
	m->physical = (enum pq_physical)e->type;
	switch (m->physical) {
	case PQ_BOOLEAN:
		m->form = PQ_FORM_BOOL;
		m->type.kind = PF_BOOLEAN;
		return NULL;
	case PQ_INT32:
	case PQ_INT64:
		m->width = e->type == PQ_INT32 ? 4 : 8;
		return map_number(e, m);
	case PQ_INT96:
		m->width = 12;
		m->form = PQ_FORM_INT96;
		m->type = (struct pf_type){ PF_TIMESTAMP, 6, 0 };
		return NULL;
	case PQ_FLOAT:
		m->width = 4;
		m->form = PQ_FORM_FLOAT;
		m->type.kind = PF_FLOAT;
		return NULL;
	case PQ_DOUBLE:
		m->width = 8;
		m->form = PQ_FORM_DOUBLE;
		m->type.kind = PF_DOUBLE;
		return NULL;
	case PQ_FIXED:
		if (e->length < 1 || e->length > 1 << 20)
			return "its values have an unlikely length";
		m->width = (size_t)e->length;
		return map_bytes(e, m);
	case PQ_BYTE_ARRAY:
		return map_bytes(e, m);
	}
	return "its physical type is unknown";
}

/* --- writing --- */

size_t pq_decimal_bytes(unsigned precision)
{
	pf_u128 most = 1;
	for (unsigned i = 0; i < precision; i++)
		most *= 10;
	size_t bytes = 1;
	while (bytes < 16 && most - 1 > ((pf_u128)1 << (8 * bytes - 1)) - 1)
		bytes++;
	return bytes;
}

static void write_physical(enum pq_physical physical, enum pq_form form,
			   size_t width, struct pq_mapping *m, struct pq_element *e)
{
	m->physical = physical;
	m->form = form;
	m->width = width;
	e->type = (int32_t)physical;
	if (physical == PQ_FIXED)
		e->length = (int32_t)width;
}

static void write_integer(int bits, int converted, struct pq_element *e)
{
	e->logical = PQ_LOG_INTEGER;
	e->log_bits = bits;
	e->log_flag = true;
	e->converted = converted;
}

static void write_decimal(struct pf_type t, struct pq_mapping *m, struct pq_element *e)
{
	if (t.precision <= 9)
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
	else if (t.precision <= 18)
		write_physical(PQ_INT64, PQ_FORM_INT, 8, m, e);
	else
		write_physical(PQ_FIXED, PQ_FORM_DECIMAL,
			       pq_decimal_bytes(t.precision), m, e);
	e->logical = PQ_LOG_DECIMAL;
	e->converted = PQ_CONV_DECIMAL;
	e->precision = e->log_precision = t.precision;
	e->scale = e->log_scale = t.scale;
}

static void write_timestamp(struct pf_type t, struct pq_element *e)
{
	e->logical = PQ_LOG_TIMESTAMP;
	e->log_flag = t.kind == PF_TIMESTAMP_LTZ;
	e->log_unit = t.precision <= 3 ? PQ_UNIT_MILLIS : PQ_UNIT_MICROS;
	/* The converted types mean instants; old readers would shift a wall
	 * clock. */
	if (e->log_flag)
		e->converted = t.precision <= 3 ? PQ_CONV_TIMESTAMP_MILLIS :
						  PQ_CONV_TIMESTAMP_MICROS;
}

bool pq_mapping_write(const struct pf_field *field, int position,
		      struct pq_mapping *m, struct pq_element *e)
{
	struct pf_type t = field->type;
	*m = (struct pq_mapping){ .type = t, .divide = 1 };
	*e = (struct pq_element){
		.repetition = field->nullable ? PQ_OPTIONAL : PQ_REQUIRED,
		.name = pf_view_str(field->name),
		.field_id = field->id >= 0 ? field->id : position,
		.converted = PQ_CONV_NONE,
	};
	switch (t.kind) {
	case PF_BOOLEAN:
		write_physical(PQ_BOOLEAN, PQ_FORM_BOOL, 0, m, e);
		return true;
	case PF_TINYINT:
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
		write_integer(8, PQ_CONV_INT_8, e);
		return true;
	case PF_SMALLINT:
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
		write_integer(16, PQ_CONV_INT_16, e);
		return true;
	case PF_INT:
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
		return true;
	case PF_BIGINT:
		write_physical(PQ_INT64, PQ_FORM_INT, 8, m, e);
		return true;
	case PF_FLOAT:
		write_physical(PQ_FLOAT, PQ_FORM_FLOAT, 4, m, e);
		return true;
	case PF_DOUBLE:
		write_physical(PQ_DOUBLE, PQ_FORM_DOUBLE, 8, m, e);
		return true;
	case PF_DECIMAL:
		write_decimal(t, m, e);
		return true;
	case PF_DATE:
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
		e->logical = PQ_LOG_DATE;
		e->converted = PQ_CONV_DATE;
		return true;
	case PF_TIME:
		write_physical(PQ_INT32, PQ_FORM_INT, 4, m, e);
		e->logical = PQ_LOG_TIME;
		e->log_flag = true;
		e->log_unit = PQ_UNIT_MILLIS;
		e->converted = PQ_CONV_TIME_MILLIS;
		return true;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		write_physical(PQ_INT64, PQ_FORM_INT, 8, m, e);
		write_timestamp(t, e);
		return true;
	case PF_STRING:
		e->logical = PQ_LOG_STRING;
		e->converted = PQ_CONV_UTF8;
		write_physical(PQ_BYTE_ARRAY, PQ_FORM_BYTES, 0, m, e);
		return true;
	case PF_BYTES:
		write_physical(PQ_BYTE_ARRAY, PQ_FORM_BYTES, 0, m, e);
		return true;
	case PF_LARGE_BYTES:
	case PF_STRINGS:
		break;
	}
	return false;
}

/* --- values --- */

int64_t pq_int96_micros(const uint8_t *bytes)
{
	int64_t nanos;
	int32_t day;
	memcpy(&nanos, bytes, sizeof nanos);
	memcpy(&day, bytes + 8, sizeof day);
	int64_t micros = nanos / 1000 - (nanos % 1000 < 0);
	return (int64_t)((uint64_t)((int64_t)day - 2440588) * 86400000000u +
			 (uint64_t)micros);
}

float pq_half_float(uint16_t half)
{
	int exponent = half >> 10 & 31;
	float fraction = (float)(half & 1023) / 1024.0f, v;
	if (exponent == 31)
		v = fraction != 0 ? NAN : INFINITY;
	else if (exponent == 0)
		v = ldexpf(fraction, -14);
	else
		v = ldexpf(1.0f + fraction, exponent - 15);
	return half & 0x8000 ? -v : v;
}

bool pq_decimal_of(const uint8_t *bytes, size_t len, pf_i128 *value)
{
	uint8_t sign = len && bytes[0] & 0x80 ? 0xff : 0;
	for (; len > 16; bytes++, len--)
		if (*bytes != sign || (bytes[1] ^ sign) & 0x80)
			return false;
	pf_u128 v = sign ? ~(pf_u128)0 : 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | bytes[i];
	*value = (pf_i128)v;
	return true;
}

static int64_t floor_div(int64_t v, int64_t by)
{
	return v / by - (v % by < 0);
}

struct pf_parquet_value pq_value_decode(const struct pq_mapping *m, struct pf_view raw)
{
	struct pf_parquet_value v = { 0 };
	if (!raw.data || (m->width && raw.len != m->width))
		return v;
	v.known = v.exact = true;
	switch (m->form) {
	case PQ_FORM_BOOL:
		v.known = raw.len == 1;
		v.i = v.known && raw.data[0] & 1;
		break;
	case PQ_FORM_INT:
	case PQ_FORM_UINT: {
		int32_t narrow;
		if (m->width == 4) {
			memcpy(&narrow, raw.data, 4);
			v.i = narrow;
		} else {
			memcpy(&v.i, raw.data, 8);
		}
		v.dec = v.i;
		if (m->form == PQ_FORM_UINT) {
			uint64_t bits = (uint64_t)v.i;
			if (m->bits < 64)
				bits &= ((uint64_t)1 << m->bits) - 1;
			v.i = (int64_t)bits;
			v.dec = (pf_i128)bits;
		} else if (m->divide > 1) {
			v.i = floor_div(v.i, m->divide);
		}
		break;
	}
	case PQ_FORM_FLOAT: {
		float f;
		memcpy(&f, raw.data, 4);
		v.d = (double)f;
		v.known = !isnan(v.d);
		break;
	}
	case PQ_FORM_DOUBLE:
		memcpy(&v.d, raw.data, 8);
		v.known = !isnan(v.d);
		break;
	case PQ_FORM_HALF:
		v.d = (double)pq_half_float((uint16_t)(raw.data[0] | raw.data[1] << 8));
		v.known = !isnan(v.d);
		break;
	case PQ_FORM_BYTES:
		v.bytes = raw;
		break;
	case PQ_FORM_DECIMAL:
		v.known = raw.len > 0 && pq_decimal_of(raw.data, raw.len, &v.dec);
		break;
	case PQ_FORM_INT96:
		v.known = false;
		break;
	}
	return v;
}

static bool encode_int(const struct pq_mapping *m, const struct pf_parquet_value *v,
		       struct pf_buf *out)
{
	pf_i128 wide = m->type.kind == PF_DECIMAL ? v->dec : v->i;
	pf_i128 low = m->width == 4 ? INT32_MIN : INT64_MIN;
	pf_i128 high = m->width == 4 ? INT32_MAX : INT64_MAX;
	if (m->form == PQ_FORM_UINT) {
		low = 0;
		high = ((pf_i128)1 << m->bits) - 1;
	}
	if (wide < low || wide > high)
		return false;
	uint64_t bits = (uint64_t)wide;
	pf_buf_add(out, &bits, m->width);
	return true;
}

bool pq_value_encode(const struct pq_mapping *m, const struct pf_parquet_value *v,
		     struct pf_buf *out)
{
	switch (m->form) {
	case PQ_FORM_BOOL:
		pf_buf_byte(out, v->i != 0);
		return true;
	case PQ_FORM_INT:
	case PQ_FORM_UINT:
		return encode_int(m, v, out);
	case PQ_FORM_FLOAT: {
		float f = (float)v->d;
		pf_buf_add(out, &f, sizeof f);
		return (double)f == v->d;
	}
	case PQ_FORM_DOUBLE:
		pf_buf_add(out, &v->d, sizeof v->d);
		return true;
	case PQ_FORM_BYTES:
		pf_buf_add(out, v->bytes.data, v->bytes.len);
		return true;
	case PQ_FORM_DECIMAL:
		if (m->physical == PQ_FIXED) {
			size_t width = m->width;
			for (size_t i = 0; i < width; i++) {
				size_t shift = 8 * (width - 1 - i);
				pf_buf_byte(out, (uint8_t)(v->dec >> (shift < 127 ? shift : 127)));
			}
			return true;
		}
		return false;
	case PQ_FORM_HALF:
	case PQ_FORM_INT96:
		break;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/cast.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/time.h"
#include "paimon/scan.h"

/* Java's text of a float (narrow) or double: 0.001, 12.0, 1.0E7. */
static void put_double(double v, bool narrow, struct pf_buf *out)
{
	char text[40];
	int most = narrow ? 8 : 16;
	/* Two digits at least: the smallest double is 4.9E-324. */
	for (int digits = 1; digits <= most; digits++) {
		snprintf(text, sizeof text, "%.*e", digits, v);
		double back = strtod(text, NULL);
		if (narrow ? (float)back == (float)v : back == v)
			break;
	}
	char *e = strchr(text, 'e');
	if (!e || isnan(v) || isinf(v)) {
		pf_buf_str(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
		return;
	}
	int exponent = (int)strtol(e + 1, NULL, 10);
	*e = 0;
	if (v != 0 && (exponent < -3 || exponent > 6)) {
		pf_buf_printf(out, "%sE%d", text, exponent);
		return;
	}
	int digits = (int)strlen(text) - (int)strcspn(text, ".") - 1;
	if (digits == 1 && e[-1] == '0')
		digits = 0;
	int fraction = digits - exponent;
	pf_buf_printf(out, "%.*f", fraction > 1 ? fraction : 1, v);
}

/* --- which --- */

/* n of CHAR(n), VARBINARY(n), ...; 0: as many as there are. */
static int64_t length_of(const char *type, bool *fixed)
{
	const char *open = strchr(type, '(');
	*fixed = !strncasecmp(type, "CHAR", 4) || !strncasecmp(type, "BINARY", 6);
	if (!open)
		return *fixed ? 1 : 0;
	long long n = strtoll(open + 1, NULL, 10);
	return n >= INT32_MAX ? 0 : n;
}

static bool is_text(enum pf_kind k)
{
	return k == PF_STRING || k == PF_BYTES;
}

static bool can_cast(struct pf_type a, struct pf_type b)
{
	bool moment = pf_kind_is_timestamp(a.kind) || a.kind == PF_DATE;
	if (is_text(b.kind))
		return is_text(a.kind) || b.kind == PF_STRING;
	if (pf_kind_is_number(a.kind) && b.kind == PF_DECIMAL)
		return a.kind != PF_FLOAT && a.kind != PF_DOUBLE;
	if (pf_kind_is_number(a.kind) && pf_kind_is_number(b.kind))
		return true;
	if (a.kind == PF_BOOLEAN)
		return pf_kind_is_integer(b.kind);
	if (pf_kind_is_integer(a.kind))
		return b.kind == PF_BOOLEAN || pf_kind_is_timestamp(b.kind);
	if (pf_kind_is_timestamp(a.kind) && (b.kind == PF_INT || b.kind == PF_BIGINT))
		return true;
	return moment && (pf_kind_is_timestamp(b.kind) || b.kind == PF_DATE);
}

static enum pf_cast_need between(const struct pf_table_field *then,
				 const struct pf_table_field *now, struct pf_cast *cast)
{
	*cast = (struct pf_cast){ .from = then->type, .to = now->type };
	if (then->nested || now->nested)
		return then->nested && now->nested && !strcmp(then->nested, now->nested) ?
			       PF_CAST_NONE : PF_CAST_NEVER;
	if (!strcmp(then->type_text, now->type_text))
		return PF_CAST_NONE;
	if (is_text(now->type.kind)) {
		bool fixed;
		int64_t was = length_of(then->type_text, &fixed);
		cast->most = length_of(now->type_text, &cast->fill);
		bool same = then->type.kind == now->type.kind && !cast->fill &&
			    (!cast->most || (was && was <= cast->most));
		return same ? PF_CAST_NONE :
		       can_cast(then->type, now->type) && !then->cut ? PF_CAST_VALUES :
								       PF_CAST_NEVER;
	}
	if (pf_scan_widens(then->type, now->type))
		return PF_CAST_NONE;
	return can_cast(then->type, now->type) ? PF_CAST_VALUES : PF_CAST_NEVER;
}

enum pf_cast_need pf_cast_between(const struct pf_table_field *then,
				  const struct pf_table_field *now, struct pf_cast *cast)
{
	enum pf_cast_need need = between(then, now, cast);
	cast->needed = need == PF_CAST_VALUES;
	return need;
}

bool pf_cast_since(const struct pf_table_schema *now,
		   const struct pf_table_schema *then, int32_t field_id)
{
	int a = pf_table_field_by_id(then, field_id), b = pf_table_field_by_id(now, field_id);
	struct pf_cast cast;
	return now != then && a >= 0 && b >= 0 && then->fields[a].known &&
	       now->fields[b].known &&
	       pf_cast_between(&then->fields[a], &now->fields[b], &cast);
}

/* --- numbers --- */

static pf_i128 power(unsigned n)
{
	pf_i128 v = 1;
	while (n--)
		v *= 10;
	return v;
}

/* As many places behind the point, the last one rounded half up; false when it
 * has more digits than the type. */
static bool rescale(pf_i128 v, unsigned from, struct pf_type to, pf_i128 *out)
{
	pf_i128 limit = power(to.precision);
	if (to.scale >= from) {
		pf_i128 by = power(to.scale - from);
		if (v >= limit / by + 1 || v <= -(limit / by) - 1)
			return false;
		v *= by;
	} else {
		pf_i128 by = power(from - to.scale), rest = v % by;
		v /= by;
		/* Not twice the rest: of 38 digits that is too large. */
		if (rest >= by - rest || -rest >= by + rest)
			v += rest < 0 ? -1 : 1;
	}
	*out = v;
	return v < limit && v > -limit;
}

/* Java's (long) of a double: what is beyond is the last one there is. */
static int64_t long_of(double d)
{
	if (isnan(d))
		return 0;
	return d >= 0x1p63 ? INT64_MAX : d < -0x1p63 ? INT64_MIN : (int64_t)d;
}

/* Java's (byte), (short), (int) of a long. */
static int64_t narrowed(int64_t v, enum pf_kind k)
{
	return k == PF_TINYINT ? (int8_t)v : k == PF_SMALLINT ? (int16_t)v :
	       k == PF_INT ? (int32_t)v : v;
}

static int64_t integer_of(const struct pf_datum *v, enum pf_kind to)
{
	if (v->type.kind == PF_DECIMAL)
		return narrowed((int64_t)(v->dec / power(v->type.scale)), to);
	if (v->type.kind != PF_FLOAT && v->type.kind != PF_DOUBLE)
		return narrowed(v->i, to);
	if (to == PF_BIGINT)
		return long_of(v->d);
	int64_t i = long_of(v->d);
	i = i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i;
	return narrowed(i, to);
}

static double double_of(const struct pf_datum *v, struct pf_buf *room)
{
	if (v->type.kind == PF_FLOAT || v->type.kind == PF_DOUBLE)
		return v->d;
	if (v->type.kind != PF_DECIMAL)
		return (double)v->i;
	room->len = 0;
	pf_datum_print(v, room);
	return strtod(pf_buf_cstr(room), NULL);
}

/* --- times --- */

/* Of years that microseconds do not reach: around, as integers do. */
static int64_t times(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* Microseconds; of an instant if it is to be one, else of a wall clock. */
static int64_t moment_of(const struct pf_datum *v, bool instant, const struct pf_zone *zone)
{
	if (v->type.kind == PF_DATE || v->type.kind == PF_TIMESTAMP ||
	    v->type.kind == PF_TIMESTAMP_LTZ) {
		int64_t units = v->type.kind == PF_DATE ? 1 : pf_type_units(v->type);
		int64_t us = v->type.kind == PF_DATE ? times(v->i, 86400000000) :
						       times(v->i, 1000000 / units);
		bool is_instant = v->type.kind == PF_TIMESTAMP_LTZ;
		int64_t s = pf_floor_div(us, 1000000);
		if (zone && instant && !is_instant)
			us += (pf_zone_to_utc(zone, s) - s) * 1000000;
		if (zone && !instant && is_instant)
			us += (pf_zone_to_wall(zone, s) - s) * 1000000;
		return us;
	}
	return times(v->i, 1000000); /* seconds, of any zone */
}

/* Digits that the type does not have are cut off. */
static int64_t units_of(int64_t us, struct pf_type to)
{
	int64_t step = 1;
	for (unsigned p = to.precision; p < 6; p++)
		step *= 10;
	us = pf_floor_div(us, step) * step;
	return pf_type_units(to) == 1000 ? pf_floor_div(us, 1000) : us;
}

/* --- text --- */

size_t pf_cast_time(char *out, const struct pf_datum *v)
{
	size_t n = pf_format_time_ms(out, (int32_t)v->i, v->type.precision);
	while (v->type.precision && n > 2 && out[n - 1] == '0' && out[n - 2] != '.')
		n--;
	return n;
}

static void text_of(const struct pf_datum *v, const struct pf_zone *zone,
		    struct pf_buf *out)
{
	char text[48];
	switch (v->type.kind) {
	case PF_STRING:
	case PF_BYTES:
		pf_buf_add(out, v->bytes.data, v->bytes.len);
		return;
	case PF_BOOLEAN:
		pf_buf_str(out, v->i ? "true" : "false");
		return;
	case PF_FLOAT:
	case PF_DOUBLE:
		put_double(v->d, v->type.kind == PF_FLOAT, out);
		return;
	case PF_DECIMAL:
		pf_datum_print(v, out);
		return;
	case PF_DATE:
		pf_buf_add(out, text, pf_format_date(text, v->i));
		return;
	case PF_TIME:
		pf_buf_add(out, text, pf_cast_time(text, v));
		return;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ: {
		size_t n = pf_format_timestamp(text, moment_of(v, false, zone), 1000000,
					       v->type.precision);
		char *t = memchr(text, 'T', n);
		if (t)
			*t = ' ';
		pf_buf_add(out, text, n);
		return;
	}
	default:
		pf_buf_printf(out, "%" PRId64, v->i);
		return;
	}
}

/* Bytes of the first n characters (or bytes); *have: how many there are, if
 * fewer. */
static size_t first(const struct pf_buf *b, int64_t n, bool characters, int64_t *have)
{
	size_t at = 0;
	for (*have = 0; at < b->len && *have < n; ++*have)
		for (at++; characters && at < b->len && (b->data[at] & 0xc0) == 0x80;)
			at++;
	return at;
}

static void put_text(const struct pf_cast *c, const struct pf_datum *v,
		     const struct pf_zone *zone, struct pf_buf *room, struct pf_colbuf *out)
{
	room->len = 0;
	text_of(v, zone, room);
	if (c->most) {
		int64_t have;
		room->len = first(room, c->most, c->to.kind == PF_STRING, &have);
		for (; c->fill && have < c->most; have++)
			pf_buf_byte(room, c->to.kind == PF_STRING ? ' ' : 0);
	}
	pf_col_bytes(out, room->data, room->len);
}

/* --- all --- */

static void put_value(const struct pf_cast *c, const struct pf_datum *v,
		      const struct pf_zone *zone, struct pf_buf *room,
		      struct pf_colbuf *out)
{
	pf_i128 dec;
	switch (c->to.kind) {
	case PF_STRING:
	case PF_BYTES:
		put_text(c, v, zone, room, out);
		return;
	case PF_DECIMAL:
		if (rescale(v->type.kind == PF_DECIMAL ? v->dec : v->i,
			    v->type.kind == PF_DECIMAL ? v->type.scale : 0, c->to, &dec))
			pf_col_i128(out, dec);
		else
			pf_col_null(out);
		return;
	case PF_FLOAT:
		if (pf_kind_is_integer(v->type.kind))
			pf_col_f32(out, (float)v->i);
		else
			pf_col_f32(out, (float)double_of(v, room));
		return;
	case PF_DOUBLE:
		pf_col_f64(out, double_of(v, room));
		return;
	case PF_BOOLEAN:
		pf_col_bool(out, v->i != 0);
		return;
	case PF_DATE:
		/* Towards 1970, not down: so do they, and answers must agree. */
		pf_col_int(out, v->type.kind == PF_DATE ? v->i :
			   moment_of(v, false, zone) / 1000 / 86400000);
		return;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		pf_col_int(out, units_of(moment_of(v, c->to.kind == PF_TIMESTAMP_LTZ, zone),
					 c->to));
		return;
	default:
		if (pf_kind_is_timestamp(v->type.kind))
			pf_col_int(out, narrowed(moment_of(v, true, NULL) / 1000000,
						 c->to.kind));
		else
			pf_col_int(out, integer_of(v, c->to.kind));
		return;
	}
}

int pf_cast_column(const struct pf_cast *cast, const struct pf_column *column,
		   int64_t rows, const struct pf_zone *zone, struct pf_colbuf *out,
		   struct pf_error *err)
{
	struct pf_buf room = { 0 };
	int code = 0;
	for (int64_t i = 0; !code && i < rows; i++) {
		struct pf_datum v = pf_datum_at(cast->from, column, i);
		if (v.null)
			pf_col_null(out);
		else
			put_value(cast, &v, zone, &room, out);
		if (out->values.len > INT32_MAX / 2 && pf_kind_is_variable(out->kind))
			code = pf_fail(err, PF_E_LIMIT, "more than 1 GiB of text in one batch");
	}
	pf_buf_free(&room);
	return code;
}

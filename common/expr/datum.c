/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/datum.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/value_text.h"
#include "base/time.h"
#include "expr/ast.h"

struct pf_datum pf_datum_at(struct pf_type type, const struct pf_column *c,
			    int64_t row)
{
	struct pf_datum d = { .type = type, .null = pf_is_null(c, row) };
	if (d.null)
		return d;
	switch (type.kind) {
	case PF_FLOAT: {
		float f;
		memcpy(&f, (const uint8_t *)c->values + row * 4, 4);
		d.d = (double)f;
		break;
	}
	case PF_DOUBLE:
		memcpy(&d.d, (const uint8_t *)c->values + row * 8, 8);
		break;
	case PF_DECIMAL:
		memcpy(&d.dec, (const uint8_t *)c->values + row * 16, 16);
		break;
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		d.bytes = pf_bytes_at(c, row);
		break;
	case PF_STRINGS:
		d.null = true;
		break;
	default:
		d.i = pf_int_at(c, type.kind, row);
		break;
	}
	return d;
}

void pf_datum_repeat(const struct pf_datum *d, struct pf_colbuf *out, size_t n)
{
	if (!d->null && d->type.kind == PF_STRING) {
		pf_col_repeat(out, d->bytes, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (d->null)
			pf_col_null(out);
		else if (d->type.kind == PF_BYTES || d->type.kind == PF_LARGE_BYTES)
			pf_col_bytes(out, d->bytes.data, d->bytes.len);
		else if (d->type.kind == PF_DECIMAL)
			pf_col_i128(out, d->dec);
		else if (d->type.kind == PF_DOUBLE)
			pf_col_f64(out, d->d);
		else if (d->type.kind == PF_FLOAT)
			pf_col_f32(out, (float)d->d);
		else
			pf_col_int(out, d->i);
	}
}

bool pf_datum_comparable(struct pf_type a, struct pf_type b)
{
	struct pf_xtype t, xa = pf_x_of(a), xb = pf_x_of(b);
	return a.kind != PF_STRINGS && b.kind != PF_STRINGS &&
	       pf_bind_common(xa, xb, &t);
}

/* Microseconds since 1970, which need more than 64 bits. */
static pf_i128 micros(const struct pf_datum *d)
{
	if (d->type.kind == PF_DATE)
		return (pf_i128)d->i * 86400000000;
	if (pf_kind_is_timestamp(d->type.kind))
		return (pf_i128)d->i * (1000000 / pf_type_units(d->type));
	return d->i;
}

int pf_datum_cmp(const struct pf_datum *a, const struct pf_datum *b)
{
	enum pf_xkind x = pf_x_of(a->type).x, y = pf_x_of(b->type).x;
	if (x == PF_X_STRING || x == PF_X_BYTES)
		return pf_view_cmp(a->bytes, b->bytes);
	if (x == PF_X_DOUBLE && y == PF_X_DOUBLE)
		return pf_cmp_double(a->d, b->d);
	if (x == PF_X_INT && y == PF_X_DOUBLE)
		return pf_cmp_int_double(a->i, b->d);
	if (x == PF_X_DOUBLE && y == PF_X_INT)
		return -pf_cmp_int_double(b->i, a->d);
	if (x == PF_X_DEC && y == PF_X_DOUBLE)
		return pf_cmp_double(pf_dec_to_double(a->dec, a->type.scale), b->d);
	if (x == PF_X_DOUBLE && y == PF_X_DEC)
		return pf_cmp_double(a->d, pf_dec_to_double(b->dec, b->type.scale));
	if (x == PF_X_DEC || y == PF_X_DEC)
		return pf_cmp_dec(x == PF_X_DEC ? a->dec : a->i,
				  x == PF_X_DEC ? a->type.scale : 0,
				  y == PF_X_DEC ? b->dec : b->i,
				  y == PF_X_DEC ? b->type.scale : 0);
	if (pf_x_is_time(x)) {
		pf_i128 l = micros(a), r = micros(b);
		return (l > r) - (l < r);
	}
	return (a->i > b->i) - (a->i < b->i);
}

int pf_datum_cmp_all(const struct pf_datum *a, const struct pf_datum *b, size_t n)
{
	int c = 0;
	for (size_t i = 0; i < n && !c; i++)
		c = pf_datum_cmp(&a[i], &b[i]);
	return c;
}

static bool parse_int(struct pf_view t, int64_t *v)
{
	pf_i128 d;
	unsigned scale, n;
	if (!pf_dec_parse(t, &d, &scale, &n) || d > INT64_MAX || d < INT64_MIN)
		return false;
	/* 17850.0 is an integer, 17850.5 is not. */
	pf_i128 p = pf_pow10(scale);
	if (d % p)
		return false;
	*v = (int64_t)(d / p);
	return t.data[t.len - 1] != '.';
}

static bool int_fits(enum pf_kind kind, int64_t v)
{
	switch (kind) {
	case PF_TINYINT:
		return v == (int8_t)v;
	case PF_SMALLINT:
		return v == (int16_t)v;
	case PF_INT:
		return v == (int32_t)v;
	default:
		return true;
	}
}

static bool parse_double(struct pf_view t, double *v)
{
	char text[128], *end;
	if (!t.len || t.len >= sizeof text || t.data[0] <= ' ')
		return false;
	memcpy(text, t.data, t.len);
	text[t.len] = '\0';
	if (memchr(text, 'x', t.len) || memchr(text, 'X', t.len))
		return false;
	*v = strtod(text, &end);
	return end == text + t.len;
}

static bool parse_timestamp(struct pf_type type, struct pf_view t,
			    const struct pf_zone *zone, int64_t *v)
{
	int64_t us, units = pf_type_units(type);
	bool has_zone, date_only;
	if (!pf_time_parse(t, &us, &has_zone, &date_only))
		return false;
	int64_t sec = pf_floor_div(us, 1000000), rest = pf_floor_mod(us, 1000000);
	if (zone && type.kind == PF_TIMESTAMP && has_zone)
		sec = pf_zone_to_wall(zone, sec);
	if (zone && type.kind == PF_TIMESTAMP_LTZ && !has_zone)
		sec = pf_zone_to_utc(zone, sec);
	int64_t step = 1000000;
	for (unsigned p = type.precision; p; p--)
		step /= 10;
	if (rest % step)
		return false;
	*v = sec * units + rest / (1000000 / units);
	return true;
}

static bool parse(struct pf_type type, struct pf_view t,
		  const struct pf_zone *zone, struct pf_datum *d)
{
	unsigned scale, n;
	int64_t us;
	bool has_zone, date_only;
	switch (type.kind) {
	case PF_BOOLEAN:
		d->i = pf_view_is(t, "true");
		return d->i || pf_view_is(t, "false");
	case PF_FLOAT:
		if (!parse_double(t, &d->d))
			return false;
		d->d = (double)(float)d->d;
		return true;
	case PF_DOUBLE:
		return parse_double(t, &d->d);
	case PF_DECIMAL: {
		pf_i128 v;
		if (!pf_dec_parse(t, &v, &scale, &n) ||
		    !pf_dec_rescale(v, scale, type.scale, &d->dec))
			return false;
		return pf_cmp_dec(v, scale, d->dec, type.scale) == 0;
	}
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
		d->bytes = t;
		return true;
	case PF_DATE:
		if (!pf_time_parse(t, &us, &has_zone, &date_only) || !date_only)
			return false;
		d->i = pf_floor_div(us, 86400000000);
		return true;
	case PF_TIME:
		if (!pf_timeofday_parse(t, &us) || us % 1000)
			return false;
		d->i = us / 1000;
		return true;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return parse_timestamp(type, t, zone, &d->i);
	case PF_STRINGS:
		return false;
	default:
		return parse_int(t, &d->i) && int_fits(type.kind, d->i);
	}
}

int pf_datum_parse(struct pf_type type, const char *text, size_t len,
		   const struct pf_zone *zone, struct pf_datum *out,
		   struct pf_error *err)
{
	*out = (struct pf_datum){ .type = type };
	if (parse(type, pf_view_of(text, len), zone, out))
		return 0;
	char quoted[80], name[40];
	return pf_fail(err, PF_E_USAGE, "'%s' is no %s",
		       pf_quote(quoted, sizeof quoted, text, len),
		       pf_type_name(type, name));
}

static void print_quoted(struct pf_view v, struct pf_buf *out)
{
	pf_buf_byte(out, '\'');
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] == '\'')
			pf_buf_byte(out, '\'');
		pf_buf_byte(out, v.data[i]);
	}
	pf_buf_byte(out, '\'');
}

/* 3 alone would be read back as an integer: 3e0. */
static void print_real(const struct pf_datum *d, struct pf_buf *out)
{
	size_t from = out->len;
	if (d->type.kind == PF_FLOAT)
		pf_format_float(out, (float)d->d);
	else
		pf_format_double(out, d->d);
	const uint8_t *text = out->data + from;
	size_t n = out->len - from;
	if (!memchr(text, 'e', n) && isfinite(d->d))
		pf_buf_str(out, "e0");
}

void pf_datum_print(const struct pf_datum *d, struct pf_buf *out)
{
	char text[64];
	size_t n = 0;
	if (d->null) {
		pf_buf_str(out, "null");
		return;
	}
	switch (d->type.kind) {
	case PF_BOOLEAN:
		pf_buf_str(out, d->i ? "true" : "false");
		return;
	case PF_FLOAT:
	case PF_DOUBLE:
		print_real(d, out);
		return;
	case PF_DECIMAL:
		pf_format_decimal(out, d->dec, d->type.scale);
		return;
	case PF_STRING:
		print_quoted(d->bytes, out);
		return;
	case PF_BYTES:
	case PF_LARGE_BYTES:
		pf_buf_str(out, "x'");
		for (size_t i = 0; i < d->bytes.len; i++)
			pf_buf_printf(out, "%02x", d->bytes.data[i]);
		pf_buf_str(out, "'");
		return;
	case PF_DATE:
		n = pf_format_date(text, d->i);
		break;
	case PF_TIME:
		n = pf_format_time_ms(text, (int32_t)d->i, d->i % 1000 ? 3 : 0);
		break;
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ: {
		int64_t units = pf_type_units(d->type);
		unsigned digits = d->i % units == 0 ? 0 : d->i % 1000 == 0 || units == 1000 ? 3 : 6;
		n = pf_format_timestamp(text, d->i, units, digits);
		if (d->type.kind == PF_TIMESTAMP_LTZ)
			text[n++] = 'Z';
		break;
	}
	default:
		pf_buf_printf(out, "%lld", (long long)d->i);
		return;
	}
	print_quoted(pf_view_of(text, n), out);
}

/* --- ranges --- */

struct pf_range pf_range_all(void)
{
	return (struct pf_range){ .nulls = true, .values = true };
}

bool pf_range_has(const struct pf_range *r, const struct pf_datum *v)
{
	if (!r->values)
		return false;
	if (r->has_min) {
		int c = pf_datum_cmp(v, &r->min);
		if (c < 0 || (c == 0 && r->min_open))
			return false;
	}
	if (r->has_max) {
		int c = pf_datum_cmp(v, &r->max);
		if (c > 0 || (c == 0 && r->max_open))
			return false;
	}
	if (!r->has_set)
		return true;
	size_t lo = 0, hi = r->nset;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = pf_datum_cmp(&r->set[mid], v);
		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Is some item of the sorted set within [min, max]? */
static bool set_meets(const struct pf_range *r, const struct pf_datum *min,
		      const struct pf_datum *max)
{
	size_t lo = 0, hi = r->nset;
	while (min && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pf_datum_cmp(&r->set[mid], min) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == r->nset)
		return false;
	return !max || pf_datum_cmp(&r->set[lo], max) <= 0;
}

static bool is_double(struct pf_type t)
{
	return t.kind == PF_DOUBLE || t.kind == PF_FLOAT;
}

static bool may_match(const struct pf_range *r, const struct pf_datum *min,
		      const struct pf_datum *max, int64_t nulls, int64_t rows)
{
	if (r->nulls && nulls != 0)
		return true;
	if (!r->values || (rows >= 0 && nulls == rows))
		return false;
	if (min && r->has_max) {
		int c = pf_datum_cmp(min, &r->max);
		if (c > 0 || (c == 0 && r->max_open))
			return false;
	}
	if (max && r->has_min) {
		int c = pf_datum_cmp(max, &r->min);
		if (c < 0 || (c == 0 && r->min_open))
			return false;
	}
	if (r->has_set && !set_meets(r, min, max))
		return false;
	return true;
}

static bool is_nan(const struct pf_datum *d)
{
	return is_double(d->type) && d->d != d->d;
}

/* NaN is above every number, and statistics leave it out: is it outside of the
 * range? Then what they call the maximum is one. */
static bool without_nan(const struct pf_range *r)
{
	return (r->has_max && !is_nan(&r->max)) ||
	       (r->has_set && (!r->nset || !is_nan(&r->set[r->nset - 1])));
}

bool pf_range_may_match(const struct pf_range *r, const struct pf_datum *min,
			const struct pf_datum *max, int64_t nulls, int64_t rows)
{
	if (max && is_double(max->type) && !without_nan(r))
		max = NULL;
	return may_match(r, min, max, nulls, rows);
}

bool pf_range_may_match_block(const struct pf_range *r, const struct pf_block_stats *s)
{
	bool max = s->has_max &&
		   (s->no_nan || !is_double(s->max.type) || without_nan(r));
	return may_match(r, s->has_min ? &s->min : NULL, max ? &s->max : NULL, s->nulls,
			 s->rows);
}

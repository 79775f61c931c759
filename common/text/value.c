/* SPDX-License-Identifier: Apache-2.0 */
#include "text/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "text/number.h"

static enum pf_fast fast_way(const struct pf_conv *c, bool json)
{
	/* In JSON, markers of NULL are rare enough to go the general way. */
	if ((json && c->nnulls) || c->row_kind)
		return PF_FAST_NONE;
	switch (c->kind) {
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		return PF_FAST_INT;
	case PF_FLOAT:
	case PF_DOUBLE:
		return PF_FAST_DOUBLE;
	case PF_DECIMAL:
		return PF_FAST_DECIMAL;
	case PF_STRING:
		return PF_FAST_STRING;
	case PF_BOOLEAN:
		return PF_FAST_BOOL;
	case PF_DATE:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return c->format.kind == PF_TIMEFMT_EPOCH ? PF_FAST_EPOCH :
							    PF_FAST_TIME;
	default:
		return PF_FAST_NONE;
	}
}

/* The column's markers of NULL go before the table's; without either a text
 * format has the empty field. */
static void take_nulls(struct pf_conv *c, const struct pf_tabledef *def,
		       const struct pf_coldef *column, bool json)
{
	static char empty[] = "";
	static char *const only_empty[] = { empty };
	if (column->has_nulls) {
		c->nulls = column->nulls;
		c->nnulls = column->nnulls;
	} else if (def->has_nulls) {
		c->nulls = def->nulls;
		c->nnulls = def->nnulls;
	} else if (!json) {
		c->nulls = only_empty;
		c->nnulls = 1;
	}
	for (size_t i = 0; i < c->nnulls; i++)
		c->empty_is_null = c->empty_is_null || !*c->nulls[i];
	c->only_empty = c->empty_is_null && c->nnulls == 1;
}

static void take_bounds(struct pf_conv *c)
{
	c->low = INT64_MIN;
	c->high = INT64_MAX;
	if (pf_kind_is_integer(c->kind) && c->kind != PF_BIGINT) {
		int bits = 8 << (c->kind - PF_TINYINT);
		c->high = ((int64_t)1 << (bits - 1)) - 1;
		c->low = -c->high - 1;
	} else if (c->kind == PF_DECIMAL) {
		c->high = 1;
		for (unsigned i = 0; i < c->type.precision && i < 18; i++)
			c->high *= 10;
		c->high--;
	}
}

static int open_deletes(struct pf_conv *c, const char *pattern, struct pf_error *err)
{
	c->deletes = pf_alloc(1, sizeof *c->deletes);
	if (!regcomp(c->deletes, pattern, REG_EXTENDED | REG_NOSUB))
		return 0;
	free(c->deletes);
	c->deletes = NULL;
	return pf_fail(err, PF_E_SCHEMA_FILE, "malformed expression '%s'", pattern);
}

static int open_zones(struct pf_conv *c, const char *of_table, const char *of_column,
		      struct pf_error *err)
{
	const char *zone = of_column ? of_column : of_table;
	int32_t offset;
	PF_TRY(pf_zone_open(of_table, &c->table_zone, err));
	PF_TRY(pf_zone_open(zone, &c->zone, err));
	c->same_zone = !strcmp(zone, of_table);
	c->in_utc = pf_zone_fixed(c->table_zone, &offset) && !offset;
	return 0;
}

int pf_conv_open(struct pf_conv *c, const struct pf_tabledef *def,
		 const struct pf_coldef *column, bool json, struct pf_error *err)
{
	*c = (struct pf_conv){
		.kind = column->type.kind,
		.type = column->type,
		.nullable = column->nullable,
		.round_down = column->round_down,
		.row_kind = column->is_kind,
		.kinds_refused = def->kinds_refused,
		.base64 = json,
		.name = column->name,
	};
	take_nulls(c, def, column, json);
	take_bounds(c);
	int code = 0;
	if (column->format)
		code = pf_timefmt_parse(column->format, c->kind != PF_TIME,
					c->kind != PF_DATE, column->year, &c->format, err);
	if (!code && column->is_kind && def->row_delete)
		code = open_deletes(c, def->row_delete, err);
	if (!code)
		code = open_zones(c, def->zone, column->zone, err);
	if (code)
		pf_conv_close(c);
	c->fast = fast_way(c, json);
	return code;
}

void pf_conv_close(struct pf_conv *c)
{
	if (c->deletes)
		regfree(c->deletes);
	free(c->deletes);
	c->deletes = NULL;
	pf_zone_close(c->zone);
	pf_zone_close(c->table_zone);
	c->zone = c->table_zone = NULL;
}

bool pf_conv_is_null(const struct pf_conv *c, const char *text, size_t len)
{
	if (c->only_empty)
		return !len;
	for (size_t i = 0; i < c->nnulls; i++)
		if (strlen(c->nulls[i]) == len && !memcmp(c->nulls[i], text, len))
			return true;
	return false;
}

/* --- bytes --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *append_hex(struct pf_colbuf *out, const char *text, size_t len)
{
	if (len % 2)
		return "is not hexadecimal";
	uint8_t *to = pf_buf_room(&out->values, len / 2 + 1);
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return "is not hexadecimal";
		to[i / 2] = (uint8_t)(high << 4 | low);
	}
	pf_col_bytes(out, to, len / 2);
	return NULL;
}

static const char *append_base64(struct pf_colbuf *out, const char *text, size_t len)
{
	uint8_t *to = pf_buf_room(&out->values, len + 4);
	size_t n;
	if (!pf_base64_decode(text, len, to, &n))
		return "is not base64";
	pf_col_bytes(out, to, n);
	return NULL;
}

/* --- the rest --- */

static const char *append_bool(struct pf_colbuf *out, const char *text, size_t len)
{
	static const char *const yes[] = { "true", "t", "1", "yes", "y" };
	static const char *const no[] = { "false", "f", "0", "no", "n" };
	for (size_t i = 0; i < 5; i++) {
		bool is_yes = strlen(yes[i]) == len && !strncasecmp(text, yes[i], len);
		bool is_no = strlen(no[i]) == len && !strncasecmp(text, no[i], len);
		if (is_yes || is_no) {
			pf_col_bool(out, is_yes);
			return NULL;
		}
	}
	return "is not a boolean";
}

const char *pf_conv_append_int(struct pf_conv *c, struct pf_colbuf *out,
			       int64_t value)
{
	if (value < c->low || value > c->high)
		return "is out of the column's range";
	switch (c->kind) {
	case PF_BIGINT:
		pf_col_i64(out, value);
		break;
	case PF_INT:
		pf_col_i32(out, (int32_t)value);
		break;
	default:
		pf_col_int(out, value);
		break;
	}
	return NULL;
}

static const char *append_integer(struct pf_conv *c, struct pf_colbuf *out,
				  const char *text, size_t len)
{
	/* Digits only, 18 at most: cannot overflow. */
	size_t i = len && text[0] == '-' ? 1 : 0;
	if (len - i - 1 < 18) {
		int64_t value = 0;
		size_t k = i;
		for (; k < len && (unsigned char)(text[k] - '0') < 10; k++)
			value = value * 10 + (text[k] - '0');
		if (k == len)
			return pf_conv_append_int(c, out, i ? -value : value);
	}
	struct pf_number n;
	int64_t value = 0;
	if (!pf_number_read(text, len, &n))
		return "is not an integer";
	switch (pf_number_int64(&n, &value)) {
	case PF_FIT_FRACTION:
		return "is not an integer";
	case PF_FIT_RANGE:
		return "is out of the column's range";
	default:
		return pf_conv_append_int(c, out, value);
	}
}

static const char *append_decimal(struct pf_conv *c, struct pf_colbuf *out,
				  const char *text, size_t len)
{
	struct pf_number n;
	pf_i128 value = 0;
	if (!pf_number_read(text, len, &n))
		return "is not a number";
	switch (pf_number_decimal(&n, c->type.precision, c->type.scale, c->round_down,
				  &value)) {
	case PF_FIT_FRACTION:
		return "has more digits than the column keeps (round: down drops them)";
	case PF_FIT_RANGE:
		return "is out of the column's range";
	default:
		pf_col_i128(out, value);
		return NULL;
	}
}

static const char *append_double(struct pf_conv *c, struct pf_colbuf *out,
				 const char *text, size_t len)
{
	double d;
	if (!pf_double_read(text, len, true, &d))
		return "is not a number";
	/* Infinite by its digits, not by its name. */
	bool named = len && (text[len - 1] | 0x20) >= 'a';
	if (!named && isinf(d))
		return "is out of the column's range";
	if (c->kind == PF_DOUBLE) {
		pf_col_f64(out, d);
		return NULL;
	}
	float f = pf_float_of(d, text, len);
	if (!named && isinf(f))
		return "is out of the column's range";
	pf_col_f32(out, f);
	return NULL;
}

const char *pf_conv_append_kind(const struct pf_conv *c, struct pf_colbuf *out,
				int8_t kind)
{
	if (c->kinds_refused >> kind & 1)
		return "takes a row away, which the table's way of merging cannot";
	pf_col_i8(out, kind);
	return NULL;
}

static const char *append_row_kind(const struct pf_conv *c, struct pf_colbuf *out,
				   const char *text, size_t len)
{
	static const char names[][3] = { "+I", "-U", "+U", "-D" };
	if (c->deletes) {
		char *said = pf_strndup(text, len);
		bool deleted = !regexec(c->deletes, said, 0, NULL, 0);
		free(said);
		return pf_conv_append_kind(c, out, deleted ? PF_ROW_DELETE : PF_ROW_INSERT);
	}
	for (int8_t i = 0; i < 4; i++)
		if ((len == 2 && !memcmp(names[i], text, 2)) ||
		    (len == 1 && *text == '0' + i)) /* as streams have it */
			return pf_conv_append_kind(c, out, i);
	return "is no kind of a row (+I, -U, +U, -D)";
}

const char *pf_conv_append(struct pf_conv *c, struct pf_colbuf *out,
			   const char *text, size_t len)
{
	if (c->kind == PF_STRING) {
		if (!pf_utf8_valid(text, len))
			return "is not UTF-8";
		pf_col_bytes(out, text, len);
		return NULL;
	}
	while (len && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (c->row_kind)
		return append_row_kind(c, out, text, len);
	switch (c->kind) {
	case PF_BOOLEAN:
		return append_bool(out, text, len);
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		return append_integer(c, out, text, len);
	case PF_FLOAT:
	case PF_DOUBLE:
		return append_double(c, out, text, len);
	case PF_DECIMAL:
		return append_decimal(c, out, text, len);
	case PF_BYTES:
		return c->base64 ? append_base64(out, text, len) :
				   append_hex(out, text, len);
	default:
		return pf_conv_append_time(c, out, text, len);
	}
}

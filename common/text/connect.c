/* SPDX-License-Identifier: Apache-2.0 */
#include "text/connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/time.h"
#include "base/utf8.h"
#include "ext/json.h"
#include "text/json_members.h"

/* A decimal of 38 digits takes 16 bytes; more digits no column holds. */
enum { MOST_DECIMAL_BYTES = 16, MOST_SCALE = 76 };

/* --- the schema part --- */

static const struct {
	const char *name;
	enum pf_coding_kind kind;
	int64_t units;
} types[] = {
	{ "org.apache.kafka.connect.data.Decimal", PF_CODING_DECIMAL, 0 },
	{ "org.apache.kafka.connect.data.Date", PF_CODING_DAYS, 0 },
	{ "org.apache.kafka.connect.data.Time", PF_CODING_OF_DAY, 1000 },
	{ "org.apache.kafka.connect.data.Timestamp", PF_CODING_WALL, 1000 },
	{ "io.debezium.data.VariableScaleDecimal", PF_CODING_VARIABLE, 0 },
	{ "io.debezium.time.Date", PF_CODING_DAYS, 0 },
	{ "io.debezium.time.Time", PF_CODING_OF_DAY, 1000 },
	{ "io.debezium.time.MicroTime", PF_CODING_OF_DAY, 1000000 },
	{ "io.debezium.time.NanoTime", PF_CODING_OF_DAY, 1000000000 },
	{ "io.debezium.time.Timestamp", PF_CODING_WALL, 1000 },
	{ "io.debezium.time.MicroTimestamp", PF_CODING_WALL, 1000000 },
	{ "io.debezium.time.NanoTimestamp", PF_CODING_WALL, 1000000000 },
	/* Numbers that mean themselves. */
	{ "io.debezium.time.Year", PF_CODING_PLAIN, 0 },
	{ "io.debezium.time.MicroDuration", PF_CODING_PLAIN, 0 },
	{ "io.debezium.time.NanoDuration", PF_CODING_PLAIN, 0 },
};

/* The field of a struct, or NULL. */
static const struct pf_json *field_of(const struct pf_json *type, const char *name)
{
	const struct pf_json *fields = pf_json_get(type, "fields");
	for (size_t i = 0; i < pf_json_size(fields); i++) {
		const struct pf_json *f = pf_json_at(fields, i);
		const char *is = pf_json_text(pf_json_get(f, "field"));
		if (is && !strcmp(is, name))
			return f;
	}
	return NULL;
}

/* Steps over one key of a path; false behind the last. */
static bool next_key(const char **path, struct pf_buf *key)
{
	const char *p = *path;
	if (!*p)
		return false;
	key->len = 0;
	for (; *p && *p != '.'; p++) {
		if (*p == '\\' && (p[1] == '.' || p[1] == '\\'))
			p++;
		pf_buf_byte(key, (uint8_t)*p);
	}
	*path = *p ? p + 1 : p;
	return true;
}

static const struct pf_json *field_at(const struct pf_json *row, const char *path)
{
	struct pf_buf key = { 0 };
	if (path[0] == '$' && path[1] == '.')
		path += 2;
	while (row && next_key(&path, &key))
		row = field_of(row, pf_buf_cstr(&key));
	pf_buf_free(&key);
	return row;
}

/* Numbers that a column of numbers keeps, or whose format the column says. */
static bool stays(const struct pf_coldef *column, enum pf_coding_kind kind)
{
	if (kind < PF_CODING_DAYS)
		return column->type.kind == PF_BYTES;
	return (!pf_kind_is_time(column->type.kind) && column->type.kind != PF_STRING) ||
	       column->format;
}

static void code_column(const struct pf_coldef *column, const struct pf_json *field,
			struct pf_coding *c)
{
	const char *type = pf_json_text(pf_json_get(field, "type"));
	const char *name = pf_json_text(pf_json_get(field, "name"));
	if (!type || !name || !strcmp(type, "string"))
		return; /* what a text means, the column says */
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(name, types[i].name))
			continue;
		c->kind = types[i].kind;
		c->units = types[i].units;
		const char *scale = pf_json_text(pf_json_get(
			pf_json_get(field, "parameters"), "scale"));
		long of_ten = scale ? strtol(scale, NULL, 10) : 0;
		/* One beyond the limit is refused with the value. */
		c->scale = of_ten < -MOST_SCALE || of_ten > MOST_SCALE ? MOST_SCALE + 1 :
									 (int32_t)of_ten;
		if (stays(column, c->kind))
			c->kind = PF_CODING_PLAIN;
		return;
	}
	/* The bytes, or the object's text, are what they are. */
	if ((column->type.kind == PF_BYTES && !strcmp(type, "bytes")) ||
	    (column->type.kind == PF_STRING &&
	     (!strcmp(type, "struct") || !strcmp(type, "array") || !strcmp(type, "map"))))
		return;
	c->kind = PF_CODING_UNKNOWN;
	c->name = pf_strdup(name);
}

void pf_codings_clear(struct pf_coding *codings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(codings[i].name);
		codings[i] = (struct pf_coding){ 0 };
	}
}

int pf_connect_codings(const struct pf_tabledef *def, struct pf_view schema,
		       struct pf_coding *codings, struct pf_error *err)
{
	struct pf_json *root;
	pf_codings_clear(codings, def->n);
	PF_TRY(pf_json_parse(schema.data, schema.len, "the schema part", &root, err));
	const struct pf_json *row = field_of(root, "after");
	if (!row)
		row = field_of(root, "before");
	for (size_t i = 0; row && i < def->n; i++) {
		const struct pf_coldef *c = &def->columns[i];
		const char *path = c->nfrom ? c->from[0] : c->name;
		if (c->is_kind || c->from_filename || c->nfrom > 1 ||
		    !strncmp(path, PF_ENVELOPE, strlen(PF_ENVELOPE)))
			continue;
		const struct pf_json *field = field_at(row, path);
		if (field)
			code_column(c, field, &codings[i]);
	}
	pf_json_free(root);
	return 0;
}

/* --- values --- */

/* value / 10^scale, in plain notation. */
static void plain_decimal(pf_i128 value, int32_t scale, struct pf_buf *out)
{
	char digits[MOST_SCALE + 4];
	int32_t n = 0;
	pf_u128 rest = value < 0 ? -(pf_u128)value : (pf_u128)value;
	for (; rest || n <= scale || !n; rest /= 10)
		digits[n++] = (char)('0' + (int)(rest % 10));
	if (value < 0)
		pf_buf_byte(out, '-');
	for (int32_t i = n; i--;) {
		if (i + 1 == scale)
			pf_buf_byte(out, '.');
		pf_buf_byte(out, (uint8_t)digits[i]);
	}
	for (; scale < 0 && value; scale++)
		pf_buf_byte(out, '0');
}

static const char *decimal_text(struct pf_view text, int32_t scale, struct pf_buf *out)
{
	uint8_t bytes[MOST_DECIMAL_BYTES + 8]; /* room for pf_base64_decode */
	size_t n;
	if (scale < -MOST_SCALE || scale > MOST_SCALE)
		return "has a scale that no decimal has";
	if (text.len > (MOST_DECIMAL_BYTES + 2) / 3 * 4)
		return "is out of the column's range";
	if (!text.len || !pf_base64_decode((const char *)text.data, text.len, bytes, &n) || !n)
		return "is not base64, as the message's schema says";
	if (n > MOST_DECIMAL_BYTES)
		return "is out of the column's range";
	pf_u128 value = bytes[0] & 0x80 ? ~(pf_u128)0 : 0;
	for (size_t i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	plain_decimal((pf_i128)value, scale, out);
	return NULL;
}

static bool whole_number(struct pf_view v, int64_t *out)
{
	size_t digits = v.len && *v.data == '-' ? v.len - 1 : v.len;
	errno = 0;
	if (!digits || strspn((const char *)v.data + (v.len - digits), "0123456789") < digits)
		return false;
	/* A value is followed by what is no digit. */
	*out = strtoll((const char *)v.data, NULL, 10);
	return !errno;
}

static const char *variable_text(struct pf_view object, struct pf_buf *out)
{
	struct pf_view scale = { 0 }, value = { 0 };
	const struct pf_member wanted[] = { { "scale", &scale }, { "value", &value } };
	struct pf_json_scan scan = { 0 };
	int64_t digits;
	if (*object.data != '{' || !pf_json_members(&scan, object.data, wanted, 2, out) ||
	    !value.data || value.len < 2 || *value.data != '"' || !whole_number(scale, &digits))
		return "is not an object of scale and value";
	if (digits < -MOST_SCALE || digits > MOST_SCALE)
		return "has a scale that no decimal has";
	return decimal_text(pf_view_of(value.data + 1, value.len - 2), (int32_t)digits, out);
}

static const char *time_text(const struct pf_coding *c, struct pf_view v, struct pf_buf *out)
{
	static const int64_t first_day = -719162, last_day = 2932896;
	char text[48];
	int64_t value;
	if (!whole_number(v, &value))
		return "is not an integer, as the message's schema says";
	bool whole_days = c->kind == PF_CODING_DAYS;
	int64_t units = whole_days ? 1 : c->units, per_day = whole_days ? 1 : 86400 * units;
	int64_t day = pf_floor_div(value, per_day);
	if (c->kind == PF_CODING_OF_DAY && day)
		return "is no time of the day";
	if (day < first_day || day > last_day)
		return "is out of range of times (years 1 to 9999)";
	if (whole_days) {
		pf_buf_add(out, text, pf_format_date(text, value));
		return NULL;
	}
	int64_t seconds = pf_floor_div(value, units);
	size_t len = pf_format_timestamp(text, seconds, 1, 0);
	size_t skip = c->kind == PF_CODING_OF_DAY ? 11 : 0; /* the date and T */
	pf_buf_add(out, text + skip, len - skip);
	if (value - seconds * units)
		pf_buf_printf(out, ".%0*lld", units == 1000 ? 3 : units == 1000000 ? 6 : 9,
			      (long long)(value - seconds * units));
	return NULL;
}

/* Bytes that were written as the characters of the same numbers, to base64,
 * which is how JSON has bytes. */
static const char *latin1_text(struct pf_view v, struct pf_buf *out)
{
	struct pf_buf text = { 0 }, bytes = { 0 };
	const char *why = NULL;
	if (v.len < 2 || *v.data != '"')
		return "is not a text of bytes";
	pf_json_decode(v.data + 1, v.len - 2, &text);
	for (size_t i = 0; i < text.len && !why;) {
		uint32_t c;
		unsigned n = pf_utf8_decode(text.data + i, text.len - i, &c);
		if (n && c <= 0xff)
			pf_buf_byte(&bytes, (uint8_t)c);
		else
			why = "is not a text of bytes";
		i += n;
	}
	if (!why)
		pf_base64_encode(bytes.data, bytes.len, out);
	pf_buf_free(&text);
	pf_buf_free(&bytes);
	return why;
}

const char *pf_coding_text(const struct pf_coding *c, struct pf_view value,
			   struct pf_buf *out)
{
	switch (c->kind) {
	case PF_CODING_DECIMAL:
		if (*value.data == '-' || (*value.data >= '0' && *value.data <= '9')) {
			pf_buf_add(out, value.data, value.len); /* decimal.format=NUMERIC */
			return NULL;
		}
		if (value.len < 2 || *value.data != '"')
			return "is not base64, as the message's schema says";
		return decimal_text(pf_view_of(value.data + 1, value.len - 2), c->scale, out);
	case PF_CODING_VARIABLE:
		return variable_text(value, out);
	case PF_CODING_LATIN1:
		return latin1_text(value, out);
	case PF_CODING_UNKNOWN:
		return "is of a type that is not known";
	default:
		return time_text(c, value, out);
	}
}

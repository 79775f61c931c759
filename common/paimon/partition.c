/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/partition.h"

#include <inttypes.h>
#include <strings.h>

#include "base/time.h"
#include "paimon/cast.h"
#include "paimon/internal.h"

void pf_partition_escape(struct pf_buf *out, struct pf_view text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c < 0x20 || c == 0x7f || strchr("\"#%'*/:=?\\{}[]^", c))
			pf_buf_printf(out, "%%%02X", c);
		else
			pf_buf_byte(out, c);
	}
}

static bool is_blank(struct pf_view v)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] != ' ' && !(v.data[i] >= 9 && v.data[i] <= 13) &&
		    !(v.data[i] >= 28 && v.data[i] <= 31))
			return false;
	return true;
}

int pf_partition_values(const struct pf_table_schema *s, struct pf_view row,
			struct pf_datum *values, struct pf_error *err)
{
	PF_TRY(pf_row_check(row, s->npartition_keys, "a partition", err));
	for (size_t i = 0; i < s->npartition_keys; i++) {
		int f = pf_table_field_by_name(s, s->partition_keys[i]);
		if (f < 0 || !s->fields[f].known)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "partition column '%s' is of a type that is not supported",
				       s->partition_keys[i]);
		if (s->fields[f].cut)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "partition column '%s' is of type %s, which is not supported",
				       s->partition_keys[i], s->fields[f].type_text);
		PF_TRY(pf_row_get(row, i, s->fields[f].type, &values[i], err));
	}
	return 0;
}

/* Java's text of a moment: 2024-01-31T10:00, then seconds and a fraction of
 * three or six digits as far as they are not zero. */
static void put_moment(struct pf_type type, int64_t v, struct pf_buf *out)
{
	char text[48];
	int64_t units = pf_type_units(type);
	unsigned digits = v % units == 0 ? 0 : v % (units / 1000) == 0 ? 3 : 6;
	size_t n = pf_format_timestamp(text, v, units, digits);
	if (v % (60 * units) == 0 && n > 3)
		n -= 3;
	pf_partition_escape(out, pf_view_of(text, n));
}

/* As SQL casts them to text: as many digits as the type has. */
static void put_cast(const struct pf_datum *v, struct pf_buf *out)
{
	char text[48];
	size_t n;
	if (v->type.kind == PF_TIME)
		n = pf_cast_time(text, v);
	else
		n = pf_format_timestamp(text, v->i, pf_type_units(v->type),
					v->type.precision);
	for (char *t = memchr(text, 'T', n); t; t = NULL)
		*t = ' ';
	pf_partition_escape(out, pf_view_of(text, n));
}

static int put_value(const struct pf_table_schema *s, const char *name,
		     const struct pf_datum *v, struct pf_buf *out,
		     struct pf_error *err)
{
	char text[48];
	bool legacy = strcasecmp(pf_table_option(s, "partition.legacy-name", "true"),
				 "false") != 0;
	if (v->null || (v->type.kind == PF_STRING && is_blank(v->bytes))) {
		pf_buf_str(out, pf_table_option(s, "partition.default-name",
						"__DEFAULT_PARTITION__"));
		return 0;
	}
	switch (v->type.kind) {
	case PF_STRING:
		pf_partition_escape(out, v->bytes);
		return 0;
	case PF_BOOLEAN:
		pf_buf_str(out, v->i ? "true" : "false");
		return 0;
	case PF_DATE:
		if (!legacy) {
			pf_buf_add(out, text, pf_format_date(text, v->i));
			return 0;
		}
		/* fallthrough: the legacy name is the number of days */
		__attribute__((fallthrough));
	case PF_TINYINT:
	case PF_SMALLINT:
	case PF_INT:
	case PF_BIGINT:
		pf_buf_printf(out, "%" PRId64, v->i);
		return 0;
	case PF_DECIMAL:
		pf_datum_print(v, out);
		return 0;
	case PF_TIME:
		if (legacy)
			pf_buf_printf(out, "%" PRId64, v->i);
		else
			put_cast(v, out);
		return 0;
	case PF_TIMESTAMP:
		if (legacy)
			put_moment(v->type, v->i, out);
		else
			put_cast(v, out);
		return 0;
	case PF_TIMESTAMP_LTZ:
		if (legacy) {
			put_moment(v->type, v->i, out);
			return 0;
		}
		/* fallthrough: a text that depends on the writer's zone; that of
		 * floats depends on the writer's Java */
		__attribute__((fallthrough));
	default:
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "partition column '%s' is of type %s, which is not supported",
			       name, pf_type_name(v->type, text));
	}
}

int pf_partition_path(const struct pf_table_schema *s, const struct pf_datum *values,
		      struct pf_buf *out, struct pf_error *err)
{
	for (size_t i = 0; i < s->npartition_keys; i++) {
		pf_partition_escape(out, pf_view_str(s->partition_keys[i]));
		pf_buf_byte(out, '=');
		PF_TRY(put_value(s, s->partition_keys[i], &values[i], out, err));
		pf_buf_byte(out, '/');
	}
	return 0;
}

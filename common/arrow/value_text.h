/* SPDX-License-Identifier: Apache-2.0
 *
 * A value as text, exactly: int64 and decimals with all digits, floats as the
 * shortest text that reads back equal, date and time in ISO form, timestamp as
 * wall clock without offset (2024-01-31T10:05:03.123), timestamp_ltz with the
 * offset of a zone (Z for UTC), bytes as hex (base64 in JSON).
 */
#ifndef PF_ARROW_VALUE_TEXT_H
#define PF_ARROW_VALUE_TEXT_H

#include "arrow/batch.h"
#include "base/buf.h"
#include "base/zone.h"

enum pf_value_style {
	PF_VALUE_PLAIN, /* bare text; bytes as hex */
	PF_VALUE_JSON,  /* a JSON value: strings quoted, bytes base64, NaN null */
};

/* Append the text of one value that is not null. zone: of timestamp_ltz,
 * NULL is UTC. */
void pf_format_value(struct pf_buf *out, struct pf_type type,
		     const struct pf_column *column, int64_t row,
		     enum pf_value_style style, const struct pf_zone *zone);

/* Columns of listings that count rows or bytes: people read them as 1.2M. */
bool pf_format_is_count(const struct pf_field *field);
void pf_format_count(struct pf_buf *out, struct pf_type type,
		     const struct pf_column *column, int64_t row);

/* Pieces of it that others need, too. Append to out. */
void pf_format_int(struct pf_buf *out, int64_t value);
/* The same where there is room for so many bytes; returns behind the last. */
enum { PF_FORMAT_INT_ROOM = 20 };
uint8_t *pf_put_int(uint8_t *to, int64_t value);
void pf_format_double(struct pf_buf *out, double value);
void pf_format_float(struct pf_buf *out, float value);
void pf_format_decimal(struct pf_buf *out, pf_i128 unscaled, unsigned scale); /* scale <= 38 */
enum { PF_FORMAT_DECIMAL_ROOM = 48 };
uint8_t *pf_put_decimal(uint8_t *to, pf_i128 unscaled, unsigned scale);
void pf_format_json_string(struct pf_buf *out, const void *text, size_t len);

#endif

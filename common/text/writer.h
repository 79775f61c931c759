/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to text: table, csv, tsv, jsonl, json, md. One formatter,
 * pf_format_value, is shared by all; field names are data.
 *
 * Values print exactly: int64 and decimals with all digits, floats as the
 * shortest text that reads back equal, date and time in ISO form, timestamp as
 * wall clock without offset (2024-01-31T10:05:03.123), timestamp_ltz with the
 * offset of the writer's zone (Z for UTC), bytes as hex (base64 in JSON). NULL is an
 * empty field in csv and tsv (an empty string is "" in csv), `NULL` in table
 * and md, null in JSON.
 */
#ifndef PF_TEXT_WRITER_H
#define PF_TEXT_WRITER_H

#include "arrow/batch.h"
#include "base/io.h"
#include "base/zone.h"

enum pf_rows_format {
	PF_ROWS_TABLE,
	PF_ROWS_CSV,
	PF_ROWS_TSV,
	PF_ROWS_JSONL,
	PF_ROWS_JSON,
	PF_ROWS_MD,
};

/* Is it one of "table" "csv" "tsv" "jsonl" "json" "md"? */
bool pf_rows_format_parse(const char *name, enum pf_rows_format *format);

struct pf_writer_options {
	enum pf_rows_format format;
	const struct pf_zone *zone; /* of timestamp_ltz; NULL: UTC */
	bool no_header;             /* csv and tsv without their first line */
	bool json_ints_as_strings;  /* bigint and decimal in quotes */
	size_t width; /* table: columns of the terminal, 0: never cut a line */
	bool bold_header;           /* table: the header between SGR 1 and 0 */
	bool ascii;                 /* table: cut with ~, not an ellipsis */
};

struct pf_writer;

int pf_writer_open(const struct pf_byte_sink *sink,
		   const struct pf_schema *schema,
		   const struct pf_writer_options *options,
		   struct pf_writer **writer, struct pf_error *err);
/* The batch has the writer's schema. Output is buffered up to 64 KiB; table
 * waits for 1000 rows to know its widths. */
int pf_writer_batch(struct pf_writer *writer, const struct pf_batch *batch,
		    struct pf_error *err);
/* Everything so far goes to the sink (before the caller waits for input). */
int pf_writer_flush(struct pf_writer *writer, struct pf_error *err);
/* Header of an empty result, closing bracket; flushes. */
int pf_writer_finish(struct pf_writer *writer, struct pf_error *err);
int64_t pf_writer_rows(const struct pf_writer *writer);
void pf_writer_free(struct pf_writer *writer); /* NULL is fine; writes nothing */

enum pf_value_style {
	PF_VALUE_PLAIN, /* bare text; bytes as hex */
	PF_VALUE_JSON,  /* a JSON value: strings quoted, bytes base64, NaN null */
};

/* Append the text of one value that is not null. zone: of timestamp_ltz,
 * NULL is UTC. */
void pf_format_value(struct pf_buf *out, struct pf_type type,
		     const struct pf_column *column, int64_t row,
		     enum pf_value_style style, const struct pf_zone *zone);

/* Pieces of it that others need, too. Append to out. */
void pf_format_int(struct pf_buf *out, int64_t value);
void pf_format_double(struct pf_buf *out, double value);
void pf_format_float(struct pf_buf *out, float value);
void pf_format_decimal(struct pf_buf *out, pf_i128 unscaled, unsigned scale);
void pf_format_json_string(struct pf_buf *out, const void *text, size_t len);

#endif

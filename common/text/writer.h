/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to text: table, csv, tsv, jsonl, json, md. Values are as arrow/value_text.h
 * prints them; field names are data. NULL is an empty field in csv and tsv (an
 * empty string is "" in csv), `NULL` in table and md, null in JSON.
 */
#ifndef PF_TEXT_WRITER_H
#define PF_TEXT_WRITER_H

#include "arrow/batch.h"
#include "base/io.h"
#include "base/zone.h"
#include "text/aligned.h"

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
	bool human; /* table, tsv, md: counts of a listing (PF_UNIT_META) as 1.2M */
	struct pf_aligned_options table; /* but for its zone, which is the one above */
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

#endif

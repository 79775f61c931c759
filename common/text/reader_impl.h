/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of the formats share: a window over the source, the
 * columns' conversions, rejects. Internal to text/.
 *
 * The window holds data[at, len): bytes not consumed yet. data[len] is always
 * a newline, and zeros follow it up to PADDING, so that scanners need no bounds
 * checks.
 */
#ifndef PF_TEXT_READER_IMPL_H
#define PF_TEXT_READER_IMPL_H

#include "text/reader.h"
#include "text/value.h"

enum { PF_TEXT_PADDING = 64 };

struct pf_delimited; /* delimited.c */
struct pf_json_rows; /* json_rows.c */

struct pf_text {
	const struct pf_byte_source *source;
	const struct pf_tabledef *def;
	struct pf_text_options options;
	const char *file;
	enum pf_text_format format;
	/* the window */
	uint8_t *data;
	size_t cap, at, len;
	uint64_t base; /* the file's offset of data[0] */
	uint64_t line; /* line ends before data[at] */
	bool eof;
	bool discarding; /* inside a line that was too long */
	bool pretended;  /* the last byte is a newline that the file lacks */
	/* counts */
	int64_t rows, rejected;
	/* columns */
	struct pf_conv *conv;
	char **constants; /* the value of a column from the file's name, or NULL */
	struct pf_delimited *delimited;
	struct pf_json_rows *json;
};

/* Get more bytes behind data[len]; sets eof instead when there are none. */
int pf_text_fill(struct pf_text *t, struct pf_error *err);

/* The row data[at, at + len) is bad. Sets counts; the caller moves on when 0
 * is returned. column may be NULL. */
int pf_text_reject(struct pf_text *t, int code, const char *column, size_t len,
		   const char *reason, struct pf_error *err);

/* The last line lacks its newline, and is one all the same. */
void pf_text_pretend_newline(struct pf_text *t);

/* "'value' is not an integer" into out (a reject's reason). */
void pf_text_reason(char *out, size_t out_len, const void *value, size_t len,
		    const char *why);

/* Is the last row in the builder, whose text took len bytes, too large for where it
 * goes? */
bool pf_text_row_fits(const struct pf_text *t, struct pf_builder *b, char *reason,
		      size_t reason_bytes);
static inline bool pf_text_too_large(const struct pf_text *t, struct pf_builder *b,
				     size_t len, char *reason, size_t reason_bytes)
{
	return t->options.limit.suspect_bytes && len >= t->options.limit.suspect_bytes &&
	       !pf_text_row_fits(t, b, reason, reason_bytes);
}

/* What a parser stops at. */
struct pf_text_limits {
	int64_t rows;   /* rows in the builder */
	uint64_t bytes; /* offset in the file */
	size_t built;   /* bytes in the builder */
};

/* Consume whole rows while there are any in the window and the limits allow.
 * *more: the window's rest is no whole row. */
int pf_delimited_open(struct pf_text *t, struct pf_error *err);
int pf_delimited_parse(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err);
void pf_delimited_close(struct pf_delimited *d);

int pf_json_rows_open(struct pf_text *t, struct pf_error *err);
int pf_json_rows_parse(struct pf_text *t, struct pf_builder *b,
		       const struct pf_text_limits *limits, bool *more,
		       struct pf_error *err);
void pf_json_rows_close(struct pf_json_rows *j);
/* At the end of a JSON array: nothing is missing. */
bool pf_json_rows_closed(const struct pf_text *t);
/* Behind the last row of an array that is closed. */
void pf_json_rows_position(const struct pf_text *t, struct pf_text_position *p);

static inline bool pf_text_full(const struct pf_builder *b, int64_t rows,
				uint64_t byte, const struct pf_text_limits *l)
{
	return rows >= l->rows || byte >= l->bytes ||
	       ((rows & 127) == 127 && pf_builder_bytes(b) >= l->built);
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows from text: CSV (RFC 4180), TSV, JSON lines, one JSON array, the change
 * streams of Debezium, Canal and Maxwell (text/changes.h). Bytes come
 * decompressed from a source, rows go typed into a builder whose schema is
 * pf_tabledef_schema's. Everything the table could refuse is refused here, row
 * by row: a row that does not fit is handed to the reject callback with its
 * place and its bytes, and the callback decides whether to go on. No row is
 * ever half in the builder.
 *
 * Lines beyond 16 MiB are rejected in bounded memory. A last line without
 * newline is not a row until it has one, or final_line says so.
 */
#ifndef PF_TEXT_READER_H
#define PF_TEXT_READER_H

#include "arrow/batch.h"
#include "base/io.h"
#include "text/tabledef.h"

#define PF_TEXT_LINE_LIMIT ((size_t)16 << 20)

/* A row that does not fit. Everything is borrowed for the call. */
struct pf_reject {
	int code;             /* PF_E_BAD_ROW, PF_E_BAD_VALUE, PF_E_JSON ... */
	const char *file;
	uint64_t line;        /* of the row's first byte, from 1 */
	uint64_t byte;        /* offset of that byte, from 0, decompressed */
	const char *column;   /* or NULL */
	char reason[512];     /* "'17850.5' is not an integer" */
	struct pf_view bytes; /* as they stood, without the line end */
	/* Of a record of a topic, instead of file, line and byte; or NULL. */
	const char *topic;
	int32_t partition;
	int64_t offset;
};

/* How large a row may be where the rows go; whoever takes them knows. */
struct pf_row_limit {
	/* A row whose text or values take fewer bytes never is too large; 0: no row
	 * is. The others are shown to fits. */
	size_t suspect_bytes;
	/* false: it is too large, and reason (as pf_reject's) says so. */
	bool (*fits)(void *ctx, const struct pf_batch *batch, int64_t row, char *reason,
		     size_t reason_bytes);
	void *ctx;
};

/* Something that is no row and not to be passed over in silence: a change stream
 * tells of a change of the table's schema, or rows have a column that the
 * definition lacks (said once a column). Borrowed for the call. */
struct pf_notice {
	const char *file;
	uint64_t line, byte; /* as pf_reject's */
	/* Of a record of a topic, instead of file, line and byte; or NULL. */
	const char *topic;
	int32_t partition;
	int64_t offset;
	bool once;           /* the same need not be said again */
	const char *text;    /* "'inventory.users' was changed: 'ALTER TABLE ...'" */
};

/* Messages of a change stream that gave no row. */
struct pf_passed {
	int64_t schema_changes;
	int64_t empty; /* tombstones; where a snapshot begins and ends */
	int64_t other; /* of databases and tables that the definition does not name */
};

struct pf_text_options {
	/* Overrides the definition's when not PF_TEXT_AUTO. */
	enum pf_text_format format;
	/* The file's path: for messages, and for columns `from: filename`. */
	const char *file;
	/* Go on behind this many bytes and lines: the numbers that
	 * pf_text_position gave. The source always begins at the file's first
	 * byte (the header stands there); skip, if given, moves the source
	 * forward by `bytes` without reading, else they are read and thrown
	 * away. */
	uint64_t byte, line;
	int (*skip)(void *ctx, uint64_t bytes, struct pf_error *err);
	void *skip_ctx;
	/* The end of the source is the end of the last line. */
	bool final_line;
	/* 0: the row is dropped and counted, reading goes on. A code: reading
	 * stops with it (describe err). NULL: stop with a message that names
	 * file, line, byte and column. */
	int (*reject)(void *ctx, const struct pf_reject *reject,
		      struct pf_error *err);
	void *reject_ctx;
	/* NULL: nobody wants to know. */
	void (*notice)(void *ctx, const struct pf_notice *notice);
	void *notice_ctx;
	/* Rows beyond it are rejected: PF_E_ROW_SIZE. */
	struct pf_row_limit limit;
};

struct pf_text;

/* Reads the header if there is one: PF_E_UNKNOWN_COLUMN when a column is not
 * in it (with the nearest). source and def must live as long as the reader. An
 * empty input has no rows and no complaint. */
int pf_text_open(const struct pf_byte_source *source,
		 const struct pf_tabledef *def,
		 const struct pf_text_options *options, struct pf_text **text,
		 struct pf_error *err);

/* Append up to max_rows rows, or about max_bytes bytes, to the builder
 * (0: no bound but 64 MiB). Returns early, with at least one row, before input
 * would block. *end: nothing follows (rows may have been appended, too). */
int pf_text_next(struct pf_text *text, struct pf_builder *builder,
		 int64_t max_rows, size_t max_bytes, bool *end,
		 struct pf_error *err);

/* Where to go on: behind the last row that is in a builder or was rejected. */
struct pf_text_position {
	uint64_t byte, line; /* line: number of line ends before byte */
	int64_t rows;        /* good */
	int64_t rejected;
	size_t pending;      /* bytes of an unterminated last row, at the end */
	struct pf_passed passed;
};
void pf_text_position(const struct pf_text *text,
		      struct pf_text_position *position);

enum pf_text_format pf_text_format(const struct pf_text *text); /* as found */
void pf_text_close(struct pf_text *text); /* NULL is fine */

#endif

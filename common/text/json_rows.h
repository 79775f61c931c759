/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader of JSON rows is made of: the tree of the definition's paths,
 * and the row being read. Internal to text/.
 */
#ifndef PF_TEXT_JSON_ROWS_H
#define PF_TEXT_JSON_ROWS_H

#include "text/connect.h"
#include "text/json_scan.h"
#include "text/reader_impl.h"

enum {
	PF_JSON_LONGEST_LITERAL = 64, /* that is remembered */
	PF_JSON_MOST_GUESSES = 512,
	PF_JSON_DEEPEST_PATH = 32,
	PF_JSON_MOST_PARTS = 16,
	PF_JSON_WHOLE = -1,
};

/* What a value is for: a column, or one part of a column. */
struct pf_json_sink {
	uint32_t column;
	int part;
};

struct pf_json_node;
struct pf_changes; /* changes.h */

/* What stood before a value, and whose value it was (NULL: nobody's). */
struct pf_json_guess {
	uint8_t literal[PF_JSON_LONGEST_LITERAL];
	size_t len;
	struct pf_json_node *child;
};

/* A key of the definition's paths; the root has none. */
struct pf_json_node {
	char *key;
	size_t key_len;
	struct pf_json_sink *sinks;
	size_t nsinks;
	struct pf_json_node **children; /* by length, then bytes */
	size_t nchildren;
	struct pf_json_guess *guesses;
	size_t nguesses, guess_cap;
	uint64_t seen; /* the row that had it last */
	enum pf_fast fast; /* of the only column, if there is nothing else */
	uint32_t column;
};

/* A part of a column, in the scratch. */
struct pf_json_part {
	size_t at, len;
	uint64_t row;
	bool null;
};

/* Where in its array the reader is. */
enum pf_json_state {
	PF_JSON_BEFORE,
	PF_JSON_OPENED,
	PF_JSON_AFTER_VALUE,
	PF_JSON_AFTER_COMMA,
	PF_JSON_RESUMED,
	PF_JSON_CLOSED,
};

struct pf_json_rows {
	struct pf_text *text;
	struct pf_json_node root;
	struct pf_changes *changes;        /* of change streams, or NULL */
	struct pf_json_node envelope;      /* paths into their messages */
	const struct pf_coding *codings;   /* how their values are written */
	struct pf_json_scan scan;
	struct pf_json_part **parts; /* of columns with several sources, or NULL */
	enum pf_json_state state;
	/* Behind the last element. When the array is closed, reading goes on
	 * there: whoever resumes sees the bracket, or that the array has grown. */
	uint64_t end_byte, end_line;
	/* the row being read */
	struct pf_builder *builder;
	struct pf_colbuf *columns; /* the builder's */
	struct pf_conv *conv;      /* the reader's */
	int64_t target; /* its number in the builder */
	uint64_t row;   /* its number, from 1 */
	size_t filled;
	int code; /* of a complaint, 0: none */
	const char *column;
	char reason[256];
	struct pf_buf scratch, key;
};

/* --- the tree (json_tree.c) --- */

/* Make the tree of the definition's paths. */
int pf_json_tree_open(struct pf_json_rows *j, struct pf_error *err);
void pf_json_tree_close(struct pf_json_rows *j);

/* The same for some columns, in a tree of their own. */
int pf_json_tree_add(struct pf_json_rows *j, struct pf_json_node *root, uint32_t column,
		     struct pf_error *err);
void pf_json_tree_free(struct pf_json_node *root);
/* Once all columns are in, and after every change of the codings. */
void pf_json_tree_ready(struct pf_json_rows *j, struct pf_json_node *root);

/* The key's child, or NULL: no column wants it. */
struct pf_json_node *pf_json_child(const struct pf_json_node *n, const void *key,
				   size_t len);

/* --- one row (json_object.c) --- */

/* The row is bad: always NULL. */
const uint8_t *pf_json_complain(struct pf_json_rows *j, int code, const char *column,
				const char *reason);

/* Read the object at p into j->builder as row j->target. Returns what follows
 * it; NULL with a complaint. Columns that it lacks are still to be given. */
const uint8_t *pf_json_row(struct pf_json_rows *j, const uint8_t *p);

/* The same in steps: begin a row, and read objects into it, led by a tree. Where
 * two have a key of the row, the later one has its way. */
void pf_json_begin(struct pf_json_rows *j);
const uint8_t *pf_json_object(struct pf_json_rows *j, struct pf_json_node *root,
			      const uint8_t *p);
/* Complain of JSON that began at start, as the scan says. */
const uint8_t *pf_json_malformed(struct pf_json_rows *j, const uint8_t *start);

/* Give the columns that the object lacked: nulls, the file's name, values of
 * several parts. false: a complaint. */
bool pf_json_finish_row(struct pf_json_rows *j);
bool pf_json_finish_column(struct pf_json_rows *j, uint32_t column);

#endif

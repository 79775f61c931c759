/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV (RFC 4180), TSV, and lines that a regular expression takes apart: what
 * the cutting of rows, their values and the header share. Internal to text/.
 */
#ifndef PF_TEXT_DELIMITED_H
#define PF_TEXT_DELIMITED_H

#include <regex.h>

#include "text/line_pattern.h"
#include "text/reader_impl.h"

/* A field's bytes without quotes; coded: quotes doubled or escapes inside. */
struct pf_field_text {
	const uint8_t *data;
	size_t len;
	bool quoted, coded;
	bool high; /* a byte has its top bit set: it may be no UTF-8 */
};

/* Where a column's value comes from: fields by number, joined by blanks. */
struct pf_binding {
	uint32_t first; /* the only one, mostly */
	uint32_t *all;
	size_t n;       /* 0: the file's name */
	size_t marker;  /* bytes of the longest marker of null */
};

struct pf_delimited {
	uint8_t delimiter, quote; /* quote 0: none */
	bool escapes;
	const char *comment;
	size_t comment_len;
	struct pf_field_text *fields;
	size_t cap;
	size_t expected; /* fields of a row; 0: not fixed */
	size_t least;    /* fields that the bindings need */
	struct pf_binding *bindings;
	size_t nbindings;
	bool ready; /* the header is complete, columns are bound */
	char **names; /* of the header */
	size_t nnames;
	char *unset; /* Zeek: what stands for nothing ... */
	char *empty; /* ... and for the empty text */
	regex_t *pattern; /* lines: what takes them apart; NULL: delimiters do */
	struct pf_line_pattern *simple; /* the same, if it is of that kind */
	regmatch_t *groups;
	struct pf_buf scratch;
};

enum pf_cut { PF_CUT_ROW, PF_CUT_MORE, PF_CUT_BAD, PF_CUT_NO_MATCH };

/* Cut the row at p into d->fields. Behind it comes *next (of a bad one: where it
 * is bad); *lines counts its line ends. MORE: it is not whole before end. */
enum pf_cut pf_delimited_cut(struct pf_delimited *d, const uint8_t *p,
			     const uint8_t *end, size_t *n, const uint8_t **next,
			     uint64_t *lines);

/* The field's text, decoded into d->scratch if it has to be. */
struct pf_view pf_delimited_text(struct pf_delimited *d,
				 const struct pf_field_text *f);

/* A line that is no row, blank or a comment: what follows it. NULL: it is a
 * row, or not whole. */
const uint8_t *pf_delimited_skip(const struct pf_delimited *d, const uint8_t *p,
				 const uint8_t *end);
/* Could it be a comment of which only the beginning is here? */
bool pf_delimited_maybe_comment(const struct pf_delimited *d, const uint8_t *p,
				const uint8_t *end);

#endif

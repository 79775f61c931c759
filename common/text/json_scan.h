/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict JSON (RFC 8259) at the level of bytes: step over a value and say
 * where it is wrong. Accepted is exactly the grammar, in UTF-8, nested at most
 * 512 deep; lone surrogates in escapes are refused, since no UTF-8 text can
 * hold them. Nothing recurses.
 *
 * Scanners need a byte behind the text that is no JSON (the reader's newline
 * for lines, zero for arrays) and 16 readable bytes behind that.
 */
#ifndef PF_TEXT_JSON_SCAN_H
#define PF_TEXT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PF_JSON_DEPTH 512

struct pf_json_scan {
	bool lines;          /* a newline ends the text: it is no blank */
	const char *why;     /* after a failure: "a comma is missing" ... */
	const uint8_t *where;
};

static inline const uint8_t *pf_json_blanks(const struct pf_json_scan *s,
					    const uint8_t *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r' || (*p == '\n' && !s->lines))
		p++;
	return p;
}

static inline const uint8_t *pf_json_bad(struct pf_json_scan *s, const uint8_t *p,
					 const char *why)
{
	s->why = why;
	s->where = p;
	return NULL;
}

/* p: behind the opening quote. Returns the closing quote; *coded: there are
 * escapes inside. NULL: malformed. */
const uint8_t *pf_json_string(struct pf_json_scan *s, const uint8_t *p, bool *coded);

/* p: at the first byte of a number. Returns what follows it, or NULL. */
const uint8_t *pf_json_scan_number(struct pf_json_scan *s, const uint8_t *p);

/* p: at the first byte of any value. Returns what follows it, or NULL. */
const uint8_t *pf_json_skip(struct pf_json_scan *s, const uint8_t *p);

/* Append the text of a string that was scanned, escapes resolved. */
void pf_json_decode(const uint8_t *p, size_t len, struct pf_buf *out);

/* Append a scanned value without the blanks between its tokens. */
void pf_json_compact(const uint8_t *p, size_t len, struct pf_buf *out);

/* The end of the array element at p by its brackets and quotes alone, so that
 * a malformed element can be passed by: what follows it, or NULL when it is
 * not whole before end. */
const uint8_t *pf_json_extent(const uint8_t *p, const uint8_t *end);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration-sized JSON (schemas, snapshots, marks) through jansson. Rows
 * are not parsed here, but in text/. A document is immutable; values borrow
 * from it. Nesting is limited by jansson (2048), the size by the caller.
 * Writing JSON needs no tree: pf_json_quote and pf_buf_printf do.
 */
#ifndef PF_EXT_JSON_H
#define PF_EXT_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

struct pf_json; /* a value; the root owns the document */

enum pf_json_kind {
	PF_JSON_NULL,
	PF_JSON_BOOL,
	PF_JSON_INT,
	PF_JSON_REAL,
	PF_JSON_TEXT,
	PF_JSON_ARRAY,
	PF_JSON_OBJECT,
};

/* PF_E_JSON, naming name, line and column. Duplicate keys are refused. */
int pf_json_parse(const void *data, size_t len, const char *name,
		  struct pf_json **root, struct pf_error *err);
void pf_json_free(struct pf_json *root); /* NULL is fine */

enum pf_json_kind pf_json_kind(const struct pf_json *v); /* of NULL: null */

/* Member of an object; NULL when v is none or has none. */
const struct pf_json *pf_json_get(const struct pf_json *v, const char *key);
/* Members or elements; 0 for others. */
size_t pf_json_size(const struct pf_json *v);
const struct pf_json *pf_json_at(const struct pf_json *array, size_t i);

/* Walk an object: start with *iter NULL; false at the end. */
bool pf_json_each(const struct pf_json *object, void **iter, const char **key,
		  const struct pf_json **value);

/* false, *out unchanged, when the value is of another kind. */
bool pf_json_bool(const struct pf_json *v, bool *out);
bool pf_json_int(const struct pf_json *v, int64_t *out);
bool pf_json_number(const struct pf_json *v, double *out); /* an integer, too */
/* NULL when it is no text. Never holds a NUL (jansson refuses \u0000). */
const char *pf_json_text(const struct pf_json *v);

/* Append text as a JSON string with its quotes. Bytes that are no UTF-8 are
 * written as U+FFFD. */
void pf_json_quote(struct pf_buf *out, const void *text, size_t len);
void pf_json_quote_str(struct pf_buf *out, const char *text);

#endif

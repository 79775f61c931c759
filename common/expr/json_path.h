/* SPDX-License-Identifier: Apache-2.0
 *
 * One value out of a JSON text (RFC 8259), found without building anything:
 * nested JSON is staged as text, and json(payload, 'commits.0.id') asks for a
 * part of it. What lies beside the path is stepped over, not checked; text that
 * is no JSON as far as it is looked at has no such value.
 */
#ifndef PF_EXPR_JSON_PATH_H
#define PF_EXPR_JSON_PATH_H

#include "base/buf.h"

#include <stdbool.h>

/* The value under the path, as it stands in the text: keys between dots, numbers
 * for the elements of arrays, from 0. The empty path is the whole. */
bool pf_json_path(struct pf_view text, struct pf_view path, struct pf_view *value);

/* A string's characters, its quotes left out, into out (at most value.len
 * bytes); false when it is malformed. */
bool pf_json_unescape(struct pf_view value, uint8_t *out, size_t *len);

#endif

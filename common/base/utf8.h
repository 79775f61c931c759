/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 (RFC 3629): strict decoding (no surrogates, no overlong forms),
 * validation, display width.
 */
#ifndef PF_BASE_UTF8_H
#define PF_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode one code point. Returns its length in bytes, 0 if malformed. */
unsigned pf_utf8_decode(const void *bytes, size_t len, uint32_t *cp);

/* Encode a code point (a valid scalar value) into out[4]; returns length. */
unsigned pf_utf8_encode(uint32_t cp, uint8_t *out);

bool pf_utf8_valid(const void *bytes, size_t len);

/* Columns of a terminal that the text takes: 2 for East Asian wide, 0 for
 * combining marks; a malformed byte counts 1. */
size_t pf_utf8_width(const void *bytes, size_t len);

#endif

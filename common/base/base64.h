/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 (RFC 4648): written in the standard alphabet with padding; read in that
 * or the one of URLs, with padding or without.
 */
#ifndef PF_BASE_BASE64_H
#define PF_BASE_BASE64_H

#include <stdbool.h>

#include "base/buf.h"

void pf_base64_encode(const void *bytes, size_t len, struct pf_buf *out);

/* Into out, which has room for len / 4 * 3 + 3 bytes; *n: how many there are.
 * false: it is not base64. */
bool pf_base64_decode(const char *text, size_t len, uint8_t *out, size_t *n);

#endif

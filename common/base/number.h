/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that people type: digits, perhaps with '_' between them, perhaps
 * with a unit. k M G T are powers of 1000, Ki Mi Gi Ti powers of 1024.
 */
#ifndef PF_BASE_NUMBER_H
#define PF_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "-12", "1_000_000", "10M", "64Mi", "1.5G" (if that is a whole number). */
int pf_parse_count(const char *text, int64_t *value, struct pf_error *err);

/* "1,204,113" for people; out of 32 bytes. Returns out. */
char *pf_group_digits(char *out, int64_t value);

/* "1204113", or, for people, "1.2M": k M G T are powers of 1000. out of 32 bytes.
 * Returns out. */
char *pf_count_text(char *out, int64_t value, bool human);

/* "1.2 GiB" for people; out of 32 bytes. Returns out. */
char *pf_human_bytes(char *out, int64_t bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Words that the summaries of several programs share, so that a path or a size
 * reads the same in each of them. Text goes into the caller's array; nothing fails.
 */
#ifndef PF_APP_WORDING_H
#define PF_APP_WORDING_H

#include <stdint.h>

/* The last part of a path, without slashes behind it, quoted where needed. */
const char *pf_short_name(const char *path, char out[256]);

/* "812 bytes", "1.2 MB" */
const char *pf_sized(int64_t bytes, char out[32]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of strings, as columns' names are held everywhere: an array and how many;
 * array and strings are allocated, and owned by whoever holds them.
 */
#ifndef PF_BASE_STRINGS_H
#define PF_BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

void pf_strings_free(char **strings, size_t n); /* NULL is fine */
bool pf_strings_have(char *const *strings, size_t n, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Text patterns: regular expressions (the syntax of POSIX ERE with the usual
 * \d \w \s \b, (?: ), leading (?i), lazy quantifiers accepted) and LIKE. No
 * captures, no back references: a match takes time linear in the text,
 * whatever the pattern (a set of threads in lock step; Thompson, CACM 1968).
 *
 * Works on code points; a byte that is not UTF-8 is a character of its own.
 */
#ifndef PF_EXPR_PATTERN_H
#define PF_EXPR_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct pf_regex;

/* Everything lives in the arena. fold: ignore case. The program is limited
 * to 8 000 steps. PF_E_EXPR_SYNTAX. */
int pf_regex_compile(struct pf_arena *a, struct pf_view pattern, bool fold,
		     struct pf_regex **out, struct pf_error *err);

/* % any text, _ any character; escape: one character or nothing. */
int pf_like_compile(struct pf_arena *a, struct pf_view pattern,
		    struct pf_view escape, bool fold, struct pf_regex **out,
		    struct pf_error *err);

/* Does the pattern occur in the text (LIKE: is it the text)? Uses scratch
 * memory of the pattern. */
bool pf_regex_search(struct pf_regex *re, struct pf_view text);

/* Text that every match begins with (anchored patterns only, else empty). */
struct pf_view pf_regex_prefix(const struct pf_regex *re);

/* Simple case mapping of Latin, Greek, Cyrillic. */
uint32_t pf_lower_cp(uint32_t cp);
uint32_t pf_upper_cp(uint32_t cp);

#endif

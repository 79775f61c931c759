/* SPDX-License-Identifier: Apache-2.0
 *
 * The nearest word: what somebody probably meant who typed an option, a
 * column or a function that does not exist. Damerau-Levenshtein distance
 * (optimal string alignment), case counted half.
 */
#ifndef PF_BASE_NEAR_H
#define PF_BASE_NEAR_H

#include <stddef.h>

/* The i-th of the words, or NULL behind the last. */
typedef const char *pf_word_at(const void *ctx, size_t i);

/* The word that is closest to `word` and close enough to be meant, else NULL. */
const char *pf_near(const char *word, pf_word_at *at, const void *ctx);

/* The same among n words of an array. */
const char *pf_near_of(const char *word, const char *const *words, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside expr/: the functions of expressions, one table per theme (fn_text.c,
 * fn_math.c, fn_time.c), and what they share. A function says when it is bound
 * which kinds it takes and gives, and runs on a whole batch; texts that it makes
 * live until the next one.
 */
#ifndef PF_EXPR_FN_H
#define PF_EXPR_FN_H

#include "expr/eval.h"

/* Each ends with an entry without a name. */
extern const struct pf_fn pf_fns_text[], pf_fns_math[], pf_fns_time[],
	pf_fns_choice[];

/* Longest text that a function makes. */
enum { PF_FN_TEXT_MAX = 16 << 20 };

/* Room for a text that the current batch makes; NULL when it gets too long. */
uint8_t *pf_fn_text(struct pf_expr *e, size_t len);

/* The kid must be of kind x (literals adapt). */
int pf_fn_want(struct pf_expr *e, struct pf_node *x, uint32_t kid,
	       enum pf_xkind kind, const char *wanted, struct pf_error *err);

#endif

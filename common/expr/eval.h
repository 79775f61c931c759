/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside expr/: the operators, each filling x->out from the results of x's
 * kids, which have been evaluated (eval_junction does that itself).
 */
#ifndef PF_EXPR_EVAL_H
#define PF_EXPR_EVAL_H

#include "expr/ast.h"

/* The combined states of the kids, for writing. */
uint8_t *pf_node_own_states(struct pf_expr *e, struct pf_node *x);

void pf_eval_not(struct pf_expr *e, struct pf_node *x);
void pf_eval_junction(struct pf_expr *e, struct pf_node *x); /* and, or */
void pf_eval_is_null(struct pf_expr *e, struct pf_node *x);
void pf_eval_compare(struct pf_expr *e, struct pf_node *x);
void pf_eval_in(struct pf_expr *e, struct pf_node *x);
void pf_eval_pattern(struct pf_expr *e, struct pf_node *x);
void pf_eval_case(struct pf_expr *e, struct pf_node *x);
void pf_eval_arithmetic(struct pf_expr *e, struct pf_node *x);
void pf_eval_neg(struct pf_expr *e, struct pf_node *x);
void pf_eval_convert(struct pf_expr *e, struct pf_node *x);

#endif

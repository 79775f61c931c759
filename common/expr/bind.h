/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside expr/: the steps of binding. The kids of x are bound already; x gets
 * its type, and may be rewritten (in and between become simpler operators).
 */
#ifndef PF_EXPR_BIND_H
#define PF_EXPR_BIND_H

#include "expr/ast.h"

/* Compute a node whose kids are constants. What cannot be computed stays, to
 * fail only if a row asks for it. */
void pf_bind_fold(struct pf_expr *e, struct pf_node *x);
void pf_bind_set_value(struct pf_node *x, const struct pf_datum *d);
/* Put a conversion above *slot if its type is not `to` already. */
void pf_bind_slot(struct pf_expr *e, struct pf_node **slot, struct pf_xtype to);

/* Make two values comparable: equal kinds, or numbers of different ones. */
int pf_bind_pair(struct pf_expr *e, struct pf_node *x, struct pf_node **a,
		 struct pf_node **b, struct pf_error *err);
int pf_bind_condition(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
int pf_bind_arithmetic(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
int pf_bind_in(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
int pf_bind_between(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
int pf_bind_pattern(struct pf_expr *e, struct pf_node *x, struct pf_error *err);
int pf_bind_case(struct pf_expr *e, struct pf_node *x, struct pf_error *err);

#endif

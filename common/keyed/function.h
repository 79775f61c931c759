/* SPDX-License-Identifier: Apache-2.0
 *
 * What aggregation tables do with the values of a column: one function folds
 * the versions' values, oldest first, into one value. A value is added, or
 * taken back by a version that retracts; functions that cannot take back say
 * so. One table of functions by name.
 *
 * Source: Apache Paimon, mergetree/compact/aggregate (reference
 * paimon-format.md section 8.5).
 */
#ifndef PF_KEYED_FUNCTION_H
#define PF_KEYED_FUNCTION_H

#include "expr/datum.h"

/* What a function is told about its column. Texts are borrowed. */
struct pf_keyed_rule {
	struct pf_type type;
	const char *column;
	const char *delimiter; /* listagg */
	bool distinct;         /* listagg: each part once */
	bool ignore_retract;
};

/* The value so far. Its bytes lie in a row, or in text. */
struct pf_keyed_value {
	struct pf_datum now;
	bool begun;         /* has the first value been seen? */
	struct pf_buf text; /* room for values that are made */
	struct pf_buf spare;
};

struct pf_keyed_function {
	const char *name;
	bool (*takes)(struct pf_type type);
	int (*add)(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		   const struct pf_datum *in, struct pf_error *err);
	/* NULL: values cannot be taken back. */
	int (*retract)(struct pf_keyed_value *v, const struct pf_keyed_rule *r,
		       const struct pf_datum *in, struct pf_error *err);
	bool forgets; /* taken back, the value is null */
};

/* By its name in the options; NULL: not one of ours. */
const struct pf_keyed_function *pf_keyed_function_of(const char *name);

void pf_keyed_value_begin(struct pf_keyed_value *v, struct pf_type type);
void pf_keyed_value_free(struct pf_keyed_value *v); /* its room */
/* Add a value that is older than the ones so far. */
int pf_keyed_value_put_before(struct pf_keyed_value *v, const struct pf_keyed_function *f,
			     const struct pf_keyed_rule *r, const struct pf_datum *in,
			     struct pf_error *err);
/* Add or take back, as the function can. */
int pf_keyed_value_put(struct pf_keyed_value *v, const struct pf_keyed_function *f,
		      const struct pf_keyed_rule *r, const struct pf_datum *in,
		      bool retract, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Which values of which group are new: what a distinct count counts. When it is
 * told that memory is full, values that are not known yet are put aside, and
 * counted in the end.
 */
#ifndef PF_QUERY_UNIQUES_H
#define PF_QUERY_UNIQUES_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

struct pf_uniques;

struct pf_uniques *pf_uniques_new(size_t memory);
void pf_uniques_free(struct pf_uniques *u); /* NULL is fine */

/* A value of a group, as bytes. *is_new is false, too, when only the end will
 * tell. */
int pf_uniques_add(struct pf_uniques *u, uint32_t group, const struct pf_buf *value,
		   bool *is_new, struct pf_error *err);
size_t pf_uniques_bytes(const struct pf_uniques *u);
/* From now on what is not known is put aside. */
void pf_uniques_freeze(struct pf_uniques *u);

/* Behind the last value: tells of each that was put aside and is new. Forgets
 * everything. */
int pf_uniques_settle(struct pf_uniques *u, void (*count)(void *ctx, uint32_t group),
		      void *ctx, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Where rows go that do not fit: a file of JSON lines, one per row,
 *   {"file": "events.jsonl", "line": 7, "byte": 512, "code": "PF3003",
 *    "column": "price", "reason": "'x' is not a number", "row": "..."}
 * with the row's bytes as they stood; "row_base64" instead of "row" when they
 * are no UTF-8. The file is appended to, and synced before the position of
 * the input moves past its rows.
 */
#ifndef PF_STAGE_REJECTS_H
#define PF_STAGE_REJECTS_H

#include "text/reader.h"

struct pf_rejects;

int pf_rejects_open(const char *path, struct pf_rejects **rejects,
		    struct pf_error *err);
int pf_rejects_add(struct pf_rejects *r, const struct pf_reject *reject,
		   struct pf_error *err);
/* Write and sync what was added. */
int pf_rejects_settle(struct pf_rejects *r, struct pf_error *err);
/* What was not settled is lost. NULL is fine. */
void pf_rejects_close(struct pf_rejects *r);

#endif

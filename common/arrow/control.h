/* SPDX-License-Identifier: Apache-2.0
 *
 * Control messages as metadata of a batch without rows (pf-stream(5)), and
 * back. Knows the texts, not the stream around them.
 */
#ifndef PF_ARROW_CONTROL_H
#define PF_ARROW_CONTROL_H

#include "arrow/stream.h"

enum pf_control {
	PF_CONTROL_NONE, /* an ordinary batch */
	PF_CONTROL_BEGIN,
	PF_CONTROL_MARK,
	PF_CONTROL_END,
	PF_CONTROL_ABORT,
};

/* What end says of the stream before it. */
struct pf_control_end {
	int64_t rows, bytes;
	uint64_t hash;
	struct pf_counts counts;
};

void pf_control_put_begin(struct pf_meta *meta);
void pf_control_put_mark(struct pf_meta *meta, const struct pf_mark *mark);
void pf_control_put_end(struct pf_meta *meta, const struct pf_control_end *end);
void pf_control_put_abort(struct pf_meta *meta, const char *who, const char *why,
			  int64_t rows);

/* Which one is it? PF_E_UNSUPPORTED names one that is not known. */
int pf_control_kind(const struct pf_meta *meta, enum pf_control *kind,
		    struct pf_error *err);

int pf_control_get_begin(const struct pf_meta *meta, struct pf_error *err);
/* mark is freed and filled anew. */
int pf_control_get_mark(const struct pf_meta *meta, struct pf_mark *mark,
			struct pf_error *err);
int pf_control_get_end(const struct pf_meta *meta, struct pf_control_end *end,
		       struct pf_error *err);
void pf_control_get_abort(const struct pf_meta *meta, struct pf_event *event);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * A source that gives at most `step` bytes at once, as a slow pipe does, so that
 * whoever reads it meets every boundary.
 */
#ifndef PF_TESTS_DRIP_H
#define PF_TESTS_DRIP_H

#include <string.h>

#include "base/io.h"

struct drip {
	struct pf_view view;
	size_t at, step;
};

static inline int drip_read(void *ctx, void *data, size_t len, size_t *got,
			    struct pf_error *err)
{
	struct drip *d = ctx;
	(void)err;
	size_t n = d->view.len - d->at;
	n = n < len ? n : len;
	*got = n < d->step ? n : d->step;
	if (*got)
		memcpy(data, d->view.data + d->at, *got);
	d->at += *got;
	return 0;
}

#endif

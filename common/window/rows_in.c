/* SPDX-License-Identifier: Apache-2.0 */
#include "window/rows_in.h"

static bool may_skip(void *ctx, const struct pf_data_file *file,
		     const struct pf_schema *own)
{
	struct pf_rows_in *r = ctx;
	r->whole = pf_shape_whole(r->shape, file, own, r->from_us, r->to_us, &r->whole_us);
	return r->whole;
}

int pf_rows_in_open(struct pf_rows_in *r, const struct pf_shape *shape, int64_t from_us,
		    int64_t to_us, struct pf_error *err)
{
	*r = (struct pf_rows_in){ .shape = shape, .from_us = from_us, .to_us = to_us };
	PF_TRY(pf_shape_filter(shape, from_us, to_us, NULL, &r->filter, err));
	PF_TRY(pf_shape_filter(shape, INT64_MIN, INT64_MAX, NULL, &r->conditions, err));
	r->less = (struct pf_wanted){ shape->needed, &r->conditions, .prune = true,
				      .skip = (size_t)shape->time_column + 1 };
	r->wanted = (struct pf_wanted){ shape->needed, &r->filter, .prune = true,
					.may_skip = may_skip, .ctx = r, .less = &r->less };
	r->kept = pf_builder_new(shape->needed);
	return 0;
}

void pf_rows_in_close(struct pf_rows_in *r)
{
	pf_filter_free(&r->filter);
	pf_filter_free(&r->conditions);
	pf_builder_free(r->kept);
	*r = (struct pf_rows_in){ 0 };
}

int pf_rows_in_read(struct pf_rows_in *r, struct pf_source *source, struct pf_fold *fold,
		    struct pf_error *err)
{
	struct pf_fold_from from = { .from_us = r->from_us, .to_us = r->to_us };
	struct pf_batch batch;
	r->whole = false;
	for (;;) {
		PF_TRY(source->ops->next(source, &batch, err));
		if (!batch.rows)
			return 0;
		from.whole = r->whole;
		from.whole_us = r->whole_us;
		if (!source->filtered) {
			size_t n;
			PF_TRY(pf_filter_rows(&r->filter, &batch, &n, err));
			if (n < (size_t)batch.rows) {
				pf_builder_reset(r->kept);
				pf_builder_gather(r->kept, &batch, r->filter.rows, n);
				batch = pf_builder_batch(r->kept);
			}
		}
		if (batch.rows)
			PF_TRY(pf_fold_add(fold, &batch, &from, err));
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside query/: a question that has been understood. plan.c makes it from
 * the options, query.c runs it, explain.c tells what that took.
 */
#ifndef PF_QUERY_PLAN_H
#define PF_QUERY_PLAN_H

#include "base/zone.h"
#include "query/group.h"
#include "query/order.h"
#include "query/query.h"

struct pf_query {
	struct pf_source **sources;
	size_t nsources, at;
	const struct pf_schema *full; /* of the source that decides */
	struct pf_schema *needed;     /* the columns that are read */
	struct pf_wanted wanted;
	struct pf_filter filter;
	char *zone_name, *time, *id;
	struct pf_zone *zone, *tz; /* tz: of since and until, or NULL */
	struct pf_items keys, items, order_items;
	/* Grouped: what is aggregated; and, when some items are expressions over
	 * that, how the result is made of keys and aggregates. */
	struct pf_items aggregates, outer;
	bool grouped;
	struct pf_group *group;
	struct pf_order *order;
	size_t norder;
	int *order_column;       /* of the result, -1: hidden */
	bool *order_on_result;   /* hidden: computed from the result */
	struct pf_schema *result, *sortable; /* result and hidden columns */
	int64_t limit, offset, given, skipped;
	size_t memory;
	bool prune;
	enum { READING, GROUPS, SORTED, DONE } state;
	struct pf_builder *kept; /* rows that passed, where the source does not filter */
	struct pf_builder *made; /* computed columns of sortable */
	struct pf_column *show;
	struct pf_builder *sliced;
};

/* Understand the options: names, types, what has to be read. */
int pf_query_plan(struct pf_query *q, const struct pf_query_options *o,
		  struct pf_error *err);

#endif

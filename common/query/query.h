/* SPDX-License-Identifier: Apache-2.0
 *
 * A question about an entity, or about all of them: rows of any mix of
 * sources that share a schema, filtered, projected or aggregated, ordered.
 * One question is answered from one state of the world: a table's snapshot
 * and, from exactly where that ends, the stage. What is needed is held open
 * before the first row; if something vanishes until then, everything starts
 * over on the newest snapshot; after it, the answer fails rather than mix.
 */
#ifndef PF_QUERY_QUERY_H
#define PF_QUERY_QUERY_H

#include "query/items.h"
#include "query/source.h"

struct pf_query_options {
	char *const *ids;      /* entities, as a person writes them */
	size_t nids;
	const char *since, *until; /* half-open; see pf_time_argument; or NULL */
	const char *tz;        /* the zone they are read in; NULL: the table's */
	char *const *where;
	size_t nwhere;
	char *const *columns;
	size_t ncolumns;
	char *const *group_by;
	size_t ngroup_by;
	char *const *order_by;
	size_t norder_by;
	int64_t limit;         /* -1: all */
	int64_t offset;
	const char *time;      /* time column; NULL: the schema says it */
	const char *id;        /* likewise */
	size_t memory;
	bool no_prune;
	bool fixed_snapshot;   /* do not start over on a newer one */
	bool group;            /* aggregate also without keys and aggregates */
};

struct pf_query;

/* sources: in the order in which rows are wanted; owned by the query from
 * here on, also when it fails. Everything is checked (names, types) and held
 * open when this returns. */
int pf_query_open(struct pf_source **sources, size_t n,
		  const struct pf_query_options *options, struct pf_query **query,
		  struct pf_error *err);
void pf_query_close(struct pf_query *q); /* NULL is fine */

/* Of the result; borrowed. */
struct pf_schema *pf_query_schema(struct pf_query *q);
/* The zone of the times; "UTC". */
const char *pf_query_zone(const struct pf_query *q);

/* The next rows, valid until the next call; there may be none yet. *end:
 * nothing follows. */
int pf_query_next(struct pf_query *q, struct pf_batch *batch, bool *end,
		  struct pf_error *err);
/* Would next() return without waiting for input? */
bool pf_query_ready(struct pf_query *q);

/* The data files that there were, and those that had to be read. */
void pf_query_files(const struct pf_query *q, int64_t *all, int64_t *read);

/* What it took, as text for people; complete behind the last row. */
void pf_query_explain(const struct pf_query *q, struct pf_buf *out);

/* The instant (microseconds since 1970) that --since, --until, --as-of mean:
 * RFC 3339, a date, @epoch seconds, now, or a duration, meaning ago. A time
 * without an offset is the wall clock in zone (NULL: UTC). */
struct pf_zone;
int pf_time_argument(const char *text, const char *option, const struct pf_zone *zone,
		     int64_t *micros, struct pf_error *err);

#endif

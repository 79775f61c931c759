/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows in flight of a table with a primary key: what a stage holds and the
 * table does not yet, as versions that are newer than all stored ones. They are
 * put in order and merged in memory as they will be when they are loaded, a
 * sorted run for each bucket, and pose as files of the snapshot, so that they
 * are merged by the same rules.
 */
#ifndef PF_QUERY_IN_FLIGHT_H
#define PF_QUERY_IN_FLIGHT_H

#include "keyed/rules.h"
#include "paimon/scan.h"
#include "query/source.h"

struct pf_in_flight;

/* Of that stage; takes it over. */
struct pf_in_flight *pf_in_flight_new(struct pf_source *stage);
void pf_in_flight_free(struct pf_in_flight *f); /* NULL is fine */
struct pf_source *pf_in_flight_stage(struct pf_in_flight *f);

/* Read it from where the table's snapshot ends to its durable end, anew. wanted:
 * versions of rows (query/keyed_scan.h) and what is asked of their keys. All are
 * borrowed until the next call. PF_E_LIMIT when they take more than memory. */
int pf_in_flight_read(struct pf_in_flight *f, const struct pf_table_schema *table,
		      const struct pf_rules *rules, const struct pf_wanted *wanted,
		      size_t memory_bytes, struct pf_error *err);

/* Add the runs to the files of the snapshot, where they belong. */
void pf_in_flight_add(struct pf_in_flight *f, struct pf_file_list *list);

/* Is it one of the runs? Then its rows, sorted by key. */
bool pf_in_flight_rows(const struct pf_in_flight *f, const struct pf_data_file *file,
		       struct pf_batch *rows);

#endif

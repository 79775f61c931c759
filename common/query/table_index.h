/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the file indexes of a table's data files (paimon/file_index.h), in the
 * manifest or beside the file, whether a file can hold a row that passes.
 */
#ifndef PF_QUERY_TABLE_INDEX_H
#define PF_QUERY_TABLE_INDEX_H

#include "paimon/scan.h"
#include "query/source.h"

/* True when in doubt. */
bool pf_table_index_may_match(struct pf_table *table, const struct pf_data_file *file,
			      const struct pf_wanted *wanted);

/* The rows of the file that can, a bit each; NULL when no index tells. The
 * caller frees it. */
uint8_t *pf_table_index_rows(struct pf_table *table, const struct pf_data_file *file,
			     const struct pf_wanted *wanted);

#endif

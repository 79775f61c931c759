/* SPDX-License-Identifier: Apache-2.0
 *
 * Change streams: each line is a message that says what became of rows of a table
 * elsewhere, as Debezium, Canal and Maxwell write it in JSON. A message becomes
 * the rows of the change, with their kinds (arrow/layout.h), all of them or none:
 *
 *	inserted, read by a snapshot    +I
 *	updated                         +U, and -U before it where the table takes
 *	                                old values away, or keeps rows as they came
 *	updated, with another key       -D of the old row, +I of the new one
 *	deleted                         -D
 *
 * The key is the definition's, with the partition that the time gives. Messages
 * that are no rows are counted: tombstones, the beginning and end of a snapshot,
 * changes of a schema (which are also told, as pf_notice), those of other tables
 * where the definition names one. A truncation is refused: no rows can say it.
 *
 * Sources: Debezium's envelope and Kafka Connect's JSON converter, Canal's flat
 * message, Maxwell's output; what becomes of them as in Flink's formats
 * debezium-json, canal-json, maxwell-json. Internal to text/.
 */
#ifndef PF_TEXT_CHANGES_H
#define PF_TEXT_CHANGES_H

#include "text/json_rows.h"

/* Sets j->changes. Before the tree of columns is made. */
int pf_changes_open(struct pf_json_rows *j, struct pf_error *err);
void pf_changes_close(struct pf_changes *c); /* NULL is fine */

/* Append the rows of the message [p, end), not blank, to the builder, none or
 * all. false: a complaint. */
bool pf_changes_line(struct pf_changes *c, struct pf_builder *b, const uint8_t *p,
		     const uint8_t *end);

/* A row has a key that no column wants. */
void pf_changes_unknown(struct pf_changes *c, struct pf_view key);

const struct pf_passed *pf_changes_passed(const struct pf_changes *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * From whatever Arrow can say to the flat columns of arrow/batch.h. Buffers
 * that are right already are borrowed; everything else is converted:
 *
 *   dictionary, run-end encoded   decoded
 *   uint8 uint16 uint32 uint64    smallint int bigint bigint (checked)
 *   float16                       float
 *   decimal32/64/256              decimal (256: checked)
 *   date64                        date (whole days only)
 *   time[s us ns]                 time (whole milliseconds only)
 *   timestamp[s], [ns]            timestamp(0), timestamp(6) (exact only);
 *                                 with a zone: timestamp_ltz
 *   large_utf8, utf8_view         string
 *   large_binary, binary_view, fixed_size_binary   bytes
 *   any list of texts             strings
 *   null                          string
 *
 * Struct, map, union, other lists, interval and duration are refused by the
 * column's name. A value that does not fit is PF_E_BAD_ROW, never changed.
 */
#ifndef PF_ARROW_CONVERT_H
#define PF_ARROW_CONVERT_H

#include "arrow/batch.h"
#include "arrow/ipc_read.h"

struct pf_convert;

/* The arrow schema must live as long as the converter. limit_bytes bounds
 * what one batch becomes; 0: 256 MiB. */
int pf_convert_new(const struct pf_arrow_schema *in, size_t limit_bytes,
		   struct pf_convert **convert, struct pf_error *err);
void pf_convert_free(struct pf_convert *c); /* NULL is fine */

struct pf_schema *pf_convert_schema(struct pf_convert *c); /* borrowed */

/* Valid until the message or the next call. */
int pf_convert_batch(struct pf_convert *c, const struct pf_ipc_message *in,
		     struct pf_batch *out, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of an Avro file, as types that the decoder walks.
 */
#ifndef PF_PAIMON_AVRO_SCHEMA_H
#define PF_PAIMON_AVRO_SCHEMA_H

#include "paimon/avro.h"

struct pf_avro_schema; /* owns the types */

/* *top: what a datum is. */
int pf_avro_schema_parse(struct pf_view json, const char *name,
			 struct pf_avro_schema **schema,
			 const struct pf_avro_type **top, struct pf_error *err);
void pf_avro_schema_free(struct pf_avro_schema *s);

#endif

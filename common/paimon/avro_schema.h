/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema of an Avro file, as types that the decoder walks. Files say their
 * schema themselves, so it is input: its depth and the number of its types are
 * bounded (PF_E_AVRO). A type may be referred to by its name.
 */
#ifndef PF_PAIMON_AVRO_SCHEMA_H
#define PF_PAIMON_AVRO_SCHEMA_H

#include "paimon/avro.h"

struct pf_avro_schema; /* owns the types */

int pf_avro_schema_parse(struct pf_view json, const char *name,
			 struct pf_avro_schema **schema, struct pf_error *err);
void pf_avro_schema_free(struct pf_avro_schema *s); /* NULL is fine */

/* What a datum is. */
const struct pf_avro_type *pf_avro_schema_top(const struct pf_avro_schema *s);
/* The text it was made from. */
struct pf_view pf_avro_schema_text(const struct pf_avro_schema *s);

#endif

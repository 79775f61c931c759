/* SPDX-License-Identifier: Apache-2.0
 *
 * Named, typed columns with metadata: what an Arrow stream declares first.
 * Schemas are immutable once built and counted by reference.
 */
#ifndef PF_ARROW_SCHEMA_H
#define PF_ARROW_SCHEMA_H

#include <stdatomic.h>

#include "arrow/type.h"

/* Ordered key-value metadata. Zero-initialised is empty. Owns its strings. */
struct pf_meta {
	struct pf_pair {
		char *key, *value;
	} *items;
	size_t n;
};

const char *pf_meta_get(const struct pf_meta *m, const char *key); /* NULL: absent */
void pf_meta_set(struct pf_meta *m, const char *key, const char *value);
void pf_meta_copy(struct pf_meta *to, const struct pf_meta *from);
void pf_meta_free(struct pf_meta *m);

struct pf_field {
	char *name;
	struct pf_type type;
	bool nullable;
	int32_t id;          /* the table's field id; -1: not known */
	struct pf_meta meta; /* without PARQUET:field_id and pf:type */
};

struct pf_schema {
	atomic_int refs; /* threads share schemas */
	size_t n;
	struct pf_field *fields;
	struct pf_meta meta;
};

/* A new schema without fields, one reference. */
struct pf_schema *pf_schema_new(void);
struct pf_schema *pf_schema_copy(const struct pf_schema *s);
struct pf_schema *pf_schema_ref(struct pf_schema *s);
void pf_schema_unref(struct pf_schema *s); /* NULL is fine */

/* While building (refs == 1 only). */
struct pf_field *pf_schema_add(struct pf_schema *s, const char *name,
			       struct pf_type type, bool nullable);

/* Position of the column of that name, -1 if there is none. */
int pf_schema_find(const struct pf_schema *s, const char *name);

/* Same names, types and order? If not, describes the first difference
 * (PF_E_SCHEMA_MISMATCH), naming the two sides a_name and b_name.
 * Nullability and metadata may differ. */
int pf_schema_same(const struct pf_schema *a, const char *a_name,
		   const struct pf_schema *b, const char *b_name,
		   struct pf_error *err);

#endif

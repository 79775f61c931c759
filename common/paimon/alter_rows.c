/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of schemas that a table has had before: those that a stage still has, and
 * segments that were packed of them.
 */
#include <stdlib.h>

#include "paimon/alter.h"
#include "paimon/internal.h"
#include "paimon/scan.h"

/* The schema's columns but the generated one are those of the rows. */
static bool is_like(const struct pf_table_schema *s, const struct pf_schema *rows)
{
	size_t k = 0;
	bool generated = s->npartition_keys == 1 &&
			 !strcmp(s->partition_keys[0], PF_PARTITION_COLUMN) &&
			 pf_schema_find(rows, PF_PARTITION_COLUMN) < 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct pf_table_field *f = &s->fields[i];
		if (generated && !strcmp(f->name, PF_PARTITION_COLUMN))
			continue;
		if (k == rows->n || strcmp(rows->fields[k].name, f->name) || !f->known ||
		    !pf_type_equal(rows->fields[k].type, f->type))
			return false;
		k++;
	}
	/* What became of a row is no column of the table. */
	return k == rows->n ||
	       (k + 1 == rows->n && !strcmp(rows->fields[k].name, PF_KIND_COLUMN));
}

int pf_table_schema_like(struct pf_table *table, const struct pf_schema *rows,
			 const struct pf_table_schema **schema, struct pf_error *err)
{
	*schema = NULL;
	for (int64_t id = pf_table_schema(table)->id; id >= 0; id--) {
		const struct pf_table_schema *s;
		PF_TRY(pf_table_schema_of(table, id, &s, err));
		if (!is_like(s, rows))
			continue;
		*schema = s;
		return 0;
	}
	return 0;
}

bool pf_table_schema_accepts(const struct pf_table_schema *now,
			     const struct pf_table_schema *older)
{
	int *mapping = pf_alloc(now->n + 1, sizeof *mapping);
	bool ok = !pf_scan_mapping(now, older, mapping, NULL, NULL) &&
		  now->buckets == older->buckets &&
		  now->nbucket_key == older->nbucket_key &&
		  now->npartition_keys == older->npartition_keys;
	for (size_t i = 0; ok && i < now->nbucket_key; i++)
		ok = !strcmp(now->bucket_key[i], older->bucket_key[i]);
	for (size_t i = 0; ok && i < now->npartition_keys; i++)
		ok = !strcmp(now->partition_keys[i], older->partition_keys[i]);
	for (size_t i = 0; ok && i < now->n; i++)
		ok = now->fields[i].nullable ||
		     (mapping[i] >= 0 && !older->fields[mapping[i]].nullable);
	free(mapping);
	return ok;
}

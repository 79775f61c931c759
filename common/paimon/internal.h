/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share and nobody else needs: an open table from
 * inside, how its JSON is parsed and written, and names of files with numbers.
 */
#ifndef PF_PAIMON_INTERNAL_H
#define PF_PAIMON_INTERNAL_H

#include "base/arena.h"
#include "paimon/avro.h"
#include "paimon/table.h"

enum {
	PF_JSON_LIMIT = 16 << 20,      /* of a schema or snapshot file */
	PF_MANIFEST_LIMIT = 512 << 20, /* of a manifest, as stored and unpacked */
};

struct pf_table {
	char *path;
	struct pf_store *store;
	struct pf_table_schema **schemas; /* kept, in no order */
	size_t nschemas;
	const struct pf_table_schema *newest;
	struct pf_avro_cache avro; /* of its manifests */
};

/* Parse schema/schema-N; name is for messages. */
int pf_table_schema_parse(const void *json, size_t len, const char *name,
			  struct pf_table_schema **schema, struct pf_error *err);

int pf_snapshot_parse(const void *json, size_t len, const char *name,
		      struct pf_snapshot **snapshot, struct pf_error *err);
void pf_snapshot_format(const struct pf_snapshot *s, struct pf_buf *out);

/* Where a snapshot is, "snapshot/snapshot-7". */
void pf_snapshot_path(char out[48], int64_t id);

/* The number behind the prefix of a name like "snapshot-7"; -1 for any other
 * name. */
int64_t pf_numbered(const char *name, const char *prefix);

/* An option's text, or def when it is not set. */
const char *pf_table_option(const struct pf_table_schema *s, const char *key,
			    const char *def);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests and lists as files of a commit attempt: written durable under
 * names of their own, and deleted again when the attempt is lost.
 */
#ifndef PF_PAIMON_MANIFEST_OUT_H
#define PF_PAIMON_MANIFEST_OUT_H

#include "paimon/manifest.h"

struct pf_manifest_out {
	struct pf_table *table;
	const struct pf_table_schema *schema; /* whose partition keys count */
	char uuid[37];  /* of the writer */
	int64_t next;   /* number of the next file */
	char **written; /* paths of this attempt */
	size_t nwritten;
	int64_t bytes_limit; /* of a manifest before the next one begins */
};

void pf_manifest_out_init(struct pf_manifest_out *out, struct pf_table *table,
			  const struct pf_table_schema *schema);
void pf_manifest_out_free(struct pf_manifest_out *out);

/* Make the names of all that was written durable: before the commit. */
int pf_manifest_out_sync(struct pf_manifest_out *out, struct pf_error *err);

/* The attempt has succeeded: its files stay. */
void pf_manifest_out_keep(struct pf_manifest_out *out);
/* The attempt is lost: its files go. */
void pf_manifest_out_drop(struct pf_manifest_out *out);

/* Write the entries as one or more manifests and add these to the list. */
int pf_manifest_out_files(struct pf_manifest_out *out,
			  const struct pf_data_file *files, size_t n,
			  struct pf_arena *arena, struct pf_manifests *list,
			  struct pf_error *err);

/* Write a manifest list; its name (in the arena) and size come back. */
int pf_manifest_out_list(struct pf_manifest_out *out,
			 const struct pf_manifests *list, struct pf_arena *arena,
			 char **name, int64_t *size, struct pf_error *err);

/* The manifests that the next snapshot's base list names: those of the last
 * one, small ones merged so that lists stay short (reference 4.9). */
int pf_manifest_out_merge(struct pf_manifest_out *out, struct pf_manifests *list,
			  struct pf_arena *arena, struct pf_error *err);

#endif

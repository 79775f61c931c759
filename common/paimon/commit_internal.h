/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a commit: what writing files (commit_files.c), deciding what becomes
 * of them (commit.c) and publishing them (commit_snapshot.c) share.
 */
#ifndef PF_PAIMON_COMMIT_INTERNAL_H
#define PF_PAIMON_COMMIT_INTERNAL_H

#include "paimon/cells.h"
#include "paimon/commit.h"
#include "paimon/manifest_out.h"

struct pf_names_set { /* of texts, each once */
	char **texts;
	size_t n;
};

/* A stored file whose place some of ours take. */
struct pf_replaced {
	size_t group;
	char *name;    /* in the arena */
	int32_t level; /* where it must be; -1: anywhere */
};

struct pf_commit {
	struct pf_table *table;
	const struct pf_table_schema *schema; /* of the data */
	struct pf_commit_options options;
	char user[48];
	char uuid[37]; /* of data files */
	int64_t next_file, next_identifier;

	/* Files since the last commit. */
	struct pf_arena arena;
	struct pf_data_files files;
	struct pf_data_files changelogs; /* of the files */
	struct pf_view changelog; /* of the next one */
	struct pf_replaced *replaced; /* by group */
	size_t nreplaced;
	size_t *groups; /* of files that replace others together: the file behind
			 * each one's last */
	size_t ngroups;
	struct pf_commit_file *open; /* being written, or NULL */
	char **written; /* their paths, indexes too */
	size_t nwritten;
	/* Of these, written but not yet synced: the disk works on some while
	 * others are being written. */
	struct pf_store_writer *unsynced[32];
	size_t nunsynced;
	struct pf_names_set made;  /* directories made and synced */
	struct pf_names_set dirty; /* directories with names not yet synced */

	struct pf_layout rows; /* of segments, only what concerns their key */
	struct pf_cells *cells;
	struct pf_mark *pending; /* advances that wait, one per stage */
	size_t npending;
	int64_t last_commit_ms; /* 0: none yet */
	bool has_consumer;      /* its directory is there */
	bool unknown; /* an attempt may have succeeded: delete nothing */
};

/* --- commit_snapshot.c --- */

/* What is to be published: the files, together with these marks of different
 * stages, or as a stream that is known by its hash. */
struct pf_commit_request {
	const struct pf_mark *marks;
	size_t nmarks;
	uint64_t stream; /* when there is no mark */
	bool silent;     /* says nothing about what was loaded */
};

enum pf_outcome {
	PF_COMMITTED,
	PF_LOADED, /* the table had it already */
	PF_LOST,   /* somebody else took the number: again */
};

struct pf_attempt {
	struct pf_commit *c;
	const struct pf_commit_request *request;
	struct pf_snapshot *base; /* NULL: the table is empty */
	struct pf_offset_map map;
	struct pf_manifest_out *out;
	struct pf_arena arena;
	int64_t started_ms;
	int64_t rows, bytes;
	char *delta_list;
	struct pf_file_list live;      /* when files are replaced: the base's */
	struct pf_data_files deletes;  /* and those of it that go */
};

/* Writes manifests and makes the snapshot *id; *outcome is PF_COMMITTED or PF_LOST.
 * While nobody knows which, and when that cannot be found out, c->unknown is set. */
int pf_attempt_publish(struct pf_attempt *a, enum pf_outcome *outcome, int64_t *id,
		       struct pf_error *err);

/* Hints for readers and for other engines' expiry. They are advice: the commit stands
 * whatever becomes of them. */
void pf_commit_hints(struct pf_commit *c, int64_t id, bool has_map);

/* --- commit_replace.c --- */

/* Does the commit replace files? */
bool pf_commit_replaces(const struct pf_commit *c);

/* The entries to delete, and sequence numbers for the files that take their
 * place. The entries borrow from the list, which the caller frees.
 * PF_E_CONFLICT when one of them is not live in the base. */
int pf_commit_resolve(struct pf_commit *c, const struct pf_snapshot *base,
		      struct pf_file_list *list, struct pf_data_files *deletes,
		      struct pf_error *err);

/* --- commit_rules.c --- */

/* PF_E_SCHEMA_MISMATCH when rows were merged by other rules than that schema's. */
int pf_commit_check_rules(struct pf_commit *c, int64_t schema_id, struct pf_error *err);

/* --- commit_rebase.c --- */

/* Rows whose numbers another writer has used meanwhile get those behind them: the
 * cells must be those of the base. */
int pf_commit_renumber(struct pf_commit *c, struct pf_error *err);

/* --- commit_files.c --- */

/* A new file of ours, durable by the next sync. */
int pf_commit_write(struct pf_commit *c, const char *path, struct pf_view data,
		    struct pf_error *err);

/* Sync the files written, then their directories. */
int pf_commit_sync(struct pf_commit *c, struct pf_error *err);
/* The files are committed: forget them. */
void pf_commit_keep(struct pf_commit *c);
void pf_commit_drop_pending(struct pf_commit *c);
/* They will not be: delete them, unless one attempt's outcome is unknown. */
void pf_commit_drop(struct pf_commit *c);

#endif

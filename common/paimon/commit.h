/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishing files: exactly once, or not at all. A commit writes its
 * manifests, then creates snapshot-N if absent; that file is the commit. It
 * is tried again over foreign snapshots, and goes through only if the table's
 * offsets are what the mark begins with (design section 6.6).
 *
 * The user of a commit is random per pf_commit, so that an attempt whose
 * outcome is unknown can be recognised; until its outcome is known no file is
 * deleted. Until committed, files belong to the pf_commit, which deletes them
 * when it is abandoned.
 *
 * Sources: reference paimon-format.md sections 3.2, 4.9, 7, 10; reliability.md
 * sections 5 and 6.
 */
#ifndef PF_PAIMON_COMMIT_H
#define PF_PAIMON_COMMIT_H

#include "paimon/offsets.h"
#include "paimon/scan.h"

struct pf_commit;

struct pf_commit_options {
	int64_t empty_every_ms; /* commit a mere advance at most this often; 60000 */
	/* Where the table no longer says, or never said, what it has loaded of
	 * a stage's partition, take marks at their word. */
	bool restart;
	int retries;            /* lost races before giving up; 0: default (50) */
};

struct pf_commit_result {
	int64_t snapshot;    /* 0: nothing was committed */
	bool already_loaded; /* the table had it; own files were deleted */
	bool postponed;      /* an advance without rows that waits its minute */
	int64_t files, rows, bytes;
	size_t partitions;
};

/* PF_E_TABLE_FEATURE when the table is not for us to write. */
int pf_commit_open(struct pf_table *table, const struct pf_commit_options *options,
		   struct pf_commit **commit, struct pf_error *err);

/* The segments to come are of such rows: their metadata say by what rules versions
 * were merged, which must be those of the table (pf_commit_add). */
void pf_commit_rows(struct pf_commit *commit, const struct pf_schema *segments);

/* Write a Parquet file into its bucket and remember its entry. Its footer
 * must have the table's columns (name, type, id) and `rows` rows; index may be
 * empty. buckets is the count that the rows were bucketed by. */
int pf_commit_add(struct pf_commit *commit, const struct pf_cell *cell,
		  int32_t buckets, int64_t rows, struct pf_view parquet,
		  struct pf_view index, struct pf_error *err);

/* Of the next file that is added: its rows as they came (a table whose
 * changelog-producer is input keeps them, and needs them). */
void pf_commit_changelog(struct pf_commit *commit, struct pf_view parquet);

/* The same for a file with the rows of stored files of its cell, whose place
 * it takes: they are named and must be live still when it is committed, else
 * PF_E_CONFLICT. Such a commit is a COMPACT snapshot without new rows, made by
 * pf_commit_stream or pf_commit_compact; every file of it must replace some. */
int pf_commit_replace(struct pf_commit *commit, const struct pf_cell *cell,
		      int32_t buckets, int64_t rows, struct pf_view parquet,
		      struct pf_view index, const struct pf_view *names, size_t n,
		      struct pf_error *err);

/* A new file in pieces, for what is too large to lie in memory: its bytes go
 * through the sink, then close makes it one of the commit's files, checked as
 * pf_commit_add does. index may be empty. One at a time; close frees it, also
 * when it fails, and so does abandoning the commit. */
struct pf_commit_file;
int pf_commit_file_open(struct pf_commit *commit, const struct pf_cell *cell,
			int32_t buckets, struct pf_commit_file **file,
			struct pf_error *err);
const struct pf_byte_sink *pf_commit_file_sink(const struct pf_commit_file *file);
int pf_commit_file_close(struct pf_commit_file *file, int64_t rows,
			 struct pf_view index, struct pf_error *err);
/* It goes. */
void pf_commit_file_abandon(struct pf_commit_file *file);

/* The last n_files files together take the place of the named ones, as
 * pf_commit_replace does for one. */
int pf_commit_replace_files(struct pf_commit *commit, size_t n_files,
			    const struct pf_view *names, size_t n,
			    struct pf_error *err);

/* A step of a compaction of one bucket of a table with a primary key: the last
 * n_files files hold what is left of the versions in the files named `from`, of
 * which there may be none; they go to that level, with these sequence numbers.
 * Files named `moved` go there as they are. All were planned as they are in the
 * list, and must be live in their level still; in the new one no keys may
 * overlap, else PF_E_CONFLICT. The files of a commit take the place of others in
 * groups of one bucket each. */
struct pf_versions_span {
	int64_t least, most;
};
struct pf_versions_step {
	int32_t level;
	const struct pf_versions_span *spans; /* of the n_files */
	size_t n_files;
	const struct pf_data_file *const *from, *const *moved;
	size_t n_from, n_moved;
};
int pf_commit_replace_versions(struct pf_commit *commit,
			       const struct pf_versions_step *step, struct pf_error *err);

/* Commit what replaces stored files, without a word about what was loaded:
 * the offset map is carried as it is, and not made where there is none. */
int pf_commit_compact(struct pf_commit *commit, struct pf_commit_result *result,
		      struct pf_error *err);

/* Commit everything added since the last commit together with the mark.
 * With mark->more: together with the next mark, too. now: do not postpone an
 * advance without rows. PF_E_CONFLICT: somebody else loaded other parts of this
 * range; own files are deleted. */
int pf_commit_mark(struct pf_commit *commit, const struct pf_mark *mark, bool now,
		   struct pf_commit_result *result, struct pf_error *err);

/* Commit an advance that was postponed, if any: at the end of the input. */
int pf_commit_flush(struct pf_commit *commit, struct pf_commit_result *result,
		    struct pf_error *err);

/* Commit what was added as a stream without marks, known by its hash. A hash
 * among the last 1 000: already_loaded. */
int pf_commit_stream(struct pf_commit *commit, uint64_t hash,
		     struct pf_commit_result *result, struct pf_error *err);

/* Delete files that are not committed (unless an outcome is unknown) and
 * free. */
void pf_commit_close(struct pf_commit *commit); /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The only way to a table's files. A store is rooted at the table's
 * directory; every path is relative to it ("snapshot/snapshot-7"), has at
 * most 16 components, none of them empty, "." or "..", and no component may
 * be a symbolic link: names come out of manifests that others wrote, and must
 * not lead out of the table. Local files now; HDFS and S3 fit behind the same
 * calls, which is why there is no rename, no append and no lock here.
 *
 * What "durable" means: when the call returns, the content and the name are
 * on the disk (file and directory synced, parents just made, too). A failed
 * sync is final: the file is removed and an error returned, never retried
 * (Linux marks the pages clean after the first failure).
 *
 * Temporary names begin with a dot, since Paimon parses every name that
 * begins with "snapshot-" or "schema-".
 */
#ifndef PF_STORE_STORE_H
#define PF_STORE_STORE_H

#include "base/io.h"

struct pf_store;

/* An existing directory. PF_E_NO_FILE when there is none. */
int pf_store_open(const char *root, struct pf_store **store, struct pf_error *err);
/* Makes the directory (and parents) first when it is missing. */
int pf_store_make(const char *root, struct pf_store **store, struct pf_error *err);
const char *pf_store_root(const struct pf_store *store);
void pf_store_close(struct pf_store *store); /* NULL is fine */

/* --- reading --- */

/* A file held open: it stays readable after somebody deletes it. */
struct pf_store_file;
int pf_store_open_file(struct pf_store *store, const char *path,
		       struct pf_store_file **file, struct pf_error *err);
const struct pf_random_source *pf_store_file_source(const struct pf_store_file *file);
/* The descriptor of a local file (for mmap and readahead), else -1. */
int pf_store_file_fd(const struct pf_store_file *file);
void pf_store_close_file(struct pf_store_file *file); /* NULL is fine */

/* All of a small file, appended to out; PF_E_LIMIT beyond limit,
 * PF_E_NO_FILE when it is not there. */
int pf_store_read(struct pf_store *store, const char *path, size_t limit,
		  struct pf_buf *out, struct pf_error *err);

/* Whether a file or directory of that name exists, and a file's size. */
int pf_store_stat(struct pf_store *store, const char *path, bool *exists,
		  uint64_t *size, struct pf_error *err);
/* Also the time of its last change, milliseconds since 1970. */
int pf_store_mtime(struct pf_store *store, const char *path, int64_t *ms,
		   struct pf_error *err);

/* Names in a directory ("": the table's own), without "." and "..", sorted; a
 * directory that is not there has none. */
struct pf_names {
	char **names;
	size_t n;
};
int pf_store_list(struct pf_store *store, const char *dir, struct pf_names *names,
		  struct pf_error *err);
void pf_names_free(struct pf_names *names);

/* --- writing --- */

/* Directory and parents, each new one durable. */
int pf_store_mkdirs(struct pf_store *store, const char *dir, struct pf_error *err);

/* A new file, durable; its directory must exist. PF_E_CONFLICT when the name
 * is taken. For names that nobody knows yet: a reader that knew the name
 * could see it half written before the call returns. */
int pf_store_write(struct pf_store *store, const char *path, const void *data,
		   size_t len, struct pf_error *err);

/* The same in pieces. finish makes it durable; the directory's own sync can
 * be left to one pf_store_sync_dir for many files (sync_dir false). Either
 * finish or abort frees the writer; abort, and a finish that fails, remove
 * the file. */
struct pf_store_writer;
int pf_store_writer_open(struct pf_store *store, const char *path,
			 struct pf_store_writer **writer, struct pf_error *err);
int pf_store_writer_add(struct pf_store_writer *writer, const void *data,
			size_t len, struct pf_error *err);
/* Everything has been added: let the disk begin with the rest of it, so that
 * finish, called after other files were written, has less to wait for. */
void pf_store_writer_start(struct pf_store_writer *writer);
int pf_store_writer_finish(struct pf_store_writer *writer, bool sync_dir,
			   struct pf_error *err);
void pf_store_writer_abort(struct pf_store_writer *writer);
int pf_store_sync_dir(struct pf_store *store, const char *dir, struct pf_error *err);

/* The commit primitive: the file appears whole, durable, and only if there
 * was none of that name; PF_E_CONFLICT otherwise. After any other error the
 * outcome is unknown: read the name back. */
int pf_store_create(struct pf_store *store, const char *path, const void *data,
		    size_t len, struct pf_error *err);

/* Replace a hint or consumer file whole (written aside, synced, renamed). Its
 * name is not synced: after a crash it may be the old one again. */
int pf_store_replace(struct pf_store *store, const char *path, const void *data,
		     size_t len, struct pf_error *err);

/* Deleting what is not there is no error. */
int pf_store_delete(struct pf_store *store, const char *path, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * File descriptors without the traps: short reads and writes, EINTR, the
 * errors of fsync and close. Names in messages are the caller's.
 */
#ifndef PF_BASE_FILE_H
#define PF_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Up to len bytes; fewer only at the end of the file. *got says how many. */
int pf_read_full(int fd, const char *name, void *data, size_t len, size_t *got,
		 struct pf_error *err);

/* What one read gives (at least a byte unless at the end). */
int pf_read_some(int fd, const char *name, void *data, size_t len, size_t *got,
		 struct pf_error *err);

/* Exactly len bytes at offset, else PF_E_CORRUPT ("ends early"). */
int pf_pread_full(int fd, const char *name, void *data, size_t len, off_t offset,
		  struct pf_error *err);

int pf_write_full(int fd, const char *name, const void *data, size_t len,
		  struct pf_error *err);

/* All of a small file (at most limit bytes, else PF_E_LIMIT), appended. */
int pf_read_file(const char *path, size_t limit, struct pf_buf *out,
		 struct pf_error *err);

int pf_fsync(int fd, const char *name, struct pf_error *err);
int pf_fdatasync(int fd, const char *name, struct pf_error *err);
/* A file that grows and will be synced at its end: what came since *sent is on
 * its way to the disk as soon as it is some, so that the end has less to wait
 * for. at: its length now. Promises nothing, and never fails. */
void pf_write_behind(int fd, uint64_t *sent, uint64_t at);
/* fsync the directory that holds path, so that its name survives a crash. */
int pf_fsync_parent(const char *path, struct pf_error *err);
int pf_fsync_dir(const char *path, struct pf_error *err);

/* Close and report what only close learns. *fd becomes -1. */
int pf_close(int *fd, const char *name, struct pf_error *err);

/* Have the file to oneself until it is closed (flock), waiting at most wait_ms.
 * PF_E_LOCKED; what: "stage" ..., of which name is the one. */
int pf_lock(int fd, const char *what, const char *name, int64_t wait_ms,
	    struct pf_error *err);

/* So many files will be open at once: raise the soft limit of descriptors as far
 * as the hard one lets it. */
void pf_file_limit(size_t files);

/* Is there something to read, or an end, within timeout_ms? -1 waits. */
bool pf_readable(int fd, int timeout_ms);

#endif

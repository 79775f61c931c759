/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/random.h"
#include "store/local.h"

struct pf_store_writer {
	struct pf_store *store;
	char *path;
	const char *last; /* in path */
	int dir, fd;
	uint64_t written, started; /* bytes; of these, on their way to the disk */
};

/* Data goes to the disk while more is being written, so that the sync at the
 * end has little left to wait for. */
enum { WRITE_BEHIND = 4 << 20 };

/* O_PATH descriptors cannot be synced. */
static int sync_fd_dir(struct pf_store *s, int dir, const char *path,
		       struct pf_error *err)
{
	int real = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = 0;
	if (real < 0 || fsync(real))
		code = pf_store_fail(s, errno, "sync the directory of", path, err);
	if (real >= 0)
		close(real);
	return code;
}

/* Make one directory in dir. Its name is synced even when it was there: whoever
 * made it may have died before he could. */
static int make_dir(struct pf_store *s, const char *path, struct pf_error *err)
{
	int dir, code = 0;
	const char *last;
	PF_TRY(pf_store_walk(s, path, "make directory", &dir, &last, err));
	if (mkdirat(dir, last, 0777) && errno != EEXIST)
		code = pf_store_fail(s, errno, "make directory", path, err);
	if (!code)
		code = sync_fd_dir(s, dir, path, err);
	close(dir);
	return code;
}

int pf_store_mkdirs(struct pf_store *s, const char *path, struct pf_error *err)
{
	char *prefix = pf_strdup(path);
	int code = 0;
	for (char *p = prefix; !code; p++) {
		char was = *p;
		if (was && was != '/')
			continue;
		*p = 0;
		code = make_dir(s, prefix, err);
		*p = was;
		if (!was)
			break;
	}
	free(prefix);
	return code;
}

int pf_store_sync_dir(struct pf_store *s, const char *path, struct pf_error *err)
{
	int dir;
	const char *last;
	PF_TRY(pf_store_walk(s, path, "sync", &dir, &last, err));
	int fd = openat(dir, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int code = 0;
	if (fd < 0 || fsync(fd))
		code = pf_store_fail(s, errno, "sync", path, err);
	if (fd >= 0)
		close(fd);
	close(dir);
	return code;
}

/* --- new files --- */

int pf_store_writer_open(struct pf_store *s, const char *path,
			 struct pf_store_writer **writer, struct pf_error *err)
{
	int dir;
	const char *last;
	*writer = NULL;
	PF_TRY(pf_store_walk(s, path, "create", &dir, &last, err));
	int fd = openat(dir, last,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		int why = errno;
		close(dir);
		if (why == EEXIST)
			return pf_fail(err, PF_E_CONFLICT, "'%s/%s' exists already",
				       s->root, path);
		return pf_store_fail(s, why, "create", path, err);
	}
	struct pf_store_writer *w = pf_zalloc(1, sizeof *w);
	w->store = s;
	w->path = pf_strdup(path);
	w->last = w->path + (last - path);
	w->dir = dir;
	w->fd = fd;
	*writer = w;
	return 0;
}

void pf_store_writer_start(struct pf_store_writer *w)
{
	/* Advice: what it cannot start, the sync does. */
	if (w->written > w->started)
		(void)sync_file_range(w->fd, (off_t)w->started,
				      (off_t)(w->written - w->started),
				      SYNC_FILE_RANGE_WRITE);
	w->started = w->written;
}

int pf_store_writer_add(struct pf_store_writer *w, const void *data, size_t len,
			struct pf_error *err)
{
	const uint8_t *p = data;
	while (len) {
		ssize_t n = write(w->fd, p, len < WRITE_BEHIND ? len : WRITE_BEHIND);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_store_fail(w->store, errno, "write", w->path, err);
		p += n;
		len -= (size_t)n;
		w->written += (uint64_t)n;
		if (w->written - w->started >= WRITE_BEHIND)
			pf_store_writer_start(w);
	}
	return 0;
}

static void writer_free(struct pf_store_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	close(w->dir);
	free(w->path);
	free(w);
}

void pf_store_writer_abort(struct pf_store_writer *w)
{
	unlinkat(w->dir, w->last, 0);
	writer_free(w);
}

int pf_store_writer_finish(struct pf_store_writer *w, bool sync_dir,
			   struct pf_error *err)
{
	int code = 0;
	if (fsync(w->fd))
		code = pf_store_fail(w->store, errno, "sync", w->path, err);
	if (close(w->fd) && !code)
		code = pf_store_fail(w->store, errno, "close", w->path, err);
	w->fd = -1;
	if (!code && sync_dir)
		code = sync_fd_dir(w->store, w->dir, w->path, err);
	if (code)
		pf_store_writer_abort(w);
	else
		writer_free(w);
	return code;
}

int pf_store_write(struct pf_store *s, const char *path, const void *data,
		   size_t len, struct pf_error *err)
{
	struct pf_store_writer *w;
	PF_TRY(pf_store_writer_open(s, path, &w, err));
	int code = pf_store_writer_add(w, data, len, err);
	if (code) {
		pf_store_writer_abort(w);
		return code;
	}
	return pf_store_writer_finish(w, true, err);
}

/* --- whole files under a name that others may want, too --- */

/* ".<last>.<random>.tmp" beside the path. */
static char *temp_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash + 1 - path) : 0;
	char id[37];
	pf_random_uuid(id);
	return pf_asprintf("%.*s.%s.%s.tmp", (int)dir, path, path + dir, id);
}

/* Write the temporary file, durable but for its name. */
static int write_temp(struct pf_store *s, const char *temp, const void *data,
		      size_t len, struct pf_error *err)
{
	struct pf_store_writer *w;
	PF_TRY(pf_store_writer_open(s, temp, &w, err));
	int code = pf_store_writer_add(w, data, len, err);
	if (code) {
		pf_store_writer_abort(w);
		return code;
	}
	return pf_store_writer_finish(w, false, err);
}

/* After link() said EEXIST: over NFS a resent request may have found its own
 * link. Two names on one file are that case. */
static bool is_same_file(int dir, const char *a, const char *b)
{
	struct stat sa, sb;
	return !fstatat(dir, a, &sa, AT_SYMLINK_NOFOLLOW) &&
	       !fstatat(dir, b, &sb, AT_SYMLINK_NOFOLLOW) &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int pf_store_create(struct pf_store *s, const char *path, const void *data,
		    size_t len, struct pf_error *err)
{
	char *temp = temp_path(path);
	const char *last = NULL;
	int dir = -1;
	int code = write_temp(s, temp, data, len, err);
	if (code)
		goto out;
	pf_crash_point("X11");
	code = pf_store_walk(s, path, "create", &dir, &last, err);
	if (code) {
		pf_store_delete(s, temp, NULL);
		goto out;
	}
	const char *temp_last = temp + (last - path);
	if (linkat(dir, temp_last, dir, last, 0)) {
		int why = errno;
		if (why != EEXIST)
			code = pf_store_fail(s, why, "create", path, err);
		else if (!is_same_file(dir, temp_last, last))
			code = pf_fail(err, PF_E_CONFLICT, "'%s/%s' exists already",
				       s->root, path);
	}
	if (!code)
		pf_crash_point("X12");
	unlinkat(dir, temp_last, 0);
	if (!code)
		code = sync_fd_dir(s, dir, path, err);
	close(dir);
out:
	free(temp);
	return code;
}

int pf_store_replace(struct pf_store *s, const char *path, const void *data,
		     size_t len, struct pf_error *err)
{
	char *temp = temp_path(path);
	const char *last = NULL;
	int dir = -1;
	int code = write_temp(s, temp, data, len, err);
	if (!code)
		code = pf_store_walk(s, path, "replace", &dir, &last, err);
	if (!code) {
		if (renameat(dir, temp + (last - path), dir, last)) {
			code = pf_store_fail(s, errno, "replace", path, err);
			unlinkat(dir, temp + (last - path), 0);
		}
		close(dir);
	}
	free(temp);
	return code;
}

int pf_store_delete(struct pf_store *s, const char *path, struct pf_error *err)
{
	int dir;
	const char *last;
	struct pf_error mine = { 0 };
	int code = pf_store_walk(s, path, "delete", &dir, &last, &mine);
	if (code == PF_E_NO_FILE)
		return 0;
	if (code) {
		if (err)
			*err = mine;
		return code;
	}
	if (unlinkat(dir, last, 0) && errno != ENOENT)
		code = pf_store_fail(s, errno, "delete", path, err);
	close(dir);
	return code;
}

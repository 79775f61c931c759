/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

int pf_read_some(int fd, const char *name, void *data, size_t len, size_t *got,
		 struct pf_error *err)
{
	for (;;) {
		ssize_t n = read(fd, data, len);
		if (n >= 0) {
			*got = (size_t)n;
			return 0;
		}
		if (errno == EAGAIN) {
			pf_readable(fd, -1);
			continue;
		}
		if (errno != EINTR)
			return pf_fail_errno(err, PF_E_IO, errno,
					     "cannot read '%s'", name);
	}
}

int pf_read_full(int fd, const char *name, void *data, size_t len, size_t *got,
		 struct pf_error *err)
{
	size_t done = 0;
	while (done < len) {
		size_t n = 0;
		PF_TRY(pf_read_some(fd, name, (char *)data + done, len - done, &n,
				    err));
		if (!n)
			break;
		done += n;
	}
	*got = done;
	return 0;
}

int pf_pread_full(int fd, const char *name, void *data, size_t len, off_t offset,
		  struct pf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done,
				  offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_fail_errno(err, PF_E_IO, errno,
					     "cannot read '%s'", name);
		if (n == 0)
			return pf_fail(err, PF_E_CORRUPT,
				       "'%s' ends early: %zu bytes at %lld are missing",
				       name, len - done,
				       (long long)(offset + (off_t)done));
		done += (size_t)n;
	}
	return 0;
}

int pf_write_full(int fd, const char *name, const void *data, size_t len,
		  struct pf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };
			poll(&p, 1, -1);
			continue;
		}
		if (errno != EINTR)
			return pf_fail_errno(err, PF_E_IO, errno,
					     "cannot write '%s'", name);
	}
	return 0;
}

int pf_read_file(const char *path, size_t limit, struct pf_buf *out,
		 struct pf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path);
	int code = 0;
	size_t start = out->len;
	for (;;) {
		size_t got = 0;
		code = pf_read_some(fd, path, pf_buf_room(out, 65536), 65536, &got,
				    err);
		if (code || !got)
			break;
		out->len += got;
		if (out->len - start > limit) {
			code = pf_fail(err, PF_E_LIMIT,
				       "'%s' is larger than %zu bytes", path, limit);
			break;
		}
	}
	close(fd);
	return code;
}

int pf_fsync(int fd, const char *name, struct pf_error *err)
{
	if (fsync(fd))
		return pf_fail_errno(err, PF_E_IO, errno, "cannot sync '%s'", name);
	return 0;
}

int pf_fdatasync(int fd, const char *name, struct pf_error *err)
{
	if (fdatasync(fd))
		return pf_fail_errno(err, PF_E_IO, errno, "cannot sync '%s'", name);
	return 0;
}

void pf_write_behind(int fd, uint64_t *sent, uint64_t at)
{
	enum { SOME = 2 << 20, PAGE = 4096 };
	at -= at % PAGE;
	if (at < *sent + SOME)
		return;
	(void)sync_file_range(fd, (off_t)*sent, (off_t)(at - *sent), SYNC_FILE_RANGE_WRITE);
	*sent = at;
}

int pf_fsync_dir(const char *path, struct pf_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path);
	int code = pf_fsync(fd, path, err);
	close(fd);
	return code;
}

int pf_fsync_parent(const char *path, struct pf_error *err)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (n >= sizeof dir)
		return pf_fail(err, PF_E_LIMIT, "path too long: '%s'", path);
	if (!slash)
		return pf_fsync_dir(".", err);
	memcpy(dir, path, n);
	dir[n] = '\0';
	return pf_fsync_dir(n ? dir : "/", err);
}

int pf_close(int *fd, const char *name, struct pf_error *err)
{
	int f = *fd;
	*fd = -1;
	if (f >= 0 && close(f) && errno != EINTR)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot close '%s'", name);
	return 0;
}

void pf_file_limit(size_t files)
{
	enum { OTHERS = 64 };
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= files + OTHERS)
		return;
	l.rlim_cur = l.rlim_max > files + OTHERS ? files + OTHERS : l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

bool pf_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, timeout_ms) != 0;
}

int pf_lock(int fd, const char *what, const char *name, int64_t wait_ms,
	    struct pf_error *err)
{
	int64_t deadline = pf_mono_us() + wait_ms * 1000;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return pf_fail_errno(err, PF_E_IO, errno, "cannot lock '%s'", name);
		if (pf_mono_us() >= deadline) {
			pf_fail(err, PF_E_LOCKED, "%s '%s' is being written by another process", what,
				name);
			return pf_hint(err, "try again later, or wait for it with --wait 30s");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000000 }, NULL);
	}
	return 0;
}

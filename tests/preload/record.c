/* SPDX-License-Identifier: Apache-2.0
 *
 * A preload library that writes down what a program does to the files below
 * PF_RECORD_ROOT: creations, writes with their bytes, syncs, links, renames,
 * removals, in the order in which they happened across processes. From the
 * record tests/tools/crash_images.py builds what a disk may hold after a power
 * loss at any moment.
 *
 * Each event is one appending write to PF_RECORD: a line of text, then the
 * bytes of a write. A write is recorded when it has returned, a sync both
 * before it begins and when it has returned, so that what a sync is said to
 * cover was really written before it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) \
	static __typeof__(name) *real; \
	if (!real) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int record_fd(void)
{
	static int fd = -1;
	if (fd < 0) {
		const char *path = getenv("PF_RECORD");
		int low = path ? (int)syscall(257 /* openat */, AT_FDCWD, path,
					      O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
		/* Out of the way of the descriptors that programs are given. */
		fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 700);
		if (low >= 0)
			syscall(3 /* close */, low);
	}
	return fd;
}

static void event(const void *data, size_t len, const char *fmt, ...)
{
	int saved = errno, fd = record_fd();
	if (fd >= 0) {
		char line[3 * PATH_MAX];
		va_list args;
		va_start(args, fmt);
		int n = vsnprintf(line, sizeof line, fmt, args);
		va_end(args);
		char *whole = malloc((size_t)n + len);
		if (whole) {
			memcpy(whole, line, (size_t)n);
			if (len)
				memcpy(whole + n, data, len);
			if (syscall(1 /* write */, fd, whole, (size_t)n + len) < 0)
				abort();
			free(whole);
		}
	}
	errno = saved;
}

/* The path below the root that a directory descriptor and a name mean, or
 * NULL for anything elsewhere. */
static const char *below_root(int dir, const char *name, char *out)
{
	const char *root = getenv("PF_RECORD_ROOT");
	char base[PATH_MAX] = "";
	if (!root || !name)
		return NULL;
	if (*name != '/') {
		if (dir == AT_FDCWD) {
			if (!getcwd(base, sizeof base))
				return NULL;
		} else {
			char link[64];
			snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
			ssize_t n = readlink(link, base, sizeof base - 1);
			if (n < 0)
				return NULL;
			base[n] = '\0';
		}
	}
	char joined[2 * PATH_MAX];
	snprintf(joined, sizeof joined, "%s%s%s", base, *base ? "/" : "", name);
	/* Fold "//", "/./" and a trailing slash; programs use no "..". */
	char *to = out;
	for (const char *p = joined; *p && to < out + PATH_MAX - 1; p++) {
		if (p[0] == '/' && (p[1] == '/' || !p[1]))
			continue;
		if (p[0] == '/' && p[1] == '.' && (p[2] == '/' || !p[2])) {
			p++;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
	size_t n = strlen(root);
	if (strncmp(out, root, n) || (out[n] != '/' && out[n]))
		return NULL;
	return out[n] ? out + n + 1 : ".";
}

static const char *path_of_fd(int fd, char *out)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	return below_root(AT_FDCWD, path, out);
}

static int ack_fd(void)
{
	const char *ack = getenv("PF_RECORD_ACK");
	return ack ? atoi(ack) : -1;
}

static void opened(int fd, int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	const char *below = fd >= 0 ? below_root(dir, name, path) : NULL;
	if (below && flags & O_CREAT)
		event(NULL, 0, "create %s\n", below);
	if (below && flags & O_TRUNC)
		event(NULL, 0, "truncate %s 0\n", below);
}

int openat(int dir, const char *name, int flags, ...)
{
	REAL(openat);
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	int fd = real(dir, name, flags, mode);
	opened(fd, dir, name, flags);
	return fd;
}

int open(const char *name, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return openat(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *name, int flags, ...) __attribute__((alias("openat")));

ssize_t write(int fd, const void *data, size_t len)
{
	REAL(write);
	char path[PATH_MAX];
	const char *name = path_of_fd(fd, path);
	off_t at = name ? lseek(fd, 0, SEEK_CUR) : 0;
	if (name && fcntl(fd, F_GETFL) & O_APPEND) {
		struct stat st;
		at = fstat(fd, &st) ? at : st.st_size;
	}
	ssize_t n = real(fd, data, len);
	if (n > 0 && name)
		event(data, (size_t)n, "write %s %lld %zd\n", name, (long long)at, n);
	if (n > 0 && fd == ack_fd())
		event(data, (size_t)n, "ack - 0 %zd\n", n);
	return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	REAL(pwrite);
	char path[PATH_MAX];
	const char *name = path_of_fd(fd, path);
	ssize_t n = real(fd, data, len, at);
	if (n > 0 && name)
		event(data, (size_t)n, "write %s %lld %zd\n", name, (long long)at, n);
	return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
	__attribute__((alias("pwrite")));

static int synced(int fd, int (*real)(int))
{
	char path[PATH_MAX];
	const char *name = path_of_fd(fd, path);
	if (name)
		event(NULL, 0, "sync-begin %d.%d %s\n", getpid(), fd, name);
	int code = real(fd);
	if (name && !code)
		event(NULL, 0, "sync-end %d.%d %s\n", getpid(), fd, name);
	return code;
}

int fsync(int fd)
{
	REAL(fsync);
	return synced(fd, real);
}

int fdatasync(int fd)
{
	REAL(fdatasync);
	return synced(fd, real);
}

int ftruncate(int fd, off_t len)
{
	REAL(ftruncate);
	char path[PATH_MAX];
	const char *name = path_of_fd(fd, path);
	int code = real(fd, len);
	if (!code && name)
		event(NULL, 0, "truncate %s %lld\n", name, (long long)len);
	return code;
}

int ftruncate64(int fd, off64_t len) __attribute__((alias("ftruncate")));

static void two_paths(const char *what, int code, int dir_a, const char *a, int dir_b,
		      const char *b)
{
	char path_a[PATH_MAX], path_b[PATH_MAX];
	const char *below_a = below_root(dir_a, a, path_a);
	const char *below_b = below_root(dir_b, b, path_b);
	if (!code && below_a && below_b)
		event(NULL, 0, "%s %s %s\n", what, below_a, below_b);
}

int linkat(int dir_a, const char *a, int dir_b, const char *b, int flags)
{
	REAL(linkat);
	int code = real(dir_a, a, dir_b, b, flags);
	two_paths("link", code, dir_a, a, dir_b, b);
	return code;
}

int link(const char *a, const char *b)
{
	return linkat(AT_FDCWD, a, AT_FDCWD, b, 0);
}

int renameat(int dir_a, const char *a, int dir_b, const char *b)
{
	REAL(renameat);
	int code = real(dir_a, a, dir_b, b);
	two_paths("rename", code, dir_a, a, dir_b, b);
	return code;
}

int rename(const char *a, const char *b)
{
	return renameat(AT_FDCWD, a, AT_FDCWD, b);
}

int unlinkat(int dir, const char *name, int flags)
{
	REAL(unlinkat);
	char path[PATH_MAX];
	const char *below = below_root(dir, name, path);
	int code = real(dir, name, flags);
	if (!code && below)
		event(NULL, 0, "unlink %s\n", below);
	return code;
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	REAL(mkdirat);
	char path[PATH_MAX];
	const char *below = below_root(dir, name, path);
	int code = real(dir, name, mode);
	if (!code && below)
		event(NULL, 0, "mkdir %s\n", below);
	return code;
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A preload library that makes the disk full: while the file PF_FULL exists, a
 * write to any regular file fails with ENOSPC, every second one after having
 * written half. The disk has space again when PF_FULL is removed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) \
	static __typeof__(name) *real; \
	if (!real) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static atomic_uint calls;

static int is_full(int fd)
{
	const char *flag = getenv("PF_FULL");
	struct stat st;
	return flag && access(flag, F_OK) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* How much of n bytes still fits; 0: nothing, and errno says so. */
static size_t room(int fd, size_t n)
{
	int saved = errno;
	if (!is_full(fd)) {
		errno = saved;
		return n;
	}
	errno = saved;
	if (n > 1 && atomic_fetch_add(&calls, 1) % 2)
		return n / 2;
	errno = ENOSPC;
	return 0;
}

ssize_t write(int fd, const void *data, size_t n)
{
	REAL(write);
	size_t fits = room(fd, n);
	return fits || !n ? real(fd, data, fits) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	REAL(pwrite);
	size_t fits = room(fd, n);
	return fits || !n ? real(fd, data, fits, at) : -1;
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	REAL(writev);
	return room(fd, 1) ? real(fd, parts, n) : -1;
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
	REAL(pwritev);
	return room(fd, 1) ? real(fd, parts, n, at) : -1;
}

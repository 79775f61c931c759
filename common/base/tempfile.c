/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"

/* Entries are never unlinked from the list and never freed, so that a handler
 * may walk it at any moment; a dead entry has active == 0 and is used again. */
struct pf_tempfile {
	atomic_int active;
	pid_t pid;
	char path[4096];
	struct pf_tempfile *next;
};

static _Atomic(struct pf_tempfile *) list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int registered;

void pf_tempfile_remove_all(void)
{
	int saved = errno;
	pid_t me = getpid();

	for (struct pf_tempfile *t = atomic_load(&list); t; t = t->next)
		if (atomic_load(&t->active) && t->pid == me) {
			unlink(t->path);
			atomic_store(&t->active, 0);
		}
	errno = saved;
}

/* An entry nobody uses; it becomes active once its file exists. */
static struct pf_tempfile *take_entry(void)
{
	struct pf_tempfile *t;

	pthread_mutex_lock(&lock);
	if (!registered) {
		registered = 1;
		atexit(pf_tempfile_remove_all);
	}
	for (t = atomic_load(&list); t; t = t->next)
		if (!atomic_load(&t->active) && !t->pid)
			break;
	if (!t) {
		t = pf_zalloc(1, sizeof(*t));
		t->next = atomic_load(&list);
		atomic_store(&list, t);
	}
	t->pid = getpid();
	pthread_mutex_unlock(&lock);
	return t;
}

static void give_back(struct pf_tempfile *t)
{
	atomic_store(&t->active, 0);
	t->pid = 0;
}

static int create(const char *dir, size_t dir_len, const char *name, int *fd,
		  struct pf_tempfile **out, struct pf_error *err)
{
	struct pf_tempfile *t = take_entry();

	for (int attempt = 0; attempt < 100; attempt++) {
		unsigned long long r = 0;
		if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
			r = (unsigned long long)getpid() * 100 + (unsigned)attempt;
		int n = snprintf(t->path, sizeof(t->path), "%.*s.%.200s.%012llx.tmp",
				 (int)dir_len, dir, name, r & 0xffffffffffffull);
		if (n < 0 || (size_t)n >= sizeof(t->path)) {
			errno = ENAMETOOLONG;
			break;
		}
		/* Active first: a signal between the two finds nothing to unlink. */
		atomic_store(&t->active, 1);
		*fd = open(t->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (*fd >= 0) {
			*out = t;
			return 0;
		}
		atomic_store(&t->active, 0);
		if (errno != EEXIST)
			break;
	}
	int e = errno;
	int code = e == ENOSPC ? PF_E_SPACE : e == EACCES || e == EPERM || e == EROFS ?
		PF_E_ACCESS : e == ENOENT || e == ENOTDIR ? PF_E_NO_FILE : PF_E_IO;
	pf_fail_errno(err, code, e, "cannot create a file in '%.*s'",
		      dir_len ? (int)dir_len : 1, dir_len ? dir : ".");
	give_back(t);
	return code;
}

int pf_tempfile_beside(const char *path, int *fd, struct pf_tempfile **t,
		       struct pf_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t dir_len = slash ? (size_t)(slash - path) + 1 : 0;
	return create(path, dir_len, slash ? slash + 1 : path, fd, t, err);
}

int pf_tempfile_scratch(const char *name, int *fd, struct pf_tempfile **t,
			struct pf_error *err)
{
	const char *dir = getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/tmp";
	char *slashed = pf_asprintf("%s/", dir);
	int code = create(slashed, strlen(slashed), name, fd, t, err);
	free(slashed);
	return code;
}

const char *pf_tempfile_path(const struct pf_tempfile *t)
{
	return t->path;
}

int pf_tempfile_rename(struct pf_tempfile *t, const char *path,
		       struct pf_error *err)
{
	if (rename(t->path, path)) {
		int e = errno;
		pf_tempfile_remove(t);
		return pf_fail_errno(err, PF_E_IO, e, "cannot rename to '%s'", path);
	}
	give_back(t);
	return 0;
}

void pf_tempfile_remove(struct pf_tempfile *t)
{
	if (!t)
		return;
	unlink(t->path);
	give_back(t);
}

const char *pf_tempfile_dir(const char *dir)
{
	const char *tmp = dir ? dir : getenv("TMPDIR");
	return tmp && *tmp ? tmp : "/var/tmp";
}

int pf_tempfile_unnamed(const char *dir, int *fd, struct pf_error *err)
{
	const char *tmp = pf_tempfile_dir(dir);
	*fd = open(tmp, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		char *name = pf_asprintf("%s/pf-spill-XXXXXX", tmp);
		*fd = mkostemp(name, O_CLOEXEC);
		if (*fd >= 0)
			unlink(name);
		free(name);
	}
	if (*fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno,
				     "cannot make a temporary file in '%s'", tmp);
	return 0;
}

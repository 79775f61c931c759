/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/local.h"

int pf_store_open(const char *root, struct pf_store **store, struct pf_error *err)
{
	*store = NULL;
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return pf_fail_errno(err, pf_store_code(errno), errno,
				     "cannot open '%s'", root);
	struct pf_store *s = pf_alloc(1, sizeof *s);
	s->root = pf_strdup(root);
	s->fd = fd;
	*store = s;
	return 0;
}

/* The user's own path: symbolic links in it are his business. */
static int make_path(const char *root, struct pf_error *err)
{
	char *path = pf_strdup(root);
	int code = 0;
	for (char *p = path + 1; !code; p++) {
		char was = *p;
		if (was != '/' && was)
			continue;
		*p = 0;
		if (mkdir(path, 0777) == 0)
			code = pf_fsync_parent(path, err);
		else if (errno != EEXIST)
			code = pf_fail_errno(err, pf_store_code(errno), errno,
					     "cannot make directory '%s'", path);
		*p = was;
		if (!was)
			break;
	}
	free(path);
	return code;
}

int pf_store_make(const char *root, struct pf_store **store, struct pf_error *err)
{
	*store = NULL;
	PF_TRY(make_path(root, err));
	return pf_store_open(root, store, err);
}

const char *pf_store_root(const struct pf_store *store)
{
	return store->root;
}

void pf_store_close(struct pf_store *store)
{
	if (!store)
		return;
	close(store->fd);
	free(store->root);
	free(store);
}

int pf_store_code(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return PF_E_NO_FILE;
	case EACCES:
	case EPERM:
	case EROFS:
		return PF_E_ACCESS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return PF_E_SPACE;
	default:
		return PF_E_IO;
	}
}

int pf_store_fail(struct pf_store *s, int errnum, const char *doing,
		  const char *path, struct pf_error *err)
{
	char name[512];
	pf_quote(name, sizeof name, path, strlen(path));
	if (errnum == ELOOP)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "cannot %s '%s/%s': a symbolic link is in the path",
			       doing, s->root, name);
	return pf_fail_errno(err, pf_store_code(errnum), errnum, "cannot %s '%s/%s'",
			     doing, s->root, name);
}

/* --- paths --- */

static int check_path(struct pf_store *s, const char *path, struct pf_error *err)
{
	int components = 0;
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");
		if (!len || len > NAME_MAX || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.') ||
		    ++components > PF_STORE_DEPTH) {
			char name[512];
			return pf_fail(err, PF_E_TABLE_CORRUPT,
				       "'%s' cannot be a file in '%s'",
				       pf_quote(name, sizeof name, path,
						strlen(path)),
				       s->root);
		}
		p += len;
		if (!*p)
			return 0;
	}
}

int pf_store_walk(struct pf_store *s, const char *path, const char *doing, int *dir,
		  const char **last, struct pf_error *err)
{
	PF_TRY(check_path(s, path, err));
	int at = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	if (at < 0)
		return pf_store_fail(s, errno, doing, path, err);
	for (const char *p = path;;) {
		size_t len = strcspn(p, "/");
		if (!p[len]) {
			*dir = at;
			*last = p;
			return 0;
		}
		char name[NAME_MAX + 1];
		memcpy(name, p, len);
		name[len] = 0;
		/* O_PATH | O_NOFOLLOW opens the link itself, which O_DIRECTORY
		 * then refuses as ENOTDIR. */
		int next = openat(at, name,
				  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0) {
			int why = errno;
			struct stat st;
			if (why == ENOTDIR &&
			    !fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) &&
			    S_ISLNK(st.st_mode))
				why = ELOOP;
			close(at);
			return pf_store_fail(s, why, doing, path, err);
		}
		close(at);
		at = next;
		p += len + 1;
	}
}

/* --- reading --- */

struct pf_store_file {
	int fd;
	char *name;
	struct pf_random_source source;
};

int pf_store_open_file(struct pf_store *s, const char *path,
		       struct pf_store_file **file, struct pf_error *err)
{
	int dir;
	const char *last;
	struct stat st;
	*file = NULL;
	PF_TRY(pf_store_walk(s, path, "open", &dir, &last, err));
	int fd = openat(dir, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int why = errno;
	close(dir);
	if (fd < 0)
		return pf_store_fail(s, why, "open", path, err);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return pf_fail(err, PF_E_TABLE_CORRUPT, "'%s/%s' is not a file",
			       s->root, path);
	}
	struct pf_store_file *f = pf_alloc(1, sizeof *f);
	f->fd = fd;
	f->name = pf_asprintf("%s/%s", s->root, path);
	f->source = pf_random_fd(&f->fd, (uint64_t)st.st_size, f->name);
	*file = f;
	return 0;
}

const struct pf_random_source *pf_store_file_source(const struct pf_store_file *f)
{
	return &f->source;
}

int pf_store_file_fd(const struct pf_store_file *f)
{
	return f->fd;
}

void pf_store_close_file(struct pf_store_file *f)
{
	if (!f)
		return;
	close(f->fd);
	free(f->name);
	free(f);
}

int pf_store_read(struct pf_store *s, const char *path, size_t limit,
		  struct pf_buf *out, struct pf_error *err)
{
	struct pf_store_file *f;
	PF_TRY(pf_store_open_file(s, path, &f, err));
	int code = 0;
	size_t got;
	if (f->source.size > limit)
		code = pf_fail(err, PF_E_LIMIT, "'%s' has %llu bytes, more than %zu",
			       f->name, (unsigned long long)f->source.size, limit);
	if (!code) {
		size_t want = (size_t)f->source.size;
		code = pf_read_full(f->fd, f->name, pf_buf_room(out, want + 1), want,
				    &got, err);
		if (!code && got < want)
			code = pf_fail(err, PF_E_CORRUPT, "'%s' ends early", f->name);
		if (!code)
			out->len += want;
	}
	pf_store_close_file(f);
	return code;
}

static int stat_path(struct pf_store *s, const char *path, struct stat *st,
		     struct pf_error *err)
{
	int dir;
	const char *last;
	PF_TRY(pf_store_walk(s, path, "look at", &dir, &last, err));
	int bad = fstatat(dir, last, st, AT_SYMLINK_NOFOLLOW), why = errno;
	close(dir);
	return bad ? pf_store_fail(s, why, "look at", path, err) : 0;
}

int pf_store_stat(struct pf_store *s, const char *path, bool *exists,
		  uint64_t *size, struct pf_error *err)
{
	struct stat st;
	struct pf_error mine = { 0 };
	int code = stat_path(s, path, &st, &mine);
	*exists = code == 0;
	if (!code && size)
		*size = (uint64_t)st.st_size;
	if (!code || code == PF_E_NO_FILE)
		return 0;
	if (err)
		*err = mine;
	return code;
}

int pf_store_mtime(struct pf_store *s, const char *path, int64_t *ms,
		   struct pf_error *err)
{
	struct stat st;
	PF_TRY(stat_path(s, path, &st, err));
	*ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int pf_store_list(struct pf_store *s, const char *path, struct pf_names *names,
		  struct pf_error *err)
{
	int dir;
	const char *last;
	struct pf_error mine = { 0 };
	*names = (struct pf_names){ 0 };
	int code = *path ? pf_store_walk(s, path, "list", &dir, &last, &mine) : 0;
	if (code == PF_E_NO_FILE)
		return 0;
	if (code) {
		if (err)
			*err = mine;
		return code;
	}
	int fd = openat(*path ? dir : s->fd, *path ? last : ".",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int why = errno;
	if (*path)
		close(dir);
	if (fd < 0)
		return why == ENOENT ? 0 : pf_store_fail(s, why, "list", path, err);
	DIR *d = fdopendir(fd);
	if (!d) {
		why = errno;
		close(fd);
		return pf_store_fail(s, why, "list", path, err);
	}
	size_t cap = 0;
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e)
			break;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (names->n == cap) {
			cap = pf_grow(cap, names->n + 1);
			names->names = pf_realloc(names->names, cap,
						  sizeof *names->names);
		}
		names->names[names->n++] = pf_strdup(e->d_name);
	}
	why = errno;
	closedir(d);
	if (why) {
		pf_names_free(names);
		return pf_store_fail(s, why, "list", path, err);
	}
	if (names->n)
		qsort(names->names, names->n, sizeof *names->names, compare_names);
	return 0;
}

void pf_names_free(struct pf_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct pf_names){ 0 };
}

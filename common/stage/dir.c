/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/order.h"
#include "ext/json.h"
#include "stage/stage.h"

#define IDENTITY "stage.json"
#define IDENTITY_NEW ".stage.json.new"
#define LOCK "stage.lock"
#define IDENTITY_LIMIT ((size_t)16 << 20)

bool pf_stage_is(const char *path)
{
	struct stat st;
	char *name = pf_asprintf("%s/" IDENTITY, path);
	bool is = stat(name, &st) == 0 && S_ISREG(st.st_mode);
	free(name);
	return is;
}

/* Without slashes at its end. */
static char *plain_path(const char *path)
{
	char *plain = pf_strdup(path);
	for (size_t n = strlen(plain); n > 1 && plain[n - 1] == '/';)
		plain[--n] = '\0';
	return plain;
}

int pf_stage_dir_open(const char *path, struct pf_stage_dir *dir,
		      struct pf_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return pf_fail(err, PF_E_NOT_A_STAGE,
			       "'%s' is not a stage: no such directory", path);
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path);
	*dir = (struct pf_stage_dir){ plain_path(path), fd };
	return 0;
}

int pf_stage_dir_make(const char *path, struct pf_stage_dir *dir,
		      struct pf_error *err)
{
	char *plain = plain_path(path);
	int code = 0;
	if (mkdir(plain, 0777) && errno != EEXIST)
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot make '%s'", plain);
	if (!code)
		code = pf_stage_dir_open(plain, dir, err);
	free(plain);
	return code;
}

void pf_stage_dir_close(struct pf_stage_dir *dir)
{
	if (dir->path)
		close(dir->fd);
	free(dir->path);
	*dir = (struct pf_stage_dir){ NULL, -1 };
}

int pf_stage_lock(const struct pf_stage_dir *dir, int64_t wait_ms, int *lock,
		  struct pf_error *err)
{
	int fd = openat(dir->fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s/" LOCK "'",
				     dir->path);
	int code = pf_lock(fd, "stage", dir->path, wait_ms, err);
	if (code) {
		close(fd);
		return code;
	}
	*lock = fd;
	return 0;
}

int pf_stage_uuid_new(char uuid[37], struct pf_error *err)
{
	uint8_t r[16];
	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot get random bytes");
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	char *at = uuid;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += snprintf(at, 3, "%02x", r[i]);
	}
	return 0;
}

static int read_identity(const char *name, const struct pf_buf *json,
			 struct pf_stage_identity *id, struct pf_error *err)
{
	struct pf_json *root;
	PF_TRY(pf_json_parse(json->data, json->len, name, &root, err));
	int64_t format = 0;
	const char *uuid = pf_json_text(pf_json_get(root, "uuid"));
	const char *text = pf_json_text(pf_json_get(root, "definition"));
	int code = 0;
	if (!pf_json_int(pf_json_get(root, "format"), &format) || !uuid ||
	    strlen(uuid) != 36 || !text)
		code = pf_fail(err, PF_E_STAGE_CORRUPT,
			       "'%s' lacks format, uuid or definition", name);
	else if (format != PF_STAGE_FORMAT)
		code = pf_fail(err, PF_E_NOT_A_STAGE,
			       "'%s' has stage format %" PRId64
			       "; this program knows %d",
			       name, format, PF_STAGE_FORMAT);
	if (!code) {
		memcpy(id->uuid, uuid, 37);
		id->text = pf_strdup(text);
	}
	pf_json_free(root);
	return code;
}

int pf_stage_identity_read(const struct pf_stage_dir *dir, bool *found,
			   struct pf_stage_identity *id, struct pf_error *err)
{
	*id = (struct pf_stage_identity){ 0 };
	*found = false;
	char *name = pf_asprintf("%s/" IDENTITY, dir->path);
	int fd = openat(dir->fd, IDENTITY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int code = 0;
	if (fd < 0) {
		if (errno != ENOENT)
			code = pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'",
					     name);
		free(name);
		return code;
	}
	struct stat st;
	struct pf_buf json = { 0 };
	size_t got = 0;
	if (fstat(fd, &st))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'", name);
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > IDENTITY_LIMIT)
		code = pf_fail(err, PF_E_STAGE_CORRUPT,
			       "'%s' is no file of a reasonable size", name);
	else
		code = pf_read_full(fd, name, pf_buf_room(&json, (size_t)st.st_size),
				    (size_t)st.st_size, &got, err);
	json.len = got;
	close(fd);
	if (!code)
		code = read_identity(name, &json, id, err);
	*found = !code;
	pf_buf_free(&json);
	free(name);
	return code;
}

int pf_stage_identity_write(const struct pf_stage_dir *dir,
			    const struct pf_stage_identity *id,
			    struct pf_error *err)
{
	struct pf_buf json = { 0 };
	pf_buf_printf(&json, "{\n  \"format\": %d,\n  \"uuid\": \"%s\",\n"
		      "  \"definition\": ", PF_STAGE_FORMAT, id->uuid);
	pf_json_quote_str(&json, id->text);
	pf_buf_str(&json, "\n}\n");
	char *name = pf_asprintf("%s/" IDENTITY, dir->path);
	int fd = openat(dir->fd, IDENTITY_NEW,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	int code = 0;
	if (fd < 0)
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot create '%s'", name);
	if (!code)
		code = pf_write_full(fd, name, json.data, json.len, err);
	if (!code)
		code = pf_fsync(fd, name, err);
	if (fd >= 0 && !code)
		code = pf_close(&fd, name, err);
	if (!code && renameat(dir->fd, IDENTITY_NEW, dir->fd, IDENTITY))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot rename '%s'", name);
	if (!code)
		code = pf_fsync(dir->fd, dir->path, err);
	if (code) {
		if (fd >= 0)
			close(fd);
		unlinkat(dir->fd, IDENTITY_NEW, 0);
	}
	pf_buf_free(&json);
	free(name);
	return code;
}

void pf_stage_identity_free(struct pf_stage_identity *id)
{
	free(id->text);
	*id = (struct pf_stage_identity){ 0 };
}

void pf_stage_segment_name(int64_t first, char out[PF_STAGE_NAME_BYTES])
{
	snprintf(out, PF_STAGE_NAME_BYTES, "%020" PRId64 ".arrows", first);
}

int pf_stage_list(const struct pf_stage_dir *dir, int64_t **first, size_t *n,
		  struct pf_error *err)
{
	*first = NULL;
	*n = 0;
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int why = errno;
		if (fd >= 0)
			close(fd);
		return pf_fail_errno(err, PF_E_IO, why, "cannot list '%s'", dir->path);
	}
	size_t cap = 0;
	struct dirent *e;
	while ((errno = 0, e = readdir(d))) {
		char name[PF_STAGE_NAME_BYTES];
		if (strspn(e->d_name, "0123456789") != 20 ||
		    strcmp(e->d_name + 20, ".arrows") != 0)
			continue;
		int64_t offset = strtoll(e->d_name, NULL, 10);
		pf_stage_segment_name(offset, name);
		if (strcmp(name, e->d_name) != 0)
			continue;
		if (*n == cap) {
			cap = pf_grow(cap, *n + 1);
			*first = pf_realloc(*first, cap, sizeof **first);
		}
		(*first)[(*n)++] = offset;
	}
	int why = errno;
	closedir(d);
	if (why) {
		free(*first);
		*first = NULL;
		return pf_fail_errno(err, PF_E_IO, why, "cannot list '%s'", dir->path);
	}
	if (*n)
		qsort(*first, *n, sizeof **first, pf_by_i64);
	return 0;
}

int pf_stage_segment_open(const struct pf_stage_dir *dir, int64_t first, int *fd,
			  struct pf_error *err)
{
	char name[PF_STAGE_NAME_BYTES];
	pf_stage_segment_name(first, name);
	*fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd >= 0)
		return 0;
	return pf_fail_errno(err, errno == ENOENT ? PF_E_VANISHED : PF_E_IO, errno,
			     "cannot open '%s/%s'", dir->path, name);
}

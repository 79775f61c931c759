/* SPDX-License-Identifier: Apache-2.0 */
#include "window/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/strings.h"
#include "window/state_file.h"

char *pf_state_path(const struct pf_state *s, const char *name)
{
	return pf_asprintf("%s/%s", s->dir, name);
}

static int take_lock(struct pf_state *s, int64_t wait_ms, struct pf_error *err)
{
	char *path = pf_state_path(s, "lock");
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	int code = s->lock < 0 ?
		pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path) :
		pf_lock(s->lock, "state", s->dir, wait_ms, err);
	free(path);
	return code;
}

static void free_cell(struct pf_state_cell *c)
{
	pf_ids_free(&c->inputs);
}

static void free_window(struct pf_state_window *w)
{
	free(w->text);
	pf_ids_free(&w->ids);
	pf_ids_free(&w->given);
}

static void free_retired(struct pf_state *s)
{
	for (size_t i = 0; i < s->nretired; i++)
		free_cell(&s->retired[i]);
	s->nretired = 0;
}

/* Forget what was loaded; the directory's files stay until the commit. */
static void forget(struct pf_state *s)
{
	for (size_t i = 0; i < s->ninputs; i++) {
		free(s->inputs[i].dir);
		free(s->inputs[i].name);
		pf_ids_free(&s->inputs[i].covers);
	}
	for (size_t i = 0; i < s->ncells; i++)
		free_cell(&s->cells[i]);
	free_retired(s);
	for (size_t i = 0; i < s->nwindows; i++)
		free_window(&s->windows[i]);
	for (size_t i = 0; i < s->npublished; i++)
		free(s->published[i].text);
	s->ninputs = s->ncells = s->nwindows = s->npublished = 0;
	free(s->shape);
	s->shape = NULL;
	for (size_t i = 0; i < s->ntables; i++) {
		free(s->tables[i].name);
		free(s->tables[i].snapshot_list);
	}
	s->ntables = 0;
	s->from_us = s->first_us = INT64_MAX;
}

/* partials-000012.arrow, window-000012-3.arrow, ...: names that we give. */
static bool ours(const char *name)
{
	static const char *const kinds[] = { "partials-", "cells-", "inputs-", "window-" };
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i]);
		if (len > n + 6 && !strncmp(name, kinds[i], n) &&
		    !strcmp(name + len - 6, ".arrow"))
			return strspn(name + n, "0123456789-") == len - n - 6;
	}
	return !strcmp(name, "state.json.new");
}

/* What the directory holds besides the state: our own leftovers are counted
 * as removable, everything else is a stranger and stays. */
static int look_around(struct pf_state *s, struct pf_error *err)
{
	DIR *d = opendir(s->dir);
	if (!d)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'", s->dir);
	for (struct dirent *e; (e = readdir(d));) {
		const char *n = e->d_name;
		if (!strcmp(n, ".") || !strcmp(n, "..") || !strcmp(n, "lock") ||
		    !strcmp(n, "state.json") || ours(n))
			continue;
		s->strangers = pf_realloc(s->strangers, s->nstrangers + 1,
					  sizeof *s->strangers);
		s->strangers[s->nstrangers++] = pf_strdup(n);
	}
	closedir(d);
	if (s->generation || !s->nstrangers)
		return 0;
	pf_fail(err, PF_E_USAGE, "'%s' is not a state: there is '%s' in it", s->dir,
		s->strangers[0]);
	return pf_hint(err, "name a new or an empty directory");
}

static int open_dir(struct pf_state *s, int64_t wait_ms, bool fresh, struct pf_error *err)
{
	if (mkdir(s->dir, 0777) && errno != EEXIST)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot make '%s'", s->dir);
	PF_TRY(take_lock(s, wait_ms, err));
	int code = pf_state_load(s, err);
	if (fresh && (!code || code == PF_E_CORRUPT || code == PF_E_JSON)) {
		forget(s);
		code = 0;
	}
	if (code)
		return pf_hint(err, "--fresh builds the state anew from the table");
	return look_around(s, err);
}

int pf_state_open(const char *dir, int64_t wait_ms, bool fresh, struct pf_state **out,
		  struct pf_error *err)
{
	struct pf_state *s = pf_zalloc(1, sizeof *s);
	s->lock = -1;
	s->from_us = s->first_us = INT64_MAX;
	s->next_id = 1;
	int code = 0;
	if (dir) {
		size_t len = strlen(dir);
		while (len > 1 && dir[len - 1] == '/')
			len--;
		s->dir = pf_strndup(dir, len);
		code = open_dir(s, wait_ms, fresh, err);
	}
	if (code) {
		pf_state_close(s);
		return code;
	}
	*out = s;
	return 0;
}

void pf_state_close(struct pf_state *s)
{
	if (!s)
		return;
	forget(s);
	free(s->tables);
	free(s->inputs);
	free(s->cells);
	free(s->retired);
	free(s->windows);
	free(s->published);
	for (size_t i = 0; i < s->nfiles; i++) {
		if (s->files[i].fd >= 0)
			close(s->files[i].fd);
		free(s->files[i].name);
	}
	free(s->files);
	pf_strings_free(s->strangers, s->nstrangers);
	if (s->lock >= 0)
		close(s->lock);
	free(s->dir);
	free(s);
}

static bool has_line(const char *text, const char *line, size_t len)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == len && !memcmp(text, line, len))
			return true;
	return false;
}

/* The first line in which two texts differ. */
static int fail_shape(const struct pf_state *s, const struct pf_shape *shape,
		      struct pf_error *err)
{
	const char *a = s->shape, *b = shape->text;
	size_t line = 0;
	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	a += line;
	b += line;
	int na = (int)strcspn(a, "\n"), nb = (int)strcspn(b, "\n");
	if (has_line(shape->text, a, (size_t)na)) /* this has one more */
		pf_fail(err, PF_E_USAGE, "state '%s' is of another question: it has no '%.*s'",
			s->dir, nb, b);
	else if (has_line(s->shape, b, (size_t)nb))
		pf_fail(err, PF_E_USAGE, "state '%s' is of another question: it has '%.*s', too",
			s->dir, na, a);
	else
		pf_fail(err, PF_E_USAGE, "state '%s' is of another question: it has '%.*s', this is '%.*s'",
			s->dir, na, a, nb, b);
	return pf_hint(err, "give each question a state of its own, or --fresh to begin anew");
}

int pf_state_check(struct pf_state *s, const struct pf_shape *shape, struct pf_error *err)
{
	if (s->shape && strcmp(s->shape, shape->text) != 0)
		return fail_shape(s, shape, err);
	if (!s->shape)
		s->shape = pf_strdup(shape->text);
	s->grain_us = shape->grain_us;
	return 0;
}

/* --- files --- */

size_t pf_state_file_of(struct pf_state *s, const char *name)
{
	for (size_t i = s->nfiles; i-- > 0;)
		if (s->files[i].name && !strcmp(s->files[i].name, name))
			return i;
	s->files = pf_realloc(s->files, s->nfiles + 1, sizeof *s->files);
	s->files[s->nfiles] = (struct pf_state_file){ .name = pf_strdup(name), .fd = -1 };
	return s->nfiles++;
}

int pf_state_file_new(struct pf_state *s, const char *kind, size_t *file,
		      struct pf_error *err)
{
	int fd;
	char *name = NULL;
	if (!s->dir) {
		PF_TRY(pf_run_scratch(&fd, err));
	} else {
		name = pf_asprintf("%s-%06lld-%zu.arrow", kind,
				   (long long)s->generation + 1, s->nmade++);
		char *path = pf_state_path(s, name);
		unlink(path); /* a leftover */
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		int code = fd < 0 ? pf_fail_errno(err, PF_E_IO, errno, "cannot make '%s'",
						  path) : 0;
		free(path);
		if (code) {
			free(name);
			return code;
		}
	}
	s->files = pf_realloc(s->files, s->nfiles + 1, sizeof *s->files);
	s->files[s->nfiles] = (struct pf_state_file){ .name = name, .fd = fd, .is_new = true };
	*file = s->nfiles++;
	return 0;
}

int pf_state_run(struct pf_state *s, size_t file, const struct pf_sorted *run,
		 struct pf_sorted *out, struct pf_error *err)
{
	struct pf_state_file *f = &s->files[file];
	if (f->fd < 0) {
		char *path = pf_state_path(s, f->name);
		pf_file_limit(s->nfiles);
		f->fd = open(path, O_RDONLY | O_CLOEXEC);
		int code = f->fd < 0 ? pf_fail_errno(err, errno == ENOENT ? PF_E_CORRUPT : PF_E_IO,
						     errno, "cannot open '%s'", path) : 0;
		free(path);
		if (code)
			return pf_hint(err, "--fresh builds the state anew from the table");
	}
	*out = *run;
	out->fd = f->fd;
	out->name = f->name ? f->name : "temporary state";
	return 0;
}

uint64_t pf_state_file_bytes(const struct pf_state *s, size_t file)
{
	const struct pf_state_file *f = &s->files[file];
	struct stat st;
	char *path = f->fd < 0 ? pf_state_path(s, f->name) : NULL;
	bool known = !(path ? stat(path, &st) : fstat(f->fd, &st));
	free(path);
	return known ? (uint64_t)st.st_size : 0;
}

/* --- lists --- */

/* A list of n gets room for one more: its room is a power of two. Lists that
 * became shorter have some room to spare. */
static void *room_for_one(void *list, size_t n, size_t size)
{
	enum { LEAST = 64 };
	if (!n)
		return pf_realloc(list, LEAST, size);
	return n >= LEAST && !(n & (n - 1)) ? pf_realloc(list, 2 * n, size) : list;
}

void pf_state_add_table(struct pf_state *s, const struct pf_state_table *table)
{
	s->tables = pf_realloc(s->tables, s->ntables + 1, sizeof *s->tables);
	struct pf_state_table *t = &s->tables[s->ntables++];
	*t = *table;
	t->name = pf_strdup(table->name);
	t->snapshot_list = pf_strdup(table->snapshot_list);
}

size_t pf_state_add_input(struct pf_state *s, const struct pf_state_input *input)
{
	s->inputs = room_for_one(s->inputs, s->ninputs, sizeof *s->inputs);
	struct pf_state_input *i = &s->inputs[s->ninputs];
	*i = *input;
	i->dir = pf_strdup(input->dir);
	i->name = pf_strdup(input->name);
	return s->ninputs++;
}

void pf_state_add_cell(struct pf_state *s, const struct pf_state_cell *cell)
{
	s->cells = room_for_one(s->cells, s->ncells, sizeof *s->cells);
	s->cells[s->ncells++] = *cell;
	int64_t at;
	if (!__builtin_mul_overflow(cell->day, s->grain_us, &at) && at < s->first_us)
		s->first_us = at;
}

void pf_state_drop_cells(struct pf_state *s,
			 bool (*drop)(void *ctx, const struct pf_state_cell *cell),
			 void *ctx)
{
	size_t n = 0;
	for (size_t i = 0; i < s->ncells; i++) {
		if (!drop(ctx, &s->cells[i])) {
			s->cells[n++] = s->cells[i];
			continue;
		}
		s->retired = room_for_one(s->retired, s->nretired, sizeof *s->retired);
		s->retired[s->nretired++] = s->cells[i];
	}
	s->ncells = n;
}

void pf_state_add_window(struct pf_state *s, const struct pf_state_window *window)
{
	s->windows = pf_realloc(s->windows, s->nwindows + 1, sizeof *s->windows);
	s->windows[s->nwindows] = *window;
	s->windows[s->nwindows++].text = pf_strdup(window->text);
}

void pf_state_drop_window(struct pf_state *s, size_t i)
{
	free_window(&s->windows[i]);
	s->nwindows--;
	memmove(&s->windows[i], &s->windows[i + 1], (s->nwindows - i) * sizeof *s->windows);
}

static int by_cell(const void *a, const void *b)
{
	const struct pf_state_cell *x = a, *y = b;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

void pf_state_sort_cells(struct pf_state *s)
{
	if (s->ncells)
		qsort(s->cells, s->ncells, sizeof *s->cells, by_cell);
}

/* --- commit --- */

/* Which files runs of the state are in; allocated. */
static bool *used_files(const struct pf_state *s)
{
	bool *used = pf_zalloc(s->nfiles + 1, sizeof *used);
	for (size_t i = 0; i < s->ncells; i++)
		used[s->cells[i].file] = true;
	for (size_t i = 0; i < s->nwindows; i++)
		used[s->windows[i].file] = true;
	return used;
}

static bool is_named(const struct pf_state *s, const bool *used, const char *name)
{
	for (size_t i = 0; i < s->nfiles; i++)
		if (used[i] && !strcmp(s->files[i].name, name))
			return true;
	return false;
}

/* Files of ours that the state does not name any more. Failing to remove one
 * is no failure: the next commit tries again. */
static void remove_leftovers(const struct pf_state *s, const bool *used)
{
	DIR *d = opendir(s->dir);
	char lists[2][40];
	if (!d)
		return;
	snprintf(lists[0], sizeof lists[0], "cells-%06lld.arrow", (long long)s->generation);
	snprintf(lists[1], sizeof lists[1], "inputs-%06lld.arrow", (long long)s->generation);
	for (struct dirent *e; (e = readdir(d));)
		if (ours(e->d_name) && strcmp(e->d_name, lists[0]) != 0 &&
		    strcmp(e->d_name, lists[1]) != 0 && !is_named(s, used, e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

void pf_state_clean(const struct pf_state *s)
{
	bool *used = used_files(s);
	if (s->dir)
		remove_leftovers(s, used);
	free(used);
}

int pf_state_commit(struct pf_state *s, struct pf_error *err)
{
	if (!s->dir)
		return 0;
	bool *used = used_files(s);
	int code = 0;
	for (size_t i = 0; i < s->nfiles && !code; i++)
		if (s->files[i].is_new && used[i])
			code = pf_fdatasync(s->files[i].fd, s->files[i].name, err);
	pf_crash_point("W1"); /* runs are there, nobody knows them */
	if (!code)
		code = pf_state_save(s, err);
	if (!code) {
		pf_crash_point("W4"); /* the new state is valid, old files still there */
		for (size_t i = 0; i < s->nfiles; i++)
			s->files[i].is_new = false;
		s->nmade = 0;
		free_retired(s);
		remove_leftovers(s, used);
	}
	free(used);
	return code;
}

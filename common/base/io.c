/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include "base/file.h"

static int fd_read(void *ctx, void *data, size_t len, size_t *got,
		   struct pf_error *err)
{
	return pf_read_some(*(int *)ctx, "input", data, len, got, err);
}

static bool fd_ready(void *ctx, int timeout_ms)
{
	return pf_readable(*(int *)ctx, timeout_ms);
}

struct pf_byte_source pf_source_fd(int *fd, const char *name)
{
	return (struct pf_byte_source){ fd_read, fd_ready, fd, name };
}

static int fd_write(void *ctx, const void *data, size_t len, struct pf_error *err)
{
	return pf_write_full(*(int *)ctx, "output", data, len, err);
}

struct pf_byte_sink pf_sink_fd(int *fd, const char *name)
{
	return (struct pf_byte_sink){ fd_write, fd, name };
}

static int buf_write(void *ctx, const void *data, size_t len, struct pf_error *err)
{
	(void)err;
	pf_buf_add(ctx, data, len);
	return 0;
}

struct pf_byte_sink pf_sink_buf(struct pf_buf *buf)
{
	return (struct pf_byte_sink){ buf_write, buf, "memory" };
}

static int fd_pread(void *ctx, void *data, size_t len, uint64_t offset,
		    struct pf_error *err)
{
	return pf_pread_full(*(int *)ctx, "file", data, len, (off_t)offset, err);
}

struct pf_random_source pf_random_fd(int *fd, uint64_t size, const char *name)
{
	return (struct pf_random_source){ fd_pread, size, fd, name };
}

static int view_pread(void *ctx, void *data, size_t len, uint64_t offset,
		      struct pf_error *err)
{
	const struct pf_view *v = ctx;
	if (offset > v->len || len > v->len - offset)
		return pf_fail(err, PF_E_CORRUPT,
			       "ends early: %zu bytes at %llu are not there", len,
			       (unsigned long long)offset);
	if (len)
		memcpy(data, v->data + offset, len);
	return 0;
}

struct pf_random_source pf_random_view(const struct pf_view *view, const char *name)
{
	/* The callback takes a plain pointer; the view is only read. */
	return (struct pf_random_source){ view_pread, view->len,
					  (void *)(uintptr_t)view, name };
}

static int memory_read(void *ctx, void *data, size_t len, size_t *got,
		       struct pf_error *err)
{
	(void)err;
	struct pf_memory_source *m = ctx;
	size_t left = m->view.len - m->at;
	*got = len < left ? len : left;
	if (*got)
		memcpy(data, m->view.data + m->at, *got);
	m->at += *got;
	return 0;
}

struct pf_byte_source pf_source_memory(struct pf_memory_source *memory,
				       const char *name)
{
	return (struct pf_byte_source){ memory_read, NULL, memory, name };
}

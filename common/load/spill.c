/* SPDX-License-Identifier: Apache-2.0 */
#include "load/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

struct pf_spill {
	char *dir;
	int fd;
	uint64_t end, written;
	struct pf_buf buf;
};

struct pf_spill *pf_spill_new(const char *dir)
{
	const char *tmp = dir ? dir : getenv("TMPDIR");
	struct pf_spill *s = pf_zalloc(1, sizeof *s);
	s->dir = pf_strdup(tmp && *tmp ? tmp : "/var/tmp");
	s->fd = -1;
	return s;
}

void pf_spill_free(struct pf_spill *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	pf_buf_free(&s->buf);
	free(s->dir);
	free(s);
}

uint64_t pf_spill_written(const struct pf_spill *s)
{
	return s->written;
}

static int open_file(struct pf_spill *s, struct pf_error *err)
{
	s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		char *name = pf_asprintf("%s/pf-spill-XXXXXX", s->dir);
		s->fd = mkostemp(name, O_CLOEXEC);
		if (s->fd >= 0)
			unlink(name);
		free(name);
	}
	if (s->fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno,
				     "cannot make a temporary file in '%s'", s->dir);
	return 0;
}

/* Three lengths per column, then the bytes, each padded to 8. */
struct lengths {
	uint64_t validity, offsets, values;
};

static void lengths_of(const struct pf_batch *b, size_t i, struct lengths *l)
{
	const struct pf_column *c = &b->columns[i];
	size_t rows = (size_t)b->rows;
	enum pf_kind kind = b->schema->fields[i].type.kind;
	l->validity = c->validity && c->nulls ? (rows + 7) / 8 : 0;
	l->offsets = c->offsets64 ? (rows + 1) * 8 : c->offsets ? (rows + 1) * 4 : 0;
	l->values = c->offsets64 ? (size_t)c->offsets64[rows] :
		    c->offsets	 ? (size_t)c->offsets[rows] :
		    kind == PF_BOOLEAN ? (rows + 7) / 8 :
					 rows * pf_kind_width(kind);
}

static void put(struct pf_buf *out, const void *data, uint64_t len)
{
	pf_buf_add(out, data, len);
	pf_buf_zeros(out, -len & 7);
}

int pf_spill_write(struct pf_spill *s, const struct pf_batch *batch,
		   struct pf_extent *extent, struct pf_error *err)
{
	if (s->fd < 0)
		PF_TRY(open_file(s, err));
	s->buf.len = 0;
	for (size_t i = 0; i < batch->schema->n; i++) {
		const struct pf_column *c = &batch->columns[i];
		if (c->child)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "column '%s' cannot be put aside: it is a list",
				       batch->schema->fields[i].name);
		struct lengths l;
		lengths_of(batch, i, &l);
		put(&s->buf, &l, sizeof l);
		put(&s->buf, c->validity, l.validity);
		put(&s->buf, c->offsets64 ? (const void *)c->offsets64 : c->offsets,
		    l.offsets);
		put(&s->buf, c->values, l.values);
	}
	for (size_t done = 0; done < s->buf.len;) {
		ssize_t n = pwrite(s->fd, s->buf.data + done, s->buf.len - done,
				   (off_t)(s->end + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pf_fail_errno(err, PF_E_IO, errno,
					     "cannot write a temporary file in '%s'",
					     s->dir);
		done += (size_t)n;
	}
	*extent = (struct pf_extent){ s->end, s->buf.len, batch->rows };
	s->end += s->buf.len;
	s->written += s->buf.len;
	/* A large batch must not stay in memory behind our back. */
	if (s->buf.cap > 8u << 20)
		pf_buf_free(&s->buf);
	return 0;
}

int pf_spill_read(const struct pf_spill *s, const struct pf_extent *extent,
		  struct pf_builder *out, struct pf_error *err)
{
	uint8_t *data = pf_alloc(extent->bytes, 1);
	int code = pf_pread_full(s->fd, "temporary file", data, extent->bytes,
				 (off_t)extent->offset, err);
	const uint8_t *p = data;
	for (size_t i = 0; i < out->schema->n && !code; i++) {
		struct lengths l;
		memcpy(&l, p, sizeof l);
		p += sizeof l;
		struct pf_column c = { 0 };
		if (l.validity) {
			c.validity = p;
			c.nulls = pf_count_nulls(p, extent->rows);
		}
		p += l.validity + (-l.validity & 7);
		if (out->schema->fields[i].type.kind == PF_LARGE_BYTES)
			c.offsets64 = (const int64_t *)(const void *)p;
		else if (l.offsets)
			c.offsets = (const int32_t *)(const void *)p;
		p += l.offsets + (-l.offsets & 7);
		c.values = p;
		p += l.values + (-l.values & 7);
		pf_col_append(&out->columns[i], &c, 0, extent->rows);
	}
	free(data);
	return code;
}

int pf_spill_reset(struct pf_spill *s, struct pf_error *err)
{
	s->end = 0;
	if (s->fd >= 0 && ftruncate(s->fd, 0))
		return pf_fail_errno(err, PF_E_IO, errno,
				     "cannot empty a temporary file in '%s'", s->dir);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "load/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/tempfile.h"

struct pf_spill {
	char *dir;
	int fd;
	uint64_t end, written;
};

struct pf_spill *pf_spill_new(const char *dir)
{
	struct pf_spill *s = pf_zalloc(1, sizeof *s);
	s->dir = pf_strdup(pf_tempfile_dir(dir));
	s->fd = -1;
	return s;
}

void pf_spill_free(struct pf_spill *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->dir);
	free(s);
}

uint64_t pf_spill_written(const struct pf_spill *s)
{
	return s->written;
}

/* An extent: three lengths per column, then the bytes of each column's buffers
 * in order. Columns go from their buffers to the file and back into a
 * builder's without a copy between. */
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

static int write_all(struct pf_spill *s, struct iovec *iov, int n, struct pf_error *err)
{
	while (n) {
		int some = n < IOV_MAX ? n : IOV_MAX;
		ssize_t done = pwritev(s->fd, iov, some, (off_t)s->end);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return pf_fail_errno(err, PF_E_IO, errno,
					     "cannot write a temporary file in '%s'",
					     s->dir);
		s->end += (uint64_t)done;
		s->written += (uint64_t)done;
		for (; n && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (n) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int pf_spill_write(struct pf_spill *s, const struct pf_batch *batch,
		   struct pf_extent *extent, struct pf_error *err)
{
	size_t columns = batch->schema->n;
	for (size_t i = 0; i < columns; i++)
		if (batch->columns[i].child)
			return pf_fail(err, PF_E_UNSUPPORTED,
				       "column '%s' cannot be put aside: it is a list",
				       batch->schema->fields[i].name);
	if (s->fd < 0)
		PF_TRY(pf_tempfile_unnamed(s->dir, &s->fd, err));
	struct lengths *head = pf_alloc(columns, sizeof *head);
	struct iovec *iov = pf_alloc(3 * columns + 1, sizeof *iov);
	iov[0] = (struct iovec){ head, columns * sizeof *head };
	int n = 1;
	*extent = (struct pf_extent){ .offset = s->end, .rows = batch->rows };
	extent->bytes = iov[0].iov_len;
	for (size_t i = 0; i < columns; i++) {
		const struct pf_column *c = &batch->columns[i];
		struct lengths *l = &head[i];
		lengths_of(batch, i, l);
		/* iovec takes plain pointers; the buffers are only read. */
		const void *offsets = c->offsets64 ? (const void *)c->offsets64 :
						     c->offsets;
		if (l->validity)
			iov[n++] = (struct iovec){ (void *)(uintptr_t)c->validity,
						   l->validity };
		if (l->offsets)
			iov[n++] = (struct iovec){ (void *)(uintptr_t)offsets,
						   l->offsets };
		if (l->values)
			iov[n++] = (struct iovec){ (void *)(uintptr_t)c->values,
						   l->values };
		extent->bytes += l->validity + l->offsets + l->values;
	}
	int code = write_all(s, iov, n, err);
	free(head);
	free(iov);
	return code;
}

/* Where a column is being read from. */
struct cursor {
	int fd;
	uint64_t at;
	struct pf_error *err;
};

static int fetch(struct cursor *c, void *to, uint64_t len)
{
	uint64_t at = c->at;
	c->at += len;
	return len ? pf_pread_full(c->fd, "temporary file", to, len, (off_t)at, c->err) :
		     0;
}

static int read_column(struct cursor *from, const struct lengths *l, int64_t rows,
		       struct pf_colbuf *c)
{
	/* Bitmaps need not begin at a whole byte of the builder's: they take
	 * the general way. */
	uint8_t *bits = pf_alloc(l->validity + (c->kind == PF_BOOLEAN ? l->values : 0), 1);
	struct pf_column column = { .values = bits + l->validity };
	int code = fetch(from, bits, l->validity);
	if (l->validity && !code) {
		column.validity = bits;
		column.nulls = pf_count_nulls(bits, rows);
	}
	if (c->kind == PF_BOOLEAN) {
		if (!code)
			code = fetch(from, bits + l->validity, l->values);
		if (!code)
			pf_col_append(c, &column, 0, rows);
		free(bits);
		return code;
	}
	if (!code)
		pf_col_append_validity(c, &column, 0, rows);
	free(bits);
	PF_TRY(code);
	if (l->offsets) {
		size_t width = c->kind == PF_LARGE_BYTES ? 8 : 4;
		/* The first offset, 0, lands on the last one there is. */
		uint8_t *to = pf_buf_room(&c->offsets, l->offsets) - width;
		uint64_t base = c->values.len;
		PF_TRY(fetch(from, to, l->offsets));
		if (width == 8)
			for (int64_t i = 0; i <= rows; i++)
				((int64_t *)(void *)to)[i] += (int64_t)base;
		else
			for (int64_t i = 0; i <= rows; i++)
				((int32_t *)(void *)to)[i] += (int32_t)base;
		c->offsets.len += (size_t)rows * width;
	}
	PF_TRY(fetch(from, pf_buf_room(&c->values, l->values), l->values));
	c->values.len += l->values;
	c->rows += rows;
	return 0;
}

int pf_spill_read(const struct pf_spill *s, const struct pf_extent *extent,
		  struct pf_builder *out, struct pf_error *err)
{
	size_t columns = out->schema->n;
	struct lengths *head = pf_alloc(columns, sizeof *head);
	struct cursor from = { s->fd, extent->offset, err };
	int code = fetch(&from, head, columns * sizeof *head);
	for (size_t i = 0; i < columns && !code; i++)
		code = read_column(&from, &head[i], extent->rows, &out->columns[i]);
	free(head);
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

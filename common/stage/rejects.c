/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/rejects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ext/json.h"

enum { WRITE_BYTES = 1 << 20 };

struct pf_rejects {
	char *path;
	int fd;
	bool dirty;
	bool regular; /* /dev/null and pipes cannot be synced */
	bool named;   /* the file's name is durable */
	struct pf_buf out;
};

int pf_rejects_open(const char *path, struct pf_rejects **rejects,
		    struct pf_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	struct stat st;
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path);
	struct pf_rejects *r = pf_zalloc(1, sizeof *r);
	r->path = pf_strdup(path);
	r->fd = fd;
	r->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	*rejects = r;
	return 0;
}

static int write_out(struct pf_rejects *r, struct pf_error *err)
{
	size_t n = r->out.len;
	r->out.len = 0;
	r->dirty = r->dirty || n;
	return pf_write_full(r->fd, r->path, r->out.data, n, err);
}

int pf_rejects_add(struct pf_rejects *r, const struct pf_reject *x,
		   struct pf_error *err)
{
	struct pf_buf *out = &r->out;
	pf_buf_str(out, x->topic ? "{\"topic\": " : "{\"file\": ");
	pf_json_quote_str(out, x->topic ? x->topic : x->file ? x->file : "-");
	if (x->topic)
		pf_buf_printf(out, ", \"partition\": %" PRId32 ", \"offset\": %" PRId64,
			      x->partition, x->offset);
	else
		pf_buf_printf(out, ", \"line\": %" PRIu64 ", \"byte\": %" PRIu64,
			      x->line, x->byte);
	pf_buf_printf(out, ", \"code\": \"PF%d\", \"column\": ", x->code);
	if (x->column)
		pf_json_quote_str(out, x->column);
	else
		pf_buf_str(out, "null");
	pf_buf_str(out, ", \"reason\": ");
	pf_json_quote_str(out, x->reason);
	if (pf_utf8_valid(x->bytes.data, x->bytes.len)) {
		pf_buf_str(out, ", \"row\": ");
		pf_json_quote(out, x->bytes.data, x->bytes.len);
		pf_buf_str(out, "}\n");
	} else {
		pf_buf_str(out, ", \"row_base64\": \"");
		pf_base64_encode(x->bytes.data, x->bytes.len, out);
		pf_buf_str(out, "\"}\n");
	}
	return out->len >= WRITE_BYTES ? write_out(r, err) : 0;
}

int pf_rejects_settle(struct pf_rejects *r, struct pf_error *err)
{
	if (r->out.len)
		PF_TRY(write_out(r, err));
	if (r->dirty && r->regular) {
		PF_TRY(pf_fdatasync(r->fd, r->path, err));
		if (!r->named)
			PF_TRY(pf_fsync_parent(r->path, err));
		r->named = true;
	}
	r->dirty = false;
	return 0;
}

void pf_rejects_close(struct pf_rejects *r)
{
	if (!r)
		return;
	close(r->fd);
	free(r->path);
	pf_buf_free(&r->out);
	free(r);
}

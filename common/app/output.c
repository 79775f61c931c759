/* SPDX-License-Identifier: Apache-2.0 */
#include "app/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/program.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/tempfile.h"
#include "cli/pager.h"

struct pf_output {
	int fd;
	const char *name;
	struct pf_tempfile *temp; /* with -o */
	bool behind;              /* what is written is on its way to the disk at once */
	uint64_t at, sent;
	bool paged;               /* fd is the pipe to a pager */
	struct pf_stream_out *stream;
	void (*close_stream)(struct pf_stream_out *stream);
};

static int open_file(struct pf_run *run, struct pf_output *out,
		     struct pf_error *err)
{
	struct stat st;
	bool exists = !stat(run->output, &st);

	out->name = run->output;
	/* Devices and pipes are written to; only files can be replaced. */
	if (exists && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode))
			return pf_fail(err, PF_E_USAGE, "'%s' is a directory",
				       run->output);
		out->fd = open(run->output, O_WRONLY | O_CLOEXEC);
		if (out->fd < 0)
			return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'",
					     run->output);
		return 0;
	}
	if (!run->force && exists) {
		pf_fail(err, PF_E_USAGE, "'%s' exists already", run->output);
		return pf_hint(err, "--force replaces it");
	}
	/* A file that is replaced is written out by the time that it is. */
	out->behind = run->lasting || exists;
	return pf_tempfile_beside(run->output, &out->fd, &out->temp, err);
}

/* Rows for a person, by screens, when asked for: by --pager or PF_PAGER. */
static int open_pager(struct pf_run *run, struct pf_output *out, struct pf_error *err)
{
	int fd;
	bool wanted = pf_option_given(&run->arguments, "pager") ? run->pager :
								  pf_pager_by_environment();
	if (!wanted || !pf_is_terminal(STDOUT_FILENO))
		return 0;
	PF_TRY(pf_pager_start(&fd, err));
	if (fd >= 0) {
		out->fd = fd;
		out->name = "the pager";
		out->paged = true;
	}
	return 0;
}

static int open_output(struct pf_run *run, bool binary, struct pf_error *err)
{
	struct pf_output *out = pf_zalloc(1, sizeof(*out));
	int code = 0;

	out->fd = STDOUT_FILENO;
	out->name = "stdout";
	if (run->output)
		code = open_file(run, out, err);
	else if (!binary && run->program->common & PF_COMMON_FORMAT)
		code = open_pager(run, out, err);
	if (code)
		free(out);
	else
		run->out = out;
	return code;
}

static int write_out(void *ctx, const void *data, size_t len, struct pf_error *err)
{
	struct pf_output *out = ctx;
	PF_TRY(pf_write_full(out->fd, out->name, data, len, err));
	out->at += len;
	if (out->behind)
		pf_write_behind(out->fd, &out->sent, out->at);
	return 0;
}

int pf_output_sink(struct pf_run *run, bool binary, struct pf_byte_sink *sink,
		   struct pf_error *err)
{
	if (!run->out)
		PF_TRY(open_output(run, binary, err));
	if (binary && pf_is_terminal(run->out->fd) && !run->force) {
		pf_fail(err, PF_E_USAGE, "will not write binary to a terminal");
		return pf_hint(err, "pipe it into the next program, or redirect it");
	}
	*sink = (struct pf_byte_sink){ write_out, run->out, run->out->name };
	return 0;
}

void pf_output_own_stream(struct pf_run *run, struct pf_stream_out *stream,
			  void (*close_stream)(struct pf_stream_out *stream))
{
	run->out->stream = stream;
	run->out->close_stream = close_stream;
}

struct pf_stream_out *pf_output_owned_stream(const struct pf_run *run)
{
	return run->out ? run->out->stream : NULL;
}

int pf_output_format(const struct pf_run *run)
{
	if (run->format != PF_FORMAT_AUTO)
		return run->format;
	return !run->output && pf_is_terminal(STDOUT_FILENO) ? PF_FORMAT_TABLE :
		PF_FORMAT_TSV;
}

bool pf_output_is_paged(const struct pf_run *run)
{
	return run->out && run->out->paged;
}

static void release(struct pf_run *run)
{
	free(run->out);
	run->out = NULL;
}

/* Pipes and devices keep nothing. */
static int sync_file(const struct pf_output *out, struct pf_error *err)
{
	struct stat st;
	return fstat(out->fd, &st) || !S_ISREG(st.st_mode) ? 0 :
		pf_fdatasync(out->fd, out->name, err);
}

int pf_output_finish(struct pf_run *run, struct pf_error *err)
{
	struct pf_output *out = run->out;
	int code = 0;

	if (!out)
		return 0;
	if (out->stream)
		out->close_stream(out->stream);
	if (run->lasting)
		code = sync_file(out, err);
	if (out->temp) {
		if (pf_close(&out->fd, out->name, code ? NULL : err) && !code)
			code = PF_E_IO;
		if (code)
			pf_tempfile_remove(out->temp);
		else
			code = pf_tempfile_rename(out->temp, run->output, err);
		if (!code && run->lasting)
			code = pf_fsync_parent(run->output, err);
	} else if (out->paged) {
		pf_pager_wait(&out->fd);
	} else if (out->fd > STDERR_FILENO) {
		if (pf_close(&out->fd, out->name, code ? NULL : err) && !code)
			code = PF_E_IO;
	}
	release(run);
	return code;
}

void pf_output_drop(struct pf_run *run)
{
	struct pf_output *out = run->out;

	if (!out)
		return;
	if (out->stream)
		out->close_stream(out->stream);
	if (out->paged)
		pf_pager_wait(&out->fd);
	else if (out->fd > STDERR_FILENO)
		close(out->fd);
	pf_tempfile_remove(out->temp);
	release(run);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/program.h"
#include "base/file.h"
#include "ext/inflate.h"

static size_t min_operands(const struct pf_run *run)
{
	const struct pf_command *c = run->program->commands;
	for (; run->command && c && c->name; c++)
		if (!strcmp(c->name, run->command))
			return (size_t)c->min_operands;
	return (size_t)run->program->min_operands;
}

size_t pf_inputs(const struct pf_run *run)
{
	size_t min = min_operands(run);
	return run->noperands > min ? run->noperands - min : 1;
}

const char *pf_input_name(const struct pf_run *run, size_t i)
{
	size_t min = min_operands(run);
	return run->noperands > min ? run->operands[min + i] : "-";
}

enum { STOP_POLL_MS = 100 };

/* A head of a line that waits for its input must see the signal, to say that
 * its stream is aborted. */
static int wait_for_input(const struct pf_input *in, struct pf_error *err)
{
	const volatile int *cut = pf_cut_flag();
	while (pf_signals_are_brief() && !*cut && !pf_readable(in->fd, STOP_POLL_MS))
		;
	return *cut ? pf_fail(err, PF_E_INTERRUPTED, "stopped by a signal") : 0;
}

static int read_raw(void *ctx, void *data, size_t len, size_t *got,
		    struct pf_error *err)
{
	struct pf_input *in = ctx;

	PF_TRY(wait_for_input(in, err));
	PF_TRY(pf_read_some(in->fd, in->name, data, len, got, err));
	pf_progress(in->run, 0, (int64_t)*got);
	return 0;
}

static bool raw_ready(void *ctx, int timeout_ms)
{
	struct pf_input *in = ctx;
	return pf_readable(in->fd, timeout_ms);
}

/* The bytes that were looked at, then the rest. */
static int read_with_head(void *ctx, void *data, size_t len, size_t *got,
			  struct pf_error *err)
{
	struct pf_input *in = ctx;
	size_t left = in->head_len - in->head_at;

	if (!left)
		return in->plain.read(in->plain.ctx, data, len, got, err);
	*got = len < left ? len : left;
	memcpy(data, in->head + in->head_at, *got);
	in->head_at += *got;
	return 0;
}

static bool ready_with_head(void *ctx, int timeout_ms)
{
	struct pf_input *in = ctx;
	if (in->head_at < in->head_len)
		return true;
	return !in->plain.ready || in->plain.ready(in->plain.ctx, timeout_ms);
}

static int look(struct pf_input *in, struct pf_error *err)
{
	struct pf_byte_source raw = { read_raw, raw_ready, in, in->name };
	const char *packed;
	size_t got;

	PF_TRY(pf_inflate_open(&raw, &in->inflate, err));
	in->plain = pf_inflate_source(in->inflate);
	/* Eight bytes tell every kind; do not wait for more than that. */
	while (in->head_len < 8) {
		PF_TRY(in->plain.read(in->plain.ctx, in->head + in->head_len,
				      sizeof(in->head) - in->head_len, &got, err));
		if (!got)
			break;
		in->head_len += got;
	}
	in->kind = in->packed = pf_magic_kind(in->head, in->head_len);
	packed = pf_inflate_format(in->inflate);
	if (packed)
		in->packed = *packed == 'g' ? PF_OPERAND_GZIP : PF_OPERAND_ZSTD;
	return 0;
}

int pf_input_open(struct pf_run *run, const char *operand, struct pf_input *in,
		  struct pf_error *err)
{
	char quoted[256];
	struct stat st;

	memset(in, 0, sizeof(*in));
	in->run = run;
	in->operand = operand;
	in->name = operand;
	if (!strcmp(operand, "-")) {
		in->name = "stdin";
		in->fd = STDIN_FILENO;
	} else {
		pf_quote(quoted, sizeof(quoted), operand, strlen(operand));
		in->fd = open(operand, O_RDONLY | O_CLOEXEC);
		if (in->fd < 0) {
			int code = errno == EACCES ? PF_E_ACCESS :
				errno == ENOENT || errno == ENOTDIR ? PF_E_NO_FILE : PF_E_IO;
			return pf_fail_errno(err, code, errno, "cannot open '%s'",
					     quoted);
		}
		if (!fstat(in->fd, &st) && S_ISDIR(st.st_mode)) {
			pf_input_close(in);
			return pf_fail(err, PF_E_USAGE, "'%s' is a directory", quoted);
		}
	}
	int code = look(in, err);
	if (code) {
		pf_input_close(in);
		return code;
	}
	in->source = (struct pf_byte_source){ read_with_head, ready_with_head, in,
					      in->name };
	return 0;
}

void pf_input_close(struct pf_input *in)
{
	pf_inflate_close(in->inflate);
	in->inflate = NULL;
	if (in->fd > STDERR_FILENO)
		close(in->fd);
	in->fd = -1;
}

int pf_input_text_format(const struct pf_run *run, enum pf_text_format *format,
			 struct pf_error *err)
{
	static const int formats[] = {
		[PF_FORMAT_AUTO] = PF_TEXT_AUTO,   [PF_FORMAT_ARROW] = PF_TEXT_AUTO,
		[PF_FORMAT_TABLE] = -1,            [PF_FORMAT_MD] = -1,
		[PF_FORMAT_CSV] = PF_TEXT_CSV,     [PF_FORMAT_TSV] = PF_TEXT_TSV,
		[PF_FORMAT_JSONL] = PF_TEXT_JSONL, [PF_FORMAT_JSON] = PF_TEXT_JSON,
		[PF_FORMAT_DEBEZIUM] = PF_TEXT_DEBEZIUM,
		[PF_FORMAT_CANAL] = PF_TEXT_CANAL,
		[PF_FORMAT_MAXWELL] = PF_TEXT_MAXWELL,
	};
	if (formats[run->input_format] < 0) {
		pf_fail(err, PF_E_USAGE, "%s cannot read that input format",
			run->program->name);
		return pf_hint(err, "it reads arrow, csv, tsv, jsonl, json and change streams");
	}
	*format = (enum pf_text_format)formats[run->input_format];
	return 0;
}

int pf_input_definition(const struct pf_run *run, const char *path,
			struct pf_tabledef **definition, struct pf_error *err)
{
	enum pf_text_format format = PF_TEXT_AUTO;
	PF_TRY(pf_input_text_format(run, &format, err));
	PF_TRY(pf_tabledef_load(path, definition, err));
	if (!pf_text_format_changes(format))
		return 0;
	int code = pf_tabledef_take_kinds(*definition, path, err);
	if (code) {
		pf_tabledef_free(*definition);
		*definition = NULL;
	}
	return code;
}

bool pf_input_is_empty_text(const struct pf_input *in, const struct pf_tabledef *definition)
{
	return in->kind == PF_OPERAND_EMPTY && definition &&
		definition->input.format != PF_TEXT_AUTO && strcmp(in->operand, "-") != 0;
}

void pf_input_notice(void *ctx, const struct pf_notice *n)
{
	struct pf_run *run = ctx;
	if (n->topic)
		pf_diag_warn(&run->diag, "topic '%s', partition %" PRId32 ", offset %" PRId64 ": %s",
			     n->topic, n->partition, n->offset, n->text);
	else
		pf_diag_warn(&run->diag, "%s:%" PRIu64 ": byte %" PRIu64 ": %s",
			     n->file, n->line, n->byte, n->text);
}

void pf_input_passed(struct pf_run *run, const struct pf_passed *p)
{
	if (p->schema_changes || p->empty || p->other)
		pf_diag_note(&run->diag, 0, "messages that are no rows: %" PRId64
			     " schema changes, %" PRId64 " empty, %" PRId64 " of other tables",
			     p->schema_changes, p->empty, p->other);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/tempfile.h"
#include "text/tabledef.h"

enum { SPOOL_BYTES = 256 << 10 };

/* A Parquet file is read from its end: what comes through a pipe, or packed,
 * waits in a temporary file first. A file that stands on stdin is read there. */
static int spool(struct pf_input *in, int *fd, struct pf_error *err)
{
	struct stat st;
	if (in->packed == in->kind && !fstat(in->fd, &st) && S_ISREG(st.st_mode)) {
		*fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'",
					       in->name) : 0;
	}
	PF_TRY(pf_tempfile_unnamed(NULL, fd, err));
	struct pf_buf bytes = { 0 };
	size_t got = 1;
	int code = 0;
	while (got && !code) {
		uint8_t *to = pf_buf_room(&bytes, SPOOL_BYTES);
		code = in->source.read(in->source.ctx, to, SPOOL_BYTES, &got, err);
		if (!code && got)
			code = pf_write_full(*fd, "a temporary file", to, got, err);
	}
	pf_buf_free(&bytes);
	if (code)
		close(*fd);
	return code;
}

static int open_parquet(struct pf_input *in, struct pf_source **source,
			struct pf_error *err)
{
	int fd;
	PF_TRY(spool(in, &fd, err));
	return pf_source_parquet_fd(fd, in->name, source, err);
}

/* A stream or text: told by the first bytes, or by -I. */
static int open_input(struct pf_run *run, const char *operand,
		      struct pf_operand_sources *s, struct pf_source **source,
		      struct pf_error *err)
{
	enum pf_text_format format;
	PF_TRY(pf_input_text_format(run, &format, err));
	struct pf_input *in = pf_zalloc(1, sizeof *in);
	s->inputs = pf_realloc(s->inputs, s->ninputs + 1, sizeof *s->inputs);
	int code = pf_input_open(run, operand, in, err);
	if (code) {
		free(in);
		return code;
	}
	s->inputs[s->ninputs++] = in;
	bool text = format != PF_TEXT_AUTO || in->kind == PF_OPERAND_TEXT ||
		    pf_input_is_empty_text(in, s->definition);
	if (!text && (in->kind == PF_OPERAND_ARROW || in->kind == PF_OPERAND_EMPTY))
		return pf_source_stream(&in->source, source, err);
	if (!text && in->kind == PF_OPERAND_PARQUET)
		return open_parquet(in, source, err);
	if (!text)
		return pf_fail(err, PF_E_USAGE, "'%s' is %s, which cannot be read here",
			       in->name, pf_operand_kind_name(in->kind));
	if (!s->definition) {
		pf_fail(err, PF_E_NO_SCHEMA, "'%s' is text: a schema is needed", in->name);
		return pf_hint(err, "-S FILE names a table definition; "
				    "'pf-stage schema' guesses one");
	}
	const struct pf_text_options options = { .format = format, .file = in->name,
						 .final_line = true,
						 .notice = pf_input_notice,
						 .notice_ctx = run };
	return pf_source_text(&in->source, s->definition, &options, source, err);
}

static int open_operand(struct pf_run *run, const char *operand,
			enum pf_operand_kind kind,
			const struct pf_table_source_options *options,
			struct pf_operand_sources *s, struct pf_error *err)
{
	struct pf_source *source = NULL;
	struct pf_source *table =
		s->n && !strcmp(s->items[0]->kind, "table") ? s->items[0] : NULL;
	bool merged = false;
	int code;
	switch (kind) {
	case PF_OPERAND_TABLE:
		code = options->between ?
			       pf_source_changes(operand, options->between, &source, err) :
			       pf_source_table(operand, options, &source, err);
		break;
	case PF_OPERAND_STAGE:
	case PF_OPERAND_KAFKA:
		s->stage = true;
		code = pf_source_stage(operand, &s->access, table, &source, err);
		if (!code)
			code = pf_source_merge_stage(table, source, &merged, err);
		if (code)
			pf_source_close(source);
		break;
	case PF_OPERAND_PARQUET:
		code = pf_source_parquet(operand, &source, err);
		break;
	default:
		code = open_input(run, operand, s, &source, err);
		break;
	}
	if (!code && !merged)
		s->items[s->n++] = source;
	return code;
}

static int open_all(struct pf_run *run, const struct pf_table_source_options *options,
		    struct pf_operand_sources *s, struct pf_error *err)
{
	size_t n = run->noperands ? run->noperands : 1, tables = 0, stages = 0;
	enum pf_operand_kind *kinds = pf_alloc(n, sizeof *kinds);
	s->items = pf_alloc(n, sizeof *s->items);
	int code = 0;
	for (size_t i = 0; i < n && !code; i++) {
		kinds[i] = PF_OPERAND_STDIN;
		if (run->noperands)
			code = pf_operand_kind(run->operands[i], &kinds[i], err);
		tables += kinds[i] == PF_OPERAND_TABLE;
		stages += kinds[i] == PF_OPERAND_STAGE || kinds[i] == PF_OPERAND_KAFKA;
	}
	if (!code && tables > 1 && stages)
		code = pf_fail(err, PF_E_USAGE,
			       "a stage together with several tables: which one loads it?");
	if (!code && options->between && tables < n)
		code = pf_fail(err, PF_E_USAGE, "--between is asked of tables");
	if (!code && stages && (options->snapshot || options->tag || options->has_as_of)) {
		pf_fail(err, PF_E_USAGE,
			"--snapshot and --as-of cannot be combined with a stage");
		code = pf_hint(err, "rows in flight have no past; leave the stage out");
	}
	/* Tables first: a stage begins where the table's snapshot ends. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n && !code; i++)
			if ((kinds[i] == PF_OPERAND_TABLE) == (pass == 0))
				code = open_operand(run, run->noperands ? run->operands[i] : "-",
						    kinds[i], options, s, err);
	free(kinds);
	return code;
}

int pf_sources_open(struct pf_run *run, const struct pf_operand_options *o,
		    struct pf_operand_sources *s, struct pf_error *err)
{
	int code = 0;
	*s = (struct pf_operand_sources){ 0 };
	if (o->definition)
		code = pf_input_definition(run, o->definition, &s->definition, err);
	if (!code && o->kafka_config)
		code = pf_kafka_config_load(o->kafka_config, &s->kafka, err);
	s->access = (struct pf_stage_access){ .kafka = &s->kafka, .definition = s->definition,
					      .timeout_ms = o->timeout_ms };
	if (!code)
		code = open_all(run, &o->table, s, err);
	if (code)
		pf_sources_close(s);
	return code;
}

void pf_sources_close(struct pf_operand_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		pf_source_close(s->items[i]);
	free(s->items);
	for (size_t i = 0; i < s->ninputs; i++) {
		pf_input_close(s->inputs[i]);
		free(s->inputs[i]);
	}
	free(s->inputs);
	pf_tabledef_free(s->definition);
	pf_kafka_config_free(&s->kafka);
	*s = (struct pf_operand_sources){ 0 };
}

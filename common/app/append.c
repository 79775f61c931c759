/* SPDX-License-Identifier: Apache-2.0 */
#include "app/append.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "app/program.h"
#include "base/file.h"
#include "base/number.h"
#include "keyed/rules.h"
#include "paimon/bucket.h"
#include "paimon/table.h"
#include "stage/append.h"
#include "stage/kafka_stage.h"
#include "stage/rejects.h"

struct appending {
	const struct pf_append_options *options;
	struct pf_rejects *rejects;
	int64_t nrejected;
	struct pf_buf acks;
};

static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct appending *a = ctx;
	int64_t most = a->options->max_errors;
	if (most >= 0 && a->nrejected == most) {
		pf_fail(err, reject->code,
			"%s:%" PRIu64 ": byte %" PRIu64 "%s%s%s: %s; the row after %"
			PRId64 " that did not fit",
			reject->file, reject->line, reject->byte,
			reject->column ? ", column '" : "",
			reject->column ? reject->column : "", reject->column ? "'" : "",
			reject->reason, most);
		return pf_hint(err, "--max-errors says how many may");
	}
	a->nrejected++;
	return a->rejects ? pf_rejects_add(a->rejects, reject, err) : 0;
}

static int on_settle(void *ctx, struct pf_error *err)
{
	struct appending *a = ctx;
	return a->rejects ? pf_rejects_settle(a->rejects, err) : 0;
}

static int on_ack(void *ctx, const struct pf_append_ack *ack, struct pf_error *err)
{
	struct appending *a = ctx;
	char name[4096];
	a->acks.len = 0;
	pf_buf_printf(&a->acks, "%" PRId64 "\t%" PRIu64 "\t%s\n", ack->offset,
		      ack->position,
		      pf_quote(name, sizeof name, ack->source, strlen(ack->source)));
	return pf_write_full((int)a->options->ack_fd, "--ack-fd", a->acks.data,
			     a->acks.len, err);
}

static int append_one(struct pf_run *run, struct pf_append *append,
		      const char *operand, struct pf_error *err)
{
	struct pf_input in;
	struct stat st;
	PF_TRY(pf_input_open(run, operand, &in, err));
	/* From here on a signal ends the input, not the program. */
	pf_signals_graceful();
	bool file = strcmp(operand, "-") != 0 && !fstat(in.fd, &st) &&
		    S_ISREG(st.st_mode);
	struct pf_append_input input = {
		.name = in.name,
		.path = file ? operand : NULL,
		.fd = file ? in.fd : -1,
		.packed = in.packed != in.kind,
		.arrow = run->input_format == PF_FORMAT_ARROW ||
			 (run->input_format == PF_FORMAT_AUTO &&
			  in.kind == PF_OPERAND_ARROW),
		.source = &in.source,
	};
	int code = 0;
	if (run->input_format == PF_FORMAT_AUTO && in.kind != PF_OPERAND_ARROW &&
	    in.kind != PF_OPERAND_TEXT && in.kind != PF_OPERAND_EMPTY) {
		code = pf_fail(err, PF_E_UNSUPPORTED, "'%s' is %s", in.name,
			       pf_operand_kind_name(in.kind));
		pf_hint(err, "it takes text and Arrow streams, as 'pf-query -O arrow FILE' writes");
	} else if (in.kind != PF_OPERAND_EMPTY) {
		code = pf_append_input(append, &input, err);
	}
	pf_input_close(&in);
	return code;
}

/* The row that stopped it need not have. */
static void hint_rejects(const struct pf_append_options *o, int code, struct pf_error *err)
{
	bool row = (code >= PF_E_BAD_ROW && code <= PF_E_ROW_SIZE) || code == PF_E_JSON;
	if (row && !o->rejects && !err->hint[0])
		pf_hint(err, "--rejects FILE takes such rows, and the rest goes on");
}

static void report(struct pf_run *run, const struct pf_append_options *o,
		   struct pf_stage_writer *writer, const struct pf_append_counts *c)
{
	const char *stage = pf_stage_path(pf_stage_writer_stage(writer));
	char rows[32], bad[32], twice[32], end[32], in[32];
	pf_diag_note(&run->diag, 0,
		     "%s: %s row%s appended, %s rejected, %s duplicate; durable at %s",
		     stage, pf_group_digits(rows, c->rows), c->rows == 1 ? "" : "s",
		     pf_group_digits(bad, c->rejected),
		     pf_group_digits(twice, c->duplicate),
		     pf_group_digits(end, pf_stage_durable(writer)));
	pf_diag_note(&run->diag, 1, "%s rows in = %s appended + %s rejected + %s duplicate",
		     pf_group_digits(in, c->rows + c->rejected + c->duplicate), rows, bad, twice);
	int64_t looked = pf_stage_looked(writer);
	if (looked)
		pf_diag_note(&run->diag, 1, "looked through %s message%s of the topic for its sources",
			     pf_group_digits(in, looked), looked == 1 ? "" : "s");
	pf_input_passed(run, &c->passed);
	if (c->waiting)
		pf_diag_warn(&run->diag, "%zu bytes wait at the end of the input: a last "
			     "line without newline%s", c->waiting,
			     o->final_line ? "" : " (--final-line takes it)");
}

static int append_all(struct pf_run *run, struct pf_stage_writer *writer,
		      struct appending *a, struct pf_error *err)
{
	const struct pf_append_options *o = a->options;
	struct pf_append_how how = {
		.source = o->source,
		.final_line = o->final_line,
		.group_ms = o->group_ms,
		.stopping = pf_stopping,
		.reject = o->rejects || o->on_error == PF_ON_ERROR_SKIP ? on_reject : NULL,
		.settle = on_settle,
		.ack = o->ack_fd >= 0 ? on_ack : NULL,
		.ctx = a,
		.notice = pf_input_notice,
		.notice_ctx = run,
	};
	PF_TRY(pf_input_text_format(run, &how.format, err));
	struct pf_append *append = pf_append_new(writer, &how);
	int code = 0;
	bool files = run->noperands > 1;
	for (size_t i = 0; !code && !pf_stopping() && i < pf_inputs(run); i++)
		code = append_one(run, append, pf_input_name(run, i), err);
	hint_rejects(o, code, err);
	struct pf_error late = { 0 };
	int finish = pf_append_finish(append, &late);
	if (finish && !code) {
		*err = late;
		code = finish;
	}
	const struct pf_append_counts *c = pf_append_counts(append);
	if (!finish)
		report(run, o, writer, c);
	if (!code && files && pf_stopping())
		code = pf_fail(err, PF_E_INTERRUPTED,
			       "stopped by a signal before the end of the input");
	if (!code && !o->rejects && c->rejected)
		code = pf_fail(err, PF_E_ROWS_SKIPPED, "%" PRId64 " row%s left out",
			       c->rejected, c->rejected == 1 ? " was" : "s were");
	pf_append_free(append);
	return code;
}

/* --payload and --partitioner, which go before what the URL says. */
static int produce_options(const struct pf_append_options *o,
			   struct pf_kafka_produce *produce, struct pf_error *err)
{
	if (o->payload) {
		produce->has_payload = true;
		PF_TRY(pf_kafka_payload_parse(o->payload, &produce->payload, err));
	}
	return o->partitioner ? pf_kafka_partitioner_parse(o->partitioner,
							   &produce->partitioner, err) : 0;
}

int pf_append_operands(struct pf_run *run, const struct pf_append_options *o,
		       struct pf_error *err)
{
	struct appending a = { .options = o };
	struct pf_tabledef *def = NULL;
	struct pf_stage_writer *writer = NULL;
	if (o->source && run->noperands > 2)
		return pf_fail(err, PF_E_USAGE, "--source names one input, not %zu",
			       run->noperands - 1);
	if (pf_is_table(run->operands[0]))
		return pf_fail(err, PF_E_USAGE, "'%s' is a table", run->operands[0]);
	if (o->ack_fd >= 0 && fcntl((int)o->ack_fd, F_GETFD) < 0)
		return pf_fail(err, PF_E_USAGE, "--ack-fd: descriptor %" PRId64 " is not open",
			       o->ack_fd);
	if (o->schema)
		PF_TRY(pf_input_definition(run, o->schema, &def, err));
	struct pf_kafka_config config = { 0 };
	struct pf_kafka_produce produce = { .look_back_ms = o->look_back_ms,
					    .require_isr = o->require_isr };
	struct pf_stage_write how = {
		.access = { .kafka = &config, .timeout_ms = o->timeout_ms },
		.kafka = &produce,
		.fiber = pf_bucket_rows,
		.stopping = pf_stopping,
		.definition = def,
		.wait_ms = o->wait_ms,
		.segment_bytes = (uint64_t)o->segment_bytes,
	};
	int code = def ? pf_rules_check(def, err) : 0;
	if (!code)
		code = produce_options(o, &produce, err);
	if (!code && o->kafka_config)
		code = pf_kafka_config_load(o->kafka_config, &config, err);
	if (!code && o->rejects)
		code = pf_rejects_open(o->rejects, &a.rejects, err);
	if (!code)
		code = pf_stage_writer_open(run->operands[0], &how, &writer, err);
	if (!code && pf_stage_caution(writer))
		pf_diag_warn(&run->diag, "%s", pf_stage_caution(writer));
	if (!code)
		code = append_all(run, writer, &a, err);
	pf_stage_writer_close(writer);
	pf_rejects_close(a.rejects);
	pf_kafka_config_free(&config);
	pf_tabledef_free(def);
	pf_buf_free(&a.acks);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/records.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/program.h"
#include "base/alloc.h"
#include "text/reader.h"

enum { BATCH_ROWS = 8192, BATCH_BYTES = 1 << 20 };

struct pf_records {
	struct pf_input input;
	struct pf_stream_in *stream;
	struct pf_text *text;
	struct pf_schema *schema; /* of text */
	struct pf_builder *rows;
	int64_t n;
	struct pf_run *run;
	int64_t *unmarked; /* the run's */
	bool end;
};

static int open_text(struct pf_run *run, struct pf_records *r,
		     const struct pf_tabledef *definition, struct pf_error *err)
{
	if (!definition) {
		pf_fail(err, PF_E_NO_SCHEMA, "'%s' is text: a schema is needed",
			r->input.name);
		bool takes = false;
		for (const struct pf_option *p = run->program->options; p->name; p++)
			takes = takes || p->letter == 'S';
		return pf_hint(err, takes ? "-S FILE names a table definition; "
					    "'pf-stage schema' guesses one" :
					    "'pf-partition -S FILE' makes records of text");
	}
	struct pf_text_options options = {
		.file = r->input.name,
		.final_line = true,
		.notice = pf_input_notice,
		.notice_ctx = run,
	};
	PF_TRY(pf_input_text_format(run, &options.format, err));
	r->schema = pf_tabledef_schema(definition);
	r->rows = pf_builder_new(r->schema);
	return pf_text_open(&r->input.source, definition, &options, &r->text, err);
}

int pf_records_open(struct pf_run *run, const char *operand,
		    const struct pf_tabledef *definition,
		    struct pf_records **records, struct pf_error *err)
{
	struct pf_records *r = pf_zalloc(1, sizeof *r);
	r->run = run;
	r->unmarked = &run->unmarked;
	int code = pf_input_open(run, operand, &r->input, err);
	if (code) {
		free(r);
		return code;
	}
	bool text_asked = run->input_format != PF_FORMAT_AUTO &&
			  run->input_format != PF_FORMAT_ARROW;
	bool empty_text = pf_input_is_empty_text(&r->input, definition);
	if (!text_asked && !empty_text &&
	    (r->input.kind == PF_OPERAND_ARROW || r->input.kind == PF_OPERAND_EMPTY))
		code = pf_stream_in_open(&r->input.source, 0, &r->stream, err);
	else if (r->input.kind == PF_OPERAND_TEXT || r->input.kind == PF_OPERAND_EMPTY)
		code = open_text(run, r, definition, err);
	else
		code = pf_fail(err, PF_E_USAGE, "'%s' is %s, not rows",
			       r->input.name, pf_operand_kind_name(r->input.kind));
	if (code) {
		pf_records_close(r);
		return code;
	}
	*records = r;
	return 0;
}

void pf_records_close(struct pf_records *r)
{
	if (!r)
		return;
	pf_stream_in_close(r->stream);
	pf_text_close(r->text);
	pf_builder_free(r->rows);
	pf_schema_unref(r->schema);
	pf_input_close(&r->input);
	free(r);
}

void pf_records_obey(const struct pf_records *r)
{
	if (r->stream && r->input.fd == STDIN_FILENO)
		pf_signals_graceful();
}

struct pf_schema *pf_records_schema(struct pf_records *r)
{
	return r->stream ? pf_stream_in_schema(r->stream) : r->schema;
}

/* Of several streams one after the other, in one operand or in several, only
 * some may have marks: a mark must not vouch for rows of others. */
static int next_of_stream(struct pf_records *r, struct pf_event *event,
			  struct pf_error *err)
{
	PF_TRY(pf_stream_in_next(r->stream, event, err));
	if (event->kind == PF_EVENT_BATCH)
		*r->unmarked += event->batch.rows;
	if (event->kind != PF_EVENT_MARK)
		return 0;
	if (*r->unmarked != event->mark->rows) {
		pf_fail(err, PF_E_USAGE,
			"'%s' has streams with and without marks: nothing tells whether all were loaded before",
			r->input.name);
		return pf_hint(err, "load them one after the other");
	}
	*r->unmarked = 0;
	return 0;
}

int pf_records_next(struct pf_records *r, struct pf_event *event,
		    struct pf_error *err)
{
	if (r->stream)
		return next_of_stream(r, event, err);
	*event = (struct pf_event){ .kind = PF_EVENT_END };
	if (r->end)
		return 0;
	pf_builder_reset(r->rows);
	PF_TRY(pf_text_next(r->text, r->rows, BATCH_ROWS, BATCH_BYTES, &r->end, err));
	if (r->end) {
		struct pf_text_position p;
		pf_text_position(r->text, &p);
		pf_input_passed(r->run, &p.passed);
	}
	event->batch = pf_builder_batch(r->rows);
	event->kind = event->batch.rows ? PF_EVENT_BATCH : PF_EVENT_END;
	r->n += event->batch.rows;
	*r->unmarked += event->batch.rows;
	event->rows = r->n;
	event->counts = (struct pf_counts){ .in = r->n, .out = r->n };
	return event->kind == PF_EVENT_END && !r->end ?
		       pf_records_next(r, event, err) :
		       0;
}

bool pf_records_ready(struct pf_records *r, int timeout_ms)
{
	if (r->stream)
		return pf_stream_in_ready(r->stream, timeout_ms);
	return r->end || !r->input.source.ready ||
	       r->input.source.ready(r->input.source.ctx, timeout_ms);
}

int pf_records_abort(struct pf_stream_out *out, const struct pf_event *event,
		     struct pf_error *err)
{
	if (out)
		(void)pf_stream_out_abort(out, event->who, event->why, NULL);
	return pf_fail(err, PF_E_UPSTREAM, "%s failed after %lld rows: %s",
		       event->who, (long long)event->rows, event->why);
}

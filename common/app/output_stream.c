/* SPDX-License-Identifier: Apache-2.0 */
#include "app/output.h"
#include "app/program.h"
#include "arrow/stream.h"

static void send_abort(struct pf_run *run, const struct pf_error *why)
{
	struct pf_stream_out *stream = pf_output_owned_stream(run);
	struct pf_error ignored = { 0 };

	if (stream)
		pf_stream_out_abort(stream, run->program->name, why->message,
				    &ignored);
}

int pf_output_stream(struct pf_run *run, const struct pf_schema *schema,
		     struct pf_stream_out **stream, struct pf_error *err)
{
	struct pf_byte_sink sink;

	PF_TRY(pf_output_sink(run, true, &sink, err));
	PF_TRY(pf_stream_out_open(&sink, schema, stream, err));
	/* A line that is bounded is aborted by a signal, not cut. */
	pf_signals_brief();
	pf_stream_out_stop_at(*stream, pf_cut_flag());
	pf_output_own_stream(run, *stream, pf_stream_out_close);
	run->abort = send_abort;
	return 0;
}

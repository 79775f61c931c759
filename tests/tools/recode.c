/* SPDX-License-Identifier: Apache-2.0
 *
 * recode < stream > stream: an Arrow stream, foreign or ours, through the
 * stream reader and the stream writer. Exits 1 with the error's code and
 * message on stderr; -n writes nothing.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arrow/stream.h"

static int copy(struct pf_stream_in *in, struct pf_stream_out *out,
		struct pf_error *err)
{
	struct pf_event e = { 0 };
	while (e.kind != PF_EVENT_END) {
		PF_TRY(pf_stream_in_next(in, &e, err));
		if (e.kind == PF_EVENT_ABORT)
			return pf_fail(err, PF_E_UPSTREAM, "%s: %s", e.who, e.why);
		if (!out)
			continue;
		if (e.kind == PF_EVENT_BATCH)
			PF_TRY(pf_stream_out_batch(out, &e.batch, err));
		else if (e.kind == PF_EVENT_MARK)
			PF_TRY(pf_stream_out_mark(out, e.mark, err));
	}
	struct pf_counts counts = { .in = e.rows, .out = e.rows };
	return out ? pf_stream_out_end(out, &counts, err) : 0;
}

int main(int argc, char **argv)
{
	int in_fd = STDIN_FILENO, out_fd = STDOUT_FILENO;
	bool quiet = argc > 1 && !strcmp(argv[1], "-n");
	struct pf_error err = { 0 };
	struct pf_byte_source source = pf_source_fd(&in_fd, "stdin");
	struct pf_byte_sink sink = pf_sink_fd(&out_fd, "stdout");
	struct pf_stream_in *in = NULL;
	struct pf_stream_out *out = NULL;
	int code = pf_stream_in_open(&source, 0, &in, &err);
	if (!code && !quiet)
		code = pf_stream_out_open(&sink, pf_stream_in_schema(in), &out, &err);
	if (!code)
		code = copy(in, out, &err);
	pf_stream_out_close(out);
	pf_stream_in_close(in);
	if (code)
		fprintf(stderr, "%d %s\n", code, err.message);
	return code != 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-pack: sort rows by (ID, time) within their partition and bucket, and
 * encode them as Parquet segments.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "app/program.h"
#include "app/records.h"
#include "base/alloc.h"
#include "base/time.h"
#include "load/pack.h"

struct options {
	int64_t memory, segment_size, threads, level, every;
	bool old_readers;
	const char *tmp;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 0, "every", PF_OPT_DURATION, OPT(every), "TIME",
	  .help = "pack at a mark when so much time has passed", .def = "60s" },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE",
	  .help = "memory for rows and their sorting; more waits in a temporary file",
	  .def = "256Mi", .min = 16 << 20, .max = INT64_MAX, .config = true },
	{ 0, "segment-size", PF_OPT_SIZE, OPT(segment_size), "SIZE",
	  .help = "close a segment that has reached this size", .def = "64Mi",
	  .min = 64 << 10, .max = 128 << 20 },
	{ 'j', "threads", PF_OPT_INT, OPT(threads), "N",
	  .help = "threads that sort and encode; changes no byte of the segments",
	  .def = "2", .min = 1, .max = 64, .config = true },
	{ 0, "zstd-level", PF_OPT_INT, OPT(level), "N",
	  .help = "how hard to compress", .def = "1", .min = 1, .max = 19, .minor = true },
	{ 0, "old-readers", PF_OPT_FLAG, OPT(old_readers), NULL,
	  .help = "no encodings that engines with Paimon before 1.2 cannot read",
	  .minor = true },
	{ 0, "tmp-dir", PF_OPT_STRING, OPT(tmp), "DIR",
	  .help = "where rows wait that do not fit in memory [$TMPDIR, /var/tmp]",
	  .minor = true, .config = true },
	{ 0 },
};

static const struct pf_example examples[] = {
	{ "pf-partition -S events.yaml events.jsonl | pf-pack > day.arrows",
	  "segments to carry elsewhere" },
	{ "pf-stage read stage/ --after wh/default.db/events | pf-partition | pf-pack | pf-put wh/default.db/events",
	  "load what the table does not have yet" },
	{ 0 },
};

/* Segments below this are crumbs: many files for little data. */
static const uint64_t crumb_bytes = 1 << 20;

/* The longest single wait for input. */
enum { WAIT_MS = 60000 };

struct state {
	struct pf_run *run;
	struct pf_schema *rows, *segments;
	struct pf_packer *packer;
	struct pf_segment_room one; /* the segment being sent */
	struct pf_stream_out *out;
	struct pf_counts counts;
	/* Marks whose rows are not all packed yet, one per stage. */
	struct pf_mark *marks;
	size_t n_marks;
	bool at_mark;      /* no row came since the last mark */
	int64_t packed_us; /* when rows were last packed at a mark */
};

static int emit(void *ctx, const struct pf_segment *segment, struct pf_error *err)
{
	struct state *s = ctx;
	struct pf_batch batch = pf_segment_lend(&s->one, s->segments, segment, NULL, 0);
	s->counts.out += segment->rows;
	return pf_stream_out_batch(s->out, &batch, err);
}

static int add_mark(struct state *s, const struct pf_mark *mark, struct pf_error *err)
{
	for (size_t i = 0; i < s->n_marks; i++)
		if (!strcmp(s->marks[i].stage, mark->stage))
			return pf_mark_merge(&s->marks[i], mark, err);
	s->marks = pf_realloc(s->marks, s->n_marks + 1, sizeof *s->marks);
	pf_mark_copy(&s->marks[s->n_marks++], mark);
	return 0;
}

/* Everything before the marks leaves, then the marks. */
static int pack(struct state *s, struct pf_error *err)
{
	PF_TRY(pf_packer_flush(s->packer, err));
	for (size_t i = 0; i < s->n_marks; i++) {
		s->marks[i].more = i + 1 < s->n_marks;
		PF_TRY(pf_stream_out_mark(s->out, &s->marks[i], err));
	}
	for (size_t i = 0; i < s->n_marks; i++)
		pf_mark_free(&s->marks[i]);
	s->n_marks = 0;
	s->packed_us = pf_mono_us();
	return pf_stream_out_flush(s->out, err);
}

static int begin(struct state *s, struct pf_schema *rows, struct pf_error *err)
{
	const struct options *o = s->run->options;
	struct pf_pack_options pack_options = {
		.memory_bytes = (size_t)o->memory,
		.segment_bytes = (size_t)o->segment_size,
		.threads = (int)o->threads,
		.zstd_level = (int)o->level,
		.old_readers = o->old_readers,
		.tmp_dir = o->tmp,
		.created_by = "pf-pack version " PF_VERSION " (build release)",
	};
	int code = pf_packer_new(rows, &pack_options, emit, s, &s->packer, err);
	if (code == PF_E_NO_SCHEMA)
		return pf_hint(err, "put pf-partition before this program");
	PF_TRY(code);
	s->rows = pf_schema_ref(rows);
	s->segments = pf_segment_schema(rows);
	s->packed_us = pf_mono_us();
	return pf_output_stream(s->run, s->segments, &s->out, err);
}

/* Pack when --every has passed, at once or while input pauses behind a mark:
 * nothing else may come for hours. */
static int wait_at_marks(struct state *s, struct pf_records *in, struct pf_error *err)
{
	const struct options *o = s->run->options;
	while (s->n_marks && s->at_mark) {
		int64_t left = o->every - (pf_mono_us() - s->packed_us) / 1000;
		if (left <= 0)
			return pack(s, err);
		if (pf_records_ready(in, left < WAIT_MS ? (int)left : WAIT_MS))
			return 0;
	}
	return 0;
}

static int relay(struct state *s, struct pf_records *in, struct pf_error *err)
{
	struct pf_event event;
	for (;;) {
		PF_TRY(wait_at_marks(s, in, err));
		PF_TRY(pf_records_next(in, &event, err));
		switch (event.kind) {
		case PF_EVENT_BATCH:
			s->at_mark = false;
			s->counts.in += event.batch.rows;
			PF_TRY(pf_packer_add(s->packer, &event.batch, err));
			break;
		case PF_EVENT_MARK:
			s->at_mark = true;
			PF_TRY(add_mark(s, event.mark, err));
			break;
		case PF_EVENT_ABORT:
			return pf_records_abort(s->out, &event, err);
		case PF_EVENT_END:
			return 0;
		}
	}
}

static void report(const struct state *s)
{
	struct pf_pack_stats t = pf_packer_stats(s->packer);
	pf_diag_note(&s->run->diag, 1,
		     "%" PRId64 " rows in, %" PRId64 " out, in %" PRId64
		     " segments of %" PRIu64 " bytes together; %" PRIu64
		     " bytes waited in a temporary file",
		     s->counts.in, s->counts.out, t.segments, t.bytes,
		     t.spilled_bytes);
	if (t.superseded)
		pf_diag_note(&s->run->diag, 1,
			     "%" PRId64 " rows left out: newer ones of the same key came with them",
			     t.superseded);
	if (t.ignored)
		pf_diag_note(&s->run->diag, 1,
			     "%" PRId64 " rows left out: the table ignores deletes",
			     t.ignored);
	uint64_t average = t.segments ? t.bytes / (uint64_t)t.segments : 0;
	if (t.segments > 8 && average < crumb_bytes)
		pf_diag_warn(&s->run->diag,
			     "segments are small, %" PRIu64
			     " bytes on average: fewer buckets or a coarser partition make better files",
			     average);
}

static int pack_all(struct state *s, struct pf_error *err)
{
	for (size_t i = 0; i < pf_inputs(s->run); i++) {
		struct pf_records *in;
		PF_TRY(pf_records_open(s->run, pf_input_name(s->run, i), NULL, &in,
				       err));
		pf_records_obey(in);
		struct pf_schema *rows = pf_records_schema(in);
		int code = !s->packer ?
				   begin(s, rows, err) :
				   pf_schema_same(s->rows,
						  pf_input_name(s->run, 0), rows,
						  pf_input_name(s->run, i), err);
		if (!code)
			code = relay(s, in, err);
		pf_records_close(in);
		PF_TRY(code);
	}
	PF_TRY(pack(s, err));
	struct pf_pack_stats t = pf_packer_stats(s->packer);
	s->counts.filtered = t.superseded + t.ignored;
	PF_TRY(pf_stream_out_end(s->out, &s->counts, err));
	report(s);
	return 0;
}

static int run(struct pf_run *run, struct pf_error *err)
{
	struct state s = { .run = run };
	/* Large buffers for themselves: they grow without a copy, and leave no
	 * holes in a heap that --memory would not know of. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	int code = pack_all(&s, err);
	pf_packer_free(s.packer);
	pf_segment_room_free(&s.one);
	for (size_t i = 0; i < s.n_marks; i++)
		pf_mark_free(&s.marks[i]);
	free(s.marks);
	pf_schema_unref(s.rows);
	pf_schema_unref(s.segments);
	return code;
}

static const struct pf_program program = {
	.name = "pf-pack",
	.summary = "sort rows and encode them as Parquet segments",
	.synopsis = (const char *const[]){ "[options] [FILE...]", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT,
	.examples = examples,
	.max_operands = PF_ANY,
	.reads_stdin = true,
	.run = run,
};
PF_MAIN(program)

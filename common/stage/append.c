/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/append.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/time.h"
#include "stage/adapt.h"
#include "stage/nulls.h"
#include "stage/origin.h"

enum { GROUP_MS = 50, BATCH_ROWS = 8192, BATCH_BYTES = 1 << 20 };
#define GROUP_BYTES ((uint64_t)8 << 20)

/* A position on its way to the disk. */
struct ticket {
	char *source;
	uint64_t position;
	int64_t offset;
};

struct pf_append {
	struct pf_stage_writer *writer;
	struct pf_append_how how;
	struct pf_append_counts counts;
	struct pf_builder *builder;
	struct pf_nulls nulls;
	int64_t group_since_us;    /* when the first pending row came; 0: none */
	struct ticket *tickets;    /* of the commit that is under way */
	size_t ntickets;

	struct pf_origin origin;   /* the input at hand */
	uint64_t position;         /* behind its last row taken */
	int64_t line, rows;
	bool moved;                /* position is not yet committed */
	bool unsaid;               /* rows wait whose position is not known */

	/* Where rejected rows stood among the good ones of a batch, so that each
	 * row has its number within the input. */
	const struct pf_builder *counting;
	struct pf_buf holes;       /* int64_t each: good rows before it */
	struct pf_buf numbers;
};

struct pf_append *pf_append_new(struct pf_stage_writer *writer,
				const struct pf_append_how *how)
{
	struct pf_append *a = pf_zalloc(1, sizeof *a);
	a->writer = writer;
	a->how = *how;
	if (!a->how.group_ms)
		a->how.group_ms = GROUP_MS;
	if (!a->how.group_bytes)
		a->how.group_bytes = GROUP_BYTES;
	a->builder = pf_builder_new(pf_stage_schema(pf_stage_writer_stage(writer)));
	return a;
}

static void drop_tickets(struct pf_append *a)
{
	for (size_t i = 0; i < a->ntickets; i++)
		free(a->tickets[i].source);
	free(a->tickets);
	a->tickets = NULL;
	a->ntickets = 0;
}

void pf_append_free(struct pf_append *a)
{
	if (!a)
		return;
	drop_tickets(a);
	pf_origin_close(&a->origin);
	pf_builder_free(a->builder);
	pf_nulls_free(&a->nulls);
	pf_buf_free(&a->holes);
	pf_buf_free(&a->numbers);
	free(a);
}

const struct pf_append_counts *pf_append_counts(const struct pf_append *a)
{
	return &a->counts;
}

/* --- commits and acknowledgements --- */

static int acknowledge(struct pf_append *a, struct pf_error *err)
{
	int code = 0;
	if (a->ntickets)
		pf_crash_point("X3");
	for (size_t i = 0; !code && a->how.ack && i < a->ntickets; i++) {
		const struct ticket *t = &a->tickets[i];
		struct pf_append_ack ack = { t->source, t->position, t->offset };
		code = a->how.ack(a->how.ctx, &ack, err);
	}
	drop_tickets(a);
	return code;
}

static void add_ticket(struct ticket **list, size_t *n, const char *source,
		       uint64_t position, int64_t offset)
{
	*list = pf_realloc(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = (struct ticket){ pf_strdup(source), position, offset };
}

/* The source of the input as it stands now. */
static int note_source(struct pf_append *a, struct pf_error *err)
{
	return a->moved ? pf_origin_note(&a->origin, a->position, a->rows, a->line, err) : 0;
}

static int commit(struct pf_append *a, struct pf_error *err)
{
	struct ticket *next = NULL;
	size_t n = 0;
	if (a->how.settle)
		PF_TRY(a->how.settle(a->how.ctx, err));
	PF_TRY(note_source(a, err));
	int64_t offset = pf_stage_accepted(a->writer);
	const struct pf_sources *s = pf_stage_writer_sources(a->writer);
	for (size_t i = 0; a->how.ack && i < s->n; i++) {
		const struct pf_source_pos *p = s->items[i];
		if (p->dirty)
			add_ticket(&next, &n, pf_origin_title(p), p->position, offset);
	}
	if (a->how.ack && a->moved && !a->origin.known)
		add_ticket(&next, &n, "-", a->position, offset);
	/* Returns when the commit before is durable. */
	int code = pf_stage_commit(a->writer, err);
	if (!code)
		code = acknowledge(a, err);
	drop_tickets(a); /* those of a commit that failed */
	a->tickets = next;
	a->ntickets = n;
	a->moved = false;
	a->group_since_us = 0;
	if (code)
		drop_tickets(a);
	return code;
}

static int commit_and_wait(struct pf_append *a, struct pf_error *err)
{
	PF_TRY(commit(a, err));
	PF_TRY(pf_stage_sync(a->writer, err));
	return acknowledge(a, err);
}

/* Is it time? Called after each batch and before each wait for input. */
static int maybe_commit(struct pf_append *a, struct pf_error *err)
{
	bool pending = pf_stage_pending_rows(a->writer) || a->moved;
	if (a->ntickets && !pf_stage_busy(a->writer)) {
		PF_TRY(pf_stage_sync(a->writer, err));
		PF_TRY(acknowledge(a, err));
	}
	if (!pf_track_ready(a->origin.track, 0))
		return pending || a->ntickets ? commit_and_wait(a, err) : 0;
	if (!pending)
		return 0;
	int64_t now = pf_mono_us();
	if (!a->group_since_us)
		a->group_since_us = now;
	bool late = now - a->group_since_us >= a->how.group_ms * 1000;
	uint64_t bytes = pf_stage_pending_bytes(a->writer);
	/* While a commit is under way the group may grow on, within bounds. */
	bool busy = pf_stage_busy(a->writer);
	if (bytes >= a->how.group_bytes * (busy ? 4 : 1) || (late && !busy))
		return commit(a, err);
	return 0;
}

/* The good rows' numbers, from a->rows + 1 on, with holes where rows were
 * rejected. */
static const int64_t *number_rows(struct pf_append *a, int64_t rows)
{
	size_t bytes = (size_t)rows * sizeof(int64_t), nholes = a->holes.len / sizeof(int64_t);
	a->numbers.len = 0;
	int64_t *out = (int64_t *)(void *)pf_buf_room(&a->numbers, bytes);
	const int64_t *holes = (const int64_t *)(const void *)a->holes.data;
	size_t hole = 0;
	for (int64_t i = 0; i < rows; i++) {
		while (hole < nholes && holes[hole] <= i)
			hole++;
		out[i] = a->rows + 1 + i + (int64_t)hole;
	}
	return out;
}

static int append_rows(struct pf_append *a, const struct pf_batch *batch,
		       struct pf_error *err)
{
	int64_t taken = 0;
	if (!batch->rows)
		return 0;
	pf_crash_point("X1");
	PF_TRY(pf_stage_append(a->writer, batch,
			       pf_stage_wants_origin(a->writer) ?
			       number_rows(a, batch->rows) : NULL, &taken, err));
	a->counts.rows += taken;
	a->counts.duplicate += batch->rows - taken;
	return 0;
}

/* Notes where a rejected row stood, and hands it on. */
static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct pf_append *a = ctx;
	int64_t before = a->counting->columns[0].rows;
	pf_buf_add(&a->holes, &before, sizeof before);
	return a->how.reject(a->how.ctx, reject, err);
}

/* --- text --- */

static void take_position(struct pf_append *a, const struct pf_text *text,
			  struct pf_text_position *last)
{
	struct pf_text_position p;
	pf_text_position(text, &p);
	a->rows += (p.rows - last->rows) + (p.rejected - last->rejected);
	a->counts.rejected += p.rejected - last->rejected;
	a->counts.passed.schema_changes += p.passed.schema_changes - last->passed.schema_changes;
	a->counts.passed.empty += p.passed.empty - last->passed.empty;
	a->counts.passed.other += p.passed.other - last->passed.other;
	if (p.byte != a->position)
		a->moved = true;
	a->position = p.byte;
	a->line = (int64_t)p.line;
	*last = p;
	pf_track_passed(a->origin.track, p.byte);
}

static int text_rows(struct pf_append *a, struct pf_text *text, struct pf_error *err)
{
	struct pf_text_position last = { 0 };
	pf_text_position(text, &last);
	last.rows = last.rejected = 0;
	for (bool end = false; !end;) {
		pf_builder_reset(a->builder);
		a->counting = a->builder;
		a->holes.len = 0;
		/* A row that ends the append leaves the good ones before it. */
		struct pf_error bad = { 0 };
		int stop = pf_text_next(text, a->builder, BATCH_ROWS, BATCH_BYTES, &end,
					&bad);
		struct pf_batch batch = pf_builder_batch(a->builder);
		PF_TRY(append_rows(a, &batch, err));
		take_position(a, text, &last);
		if (stop) {
			PF_TRY(commit_and_wait(a, err));
			*err = bad;
			return stop;
		}
		if (!end)
			PF_TRY(maybe_commit(a, err));
	}
	a->counts.waiting += last.pending;
	return 0;
}

static int append_text(struct pf_append *a, const struct pf_source_pos *from,
		       struct pf_error *err)
{
	struct pf_byte_source source = pf_track_source(a->origin.track);
	struct pf_text_options options = {
		.format = a->how.format,
		.file = a->origin.input->path ? a->origin.input->path : a->origin.input->name,
		.byte = from ? from->position : 0,
		.line = from ? (uint64_t)from->line : 0,
		.final_line = a->how.final_line,
		.reject = a->how.reject ? on_reject : NULL,
		.reject_ctx = a,
		.notice = a->how.notice,
		.notice_ctx = a->how.notice_ctx,
	};
	pf_stage_row_limit(a->writer, &options.limit);
	if (pf_track_can_skip(a->origin.track)) {
		options.skip = pf_track_skip;
		options.skip_ctx = a->origin.track;
	}
	struct pf_text *text;
	PF_TRY(pf_text_open(&source, pf_stage_definition(pf_stage_writer_stage(a->writer)),
			    &options, &text, err));
	int code = text_rows(a, text, err);
	pf_text_close(text);
	return code;
}

/* --- Arrow --- */

static int arrow_batch(struct pf_append *a, struct pf_adapt *adapt,
		       const struct pf_batch *in, int64_t skip, struct pf_error *err)
{
	struct pf_batch batch = pf_adapt_batch(adapt, in, skip, in->rows - skip), good;
	struct pf_error bad = { 0 };
	a->holes.len = 0;
	a->nulls.before = &a->counting;
	pf_stage_row_limit(a->writer, &a->nulls.limit);
	int stop = pf_nulls_refuse(&a->nulls, &batch, a->origin.input->name, a->rows + 1,
				   a->how.reject ? on_reject : NULL, a, &good, &bad);
	PF_TRY(append_rows(a, &good, err));
	a->rows += good.rows + a->nulls.rejected;
	a->counts.rejected += a->nulls.rejected;
	a->position = pf_track_taken(a->origin.track);
	a->moved = true;
	if (!stop)
		return 0;
	/* Those before the bad one stay. */
	PF_TRY(commit_and_wait(a, err));
	*err = bad;
	return stop;
}

static int arrow_rows(struct pf_append *a, struct pf_stream_in *in, int64_t skip,
		      struct pf_error *err)
{
	struct pf_adapt *adapt;
	struct pf_event event;
	PF_TRY(pf_adapt_new(pf_stream_in_schema(in),
			    pf_stage_schema(pf_stage_writer_stage(a->writer)),
			    a->origin.input->name, &adapt, err));
	int code = 0;
	for (int64_t seen = 0; !code;) {
		code = pf_stream_in_next(in, &event, err);
		if (code || event.kind == PF_EVENT_END)
			break;
		if (event.kind == PF_EVENT_ABORT)
			code = pf_fail(err, PF_E_UPSTREAM, "%s failed: %s", event.who,
				       event.why);
		if (code || event.kind != PF_EVENT_BATCH)
			continue;
		int64_t rows = event.batch.rows, left = skip > seen ? skip - seen : 0;
		seen += rows;
		if (left < rows)
			code = arrow_batch(a, adapt, &event.batch, left, err);
		if (!code)
			code = maybe_commit(a, err);
	}
	pf_adapt_free(adapt);
	return code;
}

static int append_arrow(struct pf_append *a, const struct pf_source_pos *from,
			struct pf_error *err)
{
	struct pf_byte_source source = pf_track_source(a->origin.track);
	struct pf_stream_in *in;
	PF_TRY(pf_stream_in_open(&source, 0, &in, err));
	int code = arrow_rows(a, in, from ? from->rows : 0, err);
	pf_stream_in_close(in);
	return code;
}

/* --- one input --- */

int pf_append_input(struct pf_append *a, const struct pf_append_input *input,
		    struct pf_error *err)
{
	struct pf_origin *o = &a->origin;
	pf_origin_open(o, a->writer, input, a->how.source, a->how.stopping);
	a->moved = false;
	int code = pf_origin_identify(o, err);
	const struct pf_source_pos *from = o->source && o->source->position ? o->source : NULL;
	uint64_t begin = from ? from->position : 0;
	a->position = begin;
	a->rows = from ? from->rows : 0;
	a->line = from ? from->line : 0;
	if (!code && from) {
		a->counts.duplicate += from->rows;
		pf_track_expect(o->track, from);
	}
	if (!code)
		code = pf_origin_announce(o, err);
	if (!code)
		code = input->arrow ? append_arrow(a, from, err) :
				      append_text(a, from, err);
	a->counts.bytes += (int64_t)pf_track_taken(o->track);
	if (code == PF_E_INTERRUPTED) {
		*err = (struct pf_error){ 0 };
		code = 0;
	}
	/* Whoever was killed before this was reported asks again: it is durable,
	 * opening the stage synced it. */
	if (!code && a->how.ack && begin && a->position == begin)
		add_ticket(&a->tickets, &a->ntickets, pf_origin_title(o->source), begin,
			   pf_stage_durable(a->writer));
	/* The next input's rows go into the same group. When the input failed,
	 * too, the rows that it gave are committed with their position. */
	struct pf_error late = { 0 };
	int settled = !a->moved ? 0 : o->known ? note_source(a, &late) : commit(a, &late);
	if (settled)
		a->unsaid = true;
	if (settled && !code) {
		*err = late;
		code = settled;
	}
	pf_origin_close(o);
	a->moved = false;
	return code;
}

int pf_append_finish(struct pf_append *a, struct pf_error *err)
{
	/* Sealed without their position, rows would come twice. */
	if (!a->unsaid)
		PF_TRY(commit(a, err));
	PF_TRY(pf_stage_sync(a->writer, err));
	return acknowledge(a, err);
}

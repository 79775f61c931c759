/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/append.h"
#include "app/program.h"
#include "base/alloc.h"
#include "base/number.h"
#include "base/time.h"
#include "load/loaded.h"
#include "paimon/table.h"
#include "stage/kafka_config.h"
#include "stage/rejects.h"
#include "stage/status.h"
#include "text/tabledef.h"

/* A stage, and what it takes to open it. */
struct opened {
	struct pf_stage *stage;
	struct pf_kafka_config config;
	struct pf_tabledef *definition, *fallback;
};

/* The table's columns, for a topic that does not say what its rows are. */
static int table_definition(const char *path, struct pf_tabledef **def,
			    struct pf_error *err)
{
	struct pf_table *table;
	struct pf_error why = { 0 };
	PF_TRY(pf_table_open(path, &table, err));
	struct pf_schema *columns =
		pf_schema_without_partition(pf_table_schema(table)->columns);
	if (pf_tabledef_from_schema(columns, def, &why))
		*def = NULL;
	pf_schema_unref(columns);
	pf_table_close(table);
	return 0;
}

static void close_opened(struct opened *o)
{
	pf_stage_close(o->stage);
	pf_tabledef_free(o->definition);
	pf_tabledef_free(o->fallback);
	pf_kafka_config_free(&o->config);
}

/* table: whose columns will do, or NULL. */
static int open_stage(const char *path, const struct pf_replay_options *o,
		      const char *table, struct opened *s, struct pf_error *err)
{
	*s = (struct opened){ 0 };
	int code = o->kafka_config ? pf_kafka_config_load(o->kafka_config, &s->config, err) : 0;
	if (!code && o->schema)
		code = pf_tabledef_load(o->schema, &s->definition, err);
	if (!code && table)
		code = table_definition(table, &s->fallback, err);
	struct pf_stage_access how = { .kafka = &s->config, .definition = s->definition,
				       .fallback = s->fallback,
				       .timeout_ms = o->timeout_ms };
	if (!code)
		code = pf_stage_open(path, &how, &s->stage, err);
	if (code)
		close_opened(s);
	return code;
}

static int put_text(struct pf_run *run, const struct pf_buf *text, struct pf_error *err)
{
	struct pf_byte_sink sink;
	PF_TRY(pf_output_sink(run, false, &sink, err));
	return sink.write(sink.ctx, text->data, text->len, err);
}

/* --- read --- */

static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct pf_rejects *rejects = ctx;
	return rejects ? pf_rejects_add(rejects, reject, err) : 0;
}

static int on_settle(void *ctx, struct pf_error *err)
{
	struct pf_rejects *rejects = ctx;
	return rejects ? pf_rejects_settle(rejects, err) : 0;
}

static int end_rows(struct pf_run *run, const struct pf_replay_options *o,
		    struct pf_stream_out *out, struct pf_stage_reader *reader,
		    struct pf_error *err)
{
	struct pf_counts counts;
	int64_t rows = pf_stream_out_rows(out);
	char a[32], b[32], c[32], d[32], in[32];
	pf_stage_reader_counts(reader, &counts);
	counts.out = rows;
	counts.in = rows + counts.rejected + counts.duplicate + counts.filtered;
	PF_TRY(pf_stream_out_end(out, &counts, err));
	pf_diag_note(&run->diag, 1,
		     "%s rows in = %s read + %s rejected + %s duplicate + %s filtered",
		     pf_group_digits(in, counts.in), pf_group_digits(a, rows),
		     pf_group_digits(b, counts.rejected),
		     pf_group_digits(c, counts.duplicate),
		     pf_group_digits(d, counts.filtered));
	if (counts.in != rows)
		pf_diag_note(&run->diag, 0, "%s rows read, %s rejected, %s duplicate",
			     pf_group_digits(a, rows), pf_group_digits(b, counts.rejected),
			     pf_group_digits(c, counts.duplicate));
	if (counts.rejected && !o->rejects)
		return pf_fail(err, PF_E_ROWS_SKIPPED, "%" PRId64 " row%s left out",
			       counts.rejected, counts.rejected == 1 ? " was" : "s were");
	return 0;
}

/* The table that the rows are for knows the columns' field ids. */
static int begin(struct pf_run *run, const struct pf_replay_options *o,
		 struct pf_stage *stage, struct pf_stream_out **out, struct pf_error *err)
{
	struct pf_schema *rows = pf_schema_copy(pf_stage_schema(stage));
	int code = o->after ? pf_loaded_field_ids(o->after, rows, err) : 0;
	if (!code)
		code = pf_output_stream(run, rows, out, err);
	pf_schema_unref(rows);
	return code;
}

static int copy_rows(struct pf_run *run, const struct pf_replay_options *o,
		     struct pf_stage_reader *reader, struct pf_stage *stage,
		     struct pf_error *err)
{
	struct pf_stream_out *out;
	struct pf_event event;
	PF_TRY(begin(run, o, stage, &out, err));
	for (;;) {
		if (!pf_stage_reader_ready(reader))
			PF_TRY(pf_stream_out_flush(out, err));
		PF_TRY(pf_stage_reader_next(reader, &event, err));
		if (event.kind == PF_EVENT_BATCH)
			PF_TRY(pf_stream_out_batch(out, &event.batch, err));
		else if (event.kind == PF_EVENT_MARK)
			PF_TRY(pf_stream_out_mark(out, event.mark, err));
		else
			return end_rows(run, o, out, reader, err);
	}
}

static int read_rows(struct pf_run *run, const struct pf_replay_options *o,
		     struct pf_stage *stage, struct pf_rejects *rejects,
		     struct pf_error *err)
{
	bool skips = o->rejects || o->on_error == PF_ON_ERROR_SKIP;
	struct pf_stage_read how = {
		.oldest = !o->offsets && !o->after,
		.limit = o->limit,
		.follow = o->follow,
		.accept_gap = o->accept_gap,
		.stopping = pf_stopping,
		.partitions = o->partitions,
		.reject = skips ? on_reject : NULL,
		.settle = on_settle,
		.ctx = rejects,
		.notice = pf_input_notice,
		.notice_ctx = run,
	};
	struct pf_stage_reader *reader = NULL;
	struct pf_loaded loaded = { 0 };
	struct pf_stage_start *starts = NULL;
	int code = 0;
	if (o->offsets) {
		code = pf_stage_starts_parse(o->offsets, &starts, &how.nstarts, err);
		how.starts = starts;
	} else if (o->after) {
		code = pf_loaded_read(o->after, pf_stage_uuid(stage), 0, &loaded, err);
		how.starts = loaded.starts;
		how.nstarts = loaded.n;
		how.sources = loaded.sources;
	}
	if (!code)
		code = pf_stage_reader_open(stage, &how, &reader, err);
	if (!code)
		code = copy_rows(run, o, reader, stage, err);
	pf_stage_reader_close(reader);
	pf_loaded_free(&loaded);
	free(starts);
	return code;
}

int pf_replay(struct pf_run *run, const struct pf_replay_options *o, struct pf_error *err)
{
	struct opened s;
	struct pf_rejects *rejects = NULL;
	if (o->follow)
		pf_signals_graceful();
	PF_TRY(open_stage(run->operands[0], o, o->after, &s, err));
	int code = o->rejects ? pf_rejects_open(o->rejects, &rejects, err) : 0;
	if (!code)
		code = read_rows(run, o, s.stage, rejects, err);
	pf_rejects_close(rejects);
	close_opened(&s);
	return code;
}

/* --- status --- */

static int add_table(struct pf_buf *out, const char *path, struct pf_stage *stage,
		     bool human, struct pf_error *err)
{
	struct pf_loaded loaded;
	struct pf_stage_lag lag;
	char quoted[4096], loaded_rows[32], behind[32], rows[32];
	PF_TRY(pf_loaded_read(path, pf_stage_uuid(stage), 0, &loaded, err));
	int code = pf_stage_lag(stage, loaded.starts, loaded.n, loaded.sources, &lag, err);
	pf_loaded_free(&loaded);
	if (code)
		return code;
	pf_buf_printf(out, "table\t%s\t%s loaded\t%s behind",
		      pf_quote(quoted, sizeof quoted, path, strlen(path)),
		      pf_count_text(loaded_rows, lag.loaded, human),
		      pf_count_text(behind, lag.behind, human));
	if (lag.seconds >= 0)
		pf_buf_printf(out, "\t%" PRId64 " seconds", lag.seconds);
	pf_buf_printf(out, "\t%s%s rows\n", lag.about ? "about " : "",
		      pf_count_text(rows, lag.rows, human));
	return 0;
}

int pf_replay_status(struct pf_run *run, const struct pf_replay_options *o,
		     struct pf_error *err)
{
	struct opened s;
	struct pf_stage_status status;
	struct pf_buf out = { 0 };
	PF_TRY(open_stage(run->operands[0], o, run->noperands > 1 ? run->operands[1] : NULL,
			  &s, err));
	int code = pf_stage_status(s.stage, &status, err);
	if (!code) {
		status.human = o->human;
		pf_stage_status_print(s.stage, &status, &out);
		pf_stage_status_free(&status);
	}
	for (size_t i = 1; !code && i < run->noperands; i++)
		code = add_table(&out, run->operands[i], s.stage, o->human, err);
	if (!code)
		code = put_text(run, &out, err);
	pf_buf_free(&out);
	close_opened(&s);
	return code;
}

/* --- trim --- */

static int trim(struct pf_run *run, const struct pf_replay_options *o,
		struct pf_stage *stage, struct pf_error *err)
{
	int64_t before = INT64_MAX;
	struct pf_trimmed t;
	char rows[32], bytes[32];
	for (size_t i = 0; i < o->consumers.n; i++) {
		struct pf_loaded loaded;
		PF_TRY(pf_loaded_read(o->consumers.items[i], pf_stage_uuid(stage),
				      pf_now_ms() - o->grace_ms, &loaded, err));
		if (pf_loaded_next(&loaded) < before)
			before = pf_loaded_next(&loaded);
		pf_loaded_free(&loaded);
	}
	PF_TRY(pf_stage_trim(stage, before, o->dry_run, &t, err));
	pf_diag_note(&run->diag, 0, "%s: %zu segment%s %s, %s bytes; begins at row %s",
		     pf_stage_path(stage), t.segments, t.segments == 1 ? "" : "s",
		     o->dry_run ? "would be removed" : "removed",
		     pf_group_digits(bytes, (int64_t)t.bytes), pf_group_digits(rows, t.first));
	return 0;
}

int pf_replay_trim(struct pf_run *run, const struct pf_replay_options *o,
		   struct pf_error *err)
{
	struct opened s;
	if (!strncmp(run->operands[0], "kafka://", 8))
		return pf_stage_trim_refused(run->operands[0], err);
	if (!o->consumers.n) {
		pf_fail(err, PF_E_USAGE, "trim needs to know who reads the stage");
		return pf_hint(err, "name every table that loads it: --consumer TABLE");
	}
	PF_TRY(open_stage(run->operands[0], o, NULL, &s, err));
	int code = trim(run, o, s.stage, err);
	close_opened(&s);
	return code;
}

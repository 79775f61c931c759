/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-index: add indexes to segments: bloom filters of further columns, and
 * Paimon file indexes.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app/program.h"
#include "app/records.h"
#include "load/stored.h"

struct options {
	struct pf_strings bloom, file_index;
	const char *fpp, *table;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 0, "bloom", PF_OPT_COLUMNS, OPT(bloom), "COLUMNS", .columns = true,
	  .help = "bloom filters of these columns, inside the Parquet files" },
	{ 0, "file-index", PF_OPT_LIST, OPT(file_index), "TYPE:COLUMNS",
	  .help = "Paimon file index of TYPE bloom-filter or bitmap; may be repeated" },
	{ 0, "fpp", PF_OPT_STRING, OPT(fpp), "RATE",
	  .help = "how often a file index of type bloom-filter says yes in vain",
	  .def = "0.01" },
	{ 'T', "table", PF_OPT_STRING, OPT(table), "TABLE",
	  .help = "also make the indexes that this table's options ask for" },
	{ 0 },
};

static const struct pf_example examples[] = {
	{ "pf-pack rows.arrows | pf-index --file-index bitmap:event | pf-put wh/default.db/events",
	  "a bitmap of every event, beside each file" },
	{ "pf-index --bloom session wh/default.db/events | pf-put wh/default.db/events",
	  "index what is stored already" },
	{ 0 },
};

/* Segments must fit into one message of the stream. */
static const int64_t largest_file = 200 << 20;

struct state {
	struct pf_run *run;
	struct pf_index_plan plan;
	struct pf_schema *segments;
	struct pf_segment_room one; /* the segment being sent */
	struct pf_stream_out *out;
	struct pf_index_room room;
	struct pf_counts counts;
	int64_t n, indexed;
	int64_t added_bytes;
};

/* --- what to make --- */

static int read_fpp(const struct options *o, double *fpp, struct pf_error *err)
{
	char *end;
	*fpp = strtod(o->fpp, &end);
	if (*end || end == o->fpp || !(*fpp >= 1e-9 && *fpp <= 0.5))
		return pf_fail(err, PF_E_USAGE,
			       "--fpp: '%s' is no number between 1e-9 and 0.5", o->fpp);
	return 0;
}

/* Columns that the user named, then what a table's options ask for. */
static int make_plan(struct state *s, const struct pf_meta *table, struct pf_error *err)
{
	const struct options *o = s->run->options;
	double fpp;
	PF_TRY(read_fpp(o, &fpp, err));
	for (size_t i = 0; i < o->bloom.n; i++)
		pf_index_plan_bloom(&s->plan, o->bloom.items[i]);
	for (size_t i = 0; i < o->file_index.n; i++)
		PF_TRY(pf_index_plan_file_index(&s->plan, o->file_index.items[i], fpp,
						err));
	pf_index_plan_options(&s->plan, table, fpp);
	if (!o->table)
		return 0;
	struct pf_table *named;
	PF_TRY(pf_table_open(o->table, &named, err));
	pf_index_plan_options(&s->plan, &pf_table_schema(named)->options, fpp);
	pf_table_close(named);
	return 0;
}

static int begin(struct state *s, struct pf_schema *segments, struct pf_error *err)
{
	s->segments = pf_schema_ref(segments);
	return pf_output_stream(s->run, segments, &s->out, err);
}

/* --- one segment --- */

static int send(struct state *s, const struct pf_segment *segment,
		const struct pf_view *replaces, size_t n, struct pf_error *err)
{
	struct pf_batch batch = pf_segment_lend(&s->one, s->segments, segment, replaces, n);
	s->counts.out += segment->rows;
	return pf_stream_out_batch(s->out, &batch, err);
}

static int add_indexes(struct state *s, const struct pf_index_plan *plan,
		       struct pf_segment *segment, bool *changed, struct pf_error *err)
{
	int64_t before = (int64_t)(segment->data.len + segment->index.len);
	PF_TRY(pf_index_segment(plan, segment, &s->room, changed, err));
	s->n++;
	s->indexed += *changed;
	s->added_bytes += (int64_t)(segment->data.len + segment->index.len) - before;
	return 0;
}

/* --- segments in, segments out --- */

/* The names of files that the segment of that row replaces. */
static struct pf_view *replaced_names(const struct pf_batch *batch, int64_t row,
				      size_t *n)
{
	const struct pf_column *c = &batch->columns[PF_SEGMENT_REPLACES];
	*n = 0;
	if (pf_is_null(c, row))
		return NULL;
	int32_t from = c->offsets[row];
	*n = (size_t)(c->offsets[row + 1] - from);
	struct pf_view *names = pf_alloc(*n, sizeof *names);
	for (size_t i = 0; i < *n; i++)
		names[i] = pf_bytes_at(c->child, from + (int32_t)i);
	return names;
}

static int relay_batch(struct state *s, const struct pf_batch *batch,
		       struct pf_error *err)
{
	struct pf_segment segment;
	bool changed;
	for (int64_t row = 0; row < batch->rows; row++) {
		PF_TRY(pf_segment_at(batch, row, &segment, err));
		s->counts.in += segment.rows;
	}
	if (!s->plan.n) {
		s->n += batch->rows;
		s->counts.out = s->counts.in;
		return pf_stream_out_batch(s->out, batch, err);
	}
	for (int64_t row = 0; row < batch->rows; row++) {
		size_t n;
		PF_TRY(pf_segment_at(batch, row, &segment, err));
		PF_TRY(add_indexes(s, &s->plan, &segment, &changed, err));
		struct pf_view *names = replaced_names(batch, row, &n);
		int code = send(s, &segment, names, n, err);
		free(names);
		PF_TRY(code);
	}
	return 0;
}

static int relay(struct state *s, struct pf_records *in, struct pf_error *err)
{
	struct pf_event event;
	for (;;) {
		if (!pf_records_ready(in, 0))
			PF_TRY(pf_stream_out_flush(s->out, err));
		PF_TRY(pf_records_next(in, &event, err));
		switch (event.kind) {
		case PF_EVENT_BATCH:
			PF_TRY(relay_batch(s, &event.batch, err));
			break;
		case PF_EVENT_MARK:
			PF_TRY(pf_stream_out_mark(s->out, event.mark, err));
			break;
		case PF_EVENT_ABORT:
			return pf_records_abort(s->out, &event, err);
		case PF_EVENT_END:
			return 0;
		}
	}
}

static int index_streams(struct state *s, struct pf_error *err)
{
	for (size_t i = 0; i < pf_inputs(s->run); i++) {
		struct pf_records *in;
		const char *name = pf_input_name(s->run, i);
		PF_TRY(pf_records_open(s->run, name, NULL, &in, err));
		pf_records_obey(in);
		struct pf_schema *schema = pf_records_schema(in);
		int code = pf_segment_check(schema, err);
		if (!code && !s->out)
			code = make_plan(s, &schema->meta, err);
		if (!code && !s->out)
			code = begin(s, schema, err);
		if (!code)
			code = relay(s, in, err);
		pf_records_close(in);
		PF_TRY(code);
	}
	return 0;
}

/* --- a table in, segments out that replace its files --- */

/* Why a file stays as it is, or NULL. */
static const char *left_alone(const struct pf_table_schema *now,
			      const struct pf_data_file *f)
{
	if (f->size > largest_file)
		return "it is too large for a stream of segments";
	if (now->npartition_keys && f->partition_values[0].null)
		return "its partition is null";
	if (f->total_buckets != now->buckets)
		return "it is of another number of buckets";
	return NULL;
}

/* Under the names that the columns had when the file was written; those that
 * are younger are left out. */
static void plan_of_then(const struct pf_index_plan *plan,
			 const struct pf_table_schema *now,
			 const struct pf_table_schema *then, struct pf_index_plan *old)
{
	*old = (struct pf_index_plan){ .wishes = pf_alloc(plan->n + 1, sizeof *old->wishes) };
	for (size_t i = 0; i < plan->n; i++) {
		struct pf_index_wish w = plan->wishes[i];
		int field = pf_table_field_by_name(now, w.column);
		int at = field < 0 ? -1 : pf_table_field_by_id(then, now->fields[field].id);
		if (field >= 0 && at < 0)
			continue;
		w.column = pf_strdup(at < 0 ? w.column : then->fields[at].name);
		old->wishes[old->n++] = w;
	}
}

static int index_file(struct state *s, struct pf_table *table,
		      const struct pf_data_file *f, struct pf_buf *data,
		      struct pf_buf *old, struct pf_error *err)
{
	const struct pf_table_schema *now = pf_table_schema(table);
	const char *why = left_alone(now, f);
	bool changed;
	if (why) {
		pf_diag_warn(&s->run->diag, "'%s' is left as it is: %s", f->path, why);
		return 0;
	}
	struct pf_segment segment = { .cell = { .bucket = f->bucket }, .rows = f->rows };
	if (now->npartition_keys) {
		segment.cell.has_partition = true;
		segment.cell.partition = f->partition_values[0].bytes;
	}
	data->len = 0;
	PF_TRY(pf_store_read(pf_table_store(table), f->path, (size_t)largest_file, data,
			     err));
	segment.data = pf_view_of(data->data, data->len);
	PF_TRY(pf_stored_index(table, f, old, &segment.index, err));
	struct pf_index_plan plan;
	plan_of_then(&s->plan, now, f->schema, &plan);
	int code = add_indexes(s, &plan, &segment, &changed, err);
	pf_index_plan_free(&plan);
	if (code)
		return pf_context(err, "'%s'", f->path);
	if (!changed)
		return 0;
	s->counts.in += segment.rows;
	struct pf_view name = pf_view_str(f->name);
	return send(s, &segment, &name, 1, err);
}

static int check_table(const struct pf_table_schema *now, const char *name,
		       struct pf_error *err)
{
	PF_TRY(pf_table_readable(now, err));
	PF_TRY(pf_table_writable(now, err));
	PF_TRY(pf_table_append_only(now, err));
	if (now->npartition_keys > 1)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "table '%s' has %zu partition keys, not one", name,
			       now->npartition_keys);
	return 0;
}

static int index_files(struct state *s, struct pf_table *table,
		       const struct pf_file_list *list, struct pf_error *err)
{
	struct pf_buf data = { 0 }, old = { 0 };
	int code = 0;
	for (size_t i = 0; !code && i < list->n; i++)
		code = index_file(s, table, &list->files[i], &data, &old, err);
	pf_buf_free(&data);
	pf_buf_free(&old);
	return code;
}

static int index_open_table(struct state *s, struct pf_table *table, const char *name,
			    struct pf_error *err)
{
	const struct pf_table_schema *now = pf_table_schema(table);
	struct pf_snapshot *snapshot;
	struct pf_file_list list;
	PF_TRY(check_table(now, name, err));
	PF_TRY(make_plan(s, &now->options, err));
	if (!s->plan.n) {
		pf_fail(err, PF_E_USAGE, "no index is asked for");
		return pf_hint(err, "--bloom COLUMNS or --file-index TYPE:COLUMNS; "
				    "the options of table '%s' name none", name);
	}
	struct pf_schema *segments = pf_segment_schema(now->columns);
	int code = begin(s, segments, err);
	pf_schema_unref(segments);
	PF_TRY(code);
	PF_TRY(pf_snapshot_latest(table, &snapshot, err));
	code = pf_scan_files(table, snapshot, NULL, &list, err);
	if (!code) {
		code = index_files(s, table, &list, err);
		pf_file_list_free(&list);
	}
	pf_snapshot_free(snapshot);
	return code;
}

static int index_table(struct state *s, const char *name, struct pf_error *err)
{
	struct pf_table *table;
	if (s->run->noperands > 1)
		return pf_fail(err, PF_E_USAGE,
			       "'%s' is a table and must be the only operand", name);
	PF_TRY(pf_table_open(name, &table, err));
	int code = index_open_table(s, table, name, err);
	pf_table_close(table);
	return code;
}

/* --- all --- */

static int index_all(struct state *s, struct pf_error *err)
{
	const char *table = NULL;
	for (size_t i = 0; i < s->run->noperands && !table; i++)
		if (pf_is_table(s->run->operands[i]))
			table = s->run->operands[i];
	if (table)
		PF_TRY(index_table(s, table, err));
	else
		PF_TRY(index_streams(s, err));
	PF_TRY(pf_stream_out_end(s->out, &s->counts, err));
	pf_diag_note(&s->run->diag, 1,
		     "%" PRId64 " rows in, %" PRId64 " out; %" PRId64 " of %" PRId64
		     " segments indexed, %" PRId64 " bytes of indexes",
		     s->counts.in, s->counts.out, s->indexed, s->n, s->added_bytes);
	return 0;
}

static int run(struct pf_run *run, struct pf_error *err)
{
	struct state s = { .run = run };
	int code = index_all(&s, err);
	pf_index_plan_free(&s.plan);
	pf_index_room_free(&s.room);
	pf_segment_room_free(&s.one);
	pf_schema_unref(s.segments);
	return code;
}

static const struct pf_program program = {
	.name = "pf-index",
	.summary = "add bloom filters and Paimon file indexes to segments",
	.synopsis = (const char *const[]){ "[options] [FILE...]", "[options] TABLE", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.common = PF_COMMON_OUTPUT,
	.examples = examples,
	.max_operands = PF_ANY,
	.reads_stdin = true,
	.run = run,
};
PF_MAIN(program)

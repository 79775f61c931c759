/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending to a topic. Rows are sorted into the topic's partitions as they
 * come and leave at a commit, as records of one source each; a commit waits
 * until every record of the one before has been acknowledged by all in-sync
 * replicas. So a position is durable when the records behind it say so, and
 * whoever finds a whole group knows that all before it is there, too
 * (stage/kafka_message.h). While that lasts nothing is read: the pipe fills.
 *
 * Exactly one process sends a row once; a process that follows one that died
 * may send again what is in doubt, and readers drop it by the rows' numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/ipc_write.h"
#include "base/fault.h"
#include "base/random.h"
#include "base/time.h"
#include "ext/hash.h"
#include "stage/kafka_message.h"
#include "stage/kafka_scan.h"
#include "text/writer.h"

/* A record is at most so large; brokers take 1 MiB if nobody changed that. */
enum { RECORD_BYTES = 900 * 1000, GATHER_ROWS = 1024 };
enum { QUEUED_BYTES = 64 << 20, POLL_MS = 100, STOP_MS = 25000,
	STALL_MS = 15000, CONFIG_MS = 1000 };

/* A record that waits for its group to leave; its bytes are in `bytes`. */
struct record {
	int32_t partition;
	struct pf_source_pos *source; /* NULL: nobody's */
	int64_t to, rows;
	size_t key_at, key_bytes, at, len;
};

struct topic_writer {
	struct pf_stage_writer base;
	struct pf_kafka_stage *s; /* base.stage */
	struct pf_kafka *producer;
	bool json;
	pf_fiber_fn *fiber;       /* NULL: murmur2 of the ID's text */
	bool (*stopping)(void);
	int64_t look_back_ms;
	char caution[160];        /* what the topic may lose, or "" */
	uint64_t session;
	int64_t group;
	struct pf_error failed;   /* nothing is taken any more */

	/* What the topic has of its sources. */
	bool recalled;
	struct pf_source_marks known;
	struct pf_source_pos *source; /* of the rows that come now */

	/* Rows of the source at hand, by partition, with pf_pos behind. */
	struct pf_schema *schema;
	struct pf_ipc_writer *encoder;
	struct pf_builder **rows;
	struct pf_builder *piece;
	int32_t *targets;
	uint32_t *picked;
	size_t room;

	/* The group that is being made. */
	struct record *records;
	size_t nrecords;
	struct pf_buf bytes;
	size_t built;             /* bytes in rows */
	int64_t pending;          /* rows in it */

	int64_t outstanding;      /* records without a report */
	int64_t accepted, sent, durable; /* rows */
};

static void on_report(void *ctx, const struct pf_kafka_report *r)
{
	struct topic_writer *w = ctx;
	(void)r;
	w->outstanding--;
}

static int fail_writer(struct topic_writer *w, int code, const struct pf_error *err)
{
	if (code && !w->failed.code && err)
		w->failed = *err;
	return code;
}

/* --- which partition --- */

static int place_rows(struct topic_writer *w, const struct pf_batch *b, int32_t *out,
		      struct pf_error *err)
{
	const struct pf_tabledef *def = w->s->stage.def;
	const struct pf_column *id = &b->columns[def->id_column];
	struct pf_type type = b->schema->fields[def->id_column].type;
	int32_t n = w->s->info.partitions;
	if (w->fiber) {
		PF_TRY(w->fiber(id, type, b->rows, def->buckets, out, err));
		for (int64_t i = 0; i < b->rows; i++)
			out[i] %= n;
		return 0;
	}
	struct pf_buf key = { 0 };
	for (int64_t i = 0; i < b->rows; i++) {
		key.len = 0;
		pf_format_value(&key, type, id, i, PF_VALUE_PLAIN, NULL);
		out[i] = pf_murmur2_partition(pf_view_of(key.data, key.len), n);
	}
	pf_buf_free(&key);
	return 0;
}

/* --- making records --- */

static struct record *new_record(struct topic_writer *w, int32_t partition, int64_t rows,
				 int64_t to)
{
	if (w->nrecords % 64 == 0)
		w->records = pf_realloc(w->records, pf_add(w->nrecords, 64),
					sizeof *w->records);
	struct record *r = &w->records[w->nrecords++];
	*r = (struct record){ .partition = partition, .source = w->source, .rows = rows,
			      .to = to, .at = w->bytes.len };
	return r;
}

static void encode(struct topic_writer *w, const struct pf_batch *b)
{
	pf_ipc_append_schema(w->encoder, &w->bytes);
	if (b->rows)
		pf_ipc_append_batch(w->encoder, b, &w->bytes);
	pf_buf_add(&w->bytes, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
}

static int64_t number_at(const struct topic_writer *w, const struct pf_batch *b,
			 int64_t row)
{
	return ((const int64_t *)b->columns[w->schema->n - 1].values)[row];
}

/* Rows as Arrow records that are small enough. */
static int arrow_records(struct topic_writer *w, int32_t partition,
			 const struct pf_batch *all, struct pf_error *err)
{
	int64_t step = all->rows;
	for (int64_t from = 0; from < all->rows;) {
		int64_t n = step < all->rows - from ? step : all->rows - from;
		struct pf_batch b = *all;
		if (n < all->rows) {
			pf_builder_reset(w->piece);
			pf_builder_append(w->piece, all, from, n);
			b = pf_builder_batch(w->piece);
		}
		struct record *r = new_record(w, partition, n, number_at(w, &b, n - 1));
		encode(w, &b);
		r->len = w->bytes.len - r->at;
		if (r->len <= RECORD_BYTES) {
			from += n;
			continue;
		}
		w->bytes.len = r->at;
		w->nrecords--;
		if (n == 1) {
			pf_fail(err, PF_E_LIMIT,
				"row %" PRId64 " of the input takes %zu bytes, and a message of topic '%s' takes %d",
				number_at(w, &b, 0), r->len, w->s->url.topic, RECORD_BYTES);
			return pf_hint(err, "an embedded stage takes rows up to 16 MiB");
		}
		step = n / 2;
	}
	return 0;
}

static void add_json(struct pf_buf *out, const struct pf_batch *b, size_t columns,
		     int64_t row)
{
	for (size_t i = 0; i < columns; i++) {
		const struct pf_field *f = &b->schema->fields[i];
		pf_buf_str(out, i ? "," : "{");
		pf_format_json_string(out, f->name, strlen(f->name));
		pf_buf_byte(out, ':');
		if (pf_is_null(&b->columns[i], row))
			pf_buf_str(out, "null");
		else
			pf_format_value(out, f->type, &b->columns[i], row, PF_VALUE_JSON,
					NULL);
	}
	pf_buf_byte(out, '}');
}

/* One record a row, its key the text of the ID. */
static int json_records(struct topic_writer *w, int32_t partition,
			const struct pf_batch *b, struct pf_error *err)
{
	int id = w->s->stage.def->id_column;
	for (int64_t i = 0; i < b->rows; i++) {
		struct record *r = new_record(w, partition, 1, number_at(w, b, i));
		r->key_at = w->bytes.len;
		pf_format_value(&w->bytes, b->schema->fields[id].type, &b->columns[id], i,
				PF_VALUE_PLAIN, NULL);
		r->key_bytes = w->bytes.len - r->key_at;
		r->at = w->bytes.len;
		add_json(&w->bytes, b, w->schema->n - 1, i);
		r->len = w->bytes.len - r->at;
		if (r->len + r->key_bytes > RECORD_BYTES)
			return pf_fail(err, PF_E_LIMIT,
				       "row %" PRId64 " of the input takes %zu bytes, and a message of topic '%s' takes %d",
				       r->to, r->len, w->s->url.topic, RECORD_BYTES);
	}
	return 0;
}

static int flush_partition(struct topic_writer *w, int32_t partition, struct pf_error *err)
{
	struct pf_builder *rows = w->rows[partition];
	if (!rows || !rows->columns[0].rows)
		return 0;
	struct pf_batch b = pf_builder_batch(rows);
	w->built -= pf_builder_bytes(rows);
	int code = w->json ? json_records(w, partition, &b, err) :
			     arrow_records(w, partition, &b, err);
	pf_builder_reset(rows);
	return code;
}

static int flush_rows(struct topic_writer *w, struct pf_error *err)
{
	for (int32_t p = 0; p < w->s->info.partitions; p++)
		PF_TRY(flush_partition(w, p, err));
	return 0;
}

/* --- taking rows --- */

/* Rows of one partition that the topic does not have. */
static int64_t pick(struct topic_writer *w, int32_t partition, const struct pf_batch *b,
		    const int64_t *numbers)
{
	int64_t mark = w->source ? pf_source_marks_get(&w->known, w->source->key,
						       partition) : 0;
	int64_t n = 0;
	for (int64_t i = 0; i < b->rows; i++)
		if (w->targets[i] == partition && numbers[i] > mark)
			w->picked[n++] = (uint32_t)i;
	return n;
}

static int add_rows(struct topic_writer *w, int32_t partition, const struct pf_batch *b,
		    const int64_t *numbers, int64_t n, struct pf_error *err)
{
	if (!w->rows[partition])
		w->rows[partition] = pf_builder_new(w->schema);
	struct pf_builder *rows = w->rows[partition];
	size_t columns = w->schema->n - 1;
	for (int64_t from = 0; from < n; from += GATHER_ROWS) {
		size_t now = (size_t)(n - from < GATHER_ROWS ? n - from : GATHER_ROWS);
		size_t before = pf_builder_bytes(rows);
		for (size_t c = 0; c < columns; c++)
			pf_col_gather(&rows->columns[c], &b->columns[c], w->picked + from,
				      now);
		for (size_t i = 0; i < now; i++)
			pf_col_i64(&rows->columns[columns],
				   numbers[w->picked[from + (int64_t)i]]);
		w->built += pf_builder_bytes(rows) - before;
		if (pf_builder_bytes(rows) >= RECORD_BYTES * 8 / 10)
			PF_TRY(flush_partition(w, partition, err));
	}
	return 0;
}

static int append(struct topic_writer *w, const struct pf_batch *b,
		  const int64_t *numbers, int64_t *taken, struct pf_error *err)
{
	if ((size_t)b->rows > w->room) {
		w->room = (size_t)b->rows;
		w->targets = pf_realloc(w->targets, w->room, sizeof *w->targets);
		w->picked = pf_realloc(w->picked, w->room, sizeof *w->picked);
	}
	PF_TRY(place_rows(w, b, w->targets, err));
	for (int32_t p = 0; p < w->s->info.partitions; p++) {
		int64_t n = pick(w, p, b, numbers);
		if (n)
			PF_TRY(add_rows(w, p, b, numbers, n, err));
		*taken += n;
	}
	w->accepted += *taken;
	w->pending += *taken;
	return 0;
}

static int refused(const struct topic_writer *w, struct pf_error *err)
{
	*err = w->failed;
	return err->code;
}

static int writer_append(struct pf_stage_writer *base, const struct pf_batch *batch,
			 const int64_t *numbers, int64_t *taken, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	*taken = 0;
	if (w->failed.code)
		return refused(w, err);
	if (!numbers)
		return pf_fail(err, PF_E_INTERNAL, "rows for a topic without numbers");
	return batch->rows ? fail_writer(w, append(w, batch, numbers, taken, err), err) : 0;
}

/* --- sources --- */

static int writer_recall(struct pf_stage_writer *base, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	if (w->recalled)
		return 0;
	w->recalled = true;
	return pf_kafka_scan(w->s, w->look_back_ms, &w->known, &base->sources, err);
}

/* The key must be the same when a run that died before anything was
 * acknowledged is repeated: its records may come late. */
static uint64_t make_key(const struct topic_writer *w, const char *identity)
{
	for (int again = 0;; again++) {
		char *text = pf_asprintf("%s\n%d", identity, again);
		uint64_t key = pf_xxh3(text, strlen(text));
		free(text);
		/* Marks without a position are of such a run. */
		bool owned = false;
		for (size_t i = 0; i < w->base.sources.n; i++)
			owned |= w->base.sources.items[i]->key == key;
		if (!owned && key)
			return key;
	}
}

static int writer_commit(struct pf_stage_writer *base, struct pf_error *err);

static int writer_from(struct pf_stage_writer *base, struct pf_source_pos *source,
		       const char *identity, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	if (w->failed.code)
		return refused(w, err);
	PF_TRY(fail_writer(w, flush_rows(w, err), err));
	/* A source that comes back begins a group of its own: its records are
	 * counted in a row. */
	for (size_t i = 0; i < w->nrecords; i++)
		if (source && w->records[i].source == source) {
			PF_TRY(writer_commit(base, err));
			break;
		}
	w->source = source;
	if (!source)
		return 0;
	int32_t n = w->s->info.partitions;
	if (!source->key) {
		source->key = make_key(w, identity);
		source->partitions = n;
	}
	if (source->partitions == n)
		return 0;
	pf_fail(err, PF_E_KAFKA_PARTITIONS,
		"topic '%s' had %" PRId32 " partitions when '%s' was staged, and has %" PRId32
		" now", w->s->url.topic, source->partitions,
		source->name ? source->name : source->path ? source->path : "it", n);
	return pf_hint(err, "rows may go to other partitions now: what comes from here on needs "
			    "a name of its own, --source NAME");
}

/* --- commits --- */

/* A broker that is away is waited for. But appends were seen to wait for ever after a
 * broker was killed and came back (with librdkafka 2.0.2; why is not known): so it
 * ends when the broker, asked three times STALL_MS apart, answers, and no report came
 * in between. */
struct stall {
	int64_t outstanding, since_us;
	int answers;
};

static int check_stall(struct topic_writer *w, struct stall *s, struct pf_error *err)
{
	int64_t now = pf_mono_us();
	if (!s->since_us || w->outstanding != s->outstanding) {
		*s = (struct stall){ w->outstanding, now, 0 };
		return 0;
	}
	if (now - s->since_us < (int64_t)STALL_MS * 1000)
		return 0;
	struct pf_kafka_info info;
	struct pf_error away = { 0 };
	s->answers = pf_kafka_info(w->producer, 1000, &info, &away) ? 0 : s->answers + 1;
	s->since_us = pf_mono_us();
	if (s->answers < 3)
		return 0;
	pf_fail(err, PF_E_UNREACHABLE, "topic '%s' answers, but acknowledges no more of %"
		PRId64 " messages", w->s->url.topic, w->outstanding);
	return pf_hint(err, "run it again: what was acknowledged is left out");
}

static int wait_reports(struct topic_writer *w, struct pf_error *err)
{
	int64_t stopped_us = 0;
	struct stall stall = { 0 };
	while (w->outstanding) {
		PF_TRY(pf_kafka_poll(w->producer, POLL_MS, err));
		if (w->outstanding)
			PF_TRY(check_stall(w, &stall, err));
		if (!w->outstanding || !w->stopping || !w->stopping())
			continue;
		if (!stopped_us)
			stopped_us = pf_mono_us();
		if (pf_mono_us() - stopped_us < (int64_t)STOP_MS * 1000)
			continue;
		const char *why = pf_kafka_trouble(w->producer);
		pf_fail(err, PF_E_INTERRUPTED,
			"%" PRId64 " messages for topic '%s' are not acknowledged%s%s",
			w->outstanding, w->s->url.topic, *why ? ": " : "", why);
		return pf_hint(err, "run it again: what was acknowledged is left out");
	}
	w->durable = w->sent;
	return 0;
}

static int send_one(struct topic_writer *w, const struct record *r, int32_t index,
		    int32_t of, struct pf_error *err)
{
	struct pf_buf origin = { 0 }, state = { 0 };
	struct pf_origin o = {
		.source = r->source ? r->source->key : 0, .to = r->to, .rows = r->rows,
		.session = w->session, .group = w->group, .index = index, .of = of,
		.partitions = w->s->info.partitions,
	};
	struct pf_view key = pf_view_of(w->bytes.data + r->key_at, r->key_bytes);
	pf_origin_write(&o, &origin);
	if (r->source && !index)
		pf_source_write(r->source, &state);
	struct pf_kafka_header headers[] = {
		{ PF_ORIGIN_HEADER, pf_view_of(origin.data, origin.len) },
		{ PF_STATE_HEADER, pf_view_of(state.data, state.len) },
	};
	bool full = true;
	int code = 0;
	while (!code && full) {
		code = pf_kafka_produce(w->producer, r->partition, r->key_bytes ? &key : NULL,
					pf_view_of(w->bytes.data + r->at, r->len), headers,
					state.len ? 2 : 1, NULL, &full, err);
		if (!code)
			code = pf_kafka_poll(w->producer, full ? POLL_MS : 0, err);
	}
	if (!code)
		w->outstanding++;
	pf_buf_free(&origin);
	pf_buf_free(&state);
	/* Die when this one is safe and the rest of the group has not left. */
	if (!code && pf_crash_armed("X2")) {
		code = wait_reports(w, err);
		pf_crash_point("X2");
	}
	return code;
}

/* A position that moved without rows: said by a record without rows. */
static void add_positions(struct topic_writer *w)
{
	struct pf_source_pos *present = w->source;
	for (size_t i = 0; i < w->base.sources.n; i++) {
		struct pf_source_pos *p = w->base.sources.items[i];
		bool has = !p->dirty || !p->key;
		for (size_t r = 0; r < w->nrecords && !has; r++)
			has = w->records[r].source == p;
		if (has)
			continue;
		struct pf_builder *none = pf_builder_new(w->schema);
		struct pf_batch b = pf_builder_batch(none);
		w->source = p;
		struct record *r = new_record(w, 0, 0, p->rows);
		encode(w, &b);
		r->len = w->bytes.len - r->at;
		pf_builder_free(none);
	}
	w->source = present;
}

/* Records of one source stand together: they are made source by source. */
static int send_group(struct topic_writer *w, struct pf_error *err)
{
	w->group++;
	for (size_t from = 0, to; from < w->nrecords; from = to) {
		for (to = from + 1; to < w->nrecords; to++)
			if (w->records[to].source != w->records[from].source)
				break;
		if (to - from > PF_GROUP_RECORDS)
			return pf_fail(err, PF_E_LIMIT, "too many messages in one commit");
		for (size_t i = from; i < to; i++)
			PF_TRY(send_one(w, &w->records[i], (int32_t)(i - from),
					(int32_t)(to - from), err));
	}
	return 0;
}

static int commit(struct topic_writer *w, struct pf_error *err)
{
	PF_TRY(flush_rows(w, err));
	if (!w->json)
		add_positions(w);
	PF_TRY(wait_reports(w, err));
	PF_TRY(send_group(w, err));
	w->nrecords = 0;
	w->bytes.len = 0;
	w->pending = 0;
	w->sent = w->accepted;
	if (!w->outstanding)
		w->durable = w->sent;
	pf_sources_clean(&w->base.sources);
	return 0;
}

static int writer_commit(struct pf_stage_writer *base, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	return w->failed.code ? refused(w, err) : fail_writer(w, commit(w, err), err);
}

static bool writer_busy(struct pf_stage_writer *base)
{
	struct topic_writer *w = (struct topic_writer *)base;
	struct pf_error err = { 0 };
	if (w->outstanding)
		fail_writer(w, pf_kafka_poll(w->producer, 0, &err), &err);
	return w->outstanding > 0;
}

static int writer_sync(struct pf_stage_writer *base, struct pf_error *err)
{
	struct topic_writer *w = (struct topic_writer *)base;
	return w->failed.code ? refused(w, err) : fail_writer(w, wait_reports(w, err), err);
}

static uint64_t pending_bytes(const struct pf_stage_writer *base)
{
	const struct topic_writer *w = (const struct topic_writer *)base;
	return w->bytes.len + w->built;
}

static int64_t pending_rows(const struct pf_stage_writer *base)
{
	return ((const struct topic_writer *)base)->pending;
}

static int64_t accepted(const struct pf_stage_writer *base)
{
	return ((const struct topic_writer *)base)->accepted;
}

static int64_t durable(struct pf_stage_writer *base)
{
	return ((struct topic_writer *)base)->durable;
}

static void writer_close(struct pf_stage_writer *base)
{
	struct topic_writer *w = (struct topic_writer *)base;
	pf_kafka_close(w->producer);
	pf_source_marks_free(&w->known);
	pf_sources_free(&base->sources);
	for (int32_t p = 0; w->rows && p < w->s->info.partitions; p++)
		pf_builder_free(w->rows[p]);
	free(w->rows);
	pf_builder_free(w->piece);
	pf_ipc_writer_free(w->encoder);
	pf_schema_unref(w->schema);
	free(w->targets);
	free(w->picked);
	free(w->records);
	pf_buf_free(&w->bytes);
	if (w->s)
		pf_kafka_stage_free(w->s);
	free(w);
}

static const char *writer_caution(const struct pf_stage_writer *base)
{
	const struct topic_writer *w = (const struct topic_writer *)base;
	return w->caution[0] ? w->caution : NULL;
}

static const struct pf_stage_writer_ops writer_ops = {
	.recall = writer_recall,
	.from = writer_from,
	.append = writer_append,
	.pending_bytes = pending_bytes,
	.pending_rows = pending_rows,
	.commit = writer_commit,
	.busy = writer_busy,
	.sync = writer_sync,
	.accepted = accepted,
	.durable = durable,
	.caution = writer_caution,
	.close = writer_close,
};

/* --- opening --- */

/* The given definition, if the topic's own grows to it; else the topic's. */
static int define(struct topic_writer *w, const struct pf_stage_write *how,
		  struct pf_error *err)
{
	struct pf_tabledef *has = NULL, *given = NULL;
	if (!w->json)
		PF_TRY(pf_kafka_stage_peek(w->s, &has, err));
	int code = 0;
	if (how->definition) {
		const char *text = pf_tabledef_text(how->definition);
		code = pf_tabledef_parse(text, strlen(text), "definition", &given, err);
	}
	if (!code && given && has)
		code = pf_stage_evolves(w->s->stage.dir.path, has, given, err);
	if (!code && !given && !has) {
		pf_fail(err, PF_E_NO_SCHEMA, "topic '%s' does not say what its rows are",
			w->s->url.topic);
		code = pf_hint(err, "-S schema.yaml says it");
	}
	if (!code) {
		code = pf_kafka_stage_define(w->s, given ? given : has, err);
		*(given ? &given : &has) = NULL;
	}
	pf_tabledef_free(has);
	pf_tabledef_free(given);
	return code;
}

/* The stage's columns, and the rows' numbers. */
static void make_schema(struct topic_writer *w)
{
	const struct pf_schema *from = w->s->stage.schema;
	w->schema = pf_schema_new();
	for (size_t i = 0; i < from->n; i++) {
		const struct pf_field *f = &from->fields[i];
		struct pf_field *to = pf_schema_add(w->schema, f->name, f->type, f->nullable);
		to->id = f->id;
		pf_meta_copy(&to->meta, &f->meta);
	}
	pf_schema_add(w->schema, PF_POS_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_meta_copy(&w->schema->meta, &from->meta);
	pf_meta_set(&w->schema->meta, PF_DEFINITION_KEY, w->s->stage.id.text);
	w->encoder = pf_ipc_writer_new(w->schema);
	w->piece = pf_builder_new(w->schema);
	w->rows = pf_zalloc((size_t)w->s->info.partitions, sizeof *w->rows);
}

/* What acks=all is worth here. A broker that does not say what it wants in
 * sync is not waited for. */
static int check_replicas(struct topic_writer *w, bool require, struct pf_error *err)
{
	int64_t in_sync = 2;
	int32_t replicas = w->s->info.replicas;
	char text[32];
	struct pf_error none = { 0 };
	if (replicas >= 3 &&
	    !pf_kafka_topic_config(w->s->consumer, "min.insync.replicas", CONFIG_MS, text,
				   sizeof text, &none))
		in_sync = strtol(text, NULL, 10);
	if (replicas >= 3 && in_sync >= 2)
		return 0;
	if (replicas < 3)
		snprintf(w->caution, sizeof w->caution,
			 "the topic has %" PRId32 " replica%s: the loss of a broker may lose accepted rows",
			 replicas, replicas == 1 ? "" : "s");
	else
		snprintf(w->caution, sizeof w->caution,
			 "the topic has min.insync.replicas=%" PRId64
			 ": the loss of a broker may lose accepted rows", in_sync);
	if (!require)
		return 0;
	pf_fail(err, PF_E_USAGE, "%s", w->caution);
	return pf_hint(err, "--require-isr wants 3 replicas, of which 2 acknowledge");
}

int pf_kafka_writer_open(const char *url, const struct pf_stage_write *how,
			 struct pf_stage_writer **writer, struct pf_error *err)
{
	struct topic_writer *w = pf_zalloc(1, sizeof *w);
	w->base.ops = &writer_ops;
	w->stopping = how->stopping;
	int code = pf_kafka_stage_connect(url, &how->access, true, &w->s, err);
	if (code) {
		free(w);
		return code;
	}
	w->base.stage = &w->s->stage;
	const struct pf_kafka_url *u = &w->s->url;
	enum pf_kafka_payload payload = how->kafka && how->kafka->has_payload ?
		how->kafka->payload : u->payload;
	enum pf_kafka_partitioner partitioner =
		how->kafka && how->kafka->partitioner ? how->kafka->partitioner :
		u->partitioner ? u->partitioner :
		payload == PF_PAYLOAD_JSON ? PF_PARTITIONER_MURMUR2 : PF_PARTITIONER_FIBER;
	w->json = payload == PF_PAYLOAD_JSON;
	w->fiber = partitioner == PF_PARTITIONER_FIBER ? how->fiber : NULL;
	pf_random_bytes(&w->session, sizeof w->session);
	w->session |= 1;
	if (payload == PF_PAYLOAD_CSV) {
		pf_fail(err, PF_E_UNSUPPORTED, "payload=csv is read, not written");
		code = pf_hint(err, "payload=json for a topic that others read");
	}
	w->look_back_ms = how->kafka && how->kafka->look_back_ms ? how->kafka->look_back_ms :
			  (int64_t)PF_SOURCE_MARKS_SECONDS * 1000;
	if (!code)
		code = check_replicas(w, how->kafka && how->kafka->require_isr, err);
	if (!code)
		code = define(w, how, err);
	if (!code)
		code = pf_kafka_stage_client(w->s, PF_KAFKA_PRODUCER, QUEUED_BYTES, 0,
					     &w->producer, err);
	if (code) {
		writer_close(&w->base);
		return code;
	}
	pf_kafka_on_report(w->producer, on_report, w);
	make_schema(w);
	*writer = &w->base;
	return 0;
}

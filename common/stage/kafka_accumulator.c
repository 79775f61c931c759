/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_accumulator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/ipc_write.h"
#include "arrow/value_text.h"
#include "stage/kafka_message.h"
#include "text/json_write.h"

enum { GATHER_ROWS = 1024 };
/* What Kafka puts around a message: the batch, the record, the header's names and the
 * longest origin. */
enum { FRAME_BYTES = 512 };
/* What a state takes more once its source has a key. */
enum { KEY_BYTES = 64 };
/* What a message takes in memory that waits for its acknowledgement, besides its bytes.
 * Groups of rows that are messages each are small enough for a processor's caches so. */
enum { MESSAGE_BYTES = 512 };
/* What a column takes beyond its text, generously: padding, numbers written out, the
 * name of a file. */
enum { COLUMN_BYTES = 160, FILENAME_BYTES = 2048 };
/* A message takes no more than so many times the text of its row: a byte that JSON
 * writes as \u0001 is the worst. */
enum { WORST = 8 };

struct pf_accumulator {
	const struct pf_kafka_stage *s;
	int32_t partitions;
	bool json;
	pf_fiber_fn *fiber;           /* NULL: murmur2 of the ID's text */
	struct pf_source_pos *source; /* of the rows that come now */

	/* Its rows, by partition, with pf_pos behind. */
	struct pf_schema *schema;
	struct pf_ipc_writer *encoder;
	struct pf_builder **rows;
	struct pf_builder *piece;
	int32_t *targets;
	uint32_t *picked;
	size_t slots;                 /* of targets and picked */
	size_t built;                 /* bytes in rows */
	struct pf_json_writer *objects; /* rows as JSON */

	size_t least;                 /* what a message takes without rows */
	size_t most;                  /* what one of this source may take */

	struct pf_group_messages out;
	size_t room, sorted;          /* messages there is room for; that are sorted */
	int64_t *marks;               /* JSON: of the source at hand, in each partition */
};

/* The stage's columns, and the rows' numbers. */
static void make_schema(struct pf_accumulator *a)
{
	const struct pf_schema *from = a->s->stage.schema;
	a->schema = pf_schema_new();
	for (size_t i = 0; i < from->n; i++) {
		const struct pf_field *f = &from->fields[i];
		struct pf_field *to = pf_schema_add(a->schema, f->name, f->type, f->nullable);
		to->id = f->id;
		pf_meta_copy(&to->meta, &f->meta);
	}
	pf_schema_add(a->schema, PF_POS_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_meta_copy(&a->schema->meta, &from->meta);
	pf_meta_set(&a->schema->meta, PF_DEFINITION_KEY, a->s->stage.id.text);
}

static void encode(struct pf_accumulator *a, const struct pf_batch *b);

/* What a message of no rows takes. */
static size_t empty_bytes(struct pf_accumulator *a)
{
	if (a->json)
		return 0;
	struct pf_batch none = pf_builder_batch(a->piece);
	encode(a, &none);
	size_t bytes = a->out.bytes.len;
	a->out.bytes.len = 0;
	return bytes;
}

int pf_accumulator_new(const struct pf_kafka_stage *s, bool json, pf_fiber_fn *fiber,
		       struct pf_accumulator **accumulator, struct pf_error *err)
{
	struct pf_accumulator *a = pf_zalloc(1, sizeof *a);
	a->s = s;
	a->partitions = s->info.partitions;
	a->json = json;
	a->fiber = fiber;
	make_schema(a);
	a->encoder = pf_ipc_writer_new(a->schema);
	a->objects = pf_json_writer_new(s->stage.schema, &(struct pf_json_style){ 0 });
	a->piece = pf_builder_new(a->schema);
	a->rows = pf_zalloc((size_t)a->partitions, sizeof *a->rows);
	a->marks = pf_zalloc((size_t)a->partitions, sizeof *a->marks);
	a->least = empty_bytes(a);
	pf_accumulator_from(a, NULL);
	if (a->most > a->least) {
		*accumulator = a;
		return 0;
	}
	pf_fail(err, PF_E_LIMIT,
		"messages of topic '%s' may take %zu bytes, and the columns alone take %zu",
		s->url.topic, s->message_bytes, a->least);
	pf_accumulator_free(a);
	return pf_hint(err, "the topic's max.message.bytes says so");
}

void pf_accumulator_free(struct pf_accumulator *a)
{
	if (!a)
		return;
	for (int32_t i = 0; i < a->partitions; i++)
		pf_builder_free(a->rows[i]);
	free(a->rows);
	pf_builder_free(a->piece);
	pf_ipc_writer_free(a->encoder);
	pf_schema_unref(a->schema);
	free(a->targets);
	free(a->picked);
	free(a->out.messages);
	pf_buf_free(&a->out.bytes);
	pf_json_writer_free(a->objects);
	free(a->marks);
	free(a);
}

void pf_accumulator_from(struct pf_accumulator *a, struct pf_source_pos *source)
{
	struct pf_buf state = { 0 };
	a->source = source;
	/* Where the source stands goes along. Its numbers grow. */
	if (source)
		pf_source_write(source, &state);
	size_t frame = FRAME_BYTES + state.len + state.len / 2 +
		       (source && !source->key ? KEY_BYTES : 0);
	a->most = a->s->message_bytes > frame ? a->s->message_bytes - frame : 0;
	if (a->most > PF_MESSAGE_BYTES)
		a->most = PF_MESSAGE_BYTES;
	pf_buf_free(&state);
}

/* --- which partition --- */

static int place_rows(struct pf_accumulator *a, const struct pf_batch *b, int32_t *out,
		      struct pf_error *err)
{
	const struct pf_tabledef *def = a->s->stage.def;
	const struct pf_column *id = &b->columns[def->id_column];
	struct pf_type type = b->schema->fields[def->id_column].type;
	int32_t n = a->partitions;
	if (a->fiber) {
		PF_TRY(a->fiber(id, type, b->rows, def->buckets, out, err));
		for (int64_t i = 0; i < b->rows; i++)
			out[i] %= n;
		return 0;
	}
	if (a->json) /* when the key is made */
		return 0;
	struct pf_buf key = { 0 };
	for (int64_t i = 0; i < b->rows; i++) {
		key.len = 0;
		pf_format_value(&key, type, id, i, PF_VALUE_PLAIN, NULL);
		out[i] = pf_murmur2_partition(pf_view_of(key.data, key.len), n);
	}
	pf_buf_free(&key);
	return 0;
}

/* --- making messages --- */

static struct pf_group_message *new_message(struct pf_accumulator *a, int32_t partition,
					    int64_t rows, int64_t to)
{
	if (a->out.n == a->room) {
		a->room = pf_grow(a->room, pf_add(a->room, 64));
		a->out.messages = pf_realloc(a->out.messages, a->room,
					     sizeof *a->out.messages);
	}
	struct pf_group_message *m = &a->out.messages[a->out.n++];
	*m = (struct pf_group_message){ .partition = partition, .source = a->source,
					.rows = rows, .to = to, .at = a->out.bytes.len };
	return m;
}

static void encode(struct pf_accumulator *a, const struct pf_batch *b)
{
	pf_ipc_append_schema(a->encoder, &a->out.bytes);
	if (b->rows)
		pf_ipc_append_batch(a->encoder, b, &a->out.bytes);
	pf_buf_add(&a->out.bytes, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
}

static int64_t number_at(const struct pf_accumulator *a, const struct pf_batch *b,
			 int64_t row)
{
	return ((const int64_t *)b->columns[a->schema->n - 1].values)[row];
}

static void too_large(const struct pf_accumulator *a, size_t bytes, char *reason,
		      size_t reason_bytes)
{
	snprintf(reason, reason_bytes,
		 "the row takes %zu bytes, and a message of topic '%s' at most %zu", bytes,
		 a->s->url.topic, a->most);
}

static int row_size(const struct pf_accumulator *a, int64_t number, size_t bytes,
		    struct pf_error *err)
{
	char reason[400];
	too_large(a, bytes, reason, sizeof reason);
	return pf_fail(err, PF_E_ROW_SIZE, "row %" PRId64 " of the input: %s", number, reason);
}

/* Rows as Arrow messages that are small enough. */
static int arrow_messages(struct pf_accumulator *a, int32_t partition,
			 const struct pf_batch *all, struct pf_error *err)
{
	int64_t step = all->rows;
	for (int64_t from = 0; from < all->rows;) {
		int64_t n = step < all->rows - from ? step : all->rows - from;
		struct pf_batch b = *all;
		if (n < all->rows) {
			pf_builder_reset(a->piece);
			pf_builder_append(a->piece, all, from, n);
			b = pf_builder_batch(a->piece);
		}
		struct pf_group_message *m = new_message(a, partition, n, number_at(a, &b, n - 1));
		encode(a, &b);
		m->len = a->out.bytes.len - m->at;
		if (m->len <= a->most) {
			from += n;
			continue;
		}
		a->out.bytes.len = m->at;
		a->out.n--;
		if (n == 1)
			return row_size(a, number_at(a, &b, 0), m->len, err);
		step = n / 2;
	}
	return 0;
}

static void add_key(struct pf_accumulator *a, const struct pf_batch *b, int64_t row)
{
	int id = a->s->stage.def->id_column;
	pf_format_value(&a->out.bytes, b->schema->fields[id].type, &b->columns[id], row,
			PF_VALUE_PLAIN, NULL);
}

void pf_accumulator_row(struct pf_accumulator *a, const struct pf_batch *b, int64_t row,
			struct pf_buf *out)
{
	pf_json_writer_row(a->objects, b, row, out);
}

static bool fits(void *ctx, const struct pf_batch *b, int64_t row, char *reason,
		 size_t reason_bytes)
{
	struct pf_accumulator *a = ctx;
	size_t at = a->out.bytes.len;
	if (a->json) {
		add_key(a, b, row);
		pf_json_writer_row(a->objects, b, row, &a->out.bytes);
	} else {
		pf_builder_reset(a->piece);
		pf_builder_append(a->piece, b, row, 1);
		pf_col_i64(&a->piece->columns[a->schema->n - 1], INT64_MAX);
		struct pf_batch one = pf_builder_batch(a->piece);
		encode(a, &one);
	}
	size_t bytes = a->out.bytes.len - at;
	a->out.bytes.len = at;
	if (bytes <= a->most)
		return true;
	too_large(a, bytes, reason, reason_bytes);
	return false;
}

void pf_accumulator_limit(struct pf_accumulator *a, struct pf_row_limit *limit)
{
	const struct pf_tabledef *def = a->s->stage.def;
	size_t columns = a->least;
	for (size_t i = 0; i < def->n; i++)
		columns += COLUMN_BYTES + strlen(def->columns[i].name) +
			   (def->columns[i].from_filename ? FILENAME_BYTES : 0);
	limit->suspect_bytes = a->most > columns ? (a->most - columns) / WORST : 0;
	limit->suspect_bytes += !limit->suspect_bytes;
	limit->fits = fits;
	limit->ctx = a;
}

static int flush_partition(struct pf_accumulator *a, int32_t partition,
			   struct pf_error *err)
{
	struct pf_builder *rows = a->rows[partition];
	if (!rows || !rows->columns[0].rows)
		return 0;
	struct pf_batch b = pf_builder_batch(rows);
	a->built -= pf_builder_bytes(rows);
	int code = arrow_messages(a, partition, &b, err);
	pf_builder_reset(rows);
	return code;
}

/* Rows come in any partition's order; librdkafka sends, and frees, partition by
 * partition, and is a third faster when that is the order in memory, too. */
static void sort_messages(struct pf_accumulator *a)
{
	size_t n = a->out.n - a->sorted, at = 0;
	struct pf_group_message *from = a->out.messages + a->sorted;
	struct pf_group_message *to = pf_alloc(n + 1, sizeof *to);
	size_t *next = pf_zalloc((size_t)a->partitions, sizeof *next);
	for (size_t i = 0; i < n; i++)
		next[from[i].partition]++;
	for (int32_t p = 0; p < a->partitions; p++) {
		size_t count = next[p];
		next[p] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++)
		to[next[from[i].partition]++] = from[i];
	if (n)
		memcpy(from, to, n * sizeof *to);
	a->sorted = a->out.n;
	free(next);
	free(to);
}

int pf_accumulator_flush(struct pf_accumulator *a, struct pf_error *err)
{
	if (a->json)
		sort_messages(a);
	for (int32_t i = 0; i < a->partitions; i++)
		PF_TRY(flush_partition(a, i, err));
	return 0;
}

void pf_accumulator_positions(struct pf_accumulator *a, const struct pf_sources *sources)
{
	struct pf_source_pos *present = a->source;
	if (a->json)
		return;
	for (size_t i = 0; i < sources->n; i++) {
		struct pf_source_pos *s = sources->items[i];
		if (!s->dirty || !s->key || pf_accumulator_has(a, s))
			continue;
		struct pf_builder *none = pf_builder_new(a->schema);
		struct pf_batch b = pf_builder_batch(none);
		a->source = s;
		struct pf_group_message *m = new_message(a, 0, 0, s->rows);
		encode(a, &b);
		m->len = a->out.bytes.len - m->at;
		pf_builder_free(none);
	}
	a->source = present;
}

/* --- taking rows --- */

/* Rows of one partition that the topic does not have. */
static int64_t pick(struct pf_accumulator *a, int32_t partition, const struct pf_batch *b,
		    const int64_t *numbers, const struct pf_source_marks *known)
{
	int64_t mark = a->source ? pf_source_marks_get(known, a->source->key, partition) : 0;
	int64_t n = 0;
	for (int64_t i = 0; i < b->rows; i++)
		if (a->targets[i] == partition && numbers[i] > mark)
			a->picked[n++] = (uint32_t)i;
	return n;
}

static int add_rows(struct pf_accumulator *a, int32_t partition, const struct pf_batch *b,
		    const int64_t *numbers, int64_t n, struct pf_error *err)
{
	if (!a->rows[partition])
		a->rows[partition] = pf_builder_new(a->schema);
	struct pf_builder *rows = a->rows[partition];
	size_t columns = a->schema->n - 1;
	for (int64_t from = 0; from < n; from += GATHER_ROWS) {
		size_t now = (size_t)(n - from < GATHER_ROWS ? n - from : GATHER_ROWS);
		size_t before = pf_builder_bytes(rows);
		for (size_t c = 0; c < columns; c++)
			pf_col_gather(&rows->columns[c], &b->columns[c], a->picked + from,
				      now);
		for (size_t i = 0; i < now; i++)
			pf_col_i64(&rows->columns[columns],
				   numbers[a->picked[from + (int64_t)i]]);
		a->built += pf_builder_bytes(rows) - before;
		if (pf_builder_bytes(rows) >= a->most / 10 * 8)
			PF_TRY(flush_partition(a, partition, err));
	}
	return 0;
}

/* One message a row, its key the text of the ID. */
static int add_messages(struct pf_accumulator *a, const struct pf_batch *b,
			const int64_t *numbers, const struct pf_source_marks *known,
			int64_t *taken, struct pf_error *err)
{
	struct pf_buf *out = &a->out.bytes;
	uint64_t source = a->source ? a->source->key : 0;
	for (int32_t p = 0; p < a->partitions; p++)
		a->marks[p] = source ? pf_source_marks_get(known, source, p) : 0;
	for (int64_t i = 0; i < b->rows; i++) {
		size_t key_at = out->len;
		add_key(a, b, i);
		size_t at = out->len;
		int32_t p = a->fiber ? a->targets[i] :
			    pf_murmur2_partition(pf_view_of(out->data + key_at, at - key_at),
						 a->partitions);
		if (numbers[i] <= a->marks[p]) {
			out->len = key_at;
			continue;
		}
		struct pf_group_message *m = new_message(a, p, 1, numbers[i]);
		m->key_at = key_at;
		m->key_bytes = at - key_at;
		pf_json_writer_row(a->objects, b, i, out);
		m->len = out->len - m->at;
		++*taken;
		if (m->len + m->key_bytes > a->most)
			return row_size(a, m->to, m->len + m->key_bytes, err);
	}
	return 0;
}

int pf_accumulator_add(struct pf_accumulator *a, const struct pf_batch *b,
		       const int64_t *numbers, const struct pf_source_marks *known,
		       int64_t *taken, struct pf_error *err)
{
	*taken = 0;
	if ((size_t)b->rows > a->slots) {
		a->slots = (size_t)b->rows;
		a->targets = pf_realloc(a->targets, a->slots, sizeof *a->targets);
		a->picked = pf_realloc(a->picked, a->slots, sizeof *a->picked);
	}
	PF_TRY(place_rows(a, b, a->targets, err));
	if (a->json)
		return add_messages(a, b, numbers, known, taken, err);
	for (int32_t i = 0; i < a->partitions; i++) {
		int64_t n = pick(a, i, b, numbers, known);
		if (n)
			PF_TRY(add_rows(a, i, b, numbers, n, err));
		*taken += n;
	}
	return 0;
}

/* --- what waits --- */

bool pf_accumulator_has(const struct pf_accumulator *a, const struct pf_source_pos *source)
{
	for (size_t i = 0; i < a->out.n; i++)
		if (a->out.messages[i].source == source)
			return true;
	return false;
}

const struct pf_group_messages *pf_accumulator_group(const struct pf_accumulator *a)
{
	return &a->out;
}

void pf_accumulator_clear(struct pf_accumulator *a)
{
	a->out.n = a->sorted = 0;
	a->out.bytes.len = 0;
}

size_t pf_accumulator_bytes(const struct pf_accumulator *a)
{
	return a->out.bytes.len + a->out.n * MESSAGE_BYTES + a->built;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_accumulator.h"

#include <inttypes.h>
#include <stdlib.h>

#include "arrow/ipc_write.h"
#include "stage/kafka_message.h"
#include "text/writer.h"

/* A message is at most so large; brokers take 1 MiB if nobody changed that. */
enum { RECORD_BYTES = 900 * 1000, GATHER_ROWS = 1024 };

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
	size_t room;
	size_t built;                 /* bytes in rows */
	struct pf_buf names;          /* JSON: what stands before each column's value, */
	size_t *name_at;              /* and where in names it begins */

	struct pf_group_messages out;
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

struct pf_accumulator *pf_accumulator_new(const struct pf_kafka_stage *s, bool json,
					  pf_fiber_fn *fiber)
{
	struct pf_accumulator *a = pf_zalloc(1, sizeof *a);
	a->s = s;
	a->partitions = s->info.partitions;
	a->json = json;
	a->fiber = fiber;
	make_schema(a);
	a->encoder = pf_ipc_writer_new(a->schema);
	a->piece = pf_builder_new(a->schema);
	a->rows = pf_zalloc((size_t)a->partitions, sizeof *a->rows);
	return a;
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
	pf_buf_free(&a->names);
	free(a->name_at);
	free(a);
}

void pf_accumulator_from(struct pf_accumulator *a, struct pf_source_pos *source)
{
	a->source = source;
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
	if (a->out.n % 64 == 0)
		a->out.messages = pf_realloc(a->out.messages, pf_add(a->out.n, 64),
					     sizeof *a->out.messages);
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
		if (m->len <= RECORD_BYTES) {
			from += n;
			continue;
		}
		a->out.bytes.len = m->at;
		a->out.n--;
		if (n == 1) {
			pf_fail(err, PF_E_LIMIT,
				"row %" PRId64 " of the input takes %zu bytes, and a message of topic '%s' takes %d",
				number_at(a, &b, 0), m->len, a->s->url.topic, RECORD_BYTES);
			return pf_hint(err, "an embedded stage takes rows up to 16 MiB");
		}
		step = n / 2;
	}
	return 0;
}

/* {"id": and ,"ts": and so on, once for all rows. */
static void make_names(struct pf_accumulator *a)
{
	size_t n = a->schema->n - 1;
	a->name_at = pf_alloc(n + 1, sizeof *a->name_at);
	for (size_t i = 0; i < n; i++) {
		const char *name = a->schema->fields[i].name;
		a->name_at[i] = a->names.len;
		pf_buf_byte(&a->names, i ? ',' : '{');
		pf_format_json_string(&a->names, name, strlen(name));
		pf_buf_byte(&a->names, ':');
	}
	a->name_at[n] = a->names.len;
}

static void add_json(struct pf_accumulator *a, const struct pf_batch *b, int64_t row)
{
	struct pf_buf *out = &a->out.bytes;
	if (!a->name_at)
		make_names(a);
	for (size_t i = 0; i + 1 < a->schema->n; i++) {
		pf_buf_add(out, a->names.data + a->name_at[i],
			   a->name_at[i + 1] - a->name_at[i]);
		if (pf_is_null(&b->columns[i], row))
			pf_buf_str(out, "null");
		else
			pf_format_value(out, b->schema->fields[i].type, &b->columns[i], row,
					PF_VALUE_JSON, NULL);
	}
	pf_buf_byte(out, '}');
}

/* One message a row, its key the text of the ID. */
static int json_messages(struct pf_accumulator *a, int32_t partition,
			const struct pf_batch *b, struct pf_error *err)
{
	int id = a->s->stage.def->id_column;
	for (int64_t i = 0; i < b->rows; i++) {
		struct pf_group_message *m = new_message(a, partition, 1, number_at(a, b, i));
		m->key_at = a->out.bytes.len;
		pf_format_value(&a->out.bytes, b->schema->fields[id].type, &b->columns[id], i,
				PF_VALUE_PLAIN, NULL);
		m->key_bytes = a->out.bytes.len - m->key_at;
		m->at = a->out.bytes.len;
		add_json(a, b, i);
		m->len = a->out.bytes.len - m->at;
		if (m->len + m->key_bytes > RECORD_BYTES)
			return pf_fail(err, PF_E_LIMIT,
				       "row %" PRId64 " of the input takes %zu bytes, and a message of topic '%s' takes %d",
				       m->to, m->len, a->s->url.topic, RECORD_BYTES);
	}
	return 0;
}

static int flush_partition(struct pf_accumulator *a, int32_t partition,
			   struct pf_error *err)
{
	struct pf_builder *rows = a->rows[partition];
	if (!rows || !rows->columns[0].rows)
		return 0;
	struct pf_batch b = pf_builder_batch(rows);
	a->built -= pf_builder_bytes(rows);
	int code = a->json ? json_messages(a, partition, &b, err) :
			     arrow_messages(a, partition, &b, err);
	pf_builder_reset(rows);
	return code;
}

int pf_accumulator_flush(struct pf_accumulator *a, struct pf_error *err)
{
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
		if (pf_builder_bytes(rows) >= RECORD_BYTES * 8 / 10)
			PF_TRY(flush_partition(a, partition, err));
	}
	return 0;
}

int pf_accumulator_add(struct pf_accumulator *a, const struct pf_batch *b,
		       const int64_t *numbers, const struct pf_source_marks *known,
		       int64_t *taken, struct pf_error *err)
{
	*taken = 0;
	if ((size_t)b->rows > a->room) {
		a->room = (size_t)b->rows;
		a->targets = pf_realloc(a->targets, a->room, sizeof *a->targets);
		a->picked = pf_realloc(a->picked, a->room, sizeof *a->picked);
	}
	PF_TRY(place_rows(a, b, a->targets, err));
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
	a->out.n = 0;
	a->out.bytes.len = 0;
}

size_t pf_accumulator_bytes(const struct pf_accumulator *a)
{
	return a->out.bytes.len + a->built;
}

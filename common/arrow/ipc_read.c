/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/ipc_read.h"

#include <stdlib.h>

#include "arrow/ipc_batch.h"
#include "arrow/ipc_message.h"
#include "base/alloc.h"

enum { LIMIT = 256 << 20 };

/* A dictionary of the schema and its values so far. */
struct entry {
	int64_t id;
	const struct pf_arrow_field *field; /* a copy that is not encoded */
	struct pf_dictionary *values;
};

struct pf_ipc_reader {
	struct pf_messages *messages;
	size_t limit, dictionary_bytes;
	struct pf_arrow_schema schema;
	struct pf_array *arrays;
	struct pf_buf *buffers;
	size_t nbuffers;
	struct pf_meta meta;
	struct entry *entries;
	struct pf_arrow_field *value_fields;
	size_t nentries;
};

struct pf_ipc_reader *pf_ipc_reader_new(const struct pf_byte_source *source,
					size_t limit_bytes)
{
	struct pf_ipc_reader *r = pf_zalloc(1, sizeof *r);
	r->limit = limit_bytes ? limit_bytes : LIMIT;
	r->messages = pf_messages_new(source, limit_bytes);
	return r;
}

static void forget_schema(struct pf_ipc_reader *r)
{
	pf_arrays_free(r->arrays, r->schema.n);
	r->arrays = NULL;
	for (size_t i = 0; i < r->nentries; i++)
		pf_dictionary_unref(r->entries[i].values);
	free(r->entries);
	free(r->value_fields);
	r->entries = NULL;
	r->value_fields = NULL;
	r->nentries = r->dictionary_bytes = 0;
	pf_arrow_schema_free(&r->schema);
}

void pf_ipc_reader_free(struct pf_ipc_reader *r)
{
	if (!r)
		return;
	forget_schema(r);
	for (size_t i = 0; i < r->nbuffers; i++)
		pf_buf_free(&r->buffers[i]);
	free(r->buffers);
	pf_meta_free(&r->meta);
	pf_messages_free(r->messages);
	free(r);
}

bool pf_ipc_reader_ready(struct pf_ipc_reader *r, int timeout_ms)
{
	return pf_messages_ready(r->messages, timeout_ms);
}

/* --- dictionaries --- */

static size_t count_dictionaries(const struct pf_arrow_field *fields, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += fields[i].dictionary +
			 count_dictionaries(fields[i].children, fields[i].n);
	return count;
}

static struct entry *find_entry(struct pf_ipc_reader *r, int64_t id)
{
	for (size_t i = 0; i < r->nentries; i++)
		if (r->entries[i].id == id)
			return &r->entries[i];
	return NULL;
}

static bool same_type(const struct pf_arrow_field *a, const struct pf_arrow_field *b)
{
	bool same = a->id == b->id && a->width == b->width && a->unit == b->unit &&
		    a->precision == b->precision && a->scale == b->scale &&
		    a->is_signed == b->is_signed && a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++)
		same = same_type(&a->children[i], &b->children[i]);
	return same;
}

/* Several fields may share a dictionary. */
static int collect_dictionaries(struct pf_ipc_reader *r,
				const struct pf_arrow_field *fields, size_t n,
				struct pf_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct pf_arrow_field *f = &fields[i];
		struct entry *e = f->dictionary ? find_entry(r, f->dictionary_id) : NULL;
		if (e && !same_type(e->field, f))
			return pf_fail(err, PF_E_ARROW,
				       "columns of different types share dictionary %lld",
				       (long long)e->id);
		if (f->dictionary && !e) {
			struct pf_arrow_field *plain = &r->value_fields[r->nentries];
			*plain = *f; /* shares what the schema owns */
			plain->dictionary = false;
			r->entries[r->nentries++] = (struct entry){
				.id = f->dictionary_id, .field = plain
			};
		}
		PF_TRY(collect_dictionaries(r, f->children, f->n, err));
	}
	return 0;
}

static struct pf_dictionary *current_values(void *ctx, int64_t id)
{
	struct entry *e = find_entry(ctx, id);
	return e ? e->values : NULL;
}

static void free_part(struct pf_dictionary_part *part)
{
	struct pf_dictionary_part **parts = pf_alloc(1, sizeof *parts);
	struct pf_dictionary *d = pf_zalloc(1, sizeof *d);
	parts[0] = part;
	*d = (struct pf_dictionary){ .refs = 1, .n = 1, .parts = parts };
	pf_dictionary_unref(d);
}

/* The old values and the part behind them, or the part alone. */
static struct pf_dictionary *extend(struct pf_dictionary *old,
				    struct pf_dictionary_part *part)
{
	struct pf_dictionary *d = old;
	if (!old || old->refs > 1) {
		d = pf_zalloc(1, sizeof *d);
		d->refs = 1;
		if (old) {
			d->length = old->length;
			d->n = old->n;
			d->parts = pf_alloc(old->n, sizeof *d->parts);
			memcpy(d->parts, old->parts, old->n * sizeof *d->parts);
			for (size_t i = 0; i < d->n; i++)
				d->parts[i]->refs++;
			pf_dictionary_unref(old);
		}
	}
	part->from = d->length;
	d->length += part->values.length;
	d->parts = pf_realloc(d->parts, d->n + 1, sizeof *d->parts);
	d->parts[d->n++] = part;
	return d;
}

static int read_dictionary(struct pf_ipc_reader *r, const struct pf_message *m,
			   struct pf_error *err)
{
	int64_t id = pf_fb_int(m->header, 0, 8, 0), rows;
	bool delta = pf_fb_int(m->header, 2, 1, 0) != 0;
	struct pf_fb_table data = pf_fb_table(m->header, 1);
	struct entry *e = find_entry(r, id);
	if (!data.fb)
		return pf_fail(err, PF_E_ARROW, "malformed dictionary message");
	if (!e)
		return pf_fail(err, PF_E_ARROW,
			       "dictionary %lld is not one of the schema's",
			       (long long)id);
	size_t held = 0;
	for (size_t i = 0; e->values && i < e->values->n; i++)
		held += e->values->parts[i]->bytes;
	size_t others = r->dictionary_bytes - (delta ? 0 : held);
	size_t limit = r->limit - (others < r->limit ? others : r->limit);
	if (m->body.len > limit)
		return pf_fail(err, PF_E_LIMIT,
			       "the dictionaries take more than %zu bytes", r->limit);
	struct pf_dictionary_part *part = pf_zalloc(1, sizeof *part);
	part->refs = 1;
	struct pf_array *tree = pf_arrays_new(e->field, 1);
	part->values = tree[0];
	free(tree);
	struct pf_ipc_body body = { .header = data,
				    .version = m->version,
				    .body = m->body,
				    .limit = limit - m->body.len,
				    .buffers = &part->buffers,
				    .nbuffers = &part->nbuffers,
				    .dictionary = current_values,
				    .ctx = r };
	int code = pf_arrays_read(&body, &part->values, 1, &rows, err);
	int64_t length = e->values && delta ? e->values->length : 0;
	if (!code && __builtin_add_overflow(length, rows, &length))
		code = pf_fail(err, PF_E_ARROW, "dictionary %lld is too long",
			       (long long)id);
	if (code) {
		free_part(part);
		return code;
	}
	part->memory = pf_messages_keep_body(r->messages);
	part->bytes = m->body.len + sizeof *part;
	for (size_t i = 0; i < part->nbuffers; i++)
		part->bytes += part->buffers[i].len;
	if (!delta) {
		pf_dictionary_unref(e->values);
		e->values = NULL;
	}
	e->values = extend(e->values, part);
	r->dictionary_bytes = others + part->bytes;
	return 0;
}

/* --- messages --- */

int pf_ipc_read_schema(struct pf_ipc_reader *r, const struct pf_arrow_schema **schema,
		       bool *found, struct pf_error *err)
{
	struct pf_message m;
	*found = false;
	forget_schema(r);
	PF_TRY(pf_messages_next(r->messages, &m, err));
	if (m.kind == PF_MESSAGE_END)
		return 0;
	if (m.kind != PF_MESSAGE_SCHEMA)
		return pf_fail(err, PF_E_ARROW,
			       "the Arrow stream does not begin with a schema");
	PF_TRY(pf_arrow_schema_read(m.header, &r->schema, err));
	r->arrays = pf_arrays_new(r->schema.fields, r->schema.n);
	size_t n = count_dictionaries(r->schema.fields, r->schema.n);
	r->entries = pf_zalloc(n, sizeof *r->entries);
	r->value_fields = pf_zalloc(n, sizeof *r->value_fields);
	PF_TRY(collect_dictionaries(r, r->schema.fields, r->schema.n, err));
	*schema = &r->schema;
	*found = true;
	return 0;
}

static int read_batch(struct pf_ipc_reader *r, const struct pf_message *m,
		      struct pf_ipc_message *message, struct pf_error *err)
{
	struct pf_ipc_body body = { .header = m->header,
				    .version = m->version,
				    .body = m->body,
				    .limit = r->limit,
				    .buffers = &r->buffers,
				    .nbuffers = &r->nbuffers,
				    .dictionary = current_values,
				    .ctx = r };
	PF_TRY(pf_arrays_read(&body, r->arrays, r->schema.n, &message->rows, err));
	message->columns = r->arrays;
	return 0;
}

int pf_ipc_read_next(struct pf_ipc_reader *r, struct pf_ipc_message *message,
		     struct pf_error *err)
{
	struct pf_message m;
	*message = (struct pf_ipc_message){ 0 };
	PF_TRY(pf_messages_next(r->messages, &m, err));
	message->head = m.head;
	message->body = m.body;
	message->meta = &r->meta;
	if (m.kind < 0) {
		message->event = m.kind == PF_MESSAGE_END ? PF_IPC_END :
							    PF_IPC_END_OF_STREAM;
		return 0;
	}
	pf_meta_free(&r->meta);
	PF_TRY(pf_arrow_meta_read(m.root, 4, &r->meta, err));
	if (m.root.fb->bad)
		return pf_fail(err, PF_E_ARROW, "malformed message: %s",
			       m.root.fb->bad);
	switch (m.kind) {
	case PF_MESSAGE_DICTIONARY:
		message->event = PF_IPC_DICTIONARY;
		return read_dictionary(r, &m, err);
	case PF_MESSAGE_BATCH:
		message->event = PF_IPC_BATCH;
		return read_batch(r, &m, message, err);
	case PF_MESSAGE_SCHEMA:
		return pf_fail(err, PF_E_ARROW,
			       "a second schema comes without an end-of-stream marker before it");
	default:
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "Arrow message of kind %d is not supported", m.kind);
	}
}

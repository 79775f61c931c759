/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/convert.h"

#include <errno.h>
#include <stdlib.h>

#include "arrow/convert_values.h"
#include "arrow/ipc_write.h"
#include "base/alloc.h"

enum { LIMIT = 256 << 20 };

struct pf_convert {
	struct pf_schema *schema;
	struct pf_convert_node **nodes;
	struct pf_column *columns;
	size_t limit, room;
};

static void free_node(struct pf_convert_node *n)
{
	if (!n)
		return;
	free_node(n->child);
	pf_buf_free(&n->values);
	pf_buf_free(&n->offsets);
	pf_buf_free(&n->validity);
	pf_builder_free(n->decoded);
	pf_builder_free(n->gathered);
	pf_dictionary_unref(n->dictionary);
	free(n);
}

/* The array as a column: nulls, then what the node's type needs. */
static int run_node(struct pf_convert_node *n, const struct pf_array *a,
		    struct pf_column *out, struct pf_error *err)
{
	*out = (struct pf_column){ .nulls = a->nulls };
	out->validity = a->nulls ? a->validity : NULL;
	return n->run(n, a, out, err);
}

/* --- dictionaries and runs --- */

/* Bytes that the rows named take. */
static int gathered_room(struct pf_convert_node *n, const struct pf_column *from,
			 const uint32_t *rows, int64_t count, struct pf_error *err)
{
	uint64_t bytes = 0;
	size_t width = pf_kind_width(n->type.kind);
	if (width || n->type.kind == PF_BOOLEAN)
		return pf_convert_room(n, count, width ? width : 1, err);
	PF_TRY(pf_convert_room(n, count, 8, err));
	for (int64_t i = 0; i < count; i++)
		bytes += pf_bytes_at(from, rows[i]).len;
	if (bytes > INT32_MAX)
		return pf_fail(err, PF_E_LIMIT,
			       "column '%s': a batch has more than 2 GiB of text", n->name);
	return pf_convert_room(n, (int64_t)bytes, 1, err);
}

/* out: the decoded values at rows (held in n->values as uint32). */
static int gather(struct pf_convert_node *n, int64_t count, struct pf_column *out,
		  struct pf_error *err)
{
	const uint32_t *rows = (const void *)n->values.data;
	struct pf_column from = pf_builder_batch(n->decoded).columns[0];
	PF_TRY(gathered_room(n, &from, rows, count, err));
	pf_builder_reset(n->gathered);
	pf_col_gather(&n->gathered->columns[0], &from, rows, (size_t)count);
	*out = pf_builder_batch(n->gathered).columns[0];
	return 0;
}

static uint32_t *new_rows(struct pf_convert_node *n, int64_t count)
{
	n->values.len = 0;
	return (uint32_t *)(void *)pf_buf_room(&n->values, (size_t)count * 4 + 8);
}

/* Append the converted array to n->decoded. */
static int decode(struct pf_convert_node *n, const struct pf_array *a,
		  struct pf_error *err)
{
	struct pf_column part;
	PF_TRY(run_node(n->child, a, &part, err));
	if (part.offsets &&
	    n->decoded->columns[0].values.len + (size_t)part.offsets[a->length] >
		    INT32_MAX)
		return pf_fail(err, PF_E_LIMIT,
			       "column '%s': its values take more than 2 GiB", n->name);
	pf_col_append(&n->decoded->columns[0], &part, 0, a->length);
	return 0;
}

/* All values of the dictionary, once per state of it, and a null behind. */
static int decode_dictionary(struct pf_convert_node *n, struct pf_dictionary *d,
			     struct pf_error *err)
{
	if (n->dictionary && n->dictionary == d)
		return 0;
	pf_dictionary_unref(n->dictionary);
	n->dictionary = NULL;
	pf_builder_reset(n->decoded);
	for (size_t i = 0; d && i < d->n; i++)
		PF_TRY(decode(n, &d->parts[i]->values, err));
	pf_col_null(&n->decoded->columns[0]);
	if (d)
		d->refs++;
	n->dictionary = d;
	return 0;
}

static int run_dictionary(struct pf_convert_node *n, const struct pf_array *a,
			  struct pf_column *out, struct pf_error *err)
{
	const struct pf_arrow_field *f = n->field;
	PF_TRY(decode_dictionary(n, a->dictionary, err));
	PF_TRY(pf_convert_room(n, a->length, 4, err));
	uint32_t *rows = new_rows(n, a->length);
	uint32_t null = (uint32_t)(n->decoded->columns[0].rows - 1);
	for (int64_t i = 0; i < a->length; i++)
		rows[i] = a->validity && !pf_bit(a->validity, i) ?
				  null :
				  (uint32_t)pf_number_at(a->values, f->index_width,
							 f->index_signed, i);
	return gather(n, a->length, out, err);
}

static int run_runs(struct pf_convert_node *n, const struct pf_array *a,
		    struct pf_column *out, struct pf_error *err)
{
	const struct pf_array *ends = &a->children[0];
	PF_TRY(pf_convert_room(n, a->length, 4, err));
	pf_builder_reset(n->decoded);
	PF_TRY(decode(n, &a->children[1], err));
	uint32_t *rows = new_rows(n, a->length);
	int64_t at = 0;
	for (int64_t k = 0; at < a->length; k++) {
		int64_t end = pf_number_at(ends->values, ends->field->width, true, k);
		for (; at < end && at < a->length; at++)
			rows[at] = (uint32_t)k;
	}
	return gather(n, a->length, out, err);
}

/* --- lists of texts --- */

/* Where list i begins and how many items it has. */
static int64_t list_at(const struct pf_array *a, int64_t i, int64_t *items)
{
	enum pf_arrow_id id = a->field->id;
	bool large = pf_arrow_is_large(id);
	if (id == PF_ARROW_FIXED_LIST) {
		*items = a->field->width;
		return i * a->field->width;
	}
	int64_t from = pf_offset_at(a->offsets, large, i);
	*items = a->sizes_bytes ? pf_offset_at(a->sizes, large, i) :
				  pf_offset_at(a->offsets, large, i + 1) - from;
	return from;
}

static int null_item(const struct pf_convert_node *n, struct pf_error *err)
{
	return pf_fail(err, PF_E_BAD_ROW,
		       "column '%s': a list of texts has an item that is null", n->name);
}

static int run_list(struct pf_convert_node *n, const struct pf_array *a,
		    struct pf_column *out, struct pf_error *err)
{
	const struct pf_array *items = &a->children[0];
	struct pf_column *child = &n->child_column;
	PF_TRY(run_node(n->child, items, child, err));
	int64_t total = 0, used = 0, count;
	for (int64_t i = 0; i < a->length; i++) {
		bool null = a->validity && !pf_bit(a->validity, i);
		int64_t from = null ? 0 : list_at(a, i, &count);
		PF_TRY(pf_convert_room(n, null ? 1 : count + 1, 4, err));
		for (int64_t k = 0; !null && child->nulls && k < count; k++)
			if (pf_is_null(child, from + k))
				return null_item(n, err);
		total += null ? 0 : count;
	}
	/* Items are copied in the order of the lists that have them. */
	uint32_t *rows = new_rows(n, total);
	n->offsets.len = 0;
	int32_t *to = (void *)pf_buf_room(&n->offsets, ((size_t)a->length + 1) * 4);
	to[0] = 0;
	for (int64_t i = 0; i < a->length; i++) {
		bool null = a->validity && !pf_bit(a->validity, i);
		int64_t from = null ? 0 : list_at(a, i, &count);
		for (int64_t k = 0; !null && k < count; k++)
			rows[used++] = (uint32_t)(from + k);
		to[i + 1] = (int32_t)used;
	}
	n->child->type.kind = PF_STRING;
	PF_TRY(gathered_room(n->child, child, rows, total, err));
	pf_builder_reset(n->gathered);
	pf_col_gather(&n->gathered->columns[0], child, rows, (size_t)total);
	*child = pf_builder_batch(n->gathered).columns[0];
	out->offsets = to;
	out->child = child;
	out->values = child->values;
	return 0;
}

/* --- choice --- */

static struct pf_builder *one_column(struct pf_type type)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "", type, true);
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	return b;
}

static bool is_list(enum pf_arrow_id id)
{
	return id == PF_ARROW_LIST || id == PF_ARROW_LARGE_LIST ||
	       id == PF_ARROW_LIST_VIEW || id == PF_ARROW_LARGE_LIST_VIEW ||
	       id == PF_ARROW_FIXED_LIST;
}

/* NULL when the field cannot become a column. plain: f without its
 * dictionary. */
static struct pf_convert_node *new_node(const struct pf_arrow_field *f, bool plain,
					const char *name, size_t *room)
{
	struct pf_convert_node *n = pf_zalloc(1, sizeof *n);
	n->field = f;
	n->name = name;
	n->room = room;
	if (f->dictionary && !plain) {
		n->child = new_node(f, true, name, room);
		n->run = run_dictionary;
	} else if (f->id == PF_ARROW_RUN_END) {
		n->child = new_node(&f->children[1], false, name, room);
		n->run = run_runs;
	} else if (is_list(f->id)) {
		n->child = new_node(&f->children[0], false, name, room);
		n->run = run_list;
		n->type.kind = PF_STRINGS;
	} else {
		n->run = pf_convert_plain(f, &n->type);
	}
	bool list = n->run == run_list;
	bool nested = n->run == run_dictionary || n->run == run_runs;
	bool texts = n->child && n->child->type.kind == PF_STRING;
	bool flat = n->child && n->child->type.kind != PF_STRINGS;
	if (!n->run || (list && !texts) || (nested && !flat)) {
		free_node(n);
		return NULL;
	}
	if (nested) {
		n->type = n->child->type;
		n->decoded = one_column(n->type);
	}
	if (list || nested)
		n->gathered = one_column(n->child->type);
	return n;
}

/* The type said in metadata, when the column is stored as that type is. */
static struct pf_type refine_type(const struct pf_arrow_field *f, struct pf_type type)
{
	const char *text = pf_meta_get(&f->meta, PF_META_TYPE);
	struct pf_type said;
	if (!text || pf_type_parse(text, &said, NULL, NULL) || said.kind != type.kind)
		return type;
	if (type.kind == PF_TIME ||
	    (pf_kind_is_timestamp(type.kind) &&
	     pf_type_units(said) == pf_type_units(type)))
		return said;
	return type;
}

static int32_t field_id(const struct pf_arrow_field *f)
{
	const char *text = pf_meta_get(&f->meta, PF_META_FIELD_ID);
	char *end;
	errno = 0;
	long id = text ? strtol(text, &end, 10) : -1;
	bool good = text && *text && !*end && !errno && id >= 0 && id <= INT32_MAX;
	return good ? (int32_t)id : -1;
}

static void add_field(struct pf_schema *s, const struct pf_arrow_field *f,
		      struct pf_type type)
{
	bool nullable = f->nullable || f->id == PF_ARROW_NULL;
	struct pf_field *out = pf_schema_add(s, f->name, type, nullable);
	out->id = field_id(f);
	for (size_t i = 0; i < f->meta.n; i++) {
		const char *key = f->meta.items[i].key;
		/* An extension's name belongs to the type that it was. */
		if (strcmp(key, PF_META_TYPE) && strcmp(key, PF_META_FIELD_ID) &&
		    strncmp(key, "ARROW:", 6))
			pf_meta_set(&out->meta, key, f->meta.items[i].value);
	}
}

int pf_convert_new(const struct pf_arrow_schema *in, size_t limit_bytes,
		   struct pf_convert **convert, struct pf_error *err)
{
	struct pf_convert *c = pf_zalloc(1, sizeof *c);
	c->limit = limit_bytes ? limit_bytes : LIMIT;
	c->schema = pf_schema_new();
	c->nodes = pf_zalloc(in->n, sizeof *c->nodes);
	c->columns = pf_zalloc(in->n, sizeof *c->columns);
	for (size_t i = 0; i < in->n; i++) {
		const struct pf_arrow_field *f = &in->fields[i];
		struct pf_convert_node *n = new_node(f, false, f->name, &c->room);
		if (!n) {
			char type[120];
			pf_convert_free(c);
			pf_arrow_type_name(f, type, sizeof type);
			pf_fail(err, PF_E_UNSUPPORTED,
				"column '%s' is of Arrow type %s, which has no place in a flat row",
				f->name, type);
			return pf_hint(err, "leave the column out or make text of it");
		}
		n->type = refine_type(f, n->type);
		c->nodes[i] = n;
		add_field(c->schema, f, n->type);
	}
	for (size_t i = 0; i < in->meta.n; i++)
		pf_meta_set(&c->schema->meta, in->meta.items[i].key,
			    in->meta.items[i].value);
	*convert = c;
	return 0;
}

void pf_convert_free(struct pf_convert *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->schema->n; i++)
		free_node(c->nodes[i]);
	free(c->nodes);
	free(c->columns);
	pf_schema_unref(c->schema);
	free(c);
}

struct pf_schema *pf_convert_schema(struct pf_convert *c)
{
	return c->schema;
}

int pf_convert_batch(struct pf_convert *c, const struct pf_ipc_message *in,
		     struct pf_batch *out, struct pf_error *err)
{
	c->room = c->limit;
	for (size_t i = 0; i < c->schema->n; i++) {
		PF_TRY(run_node(c->nodes[i], &in->columns[i], &c->columns[i], err));
		if (c->columns[i].nulls && !c->schema->fields[i].nullable)
			return pf_fail(err, PF_E_BAD_ROW,
				       "column '%s' has nulls though its schema says it has none",
				       c->schema->fields[i].name);
	}
	*out = (struct pf_batch){ .schema = c->schema,
				  .rows = in->rows,
				  .columns = c->columns,
				  .meta = in->meta };
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ipc_dump < stream: what the IPC reader makes of any Arrow stream, one JSON
 * line per schema and batch, for comparison with somebody else's account.
 * A value of fixed width, bytes and text are hexadecimal bytes as they lie in
 * memory; lists, structs, maps are arrays; a value of a union is its code and
 * the value; dictionaries and runs are decoded. Exits 1 with the error's code
 * and message on stderr.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arrow/batch.h"
#include "arrow/ipc_read.h"

static void put_text(const char *text)
{
	putchar('"');
	for (const char *p = text; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20)
			printf("\\u%04x", (unsigned)(unsigned char)*p);
		else
			putchar(*p);
	putchar('"');
}

static void put_meta(const struct pf_meta *meta)
{
	putchar('[');
	for (size_t i = 0; i < meta->n; i++) {
		printf("%s[", i ? "," : "");
		put_text(meta->items[i].key);
		putchar(',');
		put_text(meta->items[i].value);
		putchar(']');
	}
	putchar(']');
}

static void put_field(const struct pf_arrow_field *f)
{
	char type[4096];
	printf("{\"name\":");
	put_text(f->name);
	printf(",\"type\":");
	put_text(pf_arrow_type_name(f, type, sizeof type));
	printf(",\"nullable\":%s,\"meta\":", f->nullable ? "true" : "false");
	put_meta(&f->meta);
	printf(",\"children\":[");
	for (size_t i = 0; i < f->n; i++) {
		printf("%s", i ? "," : "");
		put_field(&f->children[i]);
	}
	printf("]}");
}

static void put_hex(const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		putchar(digits[bytes[i] >> 4]);
		putchar(digits[bytes[i] & 15]);
	}
	putchar('"');
}

static void put_value(const struct pf_array *a, int64_t i);

static void put_items(const struct pf_array *items, int64_t from, int64_t n)
{
	putchar('[');
	for (int64_t k = 0; k < n; k++) {
		printf("%s", k ? "," : "");
		put_value(items, from + k);
	}
	putchar(']');
}

static void put_view(const struct pf_array *a, int64_t i)
{
	const uint8_t *view = a->values + 16 * (size_t)i;
	int32_t part[4];
	memcpy(part, view, sizeof part);
	put_hex(part[0] <= 12 ? view + 4 : a->views[part[2]].data + part[3],
		(size_t)part[0]);
}

static int64_t run_of(const struct pf_array *a, int64_t i)
{
	const struct pf_array *ends = &a->children[0];
	int64_t k = 0;
	while (pf_number_at(ends->values, ends->field->width, true, k) <= i)
		k++;
	return k;
}

static void put_nested(const struct pf_array *a, int64_t i)
{
	const struct pf_arrow_field *f = a->field;
	bool large = pf_arrow_is_large(f->id);
	int64_t from;
	int8_t code;
	switch (f->id) {
	case PF_ARROW_LIST:
	case PF_ARROW_LARGE_LIST:
	case PF_ARROW_MAP:
		from = pf_offset_at(a->offsets, large, i);
		put_items(a->children, from, pf_offset_at(a->offsets, large, i + 1) - from);
		break;
	case PF_ARROW_LIST_VIEW:
	case PF_ARROW_LARGE_LIST_VIEW:
		put_items(a->children, pf_offset_at(a->offsets, large, i),
			  pf_offset_at(a->sizes, large, i));
		break;
	case PF_ARROW_FIXED_LIST:
		put_items(a->children, i * f->width, f->width);
		break;
	case PF_ARROW_STRUCT:
		for (size_t k = 0; k < f->n; k++) {
			putchar(k ? ',' : '[');
			put_value(&a->children[k], i);
		}
		printf(f->n ? "]" : "[]");
		break;
	case PF_ARROW_UNION:
		code = (int8_t)a->values[i];
		printf("[%d,", code);
		put_value(&a->children[f->codes[code]],
			  f->dense ? pf_offset_at(a->offsets, false, i) : i);
		putchar(']');
		break;
	default:
		put_value(&a->children[1], run_of(a, i));
	}
}

static void put_value(const struct pf_array *a, int64_t i)
{
	const struct pf_arrow_field *f = a->field;
	bool large = pf_arrow_is_large(f->id);
	if (f->id == PF_ARROW_NULL || (a->validity && !pf_bit(a->validity, i))) {
		printf("null");
		return;
	}
	if (f->dictionary) {
		int64_t k = pf_number_at(a->values, f->index_width, f->index_signed, i);
		const struct pf_dictionary_part *part =
			pf_dictionary_part(a->dictionary, k);
		put_value(&part->values, k - part->from);
		return;
	}
	switch (f->id) {
	case PF_ARROW_BOOL:
		printf(pf_bit(a->values, i) ? "true" : "false");
		break;
	case PF_ARROW_BINARY:
	case PF_ARROW_UTF8:
	case PF_ARROW_LARGE_BINARY:
	case PF_ARROW_LARGE_UTF8: {
		int64_t from = pf_offset_at(a->offsets, large, i);
		put_hex(a->values + from,
			(size_t)(pf_offset_at(a->offsets, large, i + 1) - from));
		break;
	}
	case PF_ARROW_BINARY_VIEW:
	case PF_ARROW_UTF8_VIEW:
		put_view(a, i);
		break;
	case PF_ARROW_FIXED_BINARY:
		put_hex(a->values + (size_t)i * (size_t)f->width, (size_t)f->width);
		break;
	case PF_ARROW_INT:
	case PF_ARROW_FLOAT:
	case PF_ARROW_DECIMAL:
	case PF_ARROW_DATE:
	case PF_ARROW_TIME:
	case PF_ARROW_TIMESTAMP:
	case PF_ARROW_INTERVAL:
	case PF_ARROW_DURATION:
		put_hex(a->values + (size_t)i * (size_t)(f->width / 8),
			(size_t)(f->width / 8));
		break;
	default:
		put_nested(a, i);
	}
}

static int dump(struct pf_ipc_reader *r, struct pf_error *err)
{
	const struct pf_arrow_schema *schema;
	struct pf_ipc_message m;
	bool found;
	PF_TRY(pf_ipc_read_schema(r, &schema, &found, err));
	if (!found)
		return 0;
	printf("{\"fields\":[");
	for (size_t i = 0; i < schema->n; i++) {
		printf("%s", i ? "," : "");
		put_field(&schema->fields[i]);
	}
	printf("],\"meta\":");
	put_meta(&schema->meta);
	printf("}\n");
	for (;;) {
		PF_TRY(pf_ipc_read_next(r, &m, err));
		if (m.event == PF_IPC_END || m.event == PF_IPC_END_OF_STREAM)
			return 0;
		if (m.event == PF_IPC_DICTIONARY)
			continue;
		printf("{\"rows\":%" PRId64 ",\"meta\":", m.rows);
		put_meta(m.meta);
		printf(",\"columns\":[");
		for (size_t i = 0; i < schema->n; i++) {
			printf("%s", i ? "," : "");
			put_items(&m.columns[i], 0, m.columns[i].length);
		}
		printf("]}\n");
	}
}

int main(void)
{
	int fd = STDIN_FILENO;
	struct pf_error err = { 0 };
	struct pf_byte_source source = pf_source_fd(&fd, "stdin");
	struct pf_ipc_reader *r = pf_ipc_reader_new(&source, 0);
	int code = dump(r, &err);
	pf_ipc_reader_free(r);
	if (code)
		fprintf(stderr, "%d %s\n", code, err.message);
	return code != 0;
}

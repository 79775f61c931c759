/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/avro_schema.h"

#include <stdlib.h>

#include "ext/json.h"

enum { MAX_NODES = 10000, MAX_DEPTH = 64 };

struct pf_avro_schema {
	struct pf_json *json; /* the types' names are in it */
	struct pf_arena arena;
	struct pf_avro_type **named;
	size_t nnamed, nodes;
	const char *file; /* while it is parsed */
	struct pf_view text;
	struct pf_avro_type *top;
};

static const char *const primitives[] = {
	[PF_AVRO_NULL] = "null",   [PF_AVRO_BOOLEAN] = "boolean",
	[PF_AVRO_INT] = "int",     [PF_AVRO_LONG] = "long",
	[PF_AVRO_FLOAT] = "float", [PF_AVRO_DOUBLE] = "double",
	[PF_AVRO_BYTES] = "bytes", [PF_AVRO_STRING] = "string",
};

static int fail(const struct pf_avro_schema *s, const char *what,
		struct pf_error *err)
{
	return pf_fail(err, PF_E_AVRO, "'%s': its schema %s", s->file, what);
}

/* Names match by their last part: a file has one namespace in practice. */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

static int parse_type(struct pf_avro_schema *s, const struct pf_json *j, int depth,
		      struct pf_avro_type **out, struct pf_error *err);

static int parse_name(struct pf_avro_schema *s, const char *name,
		      struct pf_avro_type **out, struct pf_error *err)
{
	for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++)
		if (!strcmp(name, primitives[i])) {
			*out = pf_arena_zero(&s->arena, 1, sizeof **out);
			(*out)->kind = (enum pf_avro_kind)i;
			return 0;
		}
	for (size_t i = 0; i < s->nnamed; i++)
		if (!strcmp(last_part(s->named[i]->name), last_part(name))) {
			*out = s->named[i];
			return 0;
		}
	return fail(s, "names a type that it does not define", err);
}

/* Types of which there are several: branches or fields. */
static int parse_list(struct pf_avro_schema *s, const struct pf_json *list,
		      int depth, struct pf_avro_type *t, struct pf_error *err)
{
	size_t n = pf_json_size(list);
	bool fields = t->kind == PF_AVRO_RECORD;
	if (pf_json_kind(list) != PF_JSON_ARRAY || n > MAX_NODES)
		return fail(s, "has a record without fields", err);
	t->types = pf_arena_zero(&s->arena, n + 1, sizeof *t->types);
	t->names = pf_arena_zero(&s->arena, n + 1, sizeof *t->names);
	for (size_t i = 0; i < n; i++) {
		const struct pf_json *j = pf_json_at(list, i);
		if (fields) {
			t->names[i] = pf_json_text(pf_json_get(j, "name"));
			if (!t->names[i])
				return fail(s, "has a field without name", err);
			j = pf_json_get(j, "type");
		}
		PF_TRY(parse_type(s, j, depth, &t->types[i], err));
		t->n++;
	}
	return 0;
}

static int parse_symbols(struct pf_avro_schema *s, const struct pf_json *list,
			 struct pf_avro_type *t, struct pf_error *err)
{
	size_t n = pf_json_size(list);
	if (n > MAX_NODES)
		return fail(s, "has too many symbols", err);
	t->names = pf_arena_zero(&s->arena, n + 1, sizeof *t->names);
	for (t->n = 0; t->n < n; t->n++) {
		t->names[t->n] = pf_json_text(pf_json_at(list, t->n));
		if (!t->names[t->n])
			return fail(s, "has a symbol that is no text", err);
	}
	return 0;
}

static int parse_object(struct pf_avro_schema *s, const struct pf_json *j, int depth,
			struct pf_avro_type **out, struct pf_error *err)
{
	static const struct {
		const char *name;
		enum pf_avro_kind kind;
	} complex[] = { { "record", PF_AVRO_RECORD }, { "enum", PF_AVRO_ENUM },
			{ "fixed", PF_AVRO_FIXED },   { "array", PF_AVRO_ARRAY },
			{ "map", PF_AVRO_MAP } };
	const struct pf_json *type = pf_json_get(j, "type");
	const char *kind = pf_json_text(type);
	if (!kind) /* {"type": {...}} */
		return parse_type(s, type, depth, out, err);
	size_t k = 0, kinds = sizeof complex / sizeof *complex;
	while (k < kinds && strcmp(kind, complex[k].name))
		k++;
	if (k == kinds)
		return parse_name(s, kind, out, err);
	struct pf_avro_type *t = pf_arena_zero(&s->arena, 1, sizeof *t);
	*out = t;
	t->kind = complex[k].kind;
	if (t->kind == PF_AVRO_ARRAY || t->kind == PF_AVRO_MAP) {
		t->n = 1;
		t->types = pf_arena_zero(&s->arena, 1, sizeof *t->types);
		return parse_type(s,
				  pf_json_get(j, t->kind == PF_AVRO_MAP ? "values"
									: "items"),
				  depth, &t->types[0], err);
	}
	t->name = pf_json_text(pf_json_get(j, "name"));
	if (!t->name)
		return fail(s, "has a type without name", err);
	s->named = pf_realloc(s->named, s->nnamed + 1, sizeof *s->named);
	s->named[s->nnamed++] = t;
	if (t->kind == PF_AVRO_ENUM)
		return parse_symbols(s, pf_json_get(j, "symbols"), t, err);
	if (t->kind == PF_AVRO_FIXED) {
		int64_t size;
		if (!pf_json_int(pf_json_get(j, "size"), &size) || size < 0)
			return fail(s, "has a fixed type without size", err);
		t->size = (size_t)size;
		return 0;
	}
	return parse_list(s, pf_json_get(j, "fields"), depth, t, err);
}

static int parse_type(struct pf_avro_schema *s, const struct pf_json *j, int depth,
		      struct pf_avro_type **out, struct pf_error *err)
{
	if (depth > MAX_DEPTH || ++s->nodes > MAX_NODES)
		return fail(s, "is too deep or too large", err);
	switch (pf_json_kind(j)) {
	case PF_JSON_TEXT:
		return parse_name(s, pf_json_text(j), out, err);
	case PF_JSON_OBJECT:
		return parse_object(s, j, depth + 1, out, err);
	case PF_JSON_ARRAY:
		*out = pf_arena_zero(&s->arena, 1, sizeof **out);
		(*out)->kind = PF_AVRO_UNION;
		return parse_list(s, j, depth + 1, *out, err);
	default:
		return fail(s, "has something that is no type", err);
	}
}

int pf_avro_schema_parse(struct pf_view json, const char *name,
			 struct pf_avro_schema **schema, struct pf_error *err)
{
	struct pf_avro_schema *s = pf_zalloc(1, sizeof *s);
	*schema = NULL;
	s->file = name;
	int code = pf_json_parse(json.data, json.len, name, &s->json, err);
	if (code == PF_E_JSON)
		code = fail(s, "is malformed JSON", err);
	if (!code)
		code = parse_type(s, s->json, 0, &s->top, err);
	if (code) {
		pf_avro_schema_free(s);
		return code;
	}
	s->file = NULL;
	s->text = pf_arena_copy(&s->arena, json.data, json.len);
	*schema = s;
	return 0;
}

const struct pf_avro_type *pf_avro_schema_top(const struct pf_avro_schema *s)
{
	return s->top;
}

struct pf_view pf_avro_schema_text(const struct pf_avro_schema *s)
{
	return s->text;
}

void pf_avro_schema_free(struct pf_avro_schema *s)
{
	if (!s)
		return;
	pf_json_free(s->json);
	pf_arena_free(&s->arena);
	free(s->named);
	free(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

const char *pf_meta_get(const struct pf_meta *m, const char *key)
{
	for (size_t i = 0; m && i < m->n; i++)
		if (!strcmp(m->items[i].key, key))
			return m->items[i].value;
	return NULL;
}

void pf_meta_set(struct pf_meta *m, const char *key, const char *value)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->items[i].key, key)) {
			free(m->items[i].value);
			m->items[i].value = pf_strdup(value);
			return;
		}
	m->items = pf_realloc(m->items, pf_add(m->n, 1), sizeof *m->items);
	m->items[m->n++] = (struct pf_pair){ pf_strdup(key), pf_strdup(value) };
}

void pf_meta_copy(struct pf_meta *to, const struct pf_meta *from)
{
	*to = (struct pf_meta){ 0 };
	for (size_t i = 0; i < from->n; i++)
		pf_meta_set(to, from->items[i].key, from->items[i].value);
}

void pf_meta_free(struct pf_meta *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].key);
		free(m->items[i].value);
	}
	free(m->items);
	*m = (struct pf_meta){ 0 };
}

struct pf_schema *pf_schema_new(void)
{
	struct pf_schema *s = pf_zalloc(1, sizeof *s);
	s->refs = 1;
	return s;
}

struct pf_schema *pf_schema_copy(const struct pf_schema *s)
{
	struct pf_schema *c = pf_schema_new();
	for (size_t i = 0; i < s->n; i++) {
		struct pf_field *f = pf_schema_add(c, s->fields[i].name,
						   s->fields[i].type,
						   s->fields[i].nullable);
		f->id = s->fields[i].id;
		pf_meta_copy(&f->meta, &s->fields[i].meta);
	}
	pf_meta_copy(&c->meta, &s->meta);
	return c;
}

struct pf_schema *pf_schema_ref(struct pf_schema *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void pf_schema_unref(struct pf_schema *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->fields[i].name);
		pf_meta_free(&s->fields[i].meta);
	}
	free(s->fields);
	pf_meta_free(&s->meta);
	free(s);
}

struct pf_field *pf_schema_add(struct pf_schema *s, const char *name,
			       struct pf_type type, bool nullable)
{
	s->fields = pf_realloc(s->fields, pf_add(s->n, 1), sizeof *s->fields);
	struct pf_field *f = &s->fields[s->n++];
	*f = (struct pf_field){ .name = pf_strdup(name),
				.type = type,
				.nullable = nullable,
				.id = -1 };
	return f;
}

int pf_schema_find(const struct pf_schema *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->fields[i].name, name))
			return (int)i;
	return -1;
}

int pf_schema_same(const struct pf_schema *a, const char *a_name,
		   const struct pf_schema *b, const char *b_name,
		   struct pf_error *err)
{
	size_t n = a->n < b->n ? a->n : b->n;
	char ta[40], tb[40];
	for (size_t i = 0; i < n; i++) {
		const struct pf_field *x = &a->fields[i], *y = &b->fields[i];
		if (strcmp(x->name, y->name))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column %zu is '%s' in %s and '%s' in %s",
				       i + 1, x->name, a_name, y->name, b_name);
		if (!pf_type_equal(x->type, y->type))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' is %s in %s and %s in %s",
				       x->name, pf_type_name(x->type, ta), a_name,
				       pf_type_name(y->type, tb), b_name);
	}
	if (a->n != b->n)
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "%s has %zu columns and %s has %zu; the first that only one has is '%s'",
			       a_name, a->n, b_name, b->n,
			       a->n > b->n ? a->fields[n].name : b->fields[n].name);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/sources.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ext/json.h"

static void free_item(struct pf_source_pos *p)
{
	free(p->name);
	free(p->path);
	free(p);
}

void pf_sources_free(struct pf_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_item(s->items[i]);
	free(s->items);
	*s = (struct pf_sources){ 0 };
}

struct pf_source_pos *pf_sources_add(struct pf_sources *s)
{
	struct pf_source_pos *p = pf_zalloc(1, sizeof *p);
	if (s->n % 16 == 0)
		s->items = pf_realloc(s->items, pf_add(s->n, 16), sizeof *s->items);
	p->id = s->n ? s->items[s->n - 1]->id + 1 : 0;
	p->line = 1;
	s->items[s->n++] = p;
	return p;
}

struct pf_source_pos *pf_sources_named(const struct pf_sources *s, const char *name)
{
	struct pf_source_pos *found = NULL;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i]->name && !strcmp(s->items[i]->name, name) &&
		    (!found || s->items[i]->used >= found->used))
			found = s->items[i];
	return found;
}

void pf_sources_touch(struct pf_sources *s, struct pf_source_pos *p)
{
	p->used = ++s->uses;
}

static int by_use(const void *a, const void *b)
{
	const struct pf_source_pos *x = *(struct pf_source_pos *const *)a;
	const struct pf_source_pos *y = *(struct pf_source_pos *const *)b;
	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
	const struct pf_source_pos *x = *(struct pf_source_pos *const *)a;
	const struct pf_source_pos *y = *(struct pf_source_pos *const *)b;
	return x->id < y->id ? -1 : x->id > y->id;
}

void pf_sources_forget(struct pf_sources *s, size_t keep)
{
	if (s->n <= keep)
		return;
	size_t drop = s->n - keep;
	qsort(s->items, s->n, sizeof *s->items, by_use);
	for (size_t i = 0; i < drop; i++)
		free_item(s->items[i]);
	memmove(s->items, s->items + drop, keep * sizeof *s->items);
	s->n = keep;
	qsort(s->items, s->n, sizeof *s->items, by_id);
}

void pf_source_write(const struct pf_source_pos *p, struct pf_buf *json)
{
	pf_buf_printf(json, "{\"id\":%" PRId64 ",", p->id);
	if (p->name) {
		pf_buf_str(json, "\"name\":");
		pf_json_quote_str(json, p->name);
		pf_buf_byte(json, ',');
	}
	if (p->path) {
		pf_buf_str(json, "\"path\":");
		pf_json_quote_str(json, p->path);
		pf_buf_byte(json, ',');
	}
	if (p->key)
		pf_buf_printf(json, "\"key\":\"%016" PRIx64 "\",\"partitions\":%" PRId32 ",",
			      p->key, p->partitions);
	pf_buf_printf(json,
		      "\"used\":%" PRIu64 ",\"position\":%" PRIu64
		      ",\"rows\":%" PRId64 ",\"line\":%" PRId64
		      ",\"head\":[%u,\"%016" PRIx64 "\"],\"tail\":[%u,\"%016" PRIx64
		      "\"]}",
		      p->used, p->position, p->rows, p->line, p->head_bytes, p->head_hash,
		      p->tail_bytes, p->tail_hash);
}

size_t pf_sources_write(struct pf_sources *s, bool all, struct pf_buf *json)
{
	size_t n = 0;
	pf_buf_byte(json, '[');
	for (size_t i = 0; i < s->n; i++) {
		if (!all && !s->items[i]->dirty)
			continue;
		if (n++)
			pf_buf_byte(json, ',');
		pf_source_write(s->items[i], json);
	}
	pf_buf_byte(json, ']');
	return n;
}

void pf_sources_clean(struct pf_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->items[i]->dirty = false;
}

static bool read_hash(const struct pf_json *v, uint32_t *bytes, uint64_t *hash)
{
	int64_t n;
	const char *hex = pf_json_text(pf_json_at(v, 1));
	if (pf_json_size(v) != 2 || !pf_json_int(pf_json_at(v, 0), &n) || n < 0 ||
	    n > PF_SOURCE_PIECE || !hex || strlen(hex) != 16 ||
	    strspn(hex, "0123456789abcdef") != 16)
		return false;
	*bytes = (uint32_t)n;
	*hash = strtoull(hex, NULL, 16);
	return true;
}

static void set_text(char **to, const char *text)
{
	char *copy = text ? pf_strdup(text) : NULL;
	free(*to);
	*to = copy;
}

/* Items stand by id. */
static struct pf_source_pos *find_id(const struct pf_sources *s, int64_t id)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->items[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->items[low]->id == id ? s->items[low] : NULL;
}

/* Everything but the id; nothing when it is malformed. */
static int fill_item(struct pf_source_pos *p, const struct pf_json *v,
		     struct pf_error *err)
{
	int64_t position, rows, line, partitions = 0;
	struct pf_source_pos x = { .name = p->name, .path = p->path, .id = p->id };
	if (!pf_json_int(pf_json_get(v, "position"), &position) || position < 0 ||
	    !pf_json_int(pf_json_get(v, "rows"), &rows) || rows < 0 ||
	    !pf_json_int(pf_json_get(v, "line"), &line) || line < 0 ||
	    !read_hash(pf_json_get(v, "head"), &x.head_bytes, &x.head_hash) ||
	    !read_hash(pf_json_get(v, "tail"), &x.tail_bytes, &x.tail_hash))
		return pf_fail(err, PF_E_STAGE_CORRUPT, "malformed source positions");
	const char *key = pf_json_text(pf_json_get(v, "key"));
	pf_json_int(pf_json_get(v, "partitions"), &partitions);
	set_text(&x.name, pf_json_text(pf_json_get(v, "name")));
	set_text(&x.path, pf_json_text(pf_json_get(v, "path")));
	x.position = (uint64_t)position;
	x.rows = rows;
	x.line = line;
	x.key = key ? strtoull(key, NULL, 16) : 0;
	x.partitions = partitions > 0 && partitions <= INT32_MAX ? (int32_t)partitions : 0;
	*p = x;
	return 0;
}

/* Stages of before this was counted lack it. */
static void fill_used(struct pf_sources *s, struct pf_source_pos *p,
		      const struct pf_json *v)
{
	int64_t used;
	p->used = pf_json_int(pf_json_get(v, "used"), &used) && used > 0 ?
			  (uint64_t)used : 0;
	if (p->used > s->uses)
		s->uses = p->used;
}

static int apply_item(struct pf_sources *s, const struct pf_json *v,
		      struct pf_error *err)
{
	int64_t id;
	struct pf_source_pos none = { 0 };
	if (!pf_json_int(pf_json_get(v, "id"), &id) || id < 0)
		return pf_fail(err, PF_E_STAGE_CORRUPT, "malformed source positions");
	struct pf_source_pos *p = find_id(s, id);
	if (!p && s->n && s->items[s->n - 1]->id > id)
		return pf_fail(err, PF_E_STAGE_CORRUPT,
			       "source positions are out of order");
	PF_TRY(fill_item(p ? p : &none, v, err));
	if (!p) {
		p = pf_sources_add(s);
		*p = none;
		p->id = id;
	}
	fill_used(s, p, v);
	return 0;
}

int pf_sources_take(struct pf_sources *s, const char *json, size_t len,
		    struct pf_source_pos **item, struct pf_error *err)
{
	struct pf_json *root;
	struct pf_source_pos none = { 0 };
	if (pf_json_parse(json, len, "source position", &root, NULL))
		return pf_fail(err, PF_E_STAGE_CORRUPT, "malformed source positions");
	int code = fill_item(*item ? *item : &none, root, err);
	if (!code && !*item) {
		struct pf_source_pos *p = pf_sources_add(s);
		none.id = p->id;
		*p = none;
		*item = p;
	}
	if (!code)
		fill_used(s, *item, root);
	pf_json_free(root);
	return code;
}

int pf_sources_apply(struct pf_sources *s, const char *json, struct pf_error *err)
{
	struct pf_json *root;
	if (pf_json_parse(json, strlen(json), "source positions", &root, err))
		return pf_fail(err, PF_E_STAGE_CORRUPT,
			       "malformed source positions");
	int code = 0;
	if (pf_json_kind(root) != PF_JSON_ARRAY)
		code = pf_fail(err, PF_E_STAGE_CORRUPT,
			       "malformed source positions");
	for (size_t i = 0; !code && i < pf_json_size(root); i++)
		code = apply_item(s, pf_json_at(root, i), err);
	pf_json_free(root);
	return code;
}

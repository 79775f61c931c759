/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/source_marks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ext/json.h"

enum { MOST_PARTITIONS = 100000 };

void pf_source_marks_free(struct pf_source_marks *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].parts);
	free(m->items);
	*m = (struct pf_source_marks){ 0 };
}

/* Where it is, or would be. */
static size_t place(const struct pf_source_marks *m, uint64_t source)
{
	size_t low = 0, high = m->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (m->items[mid].source < source)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int64_t pf_source_marks_get(const struct pf_source_marks *m, uint64_t source,
			    int32_t partition)
{
	size_t at = place(m, source);
	if (at == m->n || m->items[at].source != source)
		return 0;
	const struct pf_source_mark *s = &m->items[at];
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].partition == partition)
			return s->parts[i].number;
	return 0;
}

static struct pf_source_mark *mark_of(struct pf_source_marks *m, uint64_t source)
{
	size_t at = place(m, source);
	if (at < m->n && m->items[at].source == source)
		return &m->items[at];
	if (m->n % 16 == 0)
		m->items = pf_realloc(m->items, pf_add(m->n, 16), sizeof *m->items);
	memmove(m->items + at + 1, m->items + at, (m->n - at) * sizeof *m->items);
	m->n++;
	m->items[at] = (struct pf_source_mark){ .source = source };
	return &m->items[at];
}

void pf_source_marks_set(struct pf_source_marks *m, uint64_t source, int32_t partition,
			 int64_t number, int64_t seconds)
{
	struct pf_source_mark *s = mark_of(m, source);
	size_t i = 0;
	if (seconds > s->seconds)
		s->seconds = seconds;
	while (i < s->nparts && s->parts[i].partition != partition)
		i++;
	if (i == s->nparts) {
		s->parts = pf_realloc(s->parts, s->nparts + 1, sizeof *s->parts);
		s->parts[s->nparts++] = (struct pf_source_mark_part){ partition, 0 };
	}
	if (number > s->parts[i].number)
		s->parts[i].number = number;
	s->changed = true;
}

void pf_source_marks_clean(struct pf_source_marks *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->items[i].changed = false;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x < y) - (x > y);
}

/* The age at which they are too many. */
static int64_t crowded_before(const struct pf_source_marks *m)
{
	if (m->n <= PF_SOURCE_MARKS_KEPT)
		return INT64_MIN;
	int64_t *ages = pf_alloc(m->n, sizeof *ages);
	for (size_t i = 0; i < m->n; i++)
		ages[i] = m->items[i].seconds;
	qsort(ages, m->n, sizeof *ages, newest_first);
	int64_t limit = ages[PF_SOURCE_MARKS_KEPT - 1];
	free(ages);
	return limit;
}

void pf_source_marks_forget(struct pf_source_marks *m, int64_t now_seconds)
{
	int64_t crowded = crowded_before(m), old = now_seconds - PF_SOURCE_MARKS_SECONDS;
	size_t kept = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct pf_source_mark *s = &m->items[i];
		if (s->seconds < crowded || s->seconds < old ||
		    kept == PF_SOURCE_MARKS_KEPT) {
			free(s->parts);
			m->left++;
		} else {
			m->items[kept++] = *s;
		}
	}
	m->n = kept;
}

/* --- as text --- */

static int malformed(struct pf_error *err)
{
	return pf_fail(err, PF_E_CORRUPT, "malformed marks of sources");
}

static bool read_source(const char *hex, uint64_t *source)
{
	if (strlen(hex) != 16 || strspn(hex, "0123456789abcdef") != 16)
		return false;
	*source = strtoull(hex, NULL, 16);
	return true;
}

static int read_one(struct pf_source_marks *m, const char *key, const struct pf_json *v,
		    struct pf_error *err)
{
	uint64_t source;
	int64_t seconds, number;
	void *iter = NULL;
	const char *name;
	const struct pf_json *value, *parts = pf_json_get(v, "p");
	if (!read_source(key, &source) || !pf_json_int(pf_json_get(v, "t"), &seconds) ||
	    pf_json_size(parts) > MOST_PARTITIONS)
		return malformed(err);
	while (pf_json_each(parts, &iter, &name, &value)) {
		char *end;
		long partition = strtol(name, &end, 10);
		if (end == name || *end || partition < 0 || partition > INT32_MAX ||
		    !pf_json_int(value, &number) || number < 0)
			return malformed(err);
		pf_source_marks_set(m, source, (int32_t)partition, number, seconds);
	}
	return 0;
}

int pf_source_marks_read_value(struct pf_source_marks *m, const struct pf_json *v,
			       struct pf_error *err)
{
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	int64_t left = 0;
	if (pf_json_kind(v) != PF_JSON_OBJECT)
		return malformed(err);
	while (pf_json_each(pf_json_get(v, "of"), &iter, &key, &value))
		PF_TRY(read_one(m, key, value, err));
	if (pf_json_int(pf_json_get(v, "left"), &left) && left > m->left)
		m->left = left;
	return 0;
}

int pf_source_marks_read(struct pf_source_marks *m, const char *json,
			 struct pf_error *err)
{
	struct pf_json *root;
	if (pf_json_parse(json, strlen(json), "marks of sources", &root, NULL))
		return malformed(err);
	int code = pf_source_marks_read_value(m, root, err);
	pf_json_free(root);
	return code;
}

size_t pf_source_marks_write(const struct pf_source_marks *m, bool all,
			     struct pf_buf *json)
{
	size_t n = 0;
	pf_buf_str(json, "{\"of\":{");
	for (size_t i = 0; i < m->n; i++) {
		const struct pf_source_mark *s = &m->items[i];
		if (!all && !s->changed)
			continue;
		pf_buf_printf(json, "%s\"%016" PRIx64 "\":{\"t\":%" PRId64 ",\"p\":{",
			      n++ ? "," : "", s->source, s->seconds);
		for (size_t p = 0; p < s->nparts; p++)
			pf_buf_printf(json, "%s\"%" PRId32 "\":%" PRId64, p ? "," : "",
				      s->parts[p].partition, s->parts[p].number);
		pf_buf_str(json, "}}");
	}
	pf_buf_byte(json, '}');
	if (m->left)
		pf_buf_printf(json, ",\"left\":%" PRId64, m->left);
	pf_buf_byte(json, '}');
	return n;
}

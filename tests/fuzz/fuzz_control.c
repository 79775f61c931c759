/* SPDX-License-Identifier: Apache-2.0
 *
 * Metadata that a stream may carry, "key=value" lines: control messages, marks
 * that meet (two, with an empty line between), gaps, and how a table's rows are
 * laid out. What is understood is written, read again and the same.
 */
#include <stdlib.h>
#include <string.h>

#include "arrow/control.h"
#include "arrow/layout.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The lines up to an empty one; returns what is left. */
static char *read_meta(char *text, struct pf_meta *meta)
{
	while (*text && *text != '\n') {
		char *end = text + strcspn(text, "\n");
		char *next = *end ? end + 1 : end;
		*end = '\0';
		char *value = strchr(text, '=');
		if (value) {
			*value++ = '\0';
			pf_meta_set(meta, text, value);
		}
		text = next;
	}
	return *text ? text + 1 : text;
}

static bool same_mark(const struct pf_mark *a, const struct pf_mark *b)
{
	bool same = !strcmp(a->stage, b->stage) && a->nparts == b->nparts &&
		    a->rows == b->rows && a->hash == b->hash && a->more == b->more;
	for (size_t i = 0; same && i < a->nparts; i++)
		same = a->parts[i].partition == b->parts[i].partition &&
		       a->parts[i].from == b->parts[i].from &&
		       a->parts[i].to == b->parts[i].to &&
		       !strcmp(a->parts[i].anchor, b->parts[i].anchor);
	return same;
}

static bool read_mark(const struct pf_meta *meta, struct pf_mark *mark)
{
	struct pf_meta again = { 0 };
	struct pf_mark other = { 0 };
	if (pf_control_get_mark(meta, mark, NULL))
		return false;
	pf_control_put_mark(&again, mark);
	must(!pf_control_get_mark(&again, &other, NULL) && same_mark(mark, &other));
	pf_mark_free(&other);
	pf_meta_free(&again);
	return true;
}

static void read_control(const struct pf_meta *meta, const struct pf_meta *later)
{
	enum pf_control kind;
	struct pf_control_end end, end_again;
	struct pf_event event;
	struct pf_mark mark = { 0 }, next = { 0 };
	struct pf_meta again = { 0 };
	pf_control_kind(meta, &kind, NULL);
	pf_control_get_begin(meta, NULL);
	pf_control_get_abort(meta, &event);
	if (!pf_control_get_end(meta, &end, NULL)) {
		pf_control_put_end(&again, &end);
		must(!pf_control_get_end(&again, &end_again, NULL));
		must(end.rows == end_again.rows && end.hash == end_again.hash);
	}
	if (read_mark(meta, &mark) && read_mark(later, &next))
		pf_mark_merge(&mark, &next, NULL);
	pf_mark_free(&mark);
	pf_mark_free(&next);
	pf_meta_free(&again);
}

static void read_layout(const struct pf_meta *meta)
{
	static const struct pf_type types[] = { { .kind = PF_BIGINT }, { PF_TIMESTAMP, 3, 0 },
						{ .kind = PF_STRING }, { .kind = PF_TINYINT } };
	static const char *const names[] = { "id", "ts", "dt", PF_KIND_COLUMN };
	struct pf_schema *s = pf_schema_new();
	struct pf_layout layout, again;
	for (size_t i = 0; i < 4; i++)
		pf_schema_add(s, names[i], types[i], i > 1);
	pf_meta_copy(&s->meta, meta);
	if (!pf_layout_read(s, &layout, NULL)) {
		pf_layout_write(&layout, s);
		must(!pf_layout_read(s, &again, NULL));
		must(again.buckets == layout.buckets && again.nkey == layout.nkey &&
		     again.grain == layout.grain && again.options.n == layout.options.n);
		pf_layout_free(&layout);
		pf_layout_free(&again);
	}
	pf_schema_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = pf_strndup((const char *)data, size);
	struct pf_meta meta = { 0 }, later = { 0 };
	read_meta(read_meta(text, &meta), &later);
	read_control(&meta, &later);
	read_layout(&meta);
	pf_meta_free(&meta);
	pf_meta_free(&later);
	free(text);
	return 0;
}

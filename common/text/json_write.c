/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json_write.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/value_text.h"
#include "base/alloc.h"

/* A column: its type, and where in leads what stands before its value ends. */
struct member {
	struct pf_type type;
	size_t lead_end;
};

struct pf_json_writer {
	struct pf_json_style style;
	struct member *members;
	size_t n;
	struct pf_buf leads; /* "id": and ,"ts": and so on */
};

struct pf_json_writer *pf_json_writer_new(const struct pf_schema *schema,
					  const struct pf_json_style *style)
{
	struct pf_json_writer *w = pf_zalloc(1, sizeof *w);
	w->style = *style;
	w->n = schema->n;
	w->members = pf_alloc(w->n + 1, sizeof *w->members);
	for (size_t i = 0; i < w->n; i++) {
		const struct pf_field *f = &schema->fields[i];
		if (i)
			pf_buf_str(&w->leads, style->spaced ? ", " : ",");
		pf_format_json_string(&w->leads, f->name, strlen(f->name));
		pf_buf_str(&w->leads, style->spaced ? ": " : ":");
		w->members[i] = (struct member){ f->type, w->leads.len };
	}
	return w;
}

void pf_json_writer_free(struct pf_json_writer *w)
{
	if (!w)
		return;
	pf_buf_free(&w->leads);
	free(w->members);
	free(w);
}

static void put_value(const struct pf_json_writer *w, struct pf_type type,
		      const struct pf_column *column, int64_t row, struct pf_buf *out)
{
	bool quoted = w->style.ints_as_strings &&
		      (type.kind == PF_BIGINT || type.kind == PF_DECIMAL);
	if (pf_is_null(column, row)) {
		pf_buf_str(out, "null");
		return;
	}
	if (quoted)
		pf_buf_byte(out, '"');
	pf_format_value(out, type, column, row, PF_VALUE_JSON, w->style.zone);
	if (quoted)
		pf_buf_byte(out, '"');
}

void pf_json_writer_row(const struct pf_json_writer *w, const struct pf_batch *b,
			int64_t row, struct pf_buf *out)
{
	size_t from = 0;
	pf_buf_byte(out, '{');
	for (size_t i = 0; i < w->n; i++) {
		const struct member *m = &w->members[i];
		pf_buf_add(out, w->leads.data + from, m->lead_end - from);
		put_value(w, m->type, &b->columns[i], row, out);
		from = m->lead_end;
	}
	pf_buf_byte(out, '}');
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of text/: a definition and a text in, rows as JSON lines and
 * rejects as lines out.
 */
#ifndef PF_TESTS_TEXT_HELP_H
#define PF_TESTS_TEXT_HELP_H

#include <stdlib.h>

#include "drip.h"
#include "text/reader.h"
#include "text/writer.h"

struct got {
	struct pf_buf rows, rejects;
	const char *text; /* the input */
	struct pf_text_position position;
	struct pf_error err;
	int code;
};

static inline int note_reject(void *ctx, const struct pf_reject *r,
			      struct pf_error *err)
{
	struct got *g = ctx;
	(void)err;
	CHECK(!memcmp(g->text + r->byte, r->bytes.data, r->bytes.len));
	pf_buf_printf(&g->rejects, "%d %llu %llu %s: %s [%.*s]\n", r->code,
		      (unsigned long long)r->line, (unsigned long long)r->byte,
		      r->column ? r->column : "-", r->reason, (int)r->bytes.len,
		      (const char *)r->bytes.data);
	return 0;
}

static inline void read_text(const char *yaml, const char *text, size_t len,
			     size_t step, const struct pf_text_options *given,
			     struct got *g)
{
	struct pf_tabledef *def = NULL;
	struct pf_text *t = NULL;
	struct pf_text_options options = given ? *given : (struct pf_text_options){ 0 };
	struct drip drip = { pf_view_of(text, len), 0, step };
	struct pf_byte_source source = { .read = drip_read, .ctx = &drip,
					 .name = "input" };
	*g = (struct got){ .text = text };
	options.final_line = !given || given->final_line;
	options.reject = note_reject;
	options.reject_ctx = g;
	g->code = pf_tabledef_parse(yaml, strlen(yaml), "t.yaml", &def, &g->err);
	if (!g->code)
		g->code = pf_text_open(&source, def, &options, &t, &g->err);
	if (!g->code) {
		struct pf_schema *schema = pf_tabledef_schema(def);
		struct pf_builder *b = pf_builder_new(schema);
		struct pf_byte_sink sink = pf_sink_buf(&g->rows);
		struct pf_writer_options how = { .format = PF_ROWS_JSONL };
		struct pf_writer *w;
		pf_writer_open(&sink, schema, &how, &w, &g->err);
		for (bool end = false; !end && !g->code;) {
			g->code = pf_text_next(t, b, 3, 0, &end, &g->err);
			struct pf_batch batch = pf_builder_batch(b);
			pf_writer_batch(w, &batch, NULL);
			pf_builder_reset(b);
		}
		pf_writer_finish(w, NULL);
		pf_writer_free(w);
		pf_text_position(t, &g->position);
		pf_builder_free(b);
		pf_schema_unref(schema);
	}
	pf_text_close(t);
	pf_tabledef_free(def);
	pf_buf_cstr(&g->rows);
	pf_buf_cstr(&g->rejects);
}

static inline void drop_got(struct got *g)
{
	pf_buf_free(&g->rows);
	pf_buf_free(&g->rejects);
}

/* Rows and rejects, whatever the size of the reads is. */
static inline void expect(const char *yaml, const char *text, const char *rows,
			  const char *rejects)
{
	static const size_t steps[] = { 1 << 20, 1, 7 };
	for (size_t i = 0; i < 3; i++) {
		struct got g;
		read_text(yaml, text, strlen(text), steps[i], NULL, &g);
		if (g.code)
			printf("# %s\n# %s\n", g.err.message, g.err.hint);
		CHECK_INT(g.code, 0);
		CHECK_STR((char *)g.rows.data, rows);
		CHECK_STR((char *)g.rejects.data, rejects);
		/* Behind the last row: an array may be closed there. */
		size_t rest = strlen(text) - (size_t)g.position.byte;
		CHECK(g.position.byte <= strlen(text) &&
		      strspn(text + g.position.byte, rest && text[0] != '{' ? " \n]" : "") == rest);
		drop_got(&g);
	}
}

#endif

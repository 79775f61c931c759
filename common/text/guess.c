/* SPDX-License-Identifier: Apache-2.0 */
#include "text/guess.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "text/guess_print.h"
#include "text/reader.h"

enum { SAMPLE = 64 << 20, MANY_ROWS = 200 };

static int read_sample(const struct pf_byte_source *source, size_t limit,
		       struct pf_buf *out, bool *whole, struct pf_error *err)
{
	for (;;) {
		size_t got, want = limit - out->len;
		want = want > 1 << 20 ? 1 << 20 : want;
		if (!want)
			break;
		PF_TRY(source->read(source->ctx, pf_buf_room(out, want + 64), want, &got,
				    err));
		if (!got) {
			*whole = true;
			break;
		}
		out->len += got;
	}
	/* Half a line at the end would look like a bad row. */
	while (!*whole && out->len && out->data[out->len - 1] != '\n')
		out->len--;
	memset(pf_buf_room(out, 64), 0, 64);
	return 0;
}

/* --- a pass over all values, each column as text --- */

static int count_reject(void *ctx, const struct pf_reject *r, struct pf_error *err)
{
	struct pf_guess *g = ctx;
	(void)r;
	(void)err;
	g->rejected++;
	return 0;
}

static void take_batch(struct pf_guess *g, const struct pf_batch *b)
{
	for (size_t i = 0; i < g->shape.n; i++) {
		struct pf_guess_column *c = &g->shape.columns[i];
		for (int64_t row = 0; row < b->rows; row++) {
			if (pf_is_null(&b->columns[i], row)) {
				c->rows++;
				c->nulls++;
				continue;
			}
			struct pf_view v = pf_bytes_at(&b->columns[i], row);
			pf_guess_value(c, (const char *)v.data, v.len);
		}
	}
	g->rows += b->rows;
}

static int read_values(struct pf_guess *g, struct pf_buf *data, struct pf_error *err)
{
	struct pf_guess_shape *s = &g->shape;
	char utc[] = "UTC", none[] = "";
	struct pf_tabledef def = { .table = none, .zone = utc, .input = s->input,
				   .has_nulls = true, .n = s->n };
	def.columns = pf_zalloc(s->n, sizeof *def.columns);
	for (size_t i = 0; i < s->n; i++) {
		struct pf_coldef *c = &def.columns[i];
		c->name = s->columns[i].name;
		c->type.kind = PF_STRING;
		c->nullable = true;
		c->from = s->columns[i].from ? &s->columns[i].from : NULL;
		c->nfrom = s->columns[i].from != NULL;
	}
	struct pf_schema *schema = pf_schema_new();
	for (size_t i = 0; i < s->n; i++)
		pf_schema_add(schema, s->columns[i].name, def.columns[i].type, true);
	struct pf_builder *b = pf_builder_new(schema);
	struct pf_memory_source memory = { .view = pf_view_of(data->data, data->len) };
	struct pf_byte_source source = pf_source_memory(&memory, g->file);
	const struct pf_text_options options = {
		.file = g->file,
		.final_line = g->whole,
		.reject = count_reject,
		.reject_ctx = g,
	};
	struct pf_text *t = NULL;
	int code = pf_text_open(&source, &def, &options, &t, err);
	for (bool end = false; !end && !code;) {
		code = pf_text_next(t, b, 8192, 0, &end, err);
		struct pf_batch batch = pf_builder_batch(b);
		take_batch(g, &batch);
		pf_builder_reset(b);
	}
	pf_text_close(t);
	pf_builder_free(b);
	pf_schema_unref(schema);
	free(def.columns);
	return code;
}

/* --- which column is what --- */

static void decide_types(struct pf_guess *g)
{
	bool json = g->shape.input.format >= PF_TEXT_JSONL;
	g->types = pf_zalloc(g->shape.n, sizeof *g->types);
	for (size_t i = 0; i < g->shape.n; i++) {
		const struct pf_guess_column *c = &g->shape.columns[i];
		g->types[i] = pf_guess_verdict(c);
		/* A word is a marker where the column could not be read without. */
		bool typed = g->types[i].type.kind != PF_STRING;
		for (int k = 0; k < PF_GUESS_MARKERS; k++)
			g->markers[k] = g->markers[k] ||
					(c->markers[k] && typed && (k || !json));
	}
	/* Zeek says itself what stands for nothing. */
	if (g->shape.input.header == PF_HEADER_ZEEK)
		memset(g->markers, 0, sizeof g->markers);
}

bool pf_guess_is_time(const struct pf_guess *g, size_t i)
{
	enum pf_kind kind = g->types[i].type.kind;
	return kind == PF_DATE || pf_kind_is_timestamp(kind);
}

int64_t pf_guess_missing(const struct pf_guess *g, size_t i)
{
	const struct pf_guess_column *c = &g->shape.columns[i];
	int64_t n = c->nulls;
	for (int k = 0; k < PF_GUESS_MARKERS; k++)
		if (g->markers[k] || !k)
			n += c->markers[k];
	return n;
}

static void decide_time(struct pf_guess *g)
{
	double best = -1;
	g->time = -1;
	for (size_t i = 0; i < g->shape.n; i++) {
		const struct pf_guess_column *c = &g->shape.columns[i];
		if (!pf_guess_is_time(g, i) || !c->plain)
			continue;
		const struct pf_guess_time *t = &c->times[g->types[i].time];
		double score = 3.0 * pf_guess_time_name(c->name);
		score += g->types[i].type.kind == PF_DATE ? 0 : 4;
		score -= 6.0 * (double)pf_guess_missing(g, i) / (double)c->rows;
		score -= 2.0 * (double)t->inversions / (double)c->plain;
		score += t->low == t->high ? -4 : 0;
		/* The first of equals; inner objects tell about something else. */
		score -= c->from && strchr(c->from, '.') ? 3 : 0;
		if (score > best) {
			best = score;
			g->time = (int)i;
		}
	}
	/* year, month, day, hour in columns of their own. */
	static const char *const words[] = { "year", "month", "day", "hour" };
	for (int k = 0; k < 4; k++) {
		g->parts[k] = -1;
		for (size_t i = 0; i < g->shape.n; i++)
			if (!strcasecmp(g->shape.columns[i].name, words[k]))
				g->parts[k] = (int)i;
	}
	g->combined = g->time < 0 && g->parts[0] >= 0 && g->parts[1] >= 0 &&
		      g->parts[2] >= 0;
}

static void decide_id(struct pf_guess *g)
{
	/* What values do tells little while there are few of them: then names
	 * decide. */
	double weight = g->rows < MANY_ROWS ? (double)g->rows / (double)MANY_ROWS : 1, best = 0;
	g->id = -1;
	for (size_t i = 0; i < g->shape.n; i++) {
		const struct pf_guess_column *c = &g->shape.columns[i];
		enum pf_kind kind = g->types[i].type.kind;
		bool may = kind == PF_STRING || pf_kind_is_integer(kind);
		bool time = (int)i == g->time;
		for (int k = 0; k < 4; k++)
			time = time || (g->combined && (int)i == g->parts[k]);
		if (!may || c->nested || time || !c->plain)
			continue;
		double name = pf_guess_id_name(c->name);
		double distinct = c->many ? (double)PF_GUESS_DISTINCT : (double)c->distinct;
		double per_value = (double)c->plain / distinct;
		/* An entity comes back, and there are several. */
		double score = per_value >= 2 ? 2 : c->many ? 0 : per_value > 1 ? -2 : -4;
		/* One file may be one entity's, where the name says so. */
		double alone = name >= 4 ? -3 : -6;
		score += distinct < 2 ? alone : distinct < 10 ? -2 : 0;
		/* Of two alike the one with more values: stations have many bikes. */
		score += distinct < 100 ? distinct / 1000 : 0.1;
		score = name + weight * score;
		score -= 4.0 * (double)pf_guess_missing(g, i) / (double)c->rows;
		score -= c->longest > 64 ? 3 : 0;
		if (name == 0)
			score -= 2;
		if (g->id < 0 || score > best) {
			best = score;
			g->id = (int)i;
		}
	}
	g->id_unlikely = best <= 0;
}

int pf_schema_guess(const struct pf_byte_source *source,
		    const struct pf_guess_options *options, struct pf_buf *out,
		    struct pf_error *err)
{
	struct pf_buf data = { 0 };
	struct pf_guess g = { .file = options->file ? options->file : "standard input" };
	size_t limit = options->sample_bytes ? options->sample_bytes : SAMPLE;
	int code = read_sample(source, limit, &data, &g.whole, err);
	g.sample = data.len;
	g.total = options->total_bytes;
	if (!code)
		code = pf_guess_shape(g.file, options->format, data.data, data.len,
				      &g.shape, err);
	if (!code)
		code = read_values(&g, &data, err);
	if (!code && !g.rows)
		code = pf_fail(err, PF_E_BAD_ROW, "'%s' has no whole row to learn from",
			       g.file);
	if (!code) {
		decide_types(&g);
		decide_time(&g);
		decide_id(&g);
		pf_guess_print(&g, out);
	}
	free(g.types);
	pf_guess_shape_free(&g.shape);
	pf_buf_free(&data);
	return code;
}

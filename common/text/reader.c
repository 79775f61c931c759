/* SPDX-License-Identifier: Apache-2.0 */
#include "text/reader.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "text/reader_impl.h"

enum { BLOCK = 1 << 20, DEFAULT_BYTES = 64 << 20, SHOWN_BYTES = 1 << 16 };

/* --- the window --- */

static void seal_window(struct pf_text *t)
{
	t->data[t->len] = '\n';
	memset(t->data + t->len + 1, 0, PF_TEXT_PADDING - 1);
}

int pf_text_fill(struct pf_text *t, struct pf_error *err)
{
	if (t->eof)
		return 0;
	if (t->at) {
		memmove(t->data, t->data + t->at, t->len - t->at);
		t->base += t->at;
		t->len -= t->at;
		t->at = 0;
	}
	/* No row larger than the limit is ever seen whole, however it comes. */
	if (t->cap - t->len < BLOCK / 2 && t->cap < PF_TEXT_LINE_LIMIT) {
		size_t cap = pf_grow(t->cap, t->len + BLOCK);
		if (cap > PF_TEXT_LINE_LIMIT)
			cap = PF_TEXT_LINE_LIMIT;
		t->data = pf_realloc(t->data, cap + PF_TEXT_PADDING, 1);
		t->cap = cap;
	}
	if (t->len >= t->cap)
		return pf_fail(err, PF_E_LINE_LENGTH, "'%s': a line is longer than 16 MiB",
			       t->file);
	size_t got = 0;
	int code = t->source->read(t->source->ctx, t->data + t->len, t->cap - t->len,
				   &got, err);
	t->len += got;
	t->eof = !code && !got;
	seal_window(t);
	return code;
}

static bool source_ready(const struct pf_text *t)
{
	return !t->source->ready || t->source->ready(t->source->ctx, 0);
}

/* --- bad rows --- */

void pf_text_reason(char *out, size_t out_len, const void *value, size_t len,
		    const char *why)
{
	char shown[128];
	pf_quote(shown, sizeof shown, value, len);
	snprintf(out, out_len, "'%s' %s", shown, why);
}

int pf_text_reject(struct pf_text *t, int code, const char *column, size_t len,
		   const char *reason, struct pf_error *err)
{
	struct pf_reject r = {
		.code = code,
		.file = t->file,
		.line = t->line + 1,
		.byte = t->base + t->at,
		.column = column,
		.bytes = pf_view_of(t->data + t->at, len),
	};
	if (len && r.bytes.data[len - 1] == '\r')
		r.bytes.len--;
	snprintf(r.reason, sizeof r.reason, "%s", reason);
	if (t->options.reject) {
		PF_TRY(t->options.reject(t->options.reject_ctx, &r, err));
		t->rejected++;
		return 0;
	}
	char file[256];
	pf_fail(err, code, "%s:%llu: byte %llu%s%s%s: %s",
		pf_quote(file, sizeof file, r.file, strlen(r.file)),
		(unsigned long long)r.line, (unsigned long long)r.byte,
		column ? ", column '" : "", column ? column : "", column ? "'" : "",
		r.reason);
	return code;
}

bool pf_text_row_fits(const struct pf_text *t, struct pf_builder *b, char *reason,
		      size_t reason_bytes)
{
	const struct pf_row_limit *l = &t->options.limit;
	struct pf_batch batch = pf_builder_batch(b);
	return l->fits(l->ctx, &batch, batch.rows - 1, reason, reason_bytes);
}

/* The row has no end within the limit, or before the input's. Its first line is
 * given up, what follows is tried anew; a line without end goes by. */
static int reject_line(struct pf_text *t, struct pf_error *err)
{
	const uint8_t *newline = memchr(t->data + t->at, '\n', t->len - t->at);
	size_t here = newline ? (size_t)(newline - t->data) - t->at : t->len - t->at;
	size_t shown = here < SHOWN_BYTES ? here : SHOWN_BYTES;
	PF_TRY(pf_text_reject(t, newline ? PF_E_BAD_ROW : PF_E_LINE_LENGTH, NULL,
			      shown,
			      newline ? "a quote is opened and never closed" :
					"the line is longer than 16 MiB",
			      err));
	if (newline) {
		t->at += here + 1;
		t->line++;
		return 0;
	}
	t->at = t->len;
	t->discarding = true;
	return 0;
}

static void discard(struct pf_text *t)
{
	const uint8_t *newline = memchr(t->data + t->at, '\n', t->len - t->at);
	if (newline) {
		t->at = (size_t)(newline - t->data) + 1;
		t->line++;
		t->discarding = false;
	} else {
		t->at = t->len;
	}
}

/* --- what the file's name says --- */

/* Directories go; so do .gz and .zst, and the extension before them. */
static char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = pf_strdup(slash ? slash + 1 : path);
	size_t len = strlen(name);
	if (len > 3 && !strcasecmp(name + len - 3, ".gz"))
		name[len -= 3] = '\0';
	else if (len > 4 && !strcasecmp(name + len - 4, ".zst"))
		name[len -= 4] = '\0';
	char *dot = strrchr(name, '.');
	if (dot && dot != name)
		*dot = '\0';
	return name;
}

static int matched_name(const char *name, const char *pattern, char **out,
			struct pf_error *err)
{
	regex_t regex;
	regmatch_t groups[2];
	if (regcomp(&regex, pattern, REG_EXTENDED))
		return pf_fail(err, PF_E_SCHEMA_FILE, "malformed expression '%s'",
			       pattern);
	int none = regexec(&regex, name, 2, groups, 0);
	regfree(&regex);
	if (none)
		return pf_fail(err, PF_E_BAD_VALUE,
			       "the file name '%s' does not match '%s'", name, pattern);
	const regmatch_t *g = groups[1].rm_so >= 0 ? &groups[1] : &groups[0];
	*out = pf_strndup(name + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
	return 0;
}

static int open_columns(struct pf_text *t, bool json, struct pf_error *err)
{
	const struct pf_tabledef *def = t->def;
	char *name = base_name(t->file);
	int code = 0;
	t->conv = pf_zalloc(def->n, sizeof *t->conv);
	t->constants = pf_zalloc(def->n, sizeof *t->constants);
	for (size_t i = 0; i < def->n && !code; i++) {
		const struct pf_coldef *c = &def->columns[i];
		code = pf_conv_open(&t->conv[i], def, c, json, err);
		if (code || !c->from_filename)
			continue;
		if (!t->options.file)
			code = pf_fail(err, PF_E_USAGE,
				       "the column '%s' comes from the file's name, and standard input has none",
				       c->name);
		else if (c->match)
			code = matched_name(name, c->match, &t->constants[i], err);
		else
			t->constants[i] = pf_strdup(name);
	}
	free(name);
	return code;
}

/* --- which format --- */

static bool has_extension(const char *file, const char *extension)
{
	size_t len = strlen(file), want = strlen(extension);
	if (len > 3 && !strcasecmp(file + len - 3, ".gz"))
		len -= 3;
	else if (len > 4 && !strcasecmp(file + len - 4, ".zst"))
		len -= 4;
	return len > want && !strncasecmp(file + len - want, extension, want);
}

static int find_format(struct pf_text *t, struct pf_error *err)
{
	const struct pf_text_input *in = &t->def->input;
	t->format = t->options.format ? t->options.format : in->format;
	if (t->format)
		return 0;
	const uint8_t *p = t->data + t->at, *end = t->data + t->len;
	while (p < end && isspace(*p))
		p++;
	if (p == end)
		t->format = PF_TEXT_JSONL; /* empty: any will do */
	else if (in->header == PF_HEADER_ZEEK || has_extension(t->file, ".tsv") ||
		 has_extension(t->file, ".tab"))
		t->format = PF_TEXT_TSV;
	else if (in->delimiter || has_extension(t->file, ".csv"))
		t->format = PF_TEXT_CSV;
	else if (*p == '{')
		t->format = PF_TEXT_JSONL;
	else if (*p == '[')
		t->format = PF_TEXT_JSON;
	if (t->format)
		return 0;
	pf_fail(err, PF_E_USAGE, "cannot tell the format of '%s'", t->file);
	return pf_hint(err, "say -I csv, tsv, jsonl or json, or put 'input: {format: csv}' into the definition");
}

static bool is_json(enum pf_text_format format)
{
	return format == PF_TEXT_JSONL || format == PF_TEXT_JSON ||
	       pf_text_format_changes(format);
}

/* --- life --- */

static int open_at_start(struct pf_text *t, struct pf_error *err)
{
	/* The first block tells the format and mostly holds the header. */
	do
		PF_TRY(pf_text_fill(t, err));
	while (!t->eof && t->len < 4);
	if (t->len >= 3 && !memcmp(t->data, "\xef\xbb\xbf", 3))
		t->at = 3;
	PF_TRY(find_format(t, err));
	bool json = is_json(t->format);
	PF_TRY(open_columns(t, json, err));
	PF_TRY(json ? pf_json_rows_open(t, err) : pf_delimited_open(t, err));
	return 0;
}

/* Move on to where an earlier run stopped. */
static int resume(struct pf_text *t, struct pf_error *err)
{
	uint64_t to = t->options.byte;
	while (t->base + t->at < to) {
		uint64_t want = to - t->base - t->at;
		size_t here = t->len - t->at;
		if (want <= here) {
			t->at += (size_t)want;
			break;
		}
		t->at = t->len;
		want -= here;
		if (t->options.skip) {
			PF_TRY(t->options.skip(t->options.skip_ctx, want, err));
			t->base += t->len + want;
			t->at = t->len = 0;
			seal_window(t);
			break;
		}
		PF_TRY(pf_text_fill(t, err));
		if (t->eof)
			return pf_fail(err, PF_E_TRUNCATED,
				       "'%s' ends before byte %llu, where reading was to go on",
				       t->file, (unsigned long long)to);
	}
	t->line = t->options.line;
	return 0;
}

int pf_text_open(const struct pf_byte_source *source,
		 const struct pf_tabledef *def,
		 const struct pf_text_options *options, struct pf_text **text,
		 struct pf_error *err)
{
	struct pf_text *t = pf_zalloc(1, sizeof *t);
	t->source = source;
	t->def = def;
	t->options = *options;
	t->file = options->file ? options->file :
		  source->name	? source->name :
				  "standard input";
	t->cap = BLOCK;
	t->data = pf_alloc(t->cap + PF_TEXT_PADDING, 1);
	seal_window(t);
	int code = open_at_start(t, err);
	if (!code && options->byte > t->base + t->at)
		code = resume(t, err);
	if (code) {
		pf_text_close(t);
		t = NULL;
	}
	*text = t;
	return code;
}

void pf_text_pretend_newline(struct pf_text *t)
{
	if (t->len == t->cap) {
		t->data = pf_realloc(t->data, t->cap + 1 + PF_TEXT_PADDING, 1);
		t->cap++;
	}
	t->data[t->len++] = '\n';
	t->pretended = true;
	seal_window(t);
}

/* The source is at its end and what is left is no whole row. */
static int at_end(struct pf_text *t, bool *done, struct pf_error *err)
{
	*done = true;
	if (t->at == t->len || !t->options.final_line || t->discarding) {
		if (t->format == PF_TEXT_JSON && t->options.final_line &&
		    !pf_json_rows_closed(t))
			return pf_fail(err, PF_E_TRUNCATED,
				       "'%s' ends inside its JSON array", t->file);
		return 0;
	}
	if (t->format == PF_TEXT_JSON)
		return pf_fail(err, PF_E_TRUNCATED, "'%s' ends inside its JSON array",
			       t->file);
	if (t->data[t->len - 1] == '\n') {
		/* Lines are whole, so a quote is open. */
		*done = false;
		return reject_line(t, err);
	}
	pf_text_pretend_newline(t);
	*done = false;
	return 0;
}

static bool too_long(const struct pf_text *t)
{
	return t->len - t->at >= PF_TEXT_LINE_LIMIT;
}

int pf_text_next(struct pf_text *t, struct pf_builder *b, int64_t max_rows,
		 size_t max_bytes, bool *end, struct pf_error *err)
{
	const bool json = is_json(t->format);
	const int64_t before = t->rows;
	int64_t have = b->schema->n ? b->columns[0].rows : 0;
	size_t bytes = max_bytes ? max_bytes : DEFAULT_BYTES;
	struct pf_text_limits limits = {
		.rows = max_rows > 0 ? have + max_rows : INT64_MAX,
		.bytes = t->base + t->at + bytes,
		.built = pf_builder_bytes(b) + bytes,
	};
	*end = false;
	for (;;) {
		bool more = false;
		if (t->discarding)
			discard(t);
		if (!t->discarding)
			PF_TRY(json ? pf_json_rows_parse(t, b, &limits, &more, err) :
				      pf_delimited_parse(t, b, &limits, &more, err));
		else
			more = true;
		if (!more)
			return 0;
		if (t->eof) {
			bool done;
			PF_TRY(at_end(t, &done, err));
			*end = done;
			if (done)
				return 0;
			continue;
		}
		if (too_long(t)) {
			if (t->format == PF_TEXT_JSON)
				return pf_fail(err, PF_E_LINE_LENGTH,
					       "'%s': an element of the array is longer than 16 MiB",
					       t->file);
			PF_TRY(reject_line(t, err));
			continue;
		}
		if (t->rows > before && !source_ready(t))
			return 0;
		PF_TRY(pf_text_fill(t, err));
	}
}

void pf_text_position(const struct pf_text *t, struct pf_text_position *p)
{
	bool beyond = t->pretended && t->at == t->len;
	*p = (struct pf_text_position){
		.byte = t->base + t->at - beyond,
		.line = t->line - beyond,
		.rows = t->rows,
		.rejected = t->rejected,
		.pending = t->len - t->at,
	};
	pf_json_rows_position(t, p);
}

enum pf_text_format pf_text_format(const struct pf_text *t)
{
	return t->format;
}

void pf_text_close(struct pf_text *t)
{
	if (!t)
		return;
	pf_delimited_close(t->delimited);
	pf_json_rows_close(t->json);
	for (size_t i = 0; i < t->def->n; i++) {
		if (t->conv)
			pf_conv_close(&t->conv[i]);
		if (t->constants)
			free(t->constants[i]);
	}
	free(t->conv);
	free(t->constants);
	free(t->data);
	free(t);
}

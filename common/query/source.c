/* SPDX-License-Identifier: Apache-2.0
 *
 * The simple sources: a Parquet file, a record stream, text.
 */
#include "query/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/file.h"
#include "query/parquet_scan.h"
#include "text/reader.h"

void pf_source_close(struct pf_source *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->left_out);
	pf_schema_unref(s->schema);
	s->ops->close(s);
}

int pf_source_columns(const struct pf_source *s, const struct pf_schema *wanted, int *columns,
		      struct pf_error *err)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct pf_field *f = &wanted->fields[i];
		char a[40], b[40];
		columns[i] = pf_schema_find(s->schema, f->name);
		if (columns[i] < 0)
			return pf_fail(err, PF_E_SCHEMA_MISMATCH, "'%s' has no column '%s'",
				       s->name, f->name);
		struct pf_type type = s->schema->fields[columns[i]].type;
		if (!pf_type_widens(type, f->type) ||
		    (pf_kind_is_timestamp(type.kind) &&
		     pf_type_units(type) > pf_type_units(f->type)))
			return pf_fail(err, PF_E_SCHEMA_MISMATCH,
				       "column '%s' of '%s' is %s, elsewhere it is %s",
				       f->name, s->name, pf_type_name(type, a),
				       pf_type_name(f->type, b));
	}
	return 0;
}

/* --- a Parquet file --- */

struct parquet_source {
	struct pf_source s;
	int fd;
	struct pf_parquet_file *file; /* until the scan owns it */
	struct pf_parquet_scan *scan;
	int *ordinals; /* of the columns of s.schema */
};

static int parquet_start(struct pf_source *source, const struct pf_wanted *w,
			 struct pf_error *err)
{
	struct parquet_source *s = (struct parquet_source *)source;
	int *columns = pf_alloc(w->schema->n + 1, sizeof *columns);
	int code = pf_source_columns(source, w->schema, columns, err);
	for (size_t i = 0; i < w->schema->n && !code; i++)
		columns[i] = s->ordinals[columns[i]];
	if (!code) {
		code = pf_parquet_scan_new(s->file, columns, w, &source->counts,
					   &s->scan, err);
		s->file = NULL;
	}
	free(columns);
	return code;
}

static int parquet_next(struct pf_source *source, struct pf_batch *batch,
			struct pf_error *err)
{
	struct parquet_source *s = (struct parquet_source *)source;
	int code = pf_parquet_scan_next(s->scan, batch, err);
	return code ? pf_context(err, "'%s'", source->name) : 0;
}

static void parquet_close(struct pf_source *source)
{
	struct parquet_source *s = (struct parquet_source *)source;
	pf_parquet_scan_free(s->scan);
	pf_parquet_close(s->file);
	if (s->fd >= 0)
		close(s->fd);
	free(s->ordinals);
	free(s);
}

static const struct pf_source_ops parquet_ops = {
	.start = parquet_start, .next = parquet_next, .close = parquet_close
};

int pf_source_parquet_fd(int fd, const char *name, struct pf_source **out,
			 struct pf_error *err)
{
	struct stat st;
	struct parquet_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &parquet_ops, .name = pf_strdup(name),
				   .kind = "Parquet file", .filtered = true };
	s->fd = fd;
	int code = 0;
	if (fstat(fd, &st))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'", name);
	if (!code) {
		struct pf_random_source r =
			pf_random_fd(&s->fd, (uint64_t)st.st_size, s->s.name);
		code = pf_parquet_open(&r, &s->file, err);
	}
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	s->ordinals = pf_alloc(pf_parquet_columns(s->file) + 1, sizeof *s->ordinals);
	s->s.schema = pf_parquet_schema(s->file, s->ordinals);
	s->s.counts.files = 1;
	s->s.counts.bytes_stored = st.st_size;
	*out = &s->s;
	return 0;
}

int pf_source_parquet(const char *path, struct pf_source **out, struct pf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pf_fail_errno(err, PF_E_IO, errno, "cannot open '%s'", path);
	return pf_source_parquet_fd(fd, path, out, err);
}

/* --- a record stream --- */

struct stream_source {
	struct pf_source s;
	struct pf_stream_in *in;
	struct pf_fit *fit;
};

static int stream_start(struct pf_source *source, const struct pf_wanted *w,
			struct pf_error *err)
{
	struct stream_source *s = (struct stream_source *)source;
	return pf_fit_new(source, w->schema, NULL, &s->fit, err);
}

static int stream_next(struct pf_source *source, struct pf_batch *batch,
		       struct pf_error *err)
{
	struct stream_source *s = (struct stream_source *)source;
	struct pf_event event;
	for (;;) {
		PF_TRY(pf_stream_in_next(s->in, &event, err));
		switch (event.kind) {
		case PF_EVENT_BATCH:
			*batch = pf_fit_batch(s->fit, &event.batch);
			source->counts.rows += batch->rows;
			return 0;
		case PF_EVENT_MARK:
			break;
		case PF_EVENT_END:
			batch->rows = 0;
			return 0;
		case PF_EVENT_ABORT:
			return pf_fail(err, PF_E_UPSTREAM, "%s failed after %lld rows: %s",
				       event.who, (long long)event.rows, event.why);
		}
	}
}

static bool stream_ready(struct pf_source *source)
{
	return pf_stream_in_ready(((struct stream_source *)source)->in, 0);
}

static void stream_close(struct pf_source *source)
{
	struct stream_source *s = (struct stream_source *)source;
	pf_fit_free(s->fit);
	pf_stream_in_close(s->in);
	free(s);
}

static const struct pf_source_ops stream_ops = { .start = stream_start,
						 .next = stream_next,
						 .ready = stream_ready,
						 .close = stream_close };

int pf_source_stream(const struct pf_byte_source *bytes, struct pf_source **out,
		     struct pf_error *err)
{
	struct stream_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &stream_ops, .name = pf_strdup(bytes->name),
				   .kind = "stream" };
	int code = pf_stream_in_open(bytes, 0, &s->in, err);
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	s->s.schema = pf_schema_ref(pf_stream_in_schema(s->in));
	*out = &s->s;
	return 0;
}

/* --- text --- */

struct text_source {
	struct pf_source s;
	struct pf_byte_source bytes;
	struct pf_text *text;
	struct pf_builder *rows;
	struct pf_fit *fit;
	bool end;
};

static int text_start(struct pf_source *source, const struct pf_wanted *w,
		      struct pf_error *err)
{
	struct text_source *s = (struct text_source *)source;
	return pf_fit_new(source, w->schema, NULL, &s->fit, err);
}

static int text_next(struct pf_source *source, struct pf_batch *batch,
		     struct pf_error *err)
{
	struct text_source *s = (struct text_source *)source;
	batch->rows = 0;
	while (!s->end && !batch->rows) {
		pf_builder_reset(s->rows);
		PF_TRY(pf_text_next(s->text, s->rows, 8192, 1 << 20, &s->end, err));
		struct pf_batch rows = pf_builder_batch(s->rows);
		*batch = pf_fit_batch(s->fit, &rows);
	}
	source->counts.rows += batch->rows;
	return 0;
}

/* What the reader has buffered is not known here: output may leave early. */
static bool text_ready(struct pf_source *source)
{
	const struct pf_byte_source *b = &((struct text_source *)source)->bytes;
	return !b->ready || b->ready(b->ctx, 0);
}

static void text_close(struct pf_source *source)
{
	struct text_source *s = (struct text_source *)source;
	pf_fit_free(s->fit);
	pf_builder_free(s->rows);
	pf_text_close(s->text);
	free(s);
}

static const struct pf_source_ops text_ops = { .start = text_start,
					       .next = text_next,
					       .ready = text_ready,
					       .close = text_close };

int pf_source_text(const struct pf_byte_source *bytes,
		   const struct pf_tabledef *definition,
		   const struct pf_text_options *options, struct pf_source **out,
		   struct pf_error *err)
{
	struct text_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &text_ops, .name = pf_strdup(bytes->name),
				   .kind = "text" };
	s->bytes = *bytes;
	int code = pf_text_open(bytes, definition, options, &s->text, err);
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	s->s.schema = pf_tabledef_schema(definition);
	s->rows = pf_builder_new(s->s.schema);
	*out = &s->s;
	return 0;
}

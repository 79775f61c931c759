/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/stage.h"

#include <errno.h>
#include <stdlib.h>

#include "stage/backend.h"
#include "stage/kafka_url.h"
#include "stage/open.h"
#include "text/reader.h"

int pf_stage_open(const char *path, const struct pf_stage_access *how,
		  struct pf_stage **stage, struct pf_error *err)
{
	static const struct pf_stage_access plain;
	if (pf_kafka_url_is(path))
		return pf_kafka_stage_open(path, how ? how : &plain, stage, err);
	return pf_embedded_open(path, stage, err);
}

void pf_stage_close(struct pf_stage *s)
{
	if (s)
		s->ops->close(s);
}

const char *pf_stage_path(const struct pf_stage *s)
{
	return s->dir.path;
}

const char *pf_stage_uuid(const struct pf_stage *s)
{
	return s->id.uuid;
}

const struct pf_tabledef *pf_stage_definition(const struct pf_stage *s)
{
	return s->def;
}

struct pf_schema *pf_stage_schema(struct pf_stage *s)
{
	return s->schema;
}

/* --- reading --- */

static int no_offset(const char *text, struct pf_error *err)
{
	pf_fail(err, PF_E_USAGE, "'%s' is no offset", text);
	return pf_hint(err, "a number of rows: --offsets 120000; of a topic one for each "
			    "partition: --offsets 0:1200,1:1170");
}

/* A number that is not negative, up to one of `ends`. */
static bool take_number(const char **p, const char *ends, int64_t *n)
{
	char *end;
	errno = 0;
	if (**p < '0' || **p > '9')
		return false;
	*n = strtoll(*p, &end, 10);
	if (errno || (*end && !strchr(ends, *end)))
		return false;
	*p = end;
	return true;
}

/* "120000", "120000@ANCHOR", "3:1200@ANCHOR" */
static bool take_start(const char **p, struct pf_stage_start *s)
{
	int64_t n;
	*s = (struct pf_stage_start){ 0 };
	if (!take_number(p, ":@,", &n))
		return false;
	if (**p == ':') {
		if (n > INT32_MAX)
			return false;
		s->partition = (int32_t)n;
		++*p;
		if (!take_number(p, "@,", &n))
			return false;
	}
	s->offset = n;
	if (**p == '@') {
		size_t len = strcspn(++*p, ",");
		if (len >= sizeof s->anchor)
			return false;
		memcpy(s->anchor, *p, len);
		*p += len;
	}
	return true;
}

int pf_stage_starts_parse(const char *text, struct pf_stage_start **starts, size_t *n,
			  struct pf_error *err)
{
	const char *p = text;
	*starts = NULL;
	*n = 0;
	for (;;) {
		*starts = pf_realloc(*starts, *n + 1, sizeof **starts);
		if (!take_start(&p, &(*starts)[(*n)++]) || (*p && *p != ',')) {
			free(*starts);
			*starts = NULL;
			return no_offset(text, err);
		}
		if (!*p)
			return 0;
		p++;
	}
}

int pf_stage_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			 struct pf_stage_reader **reader, struct pf_error *err)
{
	return stage->ops->reader(stage, how, reader, err);
}

int pf_stage_reader_next(struct pf_stage_reader *r, struct pf_event *event,
			 struct pf_error *err)
{
	return r->ops->next(r, event, err);
}

bool pf_stage_reader_ready(struct pf_stage_reader *r)
{
	return r->ops->ready(r);
}

void pf_stage_reader_counts(const struct pf_stage_reader *r, struct pf_counts *counts)
{
	r->ops->counts(r, counts);
}

void pf_stage_reader_close(struct pf_stage_reader *r)
{
	if (r)
		r->ops->close(r);
}

/* --- status --- */

int pf_stage_status(struct pf_stage *s, struct pf_stage_status *status,
		    struct pf_error *err)
{
	return s->ops->status(s, status, err);
}

void pf_stage_status_print(const struct pf_stage *s,
			   const struct pf_stage_status *status, struct pf_buf *out)
{
	s->ops->print(s, status, out);
}

int pf_stage_lag(struct pf_stage *s, const struct pf_stage_start *starts, size_t n,
		 const char *sources, struct pf_stage_lag *lag, struct pf_error *err)
{
	return s->ops->lag(s, starts, n, sources, lag, err);
}

int pf_stage_trim_refused(const char *path, struct pf_error *err)
{
	pf_fail(err, PF_E_UNSUPPORTED, "a topic is not trimmed by pf-stage: '%s'", path);
	return pf_hint(err, "its retention.ms and retention.bytes say how long it keeps rows");
}

int pf_stage_trim(struct pf_stage *s, int64_t before, bool dry,
		  struct pf_trimmed *trimmed, struct pf_error *err)
{
	return s->ops->trim ? s->ops->trim(s, before, dry, trimmed, err) :
			      pf_stage_trim_refused(s->dir.path, err);
}

/* --- writing --- */

int pf_stage_writer_open(const char *path, const struct pf_stage_write *how,
			 struct pf_stage_writer **writer, struct pf_error *err)
{
	if (pf_kafka_url_is(path))
		return pf_kafka_writer_open(path, how, writer, err);
	return pf_embedded_writer_open(path, how, writer, err);
}

struct pf_stage *pf_stage_writer_stage(struct pf_stage_writer *w)
{
	return w->stage;
}

struct pf_sources *pf_stage_writer_sources(struct pf_stage_writer *w)
{
	return &w->sources;
}

bool pf_stage_wants_origin(const struct pf_stage_writer *w)
{
	return w->ops->from != NULL;
}

int pf_stage_recall(struct pf_stage_writer *w, const struct pf_source_pos *source,
		    bool *more, struct pf_error *err)
{
	*more = false;
	return w->ops->recall ? w->ops->recall(w, source, more, err) : 0;
}

int64_t pf_stage_looked(const struct pf_stage_writer *w)
{
	return w->ops->looked ? w->ops->looked(w) : 0;
}

int pf_stage_from(struct pf_stage_writer *w, struct pf_source_pos *source,
		  const char *identity, struct pf_error *err)
{
	return w->ops->from ? w->ops->from(w, source, identity, err) : 0;
}

void pf_stage_row_limit(struct pf_stage_writer *w, struct pf_row_limit *limit)
{
	*limit = (struct pf_row_limit){ 0 };
	if (w->ops->row_limit)
		w->ops->row_limit(w, limit);
}

int pf_stage_append(struct pf_stage_writer *w, const struct pf_batch *batch,
		    const int64_t *numbers, int64_t *taken, struct pf_error *err)
{
	return w->ops->append(w, batch, numbers, taken, err);
}

uint64_t pf_stage_pending_bytes(const struct pf_stage_writer *w)
{
	return w->ops->pending_bytes(w);
}

int64_t pf_stage_pending_rows(const struct pf_stage_writer *w)
{
	return w->ops->pending_rows(w);
}

int pf_stage_commit(struct pf_stage_writer *w, struct pf_error *err)
{
	return w->ops->commit(w, err);
}

bool pf_stage_busy(struct pf_stage_writer *w)
{
	return w->ops->busy(w);
}

int pf_stage_sync(struct pf_stage_writer *w, struct pf_error *err)
{
	return w->ops->sync(w, err);
}

int64_t pf_stage_accepted(const struct pf_stage_writer *w)
{
	return w->ops->accepted(w);
}

int64_t pf_stage_durable(struct pf_stage_writer *w)
{
	return w->ops->durable(w);
}

const char *pf_stage_caution(const struct pf_stage_writer *w)
{
	return w->ops->caution ? w->ops->caution(w) : NULL;
}

void pf_stage_writer_close(struct pf_stage_writer *w)
{
	if (w)
		w->ops->close(w);
}

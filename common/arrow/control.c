/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/gaps.h"
#include "arrow/source_marks.h"
#include "base/alloc.h"

static const char *const kinds[] = { NULL, "begin", "mark", "end", "abort" };

/* The format of the control messages; another one is refused. */
#define STREAM_VERSION "1"

/* A mark covers the partitions of one stage; Kafka topics have thousands. */
enum { PARTS = 65536 };

/* --- marks --- */

void pf_mark_free(struct pf_mark *m)
{
	free(m->parts);
	free(m->sources);
	free(m->gaps);
	*m = (struct pf_mark){ 0 };
}

void pf_mark_copy(struct pf_mark *to, const struct pf_mark *from)
{
	*to = *from;
	to->parts = pf_alloc(from->nparts, sizeof *to->parts);
	if (from->nparts)
		memcpy(to->parts, from->parts, from->nparts * sizeof *to->parts);
	to->sources = from->sources ? pf_strdup(from->sources) : NULL;
	to->gaps = from->gaps ? pf_strdup(from->gaps) : NULL;
}

/* Both in one, by partition; of those that both have `later` goes on where `into`
 * ends. Neither is changed. */
static int join_parts(const struct pf_mark *into, const struct pf_mark *later,
		      struct pf_mark_part **parts, size_t *nparts, struct pf_error *err)
{
	struct pf_mark_part *out = pf_alloc(pf_add(into->nparts, later->nparts), sizeof *out);
	const struct pf_mark_part *a = into->parts, *a_end = a + into->nparts;
	const struct pf_mark_part *b = later->parts, *b_end = b + later->nparts;
	size_t n = 0;
	*parts = NULL;
	*nparts = 0;
	while (a < a_end || b < b_end) {
		if (b == b_end || (a < a_end && a->partition < b->partition)) {
			out[n++] = *a++;
		} else if (a == a_end || b->partition < a->partition) {
			out[n++] = *b++;
		} else if (a->to == b->from) {
			out[n] = *b++;
			out[n++].from = a++->from;
		} else {
			free(out);
			return pf_fail(err, PF_E_CORRUPT,
				       "marks of stage '%s' do not meet: partition %" PRId32
				       " ends at %" PRId64 " and goes on at %" PRId64,
				       into->stage, b->partition, a->to, b->from);
		}
	}
	*parts = out;
	*nparts = n;
	return 0;
}

/* Each source's later mark counts. */
static int join_sources(struct pf_mark *into, const char *later, struct pf_error *err)
{
	struct pf_source_marks marks = { 0 };
	struct pf_buf json = { 0 };
	int code = into->sources ? pf_source_marks_read(&marks, into->sources, err) : 0;
	if (!code)
		code = pf_source_marks_read(&marks, later, err);
	if (!code) {
		pf_source_marks_write(&marks, true, &json);
		free(into->sources);
		into->sources = pf_strdup(pf_buf_cstr(&json));
	}
	pf_buf_free(&json);
	pf_source_marks_free(&marks);
	return code;
}

int pf_mark_merge(struct pf_mark *into, const struct pf_mark *later,
		  struct pf_error *err)
{
	if (!into->nparts && !into->stage[0]) {
		pf_mark_free(into);
		pf_mark_copy(into, later);
		return 0;
	}
	if (strcmp(into->stage, later->stage))
		return pf_fail(err, PF_E_CORRUPT,
			       "marks of two stages, '%s' and '%s', meet in one stream",
			       into->stage, later->stage);
	struct pf_mark_part *parts;
	size_t nparts;
	char *gaps;
	PF_TRY(join_parts(into, later, &parts, &nparts, err));
	int code = pf_gaps_merge(into->gaps, later->gaps, &gaps, err);
	if (code) {
		free(parts);
		return code;
	}
	free(into->parts);
	into->parts = parts;
	into->nparts = nparts;
	free(into->gaps);
	into->gaps = gaps;
	into->rows += later->rows;
	into->hash = later->hash;
	if (later->sources)
		PF_TRY(join_sources(into, later->sources, err));
	return 0;
}

/* --- writing --- */

static void put_int(struct pf_meta *meta, const char *key, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, value);
	pf_meta_set(meta, key, text);
}

static void put_hash(struct pf_meta *meta, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%016" PRIx64, value);
	pf_meta_set(meta, key, text);
}

static void put_kind(struct pf_meta *meta, enum pf_control kind)
{
	pf_meta_set(meta, "pf:control", kinds[kind]);
}

void pf_control_put_begin(struct pf_meta *meta)
{
	put_kind(meta, PF_CONTROL_BEGIN);
	pf_meta_set(meta, "pf:stream", STREAM_VERSION);
}

void pf_control_put_mark(struct pf_meta *meta, const struct pf_mark *mark)
{
	struct pf_buf parts = { 0 };
	put_kind(meta, PF_CONTROL_MARK);
	pf_meta_set(meta, "pf:stage", mark->stage);
	for (size_t i = 0; i < mark->nparts; i++) {
		const struct pf_mark_part *p = &mark->parts[i];
		pf_buf_printf(&parts, "%s%" PRId32 ":%" PRId64 ":%" PRId64 ":%s",
			      i ? "," : "", p->partition, p->from, p->to, p->anchor);
	}
	pf_meta_set(meta, "pf:parts", pf_buf_cstr(&parts));
	pf_buf_free(&parts);
	put_int(meta, "pf:rows", mark->rows);
	put_hash(meta, "pf:hash", mark->hash);
	if (mark->sources)
		pf_meta_set(meta, "pf:sources", mark->sources);
	if (mark->gaps)
		pf_meta_set(meta, "pf:gaps", mark->gaps);
	if (mark->more)
		pf_meta_set(meta, "pf:more", "1");
}

void pf_control_put_end(struct pf_meta *meta, const struct pf_control_end *end)
{
	put_kind(meta, PF_CONTROL_END);
	pf_meta_set(meta, "pf:status", "ok");
	put_int(meta, "pf:rows", end->rows);
	put_int(meta, "pf:bytes", end->bytes);
	put_hash(meta, "pf:xxh3", end->hash);
	put_int(meta, "pf:in", end->counts.in);
	put_int(meta, "pf:out", end->counts.out);
	put_int(meta, "pf:rejected", end->counts.rejected);
	put_int(meta, "pf:duplicate", end->counts.duplicate);
	put_int(meta, "pf:filtered", end->counts.filtered);
}

void pf_control_put_abort(struct pf_meta *meta, const char *who, const char *why,
			  int64_t rows)
{
	put_kind(meta, PF_CONTROL_ABORT);
	pf_meta_set(meta, "pf:who", who);
	pf_meta_set(meta, "pf:why", why);
	put_int(meta, "pf:rows", rows);
}

/* --- reading --- */

/* A number that ends at `end`; *text moves behind it and behind the end. */
static bool take_int(const char **text, char end, int64_t *value)
{
	char *stop;
	errno = 0;
	if ((**text < '0' || **text > '9') && **text != '-')
		return false;
	*value = strtoll(*text, &stop, 10);
	if (errno || *stop != end)
		return false;
	*text = stop + (end != '\0');
	return true;
}

static int malformed(const char *control, const char *key, const char *value,
		     struct pf_error *err)
{
	if (!value)
		return pf_fail(err, PF_E_CORRUPT, "control message '%s' has no %s",
			       control, key);
	return pf_fail(err, PF_E_CORRUPT, "control message '%s' has a malformed %s",
		       control, key);
}

static int get_int(const struct pf_meta *meta, const char *control, const char *key,
		   int64_t *value, struct pf_error *err)
{
	const char *text = pf_meta_get(meta, key), *p = text;
	if (!text || !take_int(&p, '\0', value) || *value < 0)
		return malformed(control, key, text, err);
	return 0;
}

static int get_hash(const struct pf_meta *meta, const char *control, const char *key,
		    uint64_t *value, struct pf_error *err)
{
	const char *text = pf_meta_get(meta, key);
	if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return malformed(control, key, text, err);
	*value = strtoull(text, NULL, 16);
	return 0;
}

int pf_control_kind(const struct pf_meta *meta, enum pf_control *kind,
		    struct pf_error *err)
{
	const char *text = pf_meta_get(meta, "pf:control");
	char quoted[64];
	*kind = PF_CONTROL_NONE;
	if (!text)
		return 0;
	for (int k = PF_CONTROL_BEGIN; k <= PF_CONTROL_ABORT; k++)
		if (!strcmp(text, kinds[k])) {
			*kind = (enum pf_control)k;
			return 0;
		}
	/* A segment of a stage, read as the file that it is. */
	if (!strcmp(text, "head") || !strcmp(text, "seal"))
		return 0;
	return pf_fail(err, PF_E_UNSUPPORTED, "unknown control message '%s'",
		       pf_quote(quoted, sizeof quoted, text, strlen(text)));
}

int pf_control_get_begin(const struct pf_meta *meta, struct pf_error *err)
{
	const char *version = pf_meta_get(meta, "pf:stream");
	char quoted[64];
	if (!version)
		return malformed("begin", "pf:stream", NULL, err);
	if (strcmp(version, STREAM_VERSION))
		return pf_fail(err, PF_E_UNSUPPORTED,
			       "the stream is of version '%s', and this program knows %s",
			       pf_quote(quoted, sizeof quoted, version, strlen(version)),
			       STREAM_VERSION);
	return 0;
}

/* "partition:from:to:anchor", up to a comma or the end. */
static bool take_part(const char **text, struct pf_mark_part *part)
{
	int64_t partition;
	*part = (struct pf_mark_part){ 0 };
	if (!take_int(text, ':', &partition) || partition < 0 ||
	    partition > INT32_MAX || !take_int(text, ':', &part->from) ||
	    !take_int(text, ':', &part->to) || part->from < 0 || part->to < part->from)
		return false;
	part->partition = (int32_t)partition;
	size_t n = strcspn(*text, ",");
	if (n >= sizeof part->anchor)
		return false;
	memcpy(part->anchor, *text, n);
	*text += n + ((*text)[n] == ',');
	return true;
}

static int by_partition(const void *a, const void *b)
{
	int32_t x = ((const struct pf_mark_part *)a)->partition;
	int32_t y = ((const struct pf_mark_part *)b)->partition;
	return (x > y) - (x < y);
}

/* False: a partition stands twice. */
static bool order_parts(struct pf_mark *m)
{
	bool ascending = true;
	for (size_t i = 1; ascending && i < m->nparts; i++)
		ascending = m->parts[i - 1].partition < m->parts[i].partition;
	if (ascending)
		return true;
	qsort(m->parts, m->nparts, sizeof *m->parts, by_partition);
	for (size_t i = 1; i < m->nparts; i++)
		if (m->parts[i - 1].partition == m->parts[i].partition)
			return false;
	return true;
}

int pf_control_get_mark(const struct pf_meta *meta, struct pf_mark *mark,
			struct pf_error *err)
{
	const char *stage = pf_meta_get(meta, "pf:stage");
	const char *parts = pf_meta_get(meta, "pf:parts");
	const char *sources = pf_meta_get(meta, "pf:sources");
	const char *gaps = pf_meta_get(meta, "pf:gaps");
	pf_mark_free(mark);
	if (!stage || strlen(stage) >= sizeof mark->stage)
		return malformed("mark", "pf:stage", stage, err);
	memcpy(mark->stage, stage, strlen(stage));
	if (!parts)
		return malformed("mark", "pf:parts", parts, err);
	size_t n = *parts != '\0';
	for (const char *p = parts; *p; p++)
		n += *p == ',';
	if (n > PARTS)
		return malformed("mark", "pf:parts", parts, err);
	mark->parts = pf_alloc(n, sizeof *mark->parts);
	while (*parts) {
		if (!take_part(&parts, &mark->parts[mark->nparts]))
			return malformed("mark", "pf:parts", parts, err);
		mark->nparts++;
	}
	if (!order_parts(mark))
		return malformed("mark", "pf:parts", parts, err);
	PF_TRY(get_int(meta, "mark", "pf:rows", &mark->rows, err));
	PF_TRY(get_hash(meta, "mark", "pf:hash", &mark->hash, err));
	mark->sources = sources ? pf_strdup(sources) : NULL;
	mark->gaps = gaps ? pf_strdup(gaps) : NULL;
	mark->more = pf_meta_get(meta, "pf:more") != NULL;
	return 0;
}

int pf_control_get_end(const struct pf_meta *meta, struct pf_control_end *end,
		       struct pf_error *err)
{
	const char *status = pf_meta_get(meta, "pf:status");
	if (!status || strcmp(status, "ok"))
		return malformed("end", "pf:status", status, err);
	PF_TRY(get_int(meta, "end", "pf:rows", &end->rows, err));
	PF_TRY(get_int(meta, "end", "pf:bytes", &end->bytes, err));
	PF_TRY(get_hash(meta, "end", "pf:xxh3", &end->hash, err));
	PF_TRY(get_int(meta, "end", "pf:in", &end->counts.in, err));
	PF_TRY(get_int(meta, "end", "pf:out", &end->counts.out, err));
	PF_TRY(get_int(meta, "end", "pf:rejected", &end->counts.rejected, err));
	PF_TRY(get_int(meta, "end", "pf:duplicate", &end->counts.duplicate, err));
	return get_int(meta, "end", "pf:filtered", &end->counts.filtered, err);
}

void pf_control_get_abort(const struct pf_meta *meta, struct pf_event *event)
{
	const char *who = pf_meta_get(meta, "pf:who"), *why = pf_meta_get(meta, "pf:why");
	who = who ? who : "an upstream program";
	why = why ? why : "for a reason it did not say";
	pf_quote(event->who, sizeof event->who, who, strlen(who));
	pf_quote(event->why, sizeof event->why, why, strlen(why));
}

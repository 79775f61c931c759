/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/offsets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/source_marks.h"
#include "base/time.h"
#include "ext/json.h"
#include "paimon/internal.h"

enum { MAX_STREAMS = 1000, MAX_GAPS = 100, MAX_PARTS = 100000 };

/* --- the map --- */

static struct pf_stage_offsets *stage_of(struct pf_offset_map *map, const char *id)
{
	for (size_t i = 0; i < map->nstages; i++)
		if (!strcmp(map->stages[i].stage, id))
			return &map->stages[i];
	map->stages = pf_realloc(map->stages, map->nstages + 1, sizeof *map->stages);
	struct pf_stage_offsets *s = &map->stages[map->nstages++];
	*s = (struct pf_stage_offsets){ 0 };
	snprintf(s->stage, sizeof s->stage, "%s", id);
	return s;
}

/* How many partitions of the stage, which stand in order, are before this one. */
static size_t parts_before(const struct pf_stage_offsets *s, int32_t partition)
{
	size_t low = 0, high = s->nparts;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->parts[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pf_offset_part *part_of(struct pf_stage_offsets *s, int32_t partition)
{
	size_t at = parts_before(s, partition);
	if (at < s->nparts && s->parts[at].partition == partition)
		return &s->parts[at];
	s->parts = pf_realloc(s->parts, s->nparts + 1, sizeof *s->parts);
	memmove(s->parts + at + 1, s->parts + at, (s->nparts - at) * sizeof *s->parts);
	s->nparts++;
	s->parts[at] = (struct pf_offset_part){ .partition = partition };
	return &s->parts[at];
}

static void add_gap(struct pf_stage_offsets *s, const char *gap)
{
	if (s->ngaps == MAX_GAPS) {
		free(s->gaps[0]);
		memmove(s->gaps, s->gaps + 1, --s->ngaps * sizeof *s->gaps);
	}
	s->gaps = pf_realloc(s->gaps, s->ngaps + 1, sizeof *s->gaps);
	s->gaps[s->ngaps++] = pf_strdup(gap);
}

void pf_offset_map_free(struct pf_offset_map *map)
{
	for (size_t i = 0; i < map->nstages; i++) {
		for (size_t j = 0; j < map->stages[i].ngaps; j++)
			free(map->stages[i].gaps[j]);
		free(map->stages[i].gaps);
		free(map->stages[i].parts);
		free(map->stages[i].sources);
	}
	free(map->stages);
	free(map->streams);
	*map = (struct pf_offset_map){ 0 };
}

const struct pf_stage_offsets *pf_offset_map_find(const struct pf_offset_map *map,
						  const char *stage)
{
	for (size_t i = 0; i < map->nstages; i++)
		if (!strcmp(map->stages[i].stage, stage))
			return &map->stages[i];
	return NULL;
}

static const struct pf_offset_part *find_part(const struct pf_offset_map *map,
					      const char *stage, int32_t partition)
{
	const struct pf_stage_offsets *s = pf_offset_map_find(map, stage);
	size_t at = s ? parts_before(s, partition) : 0;
	return s && at < s->nparts && s->parts[at].partition == partition ? &s->parts[at] : NULL;
}

int64_t pf_offset_next(const struct pf_offset_map *map, const char *stage,
		       int32_t partition, const char **anchor)
{
	const struct pf_offset_part *p = find_part(map, stage, partition);
	if (anchor)
		*anchor = p ? p->anchor : "";
	return p ? p->next : 0;
}

enum pf_mark_state pf_offset_compare(const struct pf_offset_map *map,
				     const struct pf_mark *mark, bool restart)
{
	bool fits = true, done = true;
	for (size_t i = 0; i < mark->nparts; i++) {
		const struct pf_mark_part *p = &mark->parts[i];
		const char *anchor;
		int64_t next = pf_offset_next(map, mark->stage, p->partition, &anchor);
		if (restart && !find_part(map, mark->stage, p->partition))
			next = p->from;
		fits &= next == p->from;
		done &= next >= p->to;
		/* Same place, another record before it: another stage's past. */
		if (next == p->to && *anchor && *p->anchor &&
		    strcmp(anchor, p->anchor))
			return PF_MARK_OTHER;
	}
	return done ? PF_MARK_LOADED : fits ? PF_MARK_NEXT : PF_MARK_OTHER;
}

/* Marks of sources move up; what their bounds do not allow leaves. Malformed
 * ones were refused when the mark was read. */
static void add_sources(struct pf_stage_offsets *s, const char *later)
{
	struct pf_source_marks marks = { 0 };
	struct pf_buf json = { 0 };
	if (s->sources)
		pf_source_marks_read(&marks, s->sources, NULL);
	pf_source_marks_read(&marks, later, NULL);
	pf_source_marks_forget(&marks, pf_now_ms() / 1000);
	pf_source_marks_write(&marks, true, &json);
	free(s->sources);
	s->sources = pf_strdup(pf_buf_cstr(&json));
	pf_buf_free(&json);
	pf_source_marks_free(&marks);
}

void pf_offset_advance(struct pf_offset_map *map, const struct pf_mark *mark)
{
	struct pf_stage_offsets *s = stage_of(map, mark->stage);
	for (size_t i = 0; i < mark->nparts; i++) {
		struct pf_offset_part *p = part_of(s, mark->parts[i].partition);
		if (mark->parts[i].to == p->next && !*mark->parts[i].anchor)
			continue;
		p->next = mark->parts[i].to;
		snprintf(p->anchor, sizeof p->anchor, "%s", mark->parts[i].anchor);
	}
	if (mark->gaps)
		add_gap(s, mark->gaps);
	if (mark->sources)
		add_sources(s, mark->sources);
}

bool pf_offset_has_stream(const struct pf_offset_map *map, uint64_t hash)
{
	char hex[17];
	snprintf(hex, sizeof hex, "%016" PRIx64, hash);
	for (size_t i = 0; i < map->nstreams; i++)
		if (!strcmp(map->streams[i], hex))
			return true;
	return false;
}

void pf_offset_add_stream(struct pf_offset_map *map, uint64_t hash)
{
	if (map->nstreams == MAX_STREAMS)
		memmove(map->streams, map->streams + 1,
			--map->nstreams * sizeof *map->streams);
	map->streams = pf_realloc(map->streams, map->nstreams + 1,
				  sizeof *map->streams);
	snprintf(map->streams[map->nstreams++], sizeof *map->streams, "%016" PRIx64,
		 hash);
}

/* --- as text --- */

static int malformed(struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_CORRUPT, "malformed snapshot property '%s'",
		       PF_OFFSETS_PROPERTY);
}

static bool parse_partition(const char *text, int32_t *out)
{
	char *end;
	long v = strtol(text, &end, 10);
	if (end == text || *end || v < 0 || v > INT32_MAX)
		return false;
	*out = (int32_t)v;
	return true;
}

static int parse_stage(const struct pf_json *j, struct pf_stage_offsets *s,
		       struct pf_error *err)
{
	void *iter = NULL;
	const char *key;
	const struct pf_json *value, *parts = pf_json_get(j, "parts");
	if (pf_json_size(parts) > MAX_PARTS)
		return malformed(err);
	while (pf_json_each(parts, &iter, &key, &value)) {
		int32_t partition;
		int64_t next;
		const char *anchor = pf_json_text(pf_json_get(value, "anchor"));
		if (!parse_partition(key, &partition) ||
		    !pf_json_int(pf_json_get(value, "next"), &next) || next < 0 ||
		    (anchor && strlen(anchor) > 32))
			return malformed(err);
		struct pf_offset_part *p = part_of(s, partition);
		p->next = next;
		snprintf(p->anchor, sizeof p->anchor, "%s", anchor ? anchor : "");
	}
	if (pf_json_get(j, "sources")) {
		struct pf_source_marks marks = { 0 };
		struct pf_buf json = { 0 };
		int code = pf_source_marks_read_value(&marks, pf_json_get(j, "sources"), NULL);
		if (!code) {
			pf_source_marks_write(&marks, true, &json);
			s->sources = pf_strdup(pf_buf_cstr(&json));
		}
		pf_source_marks_free(&marks);
		pf_buf_free(&json);
		if (code)
			return malformed(err);
	}
	const struct pf_json *gaps = pf_json_get(j, "gaps");
	for (size_t i = 0; i < pf_json_size(gaps); i++) {
		const char *gap = pf_json_text(pf_json_at(gaps, i));
		if (!gap)
			return malformed(err);
		add_gap(s, gap);
	}
	return 0;
}

static int parse_map(const struct pf_json *j, struct pf_offset_map *map,
		     struct pf_error *err)
{
	void *iter = NULL;
	const char *key;
	const struct pf_json *value, *streams = pf_json_get(j, "streams");
	if (pf_json_kind(j) != PF_JSON_OBJECT)
		return malformed(err);
	while (pf_json_each(pf_json_get(j, "stages"), &iter, &key, &value)) {
		if (strlen(key) >= sizeof map->stages->stage)
			return malformed(err);
		PF_TRY(parse_stage(value, stage_of(map, key), err));
	}
	for (size_t i = 0; i < pf_json_size(streams); i++) {
		const char *hex = pf_json_text(pf_json_at(streams, i));
		if (!hex || strlen(hex) != 16)
			return malformed(err);
		pf_offset_add_stream(map, strtoull(hex, NULL, 16));
	}
	return 0;
}

int pf_offset_map_parse(const char *json, struct pf_offset_map *map,
			struct pf_error *err)
{
	struct pf_json *j;
	*map = (struct pf_offset_map){ 0 };
	if (pf_json_parse(json, strlen(json), PF_OFFSETS_PROPERTY, &j, NULL))
		return malformed(err);
	int code = parse_map(j, map, err);
	pf_json_free(j);
	if (code)
		pf_offset_map_free(map);
	return code;
}

static void format_stage(const struct pf_stage_offsets *s, struct pf_buf *out)
{
	pf_json_quote_str(out, s->stage);
	pf_buf_str(out, ":{\"parts\":{");
	for (size_t i = 0; i < s->nparts; i++) {
		pf_buf_printf(out, "%s\"%" PRId32 "\":{\"next\":%" PRId64 ",\"anchor\":",
			      i ? "," : "", s->parts[i].partition, s->parts[i].next);
		pf_json_quote_str(out, s->parts[i].anchor);
		pf_buf_byte(out, '}');
	}
	pf_buf_byte(out, '}');
	if (s->sources) {
		pf_buf_str(out, ",\"sources\":");
		pf_buf_str(out, s->sources);
	}
	for (size_t i = 0; i < s->ngaps; i++) {
		pf_buf_str(out, i ? "," : ",\"gaps\":[");
		pf_json_quote_str(out, s->gaps[i]);
	}
	pf_buf_str(out, s->ngaps ? "]}" : "}");
}

void pf_offset_map_format(const struct pf_offset_map *map, struct pf_buf *out)
{
	pf_buf_str(out, "{\"stages\":{");
	for (size_t i = 0; i < map->nstages; i++) {
		if (i)
			pf_buf_byte(out, ',');
		format_stage(&map->stages[i], out);
	}
	pf_buf_byte(out, '}');
	for (size_t i = 0; i < map->nstreams; i++)
		pf_buf_printf(out, "%s\"%s\"", i ? "," : ",\"streams\":[",
			      map->streams[i]);
	pf_buf_str(out, map->nstreams ? "]}" : "}");
}

/* --- in a table --- */

/* Was one of us ever here? Asked when no snapshot of the chain tells. */
static int were_we_here(struct pf_table *t, bool *were, struct pf_error *err)
{
	PF_TRY(pf_store_stat(t->store, "consumer/consumer-paraflow", were, NULL, err));
	if (pf_meta_get(&t->newest->options, "pf.id"))
		*were = true;
	return 0;
}

static int no_map(struct pf_table *t, int64_t oldest, struct pf_error *err)
{
	bool were;
	/* The whole history is there and none of it is ours. */
	if (oldest <= 1)
		return 0;
	PF_TRY(were_we_here(t, &were, err));
	if (!were)
		return 0;
	pf_fail(err, PF_E_NO_OFFSETS,
		"no snapshot of '%s' (the oldest is %" PRId64
		") says what has been loaded: the one that did has expired",
		t->path, oldest);
	return pf_hint(err, "say where to start: --offsets or --from-start");
}

int pf_table_offsets(struct pf_table *t, const struct pf_snapshot *from,
		     struct pf_offset_map *map, struct pf_error *err)
{
	struct pf_snapshot *latest = NULL;
	*map = (struct pf_offset_map){ 0 };
	if (!from) {
		PF_TRY(pf_snapshot_latest(t, &latest, err));
		from = latest;
	}
	if (!from)
		return 0;
	int code = 0;
	int64_t id = from->id;
	struct pf_snapshot *walked = NULL;
	for (;;) {
		const struct pf_snapshot *s = walked ? walked : from;
		const char *json = pf_meta_get(&s->properties, PF_OFFSETS_PROPERTY);
		if (json) {
			code = pf_offset_map_parse(json, map, err);
			map->snapshot = code ? 0 : id;
			break;
		}
		pf_snapshot_free(walked);
		walked = NULL;
		if (id == 1) {
			code = no_map(t, 1, err);
			break;
		}
		code = pf_snapshot_read(t, --id, &walked, err);
		if (code == PF_E_NO_FILE) {
			code = no_map(t, id + 1, err);
			break;
		}
		if (code)
			break;
	}
	pf_snapshot_free(walked);
	pf_snapshot_free(latest);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/strings.h"
#include "base/time.h"

static const char *const grain_names[] = { "none", "year", "month", "day" };

const char *pf_grain_name(enum pf_grain grain)
{
	return grain_names[grain];
}

int pf_grain_parse(const char *text, enum pf_grain *grain, struct pf_error *err)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(text, grain_names[i])) {
			*grain = (enum pf_grain)i;
			return 0;
		}
	return pf_fail(err, PF_E_SCHEMA_FILE,
		       "unknown partition grain '%s': one of day, month, year, none",
		       text);
}

/* --- lists of names; none of them has a comma --- */

static void read_names(const char *text, char ***names, size_t *n)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");
		*names = pf_realloc(*names, *n + 1, sizeof **names);
		(*names)[(*n)++] = pf_strndup(text, len);
		text += len + (text[len] == ',');
	}
}

static void write_names(struct pf_schema *schema, const char *key, char *const *names,
			size_t n)
{
	struct pf_buf text = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_buf_printf(&text, "%s%s", i ? "," : "", names[i]);
	if (n)
		pf_meta_set(&schema->meta, key, pf_buf_cstr(&text));
	pf_buf_free(&text);
}

/* --- options of merging --- */

#define OPTION_PREFIX "pf:option:"

bool pf_is_merge_option(const char *key)
{
	static const char *const names[] = {
		"ignore-delete", "ignore-update-before", "deduplicate.ignore-delete",
		"partial-update.ignore-delete", "first-row.ignore-delete",
		"partial-update.remove-record-on-delete",
		"partial-update.remove-record-on-sequence-group",
		"aggregation.remove-record-on-delete", "sequence.field.sort-order",
		"changelog-producer",
	};
	static const char *const endings[] = {
		".aggregate-function", ".default-aggregate-function", ".ignore-retract",
		".distinct", ".list-agg-delimiter", ".sequence-group",
	};
	const char *last = strrchr(key, '.');
	for (size_t i = 0; i < sizeof endings / sizeof *endings && last; i++)
		if (!strncmp(key, "fields.", 7) && !strcmp(last, endings[i]))
			return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(key, names[i]))
			return true;
	return false;
}

bool pf_option_is_on(const struct pf_meta *options, const char *key)
{
	const char *v = pf_meta_get(options, key);
	return v && !strcasecmp(v, "true");
}

const char *pf_option_of_field(const struct pf_meta *options, const char *column,
			       const char *what)
{
	char *key = pf_asprintf("fields.%s.%s", column, what);
	const char *v = pf_meta_get(options, key);
	free(key);
	return v;
}

/* Whoever leaves it out means the same. */
static bool is_default(const char *value)
{
	return !strcasecmp(value, "false") || !strcasecmp(value, "ascending") ||
	       !strcasecmp(value, "none");
}

/* Does it mean anything to the merge engine? Tables carry others, too. */
static bool concerns(const char *key, const char *merge)
{
	static const char *const engines[] = { "deduplicate", "partial-update", "aggregation",
					       "first-row" };
	size_t n = strcspn(key, ".");
	if (!merge)
		return true;
	if (!strncmp(key, "fields.", 7))
		return !strcasecmp(merge, "partial-update") || !strcasecmp(merge, "aggregation");
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		if (strlen(engines[i]) == n && !strncmp(key, engines[i], n))
			return !strcasecmp(merge, engines[i]);
	return true;
}

void pf_layout_take_options(struct pf_layout *l, const struct pf_meta *options)
{
	for (size_t i = 0; i < options->n; i++) {
		const char *key = options->items[i].key, *value = options->items[i].value;
		if (pf_is_merge_option(key) && !is_default(value) && concerns(key, l->merge))
			pf_meta_set(&l->options, key, value);
	}
}

static void read_options(const struct pf_schema *schema, struct pf_layout *l)
{
	size_t skip = strlen(OPTION_PREFIX);
	for (size_t i = 0; i < schema->meta.n; i++)
		if (!strncmp(schema->meta.items[i].key, OPTION_PREFIX, skip))
			pf_meta_set(&l->options, schema->meta.items[i].key + skip,
				    schema->meta.items[i].value);
}

static void write_options(const struct pf_layout *l, struct pf_schema *schema)
{
	for (size_t i = 0; i < l->options.n; i++) {
		char *key = pf_asprintf(OPTION_PREFIX "%s", l->options.items[i].key);
		pf_meta_set(&schema->meta, key, l->options.items[i].value);
		free(key);
	}
}

void pf_layout_read_key(const struct pf_schema *schema, struct pf_layout *l)
{
	const char *merge = pf_meta_get(&schema->meta, "pf:merge");
	read_names(pf_meta_get(&schema->meta, "pf:primary-key"), &l->key, &l->nkey);
	read_names(pf_meta_get(&schema->meta, "pf:sequence"), &l->sequence, &l->nsequence);
	if (l->nkey)
		l->merge = pf_strdup(merge ? merge : "deduplicate");
	if (l->nkey)
		read_options(schema, l);
}

/* The key, and how its versions are told apart. */
static int read_key(const struct pf_schema *schema, struct pf_layout *l,
		    struct pf_error *err)
{
	pf_layout_read_key(schema, l);
	for (size_t i = 0; i < l->nkey + l->nsequence; i++) {
		const char *name = i < l->nkey ? l->key[i] : l->sequence[i - l->nkey];
		if (pf_schema_find(schema, name) < 0)
			return pf_fail(err, PF_E_UNKNOWN_COLUMN,
				       "the stream names '%s' in its %s but has no such column",
				       name, i < l->nkey ? "primary key" : "sequence");
	}
	int kind = pf_schema_find(schema, PF_KIND_COLUMN);
	if (kind >= 0 && (!l->nkey || schema->fields[kind].type.kind != PF_TINYINT))
		return pf_fail(err, PF_E_SCHEMA_MISMATCH,
			       "the stream's '" PF_KIND_COLUMN "' is not the kind of rows of a primary key");
	return 0;
}

int pf_layout_read(const struct pf_schema *schema, struct pf_layout *layout,
		   struct pf_error *err)
{
	*layout = (struct pf_layout){ .partition_column = -1 };
	const char *id = pf_meta_get(&schema->meta, "pf:id");
	const char *time = pf_meta_get(&schema->meta, "pf:time");
	const char *grain = pf_meta_get(&schema->meta, "pf:partition-by");
	const char *buckets = pf_meta_get(&schema->meta, "pf:buckets");
	const char *zone = pf_meta_get(&schema->meta, "pf:zone");
	const char *table = pf_meta_get(&schema->meta, "pf:table");
	if (!id || !time || !grain || !buckets)
		return pf_fail(err, PF_E_NO_SCHEMA,
			       "the stream does not say its entity ID, time, partition and buckets");
	PF_TRY(pf_grain_parse(grain, &layout->grain, err));
	char *end;
	long n = strtol(buckets, &end, 10);
	if (*end || n < 1 || n > 1 << 20)
		return pf_fail(err, PF_E_CORRUPT, "malformed pf:buckets '%s'",
			       buckets);
	int at_id = pf_schema_find(schema, id), at_time = pf_schema_find(schema, time);
	if (at_id < 0 || at_time < 0)
		return pf_fail(err, PF_E_UNKNOWN_COLUMN,
			       "the stream names '%s' as its %s but has no such column",
			       at_id < 0 ? id : time, at_id < 0 ? "ID" : "time");
	layout->buckets = (int32_t)n;
	layout->id_column = at_id;
	layout->time_column = at_time;
	if (layout->grain != PF_GRAIN_NONE)
		layout->partition_column = pf_schema_find(schema,
							  PF_PARTITION_COLUMN);
	layout->table = pf_strdup(table ? table : "");
	layout->id = pf_strdup(id);
	layout->time = pf_strdup(time);
	layout->zone = pf_strdup(zone ? zone : "UTC");
	int code = read_key(schema, layout, err);
	if (code)
		pf_layout_free(layout);
	return code;
}

void pf_layout_write(const struct pf_layout *layout, struct pf_schema *schema)
{
	char buckets[16];
	snprintf(buckets, sizeof buckets, "%d", layout->buckets);
	pf_meta_set(&schema->meta, "pf:table", layout->table ? layout->table : "");
	pf_meta_set(&schema->meta, "pf:id", layout->id);
	pf_meta_set(&schema->meta, "pf:time", layout->time);
	pf_meta_set(&schema->meta, "pf:zone", layout->zone ? layout->zone : "UTC");
	pf_meta_set(&schema->meta, "pf:partition-by", pf_grain_name(layout->grain));
	pf_meta_set(&schema->meta, "pf:buckets", buckets);
	write_names(schema, "pf:primary-key", layout->key, layout->nkey);
	write_names(schema, "pf:sequence", layout->sequence, layout->nsequence);
	if (layout->nkey)
		pf_meta_set(&schema->meta, "pf:merge", layout->merge);
	write_options(layout, schema);
}

void pf_layout_free(struct pf_layout *layout)
{
	free(layout->table);
	free(layout->id);
	free(layout->time);
	free(layout->zone);
	pf_strings_free(layout->key, layout->nkey);
	pf_strings_free(layout->sequence, layout->nsequence);
	free(layout->merge);
	pf_meta_free(&layout->options);
	*layout = (struct pf_layout){ 0 };
}

#define PARTITION_ID "pf:partition-id"

static int32_t next_id(const struct pf_schema *rows)
{
	size_t n = rows->n;
	if (n && !strcmp(rows->fields[n - 1].name, PF_KIND_COLUMN))
		n--;
	if (!n)
		return 0;
	int32_t last = rows->fields[n - 1].id;
	return last < 0 ? -1 : last + 1;
}

void pf_layout_partition_id(struct pf_schema *rows, int32_t id)
{
	char text[16];
	if (id == next_id(rows))
		return;
	snprintf(text, sizeof text, "%d", (int)id);
	pf_meta_set(&rows->meta, PARTITION_ID, text);
}

int32_t pf_layout_partition_id_of(const struct pf_schema *rows)
{
	const char *said = pf_meta_get(&rows->meta, PARTITION_ID);
	return said ? (int32_t)strtol(said, NULL, 10) : next_id(rows);
}

struct pf_schema *pf_schema_without_partition(const struct pf_schema *schema)
{
	const char *grain = pf_meta_get(&schema->meta, "pf:partition-by");
	bool partitioned = grain && strcmp(grain, pf_grain_name(PF_GRAIN_NONE));
	struct pf_schema *s = pf_schema_new();
	int32_t id = -1;
	for (size_t i = 0; i < schema->n; i++) {
		const struct pf_field *from = &schema->fields[i];
		if (partitioned && !strcmp(from->name, PF_PARTITION_COLUMN)) {
			id = from->id;
			continue;
		}
		struct pf_field *f = pf_schema_add(s, from->name, from->type,
						   from->nullable);
		f->id = from->id;
		pf_meta_copy(&f->meta, &from->meta);
	}
	pf_meta_copy(&s->meta, &schema->meta);
	if (id >= 0) /* columns that came later have higher ones */
		pf_layout_partition_id(s, id);
	return s;
}

size_t pf_grain_format(enum pf_grain grain, int64_t value, int64_t units,
		       char *out)
{
	if (grain == PF_GRAIN_NONE) {
		out[0] = '\0';
		return 0;
	}
	size_t full = pf_format_date(out, pf_floor_div(value, units * 86400));
	size_t cut = grain == PF_GRAIN_DAY ? 0 : grain == PF_GRAIN_MONTH ? 3 : 6;
	out[full - cut] = '\0';
	return full - cut;
}

int pf_cell_read(const struct pf_meta *meta, struct pf_cell *cell,
		 struct pf_error *err)
{
	const char *bucket = pf_meta_get(meta, "pf:bucket");
	const char *partition = pf_meta_get(meta, "pf:partition");
	char *end = NULL;
	long n = bucket ? strtol(bucket, &end, 10) : -1;
	if (!bucket) {
		pf_fail(err, PF_E_NOT_PARTITIONED,
			"rows come without partition and bucket");
		return pf_hint(err, "put pf-partition before this program");
	}
	if (end == bucket || *end || n < 0 || n > INT32_MAX)
		return pf_fail(err, PF_E_CORRUPT, "malformed pf:bucket '%s'", bucket);
	*cell = (struct pf_cell){ .bucket = (int32_t)n,
				  .has_partition = partition != NULL };
	if (partition)
		cell->partition = pf_view_str(partition);
	return 0;
}

void pf_cell_write(const struct pf_cell *cell, struct pf_meta *meta)
{
	char bucket[16];
	snprintf(bucket, sizeof bucket, "%d", cell->bucket);
	if (cell->has_partition) {
		char *text = pf_strndup((const char *)cell->partition.data,
					cell->partition.len);
		pf_meta_set(meta, "pf:partition", text);
		free(text);
	}
	pf_meta_set(meta, "pf:bucket", bucket);
}

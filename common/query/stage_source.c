/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a stage that a table does not hold yet: from exactly the offsets
 * of the snapshot that is read to the durable end.
 */
#include "query/source.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "load/loaded.h"
#include "paimon/alter.h"
#include "paimon/bucket.h"
#include "text/reader.h"
#include "text/tabledef.h"

struct stage_source {
	struct pf_source s;
	struct pf_stage *stage;
	struct pf_source *table;
	struct pf_stage_reader *reader;
	struct pf_fit *fit;
};

/* What pf-stage read would reject is no row here either, and counted. */
static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	(void)reject;
	(void)err;
	((struct pf_source *)ctx)->rejected++;
	return 0;
}

/* The fibers of the entities that are asked for; NULL: of any. */
static int32_t *wanted_fibers(struct stage_source *s, const struct pf_wanted *w, size_t *n)
{
	const struct pf_tabledef *def = pf_stage_definition(s->stage);
	const char *id = def->columns[def->id_column].name;
	struct pf_datum *keys = NULL;
	*n = 0;
	if (w->prune && w->filter->n && pf_schema_find(w->schema, id) >= 0)
		*n = pf_wanted_keys(w, id, def->columns[def->id_column].type, &keys);
	int32_t *fibers = *n ? pf_alloc(*n, sizeof *fibers) : NULL;
	for (size_t i = 0; i < *n; i++)
		fibers[i] = pf_bucket_of(&keys[i], 1, def->buckets);
	free(keys);
	return fibers;
}

/* What the columns are called in the stage, when its definition is an older one
 * of the table's: the same by field id. */
static int old_names(struct pf_table *table, const struct pf_schema *stage,
		     const struct pf_schema *wanted, const char **names,
		     bool *older, struct pf_error *err)
{
	const struct pf_table_schema *now = pf_table_schema(table), *then;
	PF_TRY(pf_table_schema_like(table, stage, &then, err));
	*older = then && then != now;
	for (size_t i = 0; *older && i < wanted->n; i++) {
		const char *name = wanted->fields[i].name;
		int field = pf_table_field_by_name(now, name);
		int at = field < 0 ? -1 : pf_table_field_by_id(then, now->fields[field].id);
		names[i] = field < 0 ? name : at < 0 ? "" : then->fields[at].name;
	}
	return 0;
}

static int fit_to_table(struct stage_source *s, const struct pf_schema *wanted,
			struct pf_error *err)
{
	const struct pf_snapshot *snapshot;
	struct pf_table *table = s->table ? pf_source_table_of(s->table, &snapshot) : NULL;
	const char **names = pf_alloc(wanted->n + 1, sizeof *names);
	bool older = false;
	int code = table ? old_names(table, s->s.schema, wanted, names, &older, err) : 0;
	if (!code)
		code = pf_fit_new(&s->s, wanted, older ? names : NULL, &s->fit, err);
	free(names);
	return code;
}

static int stage_start(struct pf_source *source, const struct pf_wanted *w,
		       struct pf_error *err)
{
	struct stage_source *s = (struct stage_source *)source;
	struct pf_loaded loaded = { 0 };
	pf_stage_reader_close(s->reader);
	s->reader = NULL;
	pf_fit_free(s->fit);
	s->fit = NULL;
	source->rejected = 0;
	PF_TRY(fit_to_table(s, w->schema, err));
	const struct pf_snapshot *snapshot = NULL;
	struct pf_table *table = s->table ? pf_source_table_of(s->table, &snapshot) : NULL;
	if (snapshot)
		PF_TRY(pf_loaded_of(table, snapshot, pf_stage_uuid(s->stage), &loaded, err));
	size_t nfibers;
	int32_t *fibers = wanted_fibers(s, w, &nfibers);
	struct pf_stage_read how = {
		.oldest = !s->table,
		.starts = loaded.starts,
		.nstarts = loaded.n,
		.sources = loaded.sources,
		.hold = true,
		.fibers = fibers,
		.nfibers = nfibers,
		.reject = on_reject,
		.ctx = source,
	};
	int code = pf_stage_reader_open(s->stage, &how, &s->reader, err);
	free(fibers);
	pf_loaded_free(&loaded);
	return code;
}

static int stage_next(struct pf_source *source, struct pf_batch *batch,
		      struct pf_error *err)
{
	struct stage_source *s = (struct stage_source *)source;
	struct pf_event event;
	do {
		PF_TRY(pf_stage_reader_next(s->reader, &event, err));
		if (event.kind == PF_EVENT_BATCH) {
			*batch = pf_fit_batch(s->fit, &event.batch);
			source->counts.rows += batch->rows;
			return 0;
		}
	} while (event.kind == PF_EVENT_MARK);
	batch->rows = 0;
	return 0;
}

static void stage_close(struct pf_source *source)
{
	struct stage_source *s = (struct stage_source *)source;
	pf_fit_free(s->fit);
	pf_stage_reader_close(s->reader);
	pf_stage_close(s->stage);
	free(s);
}

/* A topic that does not say what its rows are has the table's. */
static int open_stage(struct stage_source *s, const char *path,
		      const struct pf_stage_access *access, struct pf_error *err)
{
	struct pf_stage_access how = access ? *access : (struct pf_stage_access){ 0 };
	struct pf_tabledef *def = NULL;
	if (s->table) {
		const struct pf_snapshot *none;
		struct pf_schema *columns = pf_schema_without_partition(
			pf_table_schema(pf_source_table_of(s->table, &none))->columns);
		struct pf_error why = { 0 };
		if (!pf_tabledef_from_schema(columns, &def, &why))
			how.fallback = def;
		pf_schema_unref(columns);
	}
	int code = pf_stage_open(path, &how, &s->stage, err);
	pf_tabledef_free(def);
	return code;
}

static bool stage_ready(struct pf_source *source)
{
	return pf_stage_reader_ready(((struct stage_source *)source)->reader);
}

static const struct pf_source_ops stage_ops = { .start = stage_start,
						.next = stage_next,
						.ready = stage_ready,
						.close = stage_close };

int pf_source_stage(const char *path, const struct pf_stage_access *access,
		    struct pf_source *table, struct pf_source **out,
		    struct pf_error *err)
{
	struct stage_source *s = pf_zalloc(1, sizeof *s);
	s->s = (struct pf_source){ .ops = &stage_ops, .name = pf_strdup(path),
				   .kind = "stage" };
	s->table = table;
	int code = open_stage(s, path, access, err);
	if (code) {
		pf_source_close(&s->s);
		return code;
	}
	s->s.schema = pf_schema_ref(pf_stage_schema(s->stage));
	*out = &s->s;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "load/loaded.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "paimon/alter.h"
#include "paimon/offsets.h"

void pf_loaded_free(struct pf_loaded *l)
{
	free(l->starts);
	free(l->sources);
	*l = (struct pf_loaded){ 0 };
}

int64_t pf_loaded_next(const struct pf_loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->starts[i].partition)
			return l->starts[i].offset;
	return 0;
}

int pf_loaded_of(struct pf_table *table, const struct pf_snapshot *snapshot,
		 const char *stage_uuid, struct pf_loaded *l, struct pf_error *err)
{
	struct pf_offset_map map;
	*l = (struct pf_loaded){ 0 };
	PF_TRY(pf_table_offsets(table, snapshot, &map, err));
	const struct pf_stage_offsets *s = pf_offset_map_find(&map, stage_uuid);
	l->n = s ? s->nparts : 0;
	l->starts = pf_alloc(l->n + 1, sizeof *l->starts);
	for (size_t i = 0; i < l->n; i++) {
		const struct pf_offset_part *p = &s->parts[i];
		l->starts[i] = (struct pf_stage_start){ .partition = p->partition,
							.offset = p->next };
		memcpy(l->starts[i].anchor, p->anchor, sizeof l->starts[i].anchor);
	}
	l->sources = s && s->sources ? pf_strdup(s->sources) : NULL;
	pf_offset_map_free(&map);
	return 0;
}

static int look_up(struct pf_table *table, const char *stage_uuid, int64_t as_of_ms,
		   struct pf_loaded *loaded, struct pf_error *err)
{
	struct pf_snapshot *snapshot = NULL;
	if (as_of_ms > 0) {
		PF_TRY(pf_snapshot_as_of(table, as_of_ms, &snapshot, err));
		if (!snapshot)
			return 0;
		/* Rows may be let go only for a snapshot that stays: its maker
		 * may have died before its name was on the disk. */
		int synced = pf_store_sync_dir(pf_table_store(table), "snapshot", err);
		if (synced) {
			pf_snapshot_free(snapshot);
			return synced;
		}
	}
	int code = pf_loaded_of(table, snapshot, stage_uuid, loaded, err);
	pf_snapshot_free(snapshot);
	return code;
}

int pf_loaded_read(const char *path, const char *stage_uuid, int64_t as_of_ms,
		   struct pf_loaded *loaded, struct pf_error *err)
{
	struct pf_table *table;
	*loaded = (struct pf_loaded){ 0 };
	PF_TRY(pf_table_open(path, &table, err));
	int code = look_up(table, stage_uuid, as_of_ms, loaded, err);
	pf_table_close(table);
	return code;
}

static int set_ids(struct pf_table *table, struct pf_schema *rows, struct pf_error *err)
{
	const struct pf_table_schema *s;
	PF_TRY(pf_table_schema_like(table, rows, &s, err));
	for (size_t i = 0; s && i < rows->n; i++) {
		int at = pf_table_field_by_name(s, rows->fields[i].name);
		if (at >= 0) /* not the kind of rows */
			rows->fields[i].id = s->fields[at].id;
	}
	int dt = s ? pf_table_field_by_name(s, PF_PARTITION_COLUMN) : -1;
	if (dt >= 0)
		pf_layout_partition_id(rows, s->fields[dt].id);
	return 0;
}

int pf_loaded_field_ids(const char *path, struct pf_schema *rows, struct pf_error *err)
{
	struct pf_table *table;
	PF_TRY(pf_table_open(path, &table, err));
	int code = set_ids(table, rows, err);
	pf_table_close(table);
	return code;
}

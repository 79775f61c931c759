/* SPDX-License-Identifier: Apache-2.0 */
#include "load/loaded.h"

#include <stdio.h>

#include "paimon/offsets.h"

static int look_up(struct pf_table *table, const char *stage_uuid, int64_t as_of_ms,
		   struct pf_loaded *loaded, struct pf_error *err)
{
	struct pf_snapshot *snapshot = NULL;
	struct pf_offset_map map = { 0 };
	const char *anchor;
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
	int code = pf_table_offsets(table, snapshot, &map, err);
	if (!code) {
		loaded->next = pf_offset_next(&map, stage_uuid, 0, &anchor);
		snprintf(loaded->anchor, sizeof loaded->anchor, "%s",
			 anchor ? anchor : "");
	}
	pf_offset_map_free(&map);
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables that Paimon's Java code wrote: schemas, snapshots, manifests of
 * releases 0.9 to 1.3, live files.
 */
#include "paimon/deletion.h"

#include <stdlib.h>

#include "ext/hash.h"
#include "paimon/roaring.h"
#include "shared.h"
#include "unit.h"

static struct pf_table *open_fixture(const char *name)
{
	char file[200], path[512];
	struct pf_table *t = NULL;
	struct pf_error err = { 0 };
	snprintf(file, sizeof file, "corpora/paimon/tables/%s.db/%s", name, name);
	if (shared_path(path, sizeof path, file))
		CHECK_OK(pf_table_open(path, &t, &err), &err);
	return t;
}

static struct pf_snapshot *snapshot(struct pf_table *t, int64_t id)
{
	struct pf_snapshot *s = NULL;
	struct pf_error err = { 0 };
	if (id)
		CHECK_OK(pf_snapshot_read(t, id, &s, &err), &err);
	else
		CHECK_OK(pf_snapshot_latest(t, &s, &err), &err);
	return s;
}

/* Files and rows of each fixture, from its README and its snapshots; every
 * file is there with the size its entry says. */
TEST(live_files)
{
	static const struct {
		const char *name;
		int64_t id;
		int files, rows;
	} want[] = {
		{ "append_table_row_tracking_with_compact", 1, 1, 2 },
		{ "append_table_row_tracking_with_compact", 2, 2, 4 },
		{ "append_table_row_tracking_with_compact", 4, 1, 4 },
		{ "append_table_with_alter_table", 1, 2, 5 },
		{ "append_table_with_alter_table", 2, 4, 10 },
		{ "append_with_bitmap", 0, 1, 8 },
		{ "append_with_bloomfilter", 0, 1, 8 },
		{ "append_with_cast_timestamp", 0, 1, 3 },
		{ "pk_09", 1, 3, 9 },
		{ "pk_table_partial_update", 2, 2, 8 },
		{ "pk_table_scan_and_read_mor", 2, 5, 11 },
	};
	struct pf_error err = { 0 };
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct pf_table *t = open_fixture(want[i].name);
		if (!t)
			continue;
		struct pf_snapshot *s = snapshot(t, want[i].id);
		struct pf_file_list l;
		CHECK_OK(pf_scan_files(t, s, NULL, &l, &err), &err);
		CHECK_INT(l.n, want[i].files);
		CHECK_INT(l.rows, want[i].rows);
		CHECK_INT(s->total_rows, want[i].rows);
		for (size_t f = 0; f < l.n; f++) {
			bool exists = false;
			uint64_t size = 0;
			CHECK_OK(pf_store_stat(pf_table_store(t), l.files[f].path,
					       &exists, &size, &err), &err);
			CHECK(exists);
			CHECK_INT(size, l.files[f].size);
		}
		pf_file_list_free(&l);
		pf_snapshot_free(s);
		pf_table_close(t);
	}
}

static const struct pf_data_file *file_in(const struct pf_file_list *l,
					  const char *dir, int64_t schema)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->files[i].dir, dir) && l->files[i].schema_id == schema)
			return &l->files[i];
	return NULL;
}

/* append_table_with_alter_table: d was renamed to a, b to c, columns dropped,
 * added, reordered. */
TEST(evolution_by_field_id)
{
	struct pf_table *t = open_fixture("append_table_with_alter_table");
	struct pf_error err = { 0 };
	struct pf_file_list l;
	const struct pf_table_schema *old;
	int map[16];
	if (!t)
		return;
	const struct pf_table_schema *now = pf_table_schema(t);
	CHECK_INT(now->id, 1);
	CHECK_INT(now->n, 7);
	CHECK_STR(now->fields[5].name, "a");
	CHECK_INT(now->fields[5].id, 5);
	CHECK_OK(pf_table_schema_of(t, 0, &old, &err), &err);
	CHECK_OK(pf_scan_mapping(now, old, map, NULL, &err), &err);
	static const int want[] = { 0, 1, 6, 3, -1, 5, -1 };
	for (int i = 0; i < 7; i++)
		CHECK_INT(map[i], want[i]);
	CHECK_STR(old->fields[5].name, "d");
	struct pf_snapshot *s = snapshot(t, 0);
	CHECK_OK(pf_scan_files(t, s, NULL, &l, &err), &err);
	const struct pf_data_file *f = file_in(&l, "key0=0/key1=1/bucket-0", 0);
	struct pf_column_stats st;
	struct pf_type type = { .kind = PF_INT };
	CHECK(f && pf_data_file_stats(f, 5, type, &st));
	CHECK_INT(st.min.i, 15);
	CHECK_INT(st.max.i, 35);
	CHECK_INT(st.nulls, 0);
	CHECK(f && !pf_data_file_stats(f, 8, type, &st)); /* e came later */
	CHECK(f && !pf_data_file_stats(f, 5, (struct pf_type){ .kind = PF_BIGINT },
				       &st));
	CHECK_INT(f ? f->partition_values[0].i : -1, 0);
	CHECK_INT(f ? f->partition_values[1].i : -1, 1);
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_table_close(t);
}

static bool only_key0_1(void *ctx, const struct pf_datum *v, size_t n)
{
	++*(int *)ctx;
	return n == 2 && v[0].i == 1;
}

static bool k_below_60(void *ctx, const struct pf_data_file *f)
{
	struct pf_column_stats st;
	(void)ctx;
	return !pf_data_file_stats(f, 6, (struct pf_type){ .kind = PF_INT }, &st) ||
	       st.min.i < 60;
}

TEST(pruning)
{
	struct pf_table *t = open_fixture("append_table_with_alter_table");
	struct pf_error err = { 0 };
	struct pf_file_list l;
	int asked = 0;
	if (!t)
		return;
	struct pf_snapshot *s = snapshot(t, 0);
	struct pf_scan_filter f = { .partition = only_key0_1, .file = k_below_60,
				    .ctx = &asked };
	CHECK_OK(pf_scan_files(t, s, &f, &l, &err), &err);
	CHECK_INT(asked, 2);
	CHECK_INT(l.live, 4);
	CHECK_INT(l.pruned_partition, 2);
	CHECK_INT(l.pruned_file, 1);
	CHECK_INT(l.n, 1);
	CHECK_INT(l.rows, 2);
	CHECK_STR(l.n ? l.files[0].dir : "", "key0=1/key1=1/bucket-0");
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_table_close(t);
}

TEST(deltas)
{
	struct pf_table *t = open_fixture("append_table_row_tracking_with_compact");
	struct pf_error err = { 0 };
	struct pf_file_list l;
	if (!t)
		return;
	struct pf_snapshot *s = snapshot(t, 4);
	CHECK_STR(s->kind, "COMPACT");
	CHECK_OK(pf_scan_delta(t, s, &l, &err), &err);
	int added = 0, deleted = 0;
	for (size_t i = 0; i < l.n; i++)
		*(l.files[i].kind ? &deleted : &added) += 1;
	CHECK_INT(added, 1);
	CHECK_INT(deleted, 2);
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_table_close(t);
}

/* Alice, the first row, and Lucy, the fifth, were deleted. */
TEST(deletion_vectors)
{
	struct pf_table *t = open_fixture("pk_with_bitmap_dv");
	struct pf_error err = { 0 };
	struct pf_file_list l;
	struct pf_scan_filter read = { .use = PF_SCAN_READ };
	uint8_t *deleted = NULL;
	int64_t vectors = 0;
	if (!t)
		return;
	struct pf_snapshot *s = snapshot(t, 4);
	CHECK_OK(pf_scan_files(t, s, &read, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++) {
		if (!l.files[i].deletion.path)
			continue;
		vectors++;
		CHECK_INT(l.files[i].rows, 8);
		CHECK_INT(l.files[i].deletion.rows, 2);
		CHECK_OK(pf_deletion_read(t, &l.files[i], &deleted, &err), &err);
		CHECK_INT(deleted ? deleted[0] : 0, 0x11);
		free(deleted);
		/* What the manifest says must be so. */
		l.files[i].deletion.rows = 3;
		CHECK_INT(pf_deletion_read(t, &l.files[i], &deleted, &err),
			  PF_E_TABLE_CORRUPT);
		l.files[i].deletion.rows = 2;
		l.files[i].deletion.length--;
		CHECK_INT(pf_deletion_read(t, &l.files[i], &deleted, &err),
			  PF_E_TABLE_CORRUPT);
	}
	CHECK_INT(vectors, 1);
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	s = snapshot(t, 2);
	CHECK_OK(pf_scan_files(t, s, &read, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++)
		CHECK(!l.files[i].deletion.path);
	pf_file_list_free(&l);
	pf_snapshot_free(s);
	pf_table_close(t);
}

/* Bytes of a vector, and what has to be refused. */
TEST(deletion_vector_bytes)
{
	/* Rows 1 and 3 of a 32-bit one: length, magic, bitmap, checksum. */
	static const uint32_t rows[] = { 1, 3 };
	struct pf_buf bitmap = { 0 }, v = { 0 };
	struct pf_error err = { 0 };
	uint8_t deleted[1] = { 0 };
	pf_roaring_write(&bitmap, rows, 2);
	static const uint8_t magic[] = { 0x5e, 0x43, 0xf2, 0xd0 };
	for (int i = 3; i >= 0; i--)
		pf_buf_byte(&v, (uint8_t)((bitmap.len + 4) >> 8 * i));
	pf_buf_add(&v, magic, 4);
	pf_buf_add(&v, bitmap.data, bitmap.len);
	uint32_t crc = pf_crc32(0, v.data + 4, v.len - 4);
	for (int i = 3; i >= 0; i--)
		pf_buf_byte(&v, (uint8_t)(crc >> 8 * i));
	CHECK_OK(pf_deletion_decode(pf_view_of(v.data, v.len), 4, deleted, &err), &err);
	CHECK_INT(deleted[0], 0x0a);
	CHECK_INT(pf_deletion_decode(pf_view_of(v.data, v.len), 3, deleted, &err),
		  PF_E_TABLE_CORRUPT);
	for (size_t i = 0; i < v.len; i++) {
		CHECK(pf_deletion_decode(pf_view_of(v.data, i), 4, deleted, &err) != 0);
		v.data[i] ^= 1;
		CHECK(pf_deletion_decode(pf_view_of(v.data, v.len), 4, deleted, &err) != 0);
		v.data[i] ^= 1;
	}
	pf_buf_free(&bitmap);
	pf_buf_free(&v);
}

/* What we cannot do right is refused by name. */
TEST(refusals)
{
	struct pf_error err = { 0 };
	struct pf_file_list l;
	struct pf_table *t = open_fixture("pk_with_bitmap_dv");
	if (!t)
		return;
	CHECK_INT(pf_table_writable(pf_table_schema(t), &err), PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "primary key") != NULL || strstr(err.message, "deletion vectors") != NULL);
	struct pf_snapshot *s = snapshot(t, 4);
	CHECK_INT(pf_scan_files(t, s, NULL, &l, &err), PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "has a deletion vector") != NULL);
	pf_snapshot_free(s);
	pf_table_close(t);

	t = open_fixture("append_09");
	s = snapshot(t, 5);
	CHECK_INT(pf_scan_files(t, s, NULL, &l, &err), PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "ORC") != NULL);
	CHECK_INT(pf_table_writable(pf_table_schema(t), &err), PF_E_TABLE_FEATURE);
	pf_snapshot_free(s);
	pf_table_close(t);

	t = open_fixture("parquet_append_table");
	CHECK_INT(pf_table_readable(pf_table_schema(t), &err), 0);
	/* A map is read as text, and never written. */
	CHECK_INT(pf_table_all_known(pf_table_schema(t), &err), 0);
	CHECK_INT(pf_table_schema(t)->columns->n, 13);
	CHECK_INT(pf_table_writable(pf_table_schema(t), &err), PF_E_TABLE_FEATURE);
	pf_table_close(t);

	/* Nine digits are read to the sixth, and never written. */
	t = open_fixture("append_with_bloomfilter");
	CHECK_INT(pf_table_all_known(pf_table_schema(t), &err), 0);
	CHECK_INT(pf_table_schema(t)->fields[4].type.precision, 6);
	CHECK_INT(pf_table_writable(pf_table_schema(t), &err), PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "six digits") != NULL);
	pf_table_close(t);

	t = open_fixture("append_table_row_tracking_with_compact");
	CHECK_INT(pf_table_writable(pf_table_schema(t), &err), PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "row tracking") != NULL);
	pf_table_close(t);

	CHECK_INT(pf_table_open("/tmp", &t, &err), PF_E_NOT_A_TABLE);
	CHECK_INT(pf_table_open("/nowhere at all", &t, &err), PF_E_NO_FILE);
	CHECK(!pf_is_table("/tmp"));
}

TEST(time_travel)
{
	struct pf_table *t = open_fixture("pk_09");
	struct pf_error err = { 0 };
	int64_t *ids;
	size_t n;
	if (!t)
		return;
	CHECK_OK(pf_snapshot_ids(t, &ids, &n, &err), &err);
	CHECK_INT(n, 8);
	for (size_t i = 0; i < n; i++) {
		struct pf_snapshot *s = snapshot(t, ids[i]), *at, *before;
		CHECK_OK(pf_snapshot_as_of(t, s->time_ms, &at, &err), &err);
		CHECK(at && at->id >= s->id && at->time_ms == s->time_ms);
		CHECK_OK(pf_snapshot_as_of(t, s->time_ms - 1, &before, &err), &err);
		CHECK(i == 0 ? !before : before && before->id < s->id);
		pf_snapshot_free(s);
		pf_snapshot_free(at);
		pf_snapshot_free(before);
	}
	struct pf_snapshot *none;
	CHECK_INT(pf_snapshot_read(t, 99, &none, &err), PF_E_NO_FILE);
	free(ids);
	pf_table_close(t);
}

UNIT_MAIN(CASE(live_files), CASE(evolution_by_field_id), CASE(pruning),
	  CASE(deltas), CASE(deletion_vectors), CASE(deletion_vector_bytes),
	  CASE(refusals), CASE(time_travel))

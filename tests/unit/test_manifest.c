/* SPDX-License-Identifier: Apache-2.0
 *
 * Avro containers of others, manifests against golden bytes, snapshots in
 * both spellings of what is absent.
 */
#include "paimon/manifest.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "paimon/internal.h"
#include "paimon/live.h"
#include "paimon/partition.h"
#include "shared.h"
#include "unit.h"

static struct pf_error err;

static void unhex(const char *hex, struct pf_buf *out)
{
	for (unsigned v; sscanf(hex, "%2x", &v) == 1; hex += 2)
		pf_buf_byte(out, (uint8_t)v);
}

static void check_hex(struct pf_buf *got, const char *want)
{
	struct pf_buf hex = { 0 };
	for (size_t i = 0; i < got->len; i++)
		pf_buf_printf(&hex, "%02x", got->data[i]);
	CHECK_STR(pf_buf_cstr(&hex), want);
	pf_buf_free(&hex);
}

/* Round-tripped through the schema of a Java-written manifest: reference
 * paimon-format.md 15.1. */
static const char golden_entry[] =
	"0400480000000100000000000000000a00000010000000323032342d30312d303100000000"
	"0000040866646174612d30303030303030302d303030302d303030302d303030302d303030"
	"3030303030303030302d302e70617271756574d80c04180000000000000000000000001800"
	"00000000000000000000001800000000000000000000000018000000000000000000000000"
	"02001800000000000000000000000018000000000000000000000000020000020000000280"
	"f0cbf2836502000002000200000000";
static const char golden_list[] =
	"045e6d616e69666573742d30303030303030302d303030302d303030302d303030302d3030"
	"303030303030303030302d30d00f0200480000000100000000000000000a00000010000000"
	"323032342d30312d3031000000000000480000000100000000000000000a00000010000000"
	"323032342d30312d30310000000000000202020000000204020402000200";

static struct pf_data_file an_entry(struct pf_arena *arena)
{
	struct pf_buf row = { 0 };
	static int64_t none[1];
	struct pf_datum dt = { .type = { .kind = PF_STRING },
			       .bytes = pf_view_str("2024-01-01") };
	pf_row_serialize(&row, &dt, 1);
	struct pf_view partition = pf_arena_copy(arena, row.data, row.len);
	row.len = 0;
	pf_row_serialize(&row, NULL, 0);
	struct pf_view empty = pf_arena_copy(arena, row.data, row.len);
	pf_buf_free(&row);
	struct pf_stats stats = { .min = empty, .max = empty, .nulls = none };
	const char *name = "data-00000000-0000-0000-0000-000000000000-0.parquet";
	return (struct pf_data_file){
		.partition = partition,
		.bucket = 2,
		.total_buckets = 4,
		.name = pf_arena_text(arena, name, strlen(name)),
		.size = 812,
		.rows = 2,
		.min_key = empty,
		.max_key = empty,
		.key_stats = stats,
		.value_stats = stats,
		.max_sequence = 1,
		.has_created = true,
		.created_ms = 1735689600000,
		.has_deletes = true,
		.has_source = true,
		.has_stats_columns = true,
	};
}

TEST(golden_bytes)
{
	struct pf_avro_writer w;
	struct pf_arena arena = { 0 };
	struct pf_data_file f = an_entry(&arena);
	pf_avro_begin(&w, pf_manifest_schema);
	CHECK_OK(pf_manifest_put(&w, &f, &err), &err);
	check_hex(&w.block, golden_entry);
	pf_avro_writer_free(&w);

	static int64_t no_nulls[1] = { 0 };
	struct pf_manifest m = {
		.name = (char *)(uintptr_t)"manifest-00000000-0000-0000-0000-000000000000-0",
		.size = 1000,
		.added = 1,
		.partitions = { f.partition, f.partition, no_nulls, 1 },
		.has_buckets = true,
		.has_levels = true,
		.min_bucket = 2,
		.max_bucket = 2,
	};
	pf_avro_begin(&w, pf_manifest_list_schema);
	CHECK_OK(pf_manifest_list_put(&w, &m, &err), &err);
	/* The layout of 1.4 has two nulls more. */
	CHECK_INT(w.block.len, 143);
	CHECK(!memcmp(w.block.data + 141, "\0\0", 2));
	w.block.len -= 2;
	check_hex(&w.block, golden_list);
	pf_avro_writer_free(&w);
	pf_arena_free(&arena);
}

/* --- containers of others --- */

static int count_records(const char *path, struct pf_error *why)
{
	struct pf_buf b = { 0 };
	struct pf_avro_reader *r = NULL;
	struct pf_arena arena = { 0 };
	int n = 0, code = pf_read_file(path, 64 << 20, &b, why);
	if (!code)
		code = pf_avro_open(pf_view_of(b.data, b.len), path, NULL, &r, why);
	while (!code) {
		struct pf_avro_value v;
		bool more;
		code = pf_avro_next(r, &arena, &v, &more, why);
		if (code || !more)
			break;
		n++;
	}
	pf_avro_close(r);
	pf_arena_free(&arena);
	pf_buf_free(&b);
	return code ? -1 : n;
}

/* Counts by fastavro. */
TEST(containers)
{
	static const struct {
		const char *name;
		int records; /* -1: refused */
		const char *why;
	} want[] = {
		{ "alltypes_plain.avro", 8, NULL },
		{ "alltypes_plain.snappy.avro", 8, NULL },
		{ "alltypes_plain.zstandard.avro", 8, NULL },
		{ "alltypes_plain.bzip2.avro", -1, "codec 'bzip2'" },
		{ "alltypes_plain.xz.avro", -1, "codec 'xz'" },
		{ "alltypes_dictionary.avro", 2, NULL },
		{ "alltypes_nulls_plain.avro", 1, NULL },
		{ "binary.avro", 12, NULL },
		{ "datapage_v2.snappy.avro", 5, NULL },
		{ "dict-page-offset-zero.avro", 39, NULL },
		{ "duration_uuid.avro", 4, NULL },
		{ "fixed256_decimal.avro", 24, NULL },
		{ "fixed_length_decimal.avro", 24, NULL },
		{ "int32_decimal.avro", 24, NULL },
		{ "list_columns.avro", 3, NULL },
		{ "nested_lists.snappy.avro", 3, NULL },
		{ "nested_records.avro", 2, NULL },
		{ "nonnullable.impala.avro", 1, NULL },
		{ "nullable.impala.avro", 7, NULL },
		{ "nulls.snappy.avro", 8, NULL },
		{ "repeated_no_annotation.avro", 6, NULL },
		{ "simple_enum.avro", 4, NULL },
		{ "simple_fixed.avro", 2, NULL },
		{ "single_nan.avro", 1, NULL },
		{ "timestamp_logical_types.avro", 2, NULL },
		{ "zero_byte.avro", 3, NULL },
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char file[100], path[512];
		snprintf(file, sizeof file, "corpora/avro/%s", want[i].name);
		if (!shared_path(path, sizeof path, file))
			return;
		struct pf_error why = { 0 };
		int n = count_records(path, &why);
		unit_check(n == want[i].records, __FILE__, __LINE__,
			   "%s: %d records, not %d (%s)", want[i].name, n,
			   want[i].records, why.message);
		if (want[i].why)
			CHECK(strstr(why.message, want[i].why) != NULL);
	}
}

/* Values, not only counts: alltypes_plain's columns as its README gives them. */
TEST(values)
{
	char path[512];
	struct pf_buf b = { 0 };
	struct pf_avro_reader *r;
	struct pf_arena arena = { 0 };
	struct pf_avro_value v;
	bool more;
	static const int ids[] = { 4, 5, 6, 7, 2, 3, 0, 1 };
	if (!shared_path(path, sizeof path, "corpora/avro/alltypes_plain.avro"))
		return;
	CHECK_OK(pf_read_file(path, 1 << 20, &b, &err), &err);
	CHECK_OK(pf_avro_open(pf_view_of(b.data, b.len), path, NULL, &r, &err), &err);
	for (int i = 0; i < 8; i++) {
		CHECK_OK(pf_avro_next(r, &arena, &v, &more, &err), &err);
		CHECK(more);
		CHECK_INT(pf_avro_field(&v, "id")->i, ids[i]);
		CHECK_INT(pf_avro_field(&v, "bool_col")->i, ids[i] % 2 == 0);
		CHECK_INT(pf_avro_field(&v, "bigint_col")->i, ids[i] % 2 * 10);
		CHECK(pf_avro_field(&v, "double_col")->d == ids[i] % 2 * 10.1);
		CHECK(pf_avro_field(&v, "nothing") == NULL);
	}
	pf_avro_close(r);
	/* Every prefix: an error or fewer records, nothing else. */
	int whole = 0;
	for (size_t len = 0; len < b.len; len += 7) {
		uint8_t *copy = malloc(len ? len : 1);
		memcpy(copy, b.data, len);
		int code = pf_avro_open(pf_view_of(copy, len), path, NULL, &r, &err);
		for (more = true; !code && more;)
			code = pf_avro_next(r, &arena, &v, &more, &err);
		whole += !code;
		if (!code)
			CHECK(r != NULL);
		pf_avro_close(r);
		free(copy);
	}
	CHECK(whole <= 1);
	pf_arena_free(&arena);
	pf_buf_free(&b);
}

/* Manifests written by Java of 0.9 and 1.1, in every codec. */
TEST(java_manifests)
{
	static const struct {
		const char *name;
		bool list;
	} want[] = {
		{ "avro_manifest_09", false },
		{ "avro_manifest_11", false },
		{ "manifest", false },
		{ "avro_manifest_list_09", true },
		{ "avro_manifest_list_11", true },
	};
	char dir[] = "/tmp/pf-manifest-XXXXXX";
	char path[600], command[1400];
	CHECK(mkdtemp(dir) != NULL);
	struct pf_table t = { .path = dir };
	CHECK_OK(pf_store_open(dir, &t.store, &err), &err);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char file[200];
		struct pf_arena arena = { 0 };
		struct pf_manifests lists = { 0 };
		struct pf_data_files files = { 0 };
		const char *foreign = NULL;
		snprintf(file, sizeof file, "corpora/paimon/manifests/%s", want[i].name);
		if (!shared_path(path, sizeof path, file))
			break;
		snprintf(command, sizeof command,
			 "mkdir -p %s/manifest && cp '%s' %s/manifest/m", dir, path,
			 dir);
		CHECK(!system(command));
		if (want[i].list) {
			CHECK_OK(pf_manifest_list_read(&t, "m", &arena, &lists, &err),
				 &err);
			CHECK(lists.n > 0 && lists.items[0].added > 0);
		} else {
			CHECK_OK(pf_manifest_read(&t, "m", &arena, &files, &foreign,
						  &err), &err);
			CHECK(files.n > 0 && files.items[0].rows > 0);
			CHECK(!foreign);
		}
		/* Written anew they are the same to a reader. */
		struct pf_avro_writer w;
		pf_avro_begin(&w, want[i].list ? pf_manifest_list_schema
					       : pf_manifest_schema);
		for (size_t k = 0; k < files.n; k++)
			CHECK_OK(pf_manifest_put(&w, &files.items[k], &err), &err);
		for (size_t k = 0; k < lists.n; k++)
			CHECK_OK(pf_manifest_list_put(&w, &lists.items[k], &err), &err);
		CHECK_OK(pf_avro_finish(&w, &err), &err);
		CHECK_OK(pf_store_write(t.store, "manifest/again", w.file.data,
					w.file.len, &err), &err);
		pf_avro_writer_free(&w);
		struct pf_data_files files2 = { 0 };
		struct pf_manifests lists2 = { 0 };
		if (want[i].list)
			CHECK_OK(pf_manifest_list_read(&t, "again", &arena, &lists2,
						       &err), &err);
		else
			CHECK_OK(pf_manifest_read(&t, "again", &arena, &files2, NULL,
						  &err), &err);
		CHECK_INT(files2.n, files.n);
		CHECK_INT(lists2.n, lists.n);
		for (size_t k = 0; k < files.n && k < files2.n; k++) {
			struct pf_data_file *a = &files.items[k], *b = &files2.items[k];
			CHECK(pf_data_file_same(a, b));
			CHECK(!pf_view_cmp(a->value_stats.min, b->value_stats.min));
			CHECK_INT(a->value_stats.n, b->value_stats.n);
			CHECK_INT(a->max_sequence, b->max_sequence);
			CHECK_INT(a->has_source, b->has_source);
			CHECK_INT(a->has_stats_columns, b->has_stats_columns);
		}
		for (size_t k = 0; k < lists.n && k < lists2.n; k++) {
			CHECK_STR(lists.items[k].name, lists2.items[k].name);
			CHECK_INT(lists.items[k].has_buckets, lists2.items[k].has_buckets);
		}
		free(files.items);
		free(files2.items);
		free(lists.items);
		free(lists2.items);
		pf_arena_free(&arena);
		snprintf(command, sizeof command, "rm -r %s/manifest", dir);
		CHECK(!system(command));
	}
	pf_avro_cache_free(&t.avro);
	pf_store_close(t.store);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	CHECK(!system(command));
}

TEST(adds_and_deletes)
{
	struct pf_arena arena = { 0 };
	struct pf_data_files e = { 0 };
	struct pf_data_file a = an_entry(&arena), b = a, gone = a, other = a;
	a.name = pf_arena_text(&arena, "a", 1);
	b.name = pf_arena_text(&arena, "b", 1);
	gone = a;
	gone.kind = 1;
	other = a;
	other.kind = 1;
	other.level = 1; /* names another file: an upgrade's */
	pf_data_files_add(&e, &gone); /* before its ADD */
	pf_data_files_add(&e, &a);
	pf_data_files_add(&e, &b);
	pf_data_files_add(&e, &other);
	CHECK_OK(pf_live_files(&e, &err), &err);
	CHECK_INT(e.n, 1);
	CHECK_STR(e.items[0].name, "b");
	/* Among some manifests only, a DELETE without its ADD stays. */
	e.n = 0;
	pf_data_files_add(&e, &a);
	pf_data_files_add(&e, &other);
	pf_data_files_add(&e, &gone);
	pf_live_merge(&e);
	CHECK_INT(e.n, 1);
	CHECK_INT(e.items[0].level, 1);
	e.n = 0;
	pf_data_files_add(&e, &b);
	pf_data_files_add(&e, &b);
	CHECK_INT(pf_live_files(&e, &err), PF_E_TABLE_CORRUPT);
	free(e.items);
	pf_arena_free(&arena);
}

TEST(c16_snapshots)
{
	struct pf_snapshot *s, *again;
	struct pf_buf out = { 0 };
	static const char nulls[] =
		"{\"version\":3,\"id\":5,\"schemaId\":0,\"baseManifestList\":\"l-2\","
		"\"deltaManifestList\":\"l-3\",\"changelogManifestList\":null,"
		"\"indexManifest\":null,\"commitUser\":\"u\","
		"\"commitIdentifier\":9223372036854775807,\"commitKind\":\"COMPACT\","
		"\"timeMillis\":1755758264539,\"logOffsets\":{},\"totalRecordCount\":11,"
		"\"deltaRecordCount\":0,\"changelogRecordCount\":0,\"watermark\":null,"
		"\"statistics\":null,\"properties\":null,\"whatever\":[1,{\"a\":2}]}";
	static const char full[] =
		"{\"version\":3,\"uuid\":\"x\",\"id\":7,\"schemaId\":1,"
		"\"baseManifestList\":\"l-2\",\"baseManifestListSize\":10,"
		"\"deltaManifestList\":\"l-3\",\"deltaManifestListSize\":11,"
		"\"indexManifest\":\"i-1\",\"commitUser\":\"u\",\"commitIdentifier\":1,"
		"\"commitKind\":\"APPEND\",\"timeMillis\":5,\"totalRecordCount\":11,"
		"\"deltaRecordCount\":2,\"watermark\":-9,\"statistics\":\"st\","
		"\"properties\":{\"a\":\"\\\"q\\\"\\n\",\"pf:offsets\":\"{}\"},"
		"\"nextRowId\":0}";
	CHECK_OK(pf_snapshot_parse(nulls, strlen(nulls), "s", &s, &err), &err);
	CHECK(!s->index_manifest && !s->has_watermark && !s->properties.n);
	CHECK_INT(s->identifier, INT64_MAX);
	CHECK_INT(s->base_list_size, -1);
	pf_snapshot_free(s);
	CHECK_OK(pf_snapshot_parse(full, strlen(full), "s", &s, &err), &err);
	pf_snapshot_format(s, &out);
	CHECK_OK(pf_snapshot_parse(out.data, out.len, "s", &again, &err), &err);
	CHECK_INT(again->watermark, -9);
	CHECK(again->has_next_row_id && again->next_row_id == 0);
	CHECK_STR(again->index_manifest, "i-1");
	CHECK_STR(again->statistics, "st");
	CHECK_STR(pf_meta_get(&again->properties, "a"), "\"q\"\n");
	CHECK_INT(again->delta_list_size, 11);
	pf_snapshot_free(s);
	pf_snapshot_free(again);
	pf_buf_free(&out);
	/* Of the future, cut, or naming files elsewhere. */
	char text[sizeof full];
	memcpy(text, full, sizeof full);
	text[11] = '4';
	CHECK_INT(pf_snapshot_parse(text, strlen(text), "s", &s, &err),
		  PF_E_TABLE_FEATURE);
	for (size_t len = 0; len < strlen(full); len++)
		CHECK_INT(pf_exit_status(pf_snapshot_parse(full, len, "s", &s, &err)), 3);
	memcpy(text, full, sizeof full);
	memcpy(strstr(text, "l-3"), "../", 3);
	CHECK_INT(pf_snapshot_parse(text, strlen(text), "s", &s, &err),
		  PF_E_TABLE_CORRUPT);
}

TEST(partition_names)
{
	static const struct {
		const char *value, *path;
	} want[] = {
		{ "2024-01-31", "dt=2024-01-31/" },
		{ "", "dt=__DEFAULT_PARTITION__/" },
		{ "  ", "dt=__DEFAULT_PARTITION__/" },
		{ "a/b=c%d", "dt=a%2Fb%3Dc%25d/" },
		{ "..", "dt=../" },
		{ "x:y*z?", "dt=x%3Ay%2Az%3F/" },
		{ "gr\xc3\xbc\xc3\x9f""e\n", "dt=gr\xc3\xbc\xc3\x9f""e%0A/" },
	};
	static const char json[] =
		"{\"version\":3,\"id\":0,\"fields\":[{\"id\":0,\"name\":\"dt\","
		"\"type\":\"STRING\"}],\"highestFieldId\":0,\"partitionKeys\":[\"dt\"],"
		"\"primaryKeys\":[],\"options\":{}}";
	struct pf_table_schema *s;
	CHECK_OK(pf_table_schema_parse(json, strlen(json), "schema", &s, &err), &err);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct pf_datum d = { .type = { .kind = PF_STRING },
				      .bytes = pf_view_str(want[i].value) };
		struct pf_buf out = { 0 };
		CHECK_OK(pf_partition_path(s, &d, &out, &err), &err);
		CHECK_STR(pf_buf_cstr(&out), want[i].path);
		pf_buf_free(&out);
	}
	struct pf_datum null = { .type = { .kind = PF_STRING }, .null = true };
	struct pf_buf out = { 0 };
	CHECK_OK(pf_partition_path(s, &null, &out, &err), &err);
	CHECK_STR(pf_buf_cstr(&out), "dt=__DEFAULT_PARTITION__/");
	pf_buf_free(&out);
	pf_table_schema_free(s);
}

/* The golden entry read back through a container, so that reader and writer
 * cannot agree on something wrong alone. */
TEST(golden_read)
{
	struct pf_avro_writer w;
	struct pf_avro_reader *r;
	struct pf_arena arena = { 0 };
	struct pf_avro_value v;
	bool more;
	pf_avro_begin(&w, pf_manifest_schema);
	unhex(golden_entry, &w.block);
	CHECK_OK(pf_avro_record_done(&w, &err), &err);
	CHECK_OK(pf_avro_finish(&w, &err), &err);
	CHECK_OK(pf_avro_open(pf_view_of(w.file.data, w.file.len), "golden", NULL, &r, &err),
		 &err);
	CHECK_OK(pf_avro_next(r, &arena, &v, &more, &err), &err);
	CHECK_INT(pf_avro_field(&v, "_BUCKET")->i, 2);
	const struct pf_avro_value *f = pf_avro_field(&v, "_FILE");
	CHECK_INT(pf_avro_field(f, "_ROW_COUNT")->i, 2);
	CHECK_INT(pf_avro_field(f, "_CREATION_TIME")->i, 1735689600000);
	CHECK(pf_avro_field(f, "_EXTERNAL_PATH") == NULL);
	CHECK_INT(pf_avro_field(f, "_VALUE_STATS_COLS")->list.n, 0);
	CHECK_OK(pf_avro_next(r, &arena, &v, &more, &err), &err);
	CHECK(!more);
	pf_avro_close(r);
	pf_avro_writer_free(&w);
	pf_arena_free(&arena);
}

UNIT_MAIN(CASE(golden_bytes), CASE(golden_read), CASE(containers), CASE(values),
	  CASE(java_manifests), CASE(adds_and_deletes), CASE(c16_snapshots),
	  CASE(partition_names))

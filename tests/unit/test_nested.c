/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, maps and rows of other writers, read as JSON text: the values that
 * pyarrow reads, too (apache/parquet-testing).
 */
#include "parquet/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shared.h"
#include "unit.h"

struct opened {
	int fd;
	struct pf_parquet_file *file;
	struct pf_builder *rows;
};

static bool open_corpus(const char *name, const char *column, struct opened *o)
{
	char file[200], path[512];
	struct pf_error err = { 0 };
	struct stat st;
	snprintf(file, sizeof file, "corpora/parquet/data/%s", name);
	if (!shared_path(path, sizeof path, file))
		return false;
	o->fd = open(path, O_RDONLY);
	CHECK(o->fd >= 0 && !fstat(o->fd, &st));
	struct pf_random_source source = pf_random_fd(&o->fd, (uint64_t)st.st_size, "corpus");
	CHECK_OK(pf_parquet_open(&source, &o->file, &err), &err);
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, column, (struct pf_type){ .kind = PF_STRING }, true);
	o->rows = pf_builder_new(s);
	pf_schema_unref(s);
	return true;
}

static void close_corpus(struct opened *o)
{
	pf_builder_free(o->rows);
	pf_parquet_close(o->file);
	close(o->fd);
}

static const char *text(struct opened *o, int64_t row)
{
	static char out[4096];
	struct pf_batch b = pf_builder_batch(o->rows);
	if (row >= b.rows)
		return "no such row";
	if (pf_is_null(&b.columns[0], row))
		return "NULL";
	struct pf_view v = pf_bytes_at(&b.columns[0], row);
	snprintf(out, sizeof out, "%.*s", (int)v.len, (const char *)v.data);
	return out;
}

static void check(const char *name, const char *column, const char *const *want, size_t n)
{
	struct opened o;
	struct pf_error err = { 0 };
	if (!open_corpus(name, column, &o))
		return;
	int at = pf_parquet_find(o.file, column);
	CHECK(at >= 0 && pf_parquet_column(o.file, (size_t)at)->nested);
	CHECK_OK(pf_parquet_read(o.file, 0, &at, 1, NULL, 0, o.rows, &err), &err);
	for (size_t i = 0; i < n; i++)
		CHECK_STR(text(&o, (int64_t)i), want[i]);
	/* The last row alone, then back to the first. */
	int64_t rows = pf_parquet_group_rows(o.file, 0);
	struct pf_parquet_range last = { rows - 1, rows }, first = { 0, 1 };
	char whole[4096];
	snprintf(whole, sizeof whole, "%s", text(&o, rows - 1));
	pf_builder_reset(o.rows);
	CHECK_OK(pf_parquet_read(o.file, 0, &at, 1, &last, 1, o.rows, &err), &err);
	CHECK_OK(pf_parquet_read(o.file, 0, &at, 1, &first, 1, o.rows, &err), &err);
	CHECK_STR(text(&o, 0), whole);
	CHECK_STR(text(&o, 1), want[0]);
	close_corpus(&o);
}

#define WANT(name, column, ...)                                            \
	do {                                                               \
		static const char *const want_[] = { __VA_ARGS__ };        \
		check(name, column, want_, sizeof want_ / sizeof *want_);  \
	} while (0)

TEST(lists)
{
	WANT("nested_lists.snappy.parquet", "a", "[[[\"a\",\"b\"],[\"c\"]],[null,[\"d\"]]]",
	     "[[[\"a\",\"b\"],[\"c\",\"d\"]],[null,[\"e\"]]]",
	     "[[[\"a\",\"b\"],[\"c\",\"d\"],[\"e\"]],[null,[\"f\"]]]");
	WANT("list_columns.parquet", "int64_list", "[1,2,3]", "[null,1]", "[4]");
	WANT("list_columns.parquet", "utf8_list", "[\"abc\",\"efg\",\"hij\"]", "NULL",
	     "[\"efg\",null,\"hij\",\"xyz\"]");
}

TEST(maps_and_rows)
{
	WANT("nested_maps.snappy.parquet", "a", "{\"a\":{\"1\":true,\"2\":false}}",
	     "{\"b\":{\"1\":true}}", "{\"c\":null}");
	WANT("map_no_value.parquet", "my_map", "{\"1\":null,\"2\":null,\"3\":null}");
}

/* Old forms: lists of two levels, repeated fields without annotation. */
TEST(old_forms)
{
	WANT("old_list_structure.parquet", "a", "[[1,2],[3,4]]");
	WANT("repeated_no_annotation.parquet", "phoneNumbers", "NULL", "NULL",
	     "{\"phone\":[]}");
	WANT("repeated_primitive_no_list.parquet", "Int32_list", "[0,1,2,3]", "[]", "[4]");
	WANT("repeated_primitive_no_list.parquet", "group_of_lists",
	     "{\"Int32_list_in_group\":[0,1,2,3],\"String_list_in_group\":[\"foo\",\"zero\",\"one\",\"two\"]}");
}

UNIT_MAIN(CASE(lists), CASE(maps_and_rows), CASE(old_forms))

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static char root[256];

static struct pf_store *fresh(const char *name)
{
	struct pf_store *s;
	struct pf_error err = { 0 };
	char path[600];
	snprintf(path, sizeof path, "%s/%s/deep/table", root, name);
	CHECK_OK(pf_store_make(path, &s, &err), &err);
	return s;
}

static char *content(struct pf_store *s, const char *path)
{
	static char out[256];
	struct pf_buf b = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_store_read(s, path, 1000, &b, &err), &err);
	snprintf(out, sizeof out, "%s", pf_buf_cstr(&b));
	pf_buf_free(&b);
	return out;
}

TEST(write_and_read)
{
	struct pf_store *s = fresh("a");
	struct pf_error err = { 0 };
	CHECK_OK(pf_store_mkdirs(s, "dt=2024-01-01/bucket-0", &err), &err);
	CHECK_OK(pf_store_mkdirs(s, "dt=2024-01-01/bucket-0", &err), &err);
	const char *f = "dt=2024-01-01/bucket-0/data-1.parquet";
	CHECK_OK(pf_store_write(s, f, "hello", 5, &err), &err);
	CHECK_STR(content(s, f), "hello");
	CHECK_INT(pf_store_write(s, f, "other", 5, &err), PF_E_CONFLICT);
	CHECK_STR(content(s, f), "hello");
	bool exists;
	uint64_t size;
	CHECK_OK(pf_store_stat(s, f, &exists, &size, &err), &err);
	CHECK(exists && size == 5);
	CHECK_OK(pf_store_stat(s, "dt=x/y", &exists, &size, &err), &err);
	CHECK(!exists);
	struct pf_buf b = { 0 };
	CHECK_INT(pf_store_read(s, f, 4, &b, &err), PF_E_LIMIT);
	CHECK_INT(pf_store_read(s, "nothing", 4, &b, &err), PF_E_NO_FILE);
	pf_buf_free(&b);
	/* Held open, a file outlives its name. */
	struct pf_store_file *file;
	CHECK_OK(pf_store_open_file(s, f, &file, &err), &err);
	CHECK_OK(pf_store_delete(s, f, &err), &err);
	CHECK_OK(pf_store_delete(s, f, &err), &err);
	char two[2];
	const struct pf_random_source *src = pf_store_file_source(file);
	CHECK_OK(src->pread(src->ctx, two, 2, 3, &err), &err);
	CHECK(!memcmp(two, "lo", 2));
	pf_store_close_file(file);
	pf_store_close(s);
}

TEST(create_only_once)
{
	struct pf_store *s = fresh("b");
	struct pf_error err = { 0 };
	CHECK_OK(pf_store_mkdirs(s, "snapshot", &err), &err);
	CHECK_OK(pf_store_create(s, "snapshot/snapshot-1", "one", 3, &err), &err);
	CHECK_INT(pf_store_create(s, "snapshot/snapshot-1", "two", 3, &err),
		  PF_E_CONFLICT);
	CHECK_STR(content(s, "snapshot/snapshot-1"), "one");
	CHECK_OK(pf_store_replace(s, "snapshot/LATEST", "1", 1, &err), &err);
	CHECK_OK(pf_store_replace(s, "snapshot/LATEST", "22", 2, &err), &err);
	CHECK_STR(content(s, "snapshot/LATEST"), "22");
	struct pf_names names;
	CHECK_OK(pf_store_list(s, "snapshot", &names, &err), &err);
	CHECK_INT(names.n, 2); /* no temporary file is left */
	CHECK_STR(names.names[0], "LATEST");
	CHECK_STR(names.names[1], "snapshot-1");
	pf_names_free(&names);
	CHECK_OK(pf_store_list(s, "branch", &names, &err), &err);
	CHECK_INT(names.n, 0);
	pf_store_close(s);
}

TEST(a_writer_leaves_nothing)
{
	struct pf_store *s = fresh("c");
	struct pf_store_writer *w;
	struct pf_error err = { 0 };
	CHECK_OK(pf_store_writer_open(s, "x", &w, &err), &err);
	CHECK_OK(pf_store_writer_add(w, "abc", 3, &err), &err);
	CHECK_OK(pf_store_writer_add(w, "def", 3, &err), &err);
	pf_store_writer_abort(w);
	struct pf_names names;
	CHECK_OK(pf_store_list(s, ".tmp", &names, &err), &err);
	CHECK_INT(names.n, 0);
	bool exists;
	CHECK_OK(pf_store_stat(s, "x", &exists, NULL, &err), &err);
	CHECK(!exists);
	CHECK_OK(pf_store_writer_open(s, "x", &w, &err), &err);
	CHECK_OK(pf_store_writer_add(w, "abcdef", 6, &err), &err);
	CHECK_OK(pf_store_writer_finish(w, false, &err), &err);
	CHECK_OK(pf_store_sync_dir(s, "x/..", &err) == PF_E_TABLE_CORRUPT ? 0 : 1,
		 &err);
	CHECK_STR(content(s, "x"), "abcdef");
	pf_store_close(s);
}

/* Names come from manifests that others wrote. */
TEST(c20_no_way_out)
{
	struct pf_store *s = fresh("d");
	struct pf_error err = { 0 };
	struct pf_buf b = { 0 };
	char path[700];
	static const char *const bad[] = { "../x",   "a/../../x", "/etc/passwd", "",
					   "a//b",   ".",         "a/.",         "a/",
					   "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(pf_store_read(s, bad[i], 9999, &b, &err),
			  PF_E_TABLE_CORRUPT);
		CHECK_INT(pf_store_write(s, bad[i], "x", 1, &err),
			  PF_E_TABLE_CORRUPT);
	}
	snprintf(path, sizeof path, "%s/d/deep/secret", root);
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "%s/link", pf_store_root(s));
	CHECK(!symlink("../secret", path));
	snprintf(path, sizeof path, "%s/out", pf_store_root(s));
	CHECK(!symlink("..", path));
	CHECK_INT(pf_store_read(s, "link", 99, &b, &err), PF_E_TABLE_CORRUPT);
	CHECK(strstr(err.message, "symbolic link") != NULL);
	CHECK_INT(pf_store_read(s, "out/secret", 99, &b, &err), PF_E_TABLE_CORRUPT);
	CHECK_INT(pf_store_write(s, "out/new", "x", 1, &err), PF_E_TABLE_CORRUPT);
	CHECK_INT(pf_store_write(s, "link", "x", 1, &err), PF_E_CONFLICT);
	pf_buf_free(&b);
	pf_store_close(s);
}

/* Sixteen processes race for 20 names: each has one winner. */
TEST(one_winner)
{
	struct pf_store *s = fresh("e");
	int won[2];
	CHECK(!pipe(won));
	for (int p = 0; p < 16; p++) {
		if (fork())
			continue;
		for (int i = 0; i < 20; i++) {
			char path[32], who[8];
			int n = snprintf(who, sizeof who, "%d", p);
			snprintf(path, sizeof path, "snapshot-%d", i);
			if (!pf_store_create(s, path, who, (size_t)n, NULL) &&
			    write(won[1], "w", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(won[1]);
	int winners = 0;
	for (char c; read(won[0], &c, 1) == 1;)
		winners++;
	close(won[0]);
	while (wait(NULL) > 0)
		;
	CHECK_INT(winners, 20);
	pf_store_close(s);
}

int main(int argc, char **argv)
{
	static const struct unit_case cases[] = {
		CASE(write_and_read), CASE(create_only_once),
		CASE(a_writer_leaves_nothing), CASE(c20_no_way_out), CASE(one_winner),
	};
	char clean[300];
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/pf-store-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		return 1;
	int failed = unit_run(cases, sizeof cases / sizeof *cases,
			      argc > 1 ? argv[1] : NULL);
	snprintf(clean, sizeof clean, "rm -rf '%s'", root);
	return system(clean) || failed;
}

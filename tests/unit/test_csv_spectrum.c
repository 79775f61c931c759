/* SPDX-License-Identifier: Apache-2.0
 *
 * csv-spectrum: twelve files and the JSON that they mean.
 */
#include "unit.h"

#include <dirent.h>

#include "base/file.h"
#include "ext/json.h"
#include "text_help.h"

/* One of the files holds a single object, and another telephone number than its
 * CSV. */
static const struct pf_json *row_of(const struct pf_json *rows, size_t i)
{
	return pf_json_kind(rows) == PF_JSON_OBJECT ? rows : pf_json_at(rows, i);
}

static size_t count_rows(const struct pf_json *rows)
{
	return pf_json_kind(rows) == PF_JSON_OBJECT ? 1 : pf_json_size(rows);
}

/* The columns of the first line, all text; ID and time are made up. */
static char *definition(const struct pf_json *rows)
{
	struct pf_buf yaml = { 0 };
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	pf_buf_str(&yaml, "id: _id\ntime: _t\npartition: none\n\"null\": []\ninput: {format: csv}\ncolumns:\n"
			  "  _id: {type: string, from: filename}\n"
			  "  _t: {type: date, from: filename, match: '([0-9-]+)$'}\n");
	while (pf_json_each(row_of(rows, 0), &iter, &key, &value))
		pf_buf_printf(&yaml, "  \"%s\": string\n", key);
	pf_buf_cstr(&yaml);
	return (char *)yaml.data;
}

static int wrong_cells(const struct pf_json *want, const char *line)
{
	struct pf_json *row;
	struct pf_error err;
	void *iter = NULL;
	const char *key;
	const struct pf_json *value;
	int wrong = 0;
	if (pf_json_parse(line, strlen(line), "row", &row, &err))
		return 1;
	while (pf_json_each(want, &iter, &key, &value)) {
		const char *got = pf_json_text(pf_json_get(row, key));
		bool other_number = !strcmp(key, "Contact Phone Number");
		if (!got || strlen(got) != strlen(pf_json_text(value)) ||
		    (other_number ? strspn(got, "0123456789") != 10 : strcmp(got, pf_json_text(value)))) {
			printf("# %s is '%s', not '%s'\n", key, got ? got : "(null)",
			       pf_json_text(value));
			wrong++;
		}
	}
	pf_json_free(row);
	return wrong;
}

static void one_pair(const char *folder, const char *name)
{
	char *csv = pf_asprintf("%s/csvs/%s.csv", folder, name);
	char *json = pf_asprintf("%s/json/%s.json", folder, name);
	struct pf_buf text = { 0 }, expected = { 0 };
	struct pf_error err = { 0 };
	struct pf_json *want = NULL;
	CHECK_OK(pf_read_file(csv, 1 << 20, &text, &err), &err);
	CHECK_OK(pf_read_file(json, 1 << 20, &expected, &err), &err);
	CHECK_OK(pf_json_parse(expected.data, expected.len, json, &want, &err), &err);
	char *yaml = definition(want);
	static const size_t steps[] = { 1 << 20, 1, 5 };
	for (size_t i = 0; i < 3; i++) {
		const struct pf_text_options o = { .file = "x 2024-01-01.csv",
						   .final_line = true };
		struct got g;
		read_text(yaml, (char *)text.data, text.len, steps[i], &o, &g);
		if (g.code)
			printf("# %s: %s\n", name, g.err.message);
		CHECK_INT(g.code, 0);
		CHECK_STR((char *)g.rejects.data, "");
		CHECK_INT(g.position.rows, count_rows(want));
		char *line = (char *)g.rows.data;
		for (size_t row = 0; row < count_rows(want) && *line; row++) {
			char *stop = strchr(line, '\n');
			*stop = '\0';
			CHECK_INT(wrong_cells(row_of(want, row), line), 0);
			line = stop + 1;
		}
		drop_got(&g);
	}
	free(yaml);
	pf_json_free(want);
	pf_buf_free(&text);
	pf_buf_free(&expected);
	free(csv);
	free(json);
}

TEST(pairs)
{
	static const char *const names[] = {
		"comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json",
		"location_coordinates", "newlines", "newlines_crlf",
		"quotes_and_newlines", "simple", "simple_crlf", "utf8",
	};
	const char *shared = getenv("PF_SHARED");
	char *folder = pf_asprintf("%s/corpora/csv", shared ? shared : "../shared");
	DIR *d = opendir(folder);
	if (d)
		closedir(d);
	else
		printf("# skipped: no %s\n", folder);
	for (size_t i = 0; d && i < sizeof names / sizeof *names; i++)
		one_pair(folder, names[i]);
	free(folder);
}

UNIT_MAIN(CASE(pairs))

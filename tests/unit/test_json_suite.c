/* SPDX-License-Identifier: Apache-2.0
 *
 * JSONTestSuite: every y_ file is accepted, every n_ file refused, wherever it
 * stands; what happens to the i_ files is listed here. And jansson as the other
 * opinion about random and damaged rows.
 */
#include "unit.h"

#include <dirent.h>

#include "base/file.h"
#include "ext/json.h"
#include "text_help.h"

#define YAML                                                     \
	"id: id\ntime: t\npartition: none\ninput: {format: json}\n" \
	"columns: {id: int, t: date, v: string}\n"

/* Implementation-defined, and accepted: numbers of any size stay text in a
 * string column; a byte order mark is no part of a value; everything that is no
 * UTF-8, half a surrogate pair and nesting beyond 512 is refused. */
static const char *const accepted[] = {
	"i_number_double_huge_neg_exp.json", "i_number_huge_exp.json",
	"i_number_neg_int_huge_exp.json",    "i_number_pos_double_huge_exp.json",
	"i_number_real_neg_overflow.json",   "i_number_real_pos_overflow.json",
	"i_number_real_underflow.json",	     "i_number_too_big_neg_int.json",
	"i_number_too_big_pos_int.json",     "i_number_very_big_negative_int.json",
	"i_structure_500_nested_arrays.json",
};

static bool is_accepted(const char *name)
{
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
		if (!strcmp(name, accepted[i]))
			return true;
	return name[0] == 'y';
}

static char *folder(void)
{
	const char *shared = getenv("PF_SHARED");
	return pf_asprintf("%s/corpora/json/test_parsing", shared ? shared : "../shared");
}

/* One file as the value of a field, and alone as an element. */
static void one_file(const char *path, const char *name)
{
	struct pf_buf text = { 0 }, content = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_read_file(path, 1 << 20, &content, &err), &err);
	pf_buf_str(&text, "[{\"id\":1,\"t\":\"2024-01-01\",\"v\":");
	pf_buf_add(&text, content.data, content.len);
	pf_buf_str(&text, "}]\n");
	struct got g;
	read_text(YAML, (char *)text.data, text.len, 1 << 20, NULL, &g);
	bool taken = !g.code && !g.position.rejected && g.position.rows == 1;
	if (taken != is_accepted(name))
		printf("# %s: %s %s\n", name, g.err.message, (char *)g.rejects.data);
	CHECK_INT(taken, is_accepted(name));
	drop_got(&g);
	/* Alone it lacks the ID: malformed or not, it is never a row; where it is
	 * well-formed, that is the complaint. */
	text.len = 0;
	pf_buf_str(&text, "[");
	pf_buf_add(&text, content.data, content.len);
	pf_buf_str(&text, "]");
	read_text(YAML, (char *)text.data, text.len, 1 << 20, NULL, &g);
	CHECK_INT(g.position.rows, 0);
	if (name[0] == 'y' && memchr(content.data, '{', 3))
		CHECK(strncmp((char *)g.rejects.data, "3013", 4) || content.data[0] != '{');
	drop_got(&g);
	pf_buf_free(&text);
	pf_buf_free(&content);
}

TEST(p11_suite)
{
	char *path = folder();
	DIR *d = opendir(path);
	int files = 0;
	if (!d) {
		printf("# skipped: no %s\n", path);
		free(path);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (!strstr(e->d_name, ".json"))
			continue;
		char *file = pf_asprintf("%s/%s", path, e->d_name);
		one_file(file, e->d_name);
		free(file);
		files++;
	}
	closedir(d);
	CHECK(files > 300);
	free(path);
}

/* --- jansson --- */

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t roll(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

static void random_string(struct pf_buf *out)
{
	static const char *const pieces[] = {
		"a", "Z", " ", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00",
		"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "{", "]", ",", ":", "0123456789abcdef",
	};
	pf_buf_byte(out, '"');
	for (uint32_t n = roll(12); n--;)
		pf_buf_str(out, pieces[roll(sizeof pieces / sizeof *pieces)]);
	pf_buf_byte(out, '"');
}

static void random_blank(struct pf_buf *out)
{
	if (!roll(8))
		pf_buf_str(out, roll(2) ? " " : "\t ");
}

static void random_value(struct pf_buf *out, int depth)
{
	random_blank(out);
	switch (roll(depth > 4 ? 6 : 8)) {
	case 0:
		pf_buf_printf(out, "%lld", (long long)(int64_t)state >> roll(63));
		break;
	case 1:
		pf_buf_printf(out, "%.*g", 1 + (int)roll(17),
			      (double)(int64_t)state / (double)(1 + roll(1000000)));
		break;
	case 2:
		pf_buf_printf(out, "%d.%03ue%d", (int)roll(2000) - 1000, roll(1000),
			      (int)roll(40) - 20);
		break;
	case 3:
		pf_buf_str(out, roll(2) ? "true" : roll(2) ? "false" : "null");
		break;
	case 6:
	case 7: {
		bool object = roll(2);
		pf_buf_byte(out, object ? '{' : '[');
		for (uint32_t n = roll(4), i = 0; i < n; i++) {
			if (i)
				pf_buf_byte(out, ',');
			if (object)
				pf_buf_printf(out, "\"k%u\":", i);
			random_value(out, depth + 1);
		}
		random_blank(out);
		pf_buf_byte(out, object ? '}' : ']');
		break;
	}
	default:
		random_string(out);
		break;
	}
	random_blank(out);
}

/* A row with its keys in some order, some of them missing. */
static void random_row(struct pf_buf *out)
{
	static const char *const keys[] = { "id", "i", "d", "s", "n", "x" };
	uint32_t first = roll(6);
	pf_buf_byte(out, '{');
	bool any = false;
	for (uint32_t k = 0; k < 6; k++) {
		const char *key = keys[(first + k) % 6];
		bool is_id = !strcmp(key, "id");
		if (!is_id && !roll(4))
			continue;
		pf_buf_printf(out, "%s\"%s\":", any ? "," : "", key);
		any = true;
		if (is_id)
			pf_buf_printf(out, "%u,\"t\":\"2024-01-01\"", roll(1000));
		else if (*key == 'i')
			pf_buf_printf(out, "%lld", (long long)(int64_t)state >> roll(63));
		else if (*key == 'd')
			pf_buf_printf(out, "%.*g", 1 + (int)roll(17),
				      (double)(int64_t)state / (double)(1 + roll(1000000)));
		else if (*key == 's')
			random_string(out);
		else
			random_value(out, 0);
	}
	pf_buf_str(out, "}\n");
}

#define RANDOM_YAML                                                      \
	"id: id\ntime: t\npartition: none\ninput: {format: jsonl}\n"        \
	"columns: {id: int, t: date, i: bigint, d: double, s: string, n: string}\n"

static bool same_text(const struct pf_json *a, const char *b)
{
	const char *text = pf_json_text(a);
	return text && b && !strcmp(text, b);
}

/* Our row, read back from JSON that we wrote, against jansson's view of the
 * original. */
static int differences(const char *original, size_t len, const char *ours)
{
	struct pf_json *a, *b;
	struct pf_error err;
	int wrong = 0;
	if (pf_json_parse(original, len, "original", &a, &err))
		return 1;
	if (pf_json_parse(ours, strlen(ours), "ours", &b, &err)) {
		pf_json_free(a);
		return 1;
	}
	int64_t i = 0, k = 0;
	const struct pf_json *x = pf_json_get(a, "i"), *y = pf_json_get(b, "i");
	wrong += pf_json_int(x, &i) != pf_json_int(y, &k) || i != k;
	x = pf_json_get(a, "s");
	y = pf_json_get(b, "s");
	wrong += pf_json_kind(x) != pf_json_kind(y) ||
		 (pf_json_text(x) && !same_text(y, pf_json_text(x)));
	/* Nested values are JSON text in a string, others their own text. */
	x = pf_json_get(a, "n");
	y = pf_json_get(b, "n");
	if (pf_json_kind(x) == PF_JSON_TEXT)
		wrong += !same_text(y, pf_json_text(x));
	else if (pf_json_kind(x) >= PF_JSON_ARRAY) {
		struct pf_json *inner;
		const char *text = pf_json_text(y);
		wrong += !text || pf_json_parse(text, strlen(text), "n", &inner, &err) ||
			 pf_json_size(inner) != pf_json_size(x);
		if (text && !wrong)
			pf_json_free(inner);
	}
	pf_json_free(a);
	pf_json_free(b);
	return wrong;
}

TEST(random_rows_as_jansson)
{
	int wrong = 0;
	for (int round = 0; round < 400; round++) {
		struct pf_buf text = { 0 };
		size_t starts[21];
		for (int i = 0; i < 20; i++) {
			starts[i] = text.len;
			random_row(&text);
		}
		starts[20] = text.len;
		pf_buf_cstr(&text);
		struct got g;
		read_text(RANDOM_YAML, (char *)text.data, text.len, 1 + roll(300), NULL, &g);
		if (g.position.rejected)
			printf("# %s\n", (char *)g.rejects.data);
		CHECK_INT(g.position.rows, 20);
		char *line = (char *)g.rows.data;
		for (int i = 0; i < 20 && *line; i++) {
			char *stop = strchr(line, '\n');
			*stop = '\0';
			int bad = differences((char *)text.data + starts[i],
					      starts[i + 1] - starts[i] - 1, line);
			if (bad)
				printf("# %.*s# %s\n", (int)(starts[i + 1] - starts[i]),
				       (char *)text.data + starts[i], line);
			wrong += bad;
			line = stop + 1;
		}
		drop_got(&g);
		pf_buf_free(&text);
	}
	CHECK_INT(wrong, 0);
}

/* What jansson refuses for reasons of its own. */
static bool own_reason(const char *message)
{
	return strstr(message, "\\u0000") || strstr(message, "too big") ||
	       strstr(message, "overflow") || strstr(message, "duplicate") ||
	       strstr(message, "NUL");
}

TEST(damaged_rows_as_jansson)
{
	int tried = 0, refused = 0, wrong = 0;
	for (int round = 0; round < 20000; round++) {
		struct pf_buf text = { 0 };
		random_row(&text);
		for (uint32_t n = 1 + roll(3); n--;) {
			size_t at = 1 + roll((uint32_t)text.len - 2);
			static const char bytes[] = "{}[],:\"\\ue0-.9 \t\x01\x80\xff" "ntf";
			uint8_t b = (uint8_t)bytes[roll(sizeof bytes - 1)];
			if (roll(2))
				text.data[at] = b;
			else
				memmove(text.data + at, text.data + at + 1,
					--text.len - at);
		}
		text.data[text.len - 1] = '\n';
		struct pf_json *v;
		struct pf_error err = { 0 };
		bool bad = pf_json_parse(text.data, text.len - 1, "row", &v, &err);
		if (!bad)
			pf_json_free(v);
		struct got g;
		read_text(RANDOM_YAML, (char *)text.data, text.len, 1 << 20, NULL, &g);
		bool ours = !strncmp((char *)g.rejects.data, "3013", 4);
		/* A value that does not fit is noticed before what follows it. */
		bool known = !strncmp((char *)g.rejects.data, "3004", 4) && bad;
		if (text.data[0] == '{' && !own_reason(err.message) && !known) {
			tried++;
			refused += bad;
			wrong += ours != bad;
			if (ours != bad)
				printf("# %s | %s | %.*s", err.message,
				       (char *)g.rejects.data, (int)text.len,
				       (char *)text.data);
		}
		drop_got(&g);
		pf_buf_free(&text);
	}
	CHECK_INT(wrong, 0);
	CHECK(tried > 10000);
	CHECK(refused > 3000 && refused < tried - 1000);
}

UNIT_MAIN(CASE(p11_suite), CASE(random_rows_as_jansson), CASE(damaged_rows_as_jansson))

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "../tools/random_rows.h"
#include "base/alloc.h"
#include "expr/json_path.h"
#include "ext/json.h"
#include "unit.h"

static struct pf_view view(const char *text)
{
	return pf_view_of(text, strlen(text));
}

/* What stands there, unescaped when it is a string; "-" for nothing. */
static const char *get(const char *json, const char *path)
{
	static char out[4096];
	struct pf_view v;
	size_t len;
	if (!pf_json_path(view(json), view(path), &v))
		return "-";
	if (v.data[0] == '"') {
		if (!pf_json_unescape(v, (uint8_t *)out, &len))
			return "malformed";
		out[len] = '\0';
		return out;
	}
	memcpy(out, v.data, v.len);
	out[v.len] = '\0';
	return out;
}

TEST(paths)
{
	static const char doc[] =
		" { \"a\" : 1 , \"b\":{\"c\":[10,{\"d\":\"x,]}\\\"y\"},[ ],true],\"\":null,"
		"\"k\\u0065y\":\"v\"}, \"7\":-1.5e3, \"last\":\"\"}\n";
	CHECK_STR(get(doc, "a"), "1");
	CHECK_STR(get(doc, "b.c.0"), "10");
	CHECK_STR(get(doc, "b.c.1.d"), "x,]}\"y");
	CHECK_STR(get(doc, "b.c.1"), "{\"d\":\"x,]}\\\"y\"}");
	CHECK_STR(get(doc, "b.c.2"), "[ ]");
	CHECK_STR(get(doc, "b.c.2.0"), "-");
	CHECK_STR(get(doc, "b.c.3"), "true");
	CHECK_STR(get(doc, "b.c.4"), "-");
	CHECK_STR(get(doc, "b.c.x"), "-");
	CHECK_STR(get(doc, "b.c.-1"), "-");
	CHECK_STR(get(doc, "b.c.99999999999999999999999"), "-");
	CHECK_STR(get(doc, "b."), "null");
	CHECK_STR(get(doc, "b.key"), "v");
	CHECK_STR(get(doc, "7"), "-1.5e3");
	CHECK_STR(get(doc, "last"), "");
	CHECK_STR(get(doc, "last.x"), "-");
	CHECK_STR(get(doc, "A"), "-");
	CHECK_STR(get(doc, "a.b"), "-");
	CHECK_STR(get(" \"x\" ", ""), "x");
	CHECK_STR(get("[[1,2],[3]]", "1.0"), "3");
	CHECK_STR(get("{}", "a"), "-");
	CHECK_STR(get("{ }", "a"), "-");
	CHECK_STR(get("", "a"), "-");
	CHECK_STR(get("", ""), "-");
	CHECK_STR(get("no json", "a"), "-");
	CHECK_STR(get("{\"a\" 1}", "a"), "-");
	CHECK_STR(get("{\"a\":}", "a"), "-");
	CHECK_STR(get("{\"b\":1 \"a\":2}", "a"), "-");
}

TEST(escapes)
{
	CHECK_STR(get("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", ""), "\"\\/\b\f\n\r\t");
	CHECK_STR(get("\"\\u00e4\\u20AC\\uD83d\\ude00\"", ""), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	/* Half of a pair. */
	CHECK_STR(get("\"\\ud83dx\\ude00\"", ""), "\xef\xbf\xbdx\xef\xbf\xbd");
	CHECK_STR(get("\"\\ud83d\\u0041\"", ""), "\xef\xbf\xbd" "A");
	CHECK_STR(get("\"\\x\"", ""), "malformed");
	CHECK_STR(get("\"\\u12\"", ""), "malformed");
	CHECK_STR(get("\"\\u12g4\"", ""), "malformed");
	CHECK_STR(get("\"\\u\x10\x11\x12\x13\"", ""), "malformed"); /* no digits */
}

/* --- against jansson --- */

static void any(uint64_t *state, struct pf_buf *out, int depth)
{
	static const char *const keys[] = { "a", "b", "key", "0", "1", "" };
	static const char *const leaves[] = { "1", "-2.5", "true", "null", "\"\"", "\"x\"",
					      "\"a\\\\\\\"]}{[,:\"", "\"\\u00fc\\ud83d\\ude00\"" };
	uint64_t kind = depth > 3 ? 0 : !depth + random_below(state, depth ? 3 : 2);
	uint64_t n = random_below(state, 7);
	bool seen[6] = { false };
	if (!kind) {
		pf_buf_str(out, leaves[random_below(state, 8)]);
		return;
	}
	pf_buf_str(out, kind == 1 ? "{ " : "[");
	for (uint64_t i = 0, put = 0; i < n; i++) {
		uint64_t k = random_below(state, 6);
		if (kind == 1 && seen[k])
			continue;
		seen[k] = true;
		pf_buf_str(out, put++ ? " ,\n" : "");
		if (kind == 1)
			pf_buf_printf(out, "\"%s\"\t: ", keys[k]);
		any(state, out, depth + 1);
	}
	pf_buf_str(out, kind == 1 ? "}" : " ]");
}

TEST(as_a_parser_finds_them)
{
	static const char *const steps[] = { "a", "b", "key", "0", "1", "", "2" };
	int found = 0;
	uint64_t state = 17;
	for (int i = 0; i < 20000; i++) {
		struct pf_buf doc = { 0 }, path = { 0 };
		struct pf_json *root;
		any(&state, &doc, 0);
		/* jansson wants an array or object outside. */
		if (pf_json_parse(doc.data, doc.len, "doc", &root, NULL)) {
			pf_buf_free(&doc);
			continue;
		}
		const struct pf_json *want = root;
		for (uint64_t n = 1 + random_below(&state, 3), k = 0; k < n; k++) {
			const char *step = steps[random_below(&state, 7)];
			pf_buf_printf(&path, "%s%s", k ? "." : "", step);
			want = pf_json_kind(want) == PF_JSON_OBJECT ? pf_json_get(want, step) :
			       pf_json_kind(want) == PF_JSON_ARRAY && *step >= '0' && *step <= '9' ?
				       pf_json_at(want, (size_t)(*step - '0')) : NULL;
		}
		struct pf_view v;
		bool is = path.len && pf_json_path(pf_view_of(doc.data, doc.len),
						   pf_view_of(path.data, path.len), &v);
		if (path.len) {
			found += is;
			CHECK(is == (want != NULL));
			if (is && want && pf_json_text(want))
				CHECK_STR(get(pf_buf_cstr(&doc), pf_buf_cstr(&path)),
					  pf_json_text(want));
		}
		/* Cut anywhere: nothing beyond the end is read. */
		size_t cut = (size_t)random_below(&state, doc.len + 1);
		uint8_t *part = pf_alloc(cut, 1), *out = pf_alloc(cut, 1);
		size_t len;
		if (cut)
			memcpy(part, doc.data, cut);
		if (pf_json_path(pf_view_of(part, cut), pf_view_of(path.data, path.len), &v)) {
			CHECK(v.len && v.data >= part && v.data + v.len <= part + cut);
			pf_json_unescape(v, out, &len);
		}
		free(part);
		free(out);
		pf_json_free(root);
		pf_buf_free(&doc);
		pf_buf_free(&path);
	}
	CHECK(found > 1000);
}

UNIT_MAIN(CASE(paths), CASE(escapes), CASE(as_a_parser_finds_them))

/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of rows to rows: every merge engine against what the rules say,
 * deduplication against a model on random versions in batches of all sizes,
 * and which files have to be read together.
 */
#include "keyed/fold.h"
#include "keyed/sections.h"

#include <stdlib.h>

#include "paimon/create.h"
#include "paimon/internal.h"
#include "unit.h"

static struct pf_error err;
static uint64_t state = 7;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

/* A table with key k (and p), value columns a, s, n, and options as JSON. */
static struct pf_table_schema *schema_of(const char *options)
{
	char json[2000];
	struct pf_table_schema *s = NULL;
	snprintf(json, sizeof json,
		 "{\"version\":3,\"id\":0,\"fields\":["
		 "{\"id\":0,\"name\":\"k\",\"type\":\"BIGINT NOT NULL\"},"
		 "{\"id\":1,\"name\":\"p\",\"type\":\"STRING NOT NULL\"},"
		 "{\"id\":2,\"name\":\"a\",\"type\":\"INT\"},"
		 "{\"id\":3,\"name\":\"s\",\"type\":\"STRING\"},"
		 "{\"id\":4,\"name\":\"n\",\"type\":\"BIGINT\"}],"
		 "\"highestFieldId\":4,\"partitionKeys\":[\"p\"],"
		 "\"primaryKeys\":[\"p\",\"k\"],\"options\":{\"bucket\":\"1\"%s%s},"
		 "\"timeMillis\":0}",
		 *options ? "," : "", options);
	CHECK_OK(pf_table_schema_parse(json, strlen(json), "schema-0", &s, &err), &err);
	return s;
}

static struct pf_schema *versions_schema(const struct pf_table_schema *t)
{
	struct pf_schema *s = pf_schema_copy(t->columns);
	pf_schema_add(s, PF_SEQUENCE_COLUMN, (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(s, PF_KIND_COLUMN, (struct pf_type){ .kind = PF_TINYINT }, false);
	return s;
}

enum { NONE = INT32_MIN };

static void text_or_null(struct pf_colbuf *c, const char *text)
{
	if (text)
		pf_col_bytes(c, text, strlen(text));
	else
		pf_col_null(c);
}

static void version(struct pf_builder *b, int64_t k, int32_t a, const char *s, int64_t n,
		    int64_t seq, enum pf_row_kind kind)
{
	pf_col_i64(&b->columns[0], k);
	pf_col_bytes(&b->columns[1], "x", 1);
	if (a == NONE)
		pf_col_null(&b->columns[2]);
	else
		pf_col_i32(&b->columns[2], a);
	text_or_null(&b->columns[3], s);
	if (n == NONE)
		pf_col_null(&b->columns[4]);
	else
		pf_col_i64(&b->columns[4], n);
	pf_col_i64(&b->columns[5], seq);
	pf_col_i8(&b->columns[6], (int8_t)kind);
}

/* Fold versions in pieces of at most `most` rows; what comes out, as text:
 * "k a s n" a line. */
static int fold(const char *options, struct pf_builder *in, int64_t most, bool keep,
		struct pf_buf *out)
{
	struct pf_table_schema *t = schema_of(options);
	struct pf_rules *rules = NULL;
	struct pf_keyed_fold *f = NULL;
	struct pf_builder *piece = pf_builder_new(in->schema);
	struct pf_batch all = pf_builder_batch(in), rows;
	int code = pf_rules_read(t, &rules, &err);
	if (!code)
		code = pf_keyed_fold_new(rules, in->schema, keep, &f, &err);
	out->len = 0;
	for (int64_t at = 0; !code && at <= all.rows;) {
		bool end = at == all.rows;
		int64_t n = end ? 0 : 1 + (int64_t)below((uint32_t)most);
		n = n > all.rows - at ? all.rows - at : n;
		pf_builder_reset(piece);
		pf_builder_append(piece, &all, at, n);
		struct pf_batch b = pf_builder_batch(piece);
		code = pf_keyed_fold_add(f, &b, end, &rows, &err);
		for (int64_t i = 0; !code && i < rows.rows; i++) {
			const struct pf_column *c = rows.columns;
			pf_buf_printf(out, "%" PRId64, ((const int64_t *)c[0].values)[i]);
			if (pf_is_null(&c[2], i))
				pf_buf_str(out, " -");
			else
				pf_buf_printf(out, " %d", ((const int32_t *)c[2].values)[i]);
			if (pf_is_null(&c[3], i)) {
				pf_buf_str(out, " -");
			} else {
				struct pf_view v = pf_bytes_at(&c[3], i);
				pf_buf_printf(out, " %.*s", (int)v.len, v.data);
			}
			if (pf_is_null(&c[4], i))
				pf_buf_str(out, " -");
			else
				pf_buf_printf(out, " %" PRId64,
					      ((const int64_t *)c[4].values)[i]);
			if (keep)
				pf_buf_printf(out, " #%" PRId64 " %d",
					      ((const int64_t *)c[5].values)[i],
					      ((const int8_t *)c[6].values)[i]);
			pf_buf_byte(out, '\n');
		}
		at += n + end;
	}
	pf_builder_free(piece);
	pf_keyed_fold_free(f);
	pf_rules_free(rules);
	pf_table_schema_free(t);
	return code;
}

static struct pf_builder *versions(void)
{
	struct pf_table_schema *t = schema_of("");
	struct pf_schema *s = versions_schema(t);
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	pf_table_schema_free(t);
	return b;
}

static void expect(const char *options, struct pf_builder *in, bool keep,
		   const char *want)
{
	struct pf_buf got = { 0 };
	for (int64_t most = 1; most < 6; most += 2) {
		CHECK_OK(fold(options, in, most, keep, &got), &err);
		CHECK_STR(pf_buf_cstr(&got), want);
	}
	pf_buf_free(&got);
}

TEST(deduplicate)
{
	struct pf_builder *b = versions();
	version(b, 1, 10, "old", 1, 5, PF_ROW_INSERT);
	version(b, 1, 11, "new", 1, 9, PF_ROW_AFTER);
	version(b, 1, 12, "older", 1, 2, PF_ROW_DELETE);
	version(b, 2, 20, "gone", 1, 3, PF_ROW_INSERT);
	version(b, 2, 21, "gone", 1, 4, PF_ROW_DELETE);
	version(b, 3, 30, "never", 1, 6, PF_ROW_DELETE);
	version(b, 4, 40, "again", 1, 7, PF_ROW_DELETE);
	version(b, 4, 41, "again", 1, 8, PF_ROW_INSERT);
	version(b, 5, 50, "tie", 1, 1, PF_ROW_INSERT);
	version(b, 5, 51, "tie", 1, 1, PF_ROW_DELETE);
	expect("", b, false, "1 11 new 1\n4 41 again 1\n5 50 tie 1\n");
	expect("", b, true, "1 11 new 1 #9 2\n2 21 gone 1 #4 3\n3 30 never 1 #6 3\n"
			    "4 41 again 1 #8 0\n5 50 tie 1 #1 0\n");
	expect("\"ignore-delete\":\"true\"", b, false,
	       "1 11 new 1\n2 20 gone 1\n4 41 again 1\n5 50 tie 1\n");
	pf_builder_free(b);
}

TEST(sequence_columns)
{
	struct pf_builder *b = versions();
	version(b, 1, 10, "late", 7, 9, PF_ROW_INSERT);
	version(b, 1, 11, "newest", 8, 1, PF_ROW_INSERT);
	version(b, 1, 12, "null", NONE, 10, PF_ROW_INSERT);
	version(b, 2, 20, "first", 8, 1, PF_ROW_INSERT);
	version(b, 2, 21, "second", 8, 2, PF_ROW_INSERT);
	version(b, 3, 30, "null", NONE, 1, PF_ROW_INSERT);
	version(b, 3, 31, "null, too", NONE, 2, PF_ROW_INSERT);
	expect("\"sequence.field\":\"n\"", b, false,
	       "1 11 newest 8\n2 21 second 8\n3 31 null, too -\n");
	expect("\"sequence.field\":\"n\",\"sequence.field.sort-order\":\"descending\"", b,
	       false, "1 10 late 7\n2 21 second 8\n3 31 null, too -\n");
	/* Two of them: the second decides where the first does not. */
	expect("\"sequence.field\":\"n, a\"", b, false,
	       "1 11 newest 8\n2 21 second 8\n3 31 null, too -\n");
	pf_builder_free(b);
}

TEST(partial_update)
{
	struct pf_builder *b = versions();
	struct pf_buf got = { 0 };
	version(b, 1, 10, NULL, NONE, 1, PF_ROW_INSERT);
	version(b, 1, NONE, "text", NONE, 2, PF_ROW_INSERT);
	version(b, 1, 11, NULL, NONE, 3, PF_ROW_AFTER);
	version(b, 2, NONE, NULL, NONE, 4, PF_ROW_INSERT);
	expect("\"merge-engine\":\"partial-update\"", b, false, "1 11 text -\n2 - - -\n");
	version(b, 3, 30, "x", 3, 5, PF_ROW_INSERT);
	version(b, 3, NONE, "y", 4, 6, PF_ROW_DELETE);
	version(b, 3, 31, NULL, NONE, 7, PF_ROW_INSERT);
	CHECK(fold("\"merge-engine\":\"partial-update\"", b, 3, false, &got) ==
	      PF_E_TABLE_FEATURE);
	expect("\"merge-engine\":\"partial-update\",\"ignore-delete\":\"true\"", b, false,
	       "1 11 text -\n2 - - -\n3 31 x 3\n");
	expect("\"merge-engine\":\"partial-update\","
	       "\"partial-update.remove-record-on-delete\":\"true\"",
	       b, false, "1 11 text -\n2 - - -\n3 31 y 4\n");
	pf_buf_free(&got);
	pf_builder_free(b);
}

#define GROUP "\"merge-engine\":\"partial-update\",\"fields.n.sequence-group\":\"a,s\""

/* n orders a and s. */
TEST(sequence_group)
{
	struct pf_builder *b = versions();
	struct pf_buf got = { 0 };
	version(b, 1, 10, "x", 5, 1, PF_ROW_INSERT);
	version(b, 1, 11, "late", 3, 2, PF_ROW_INSERT);   /* older in the group */
	version(b, 1, 12, NULL, 5, 3, PF_ROW_INSERT);     /* the same: nulls count */
	version(b, 1, 13, "none", NONE, 4, PF_ROW_INSERT); /* says nothing */
	version(b, 2, 20, "x", NONE, 5, PF_ROW_INSERT);
	version(b, 2, 21, "y", 1, 6, PF_ROW_INSERT);
	version(b, 3, 30, "x", 1, 7, PF_ROW_INSERT);
	version(b, 3, 31, "y", 2, 8, PF_ROW_DELETE); /* nulls the group */
	version(b, 4, 40, "x", 3, 9, PF_ROW_INSERT);
	version(b, 4, 41, "y", 2, 10, PF_ROW_DELETE); /* too late */
	version(b, 5, 50, "x", 3, 11, PF_ROW_DELETE); /* nothing but deletes */
	version(b, 5, 51, "y", 4, 12, PF_ROW_BEFORE);
	expect(GROUP, b, true,
	       "1 12 - 5 #4 0\n2 21 y 1 #6 0\n3 - - 2 #8 0\n4 40 x 3 #10 0\n5 - - 4 #12 3\n");
	expect(GROUP ",\"partial-update.remove-record-on-sequence-group\":\"n\"", b, true,
	       "1 12 - 5 #4 0\n2 21 y 1 #6 0\n3 31 y 2 #8 3\n4 40 x 3 #10 0\n5 - - 4 #12 3\n");
	expect(GROUP ",\"ignore-delete\":\"true\"", b, false,
	       "1 12 - 5\n2 21 y 1\n3 30 x 1\n4 40 x 3\n");
	pf_builder_free(b);
	/* Columns that are computed see late versions, too, as older ones. */
	b = versions();
	version(b, 1, 1, "b", 5, 1, PF_ROW_INSERT);
	version(b, 1, 2, "a", 3, 2, PF_ROW_INSERT);
	version(b, 1, 4, "c", 6, 3, PF_ROW_INSERT);
	version(b, 1, 8, "d", NONE, 4, PF_ROW_INSERT);
	version(b, 1, 16, "0", 1, 5, PF_ROW_INSERT);
	expect(GROUP ",\"fields.a.aggregate-function\":\"sum\","
		     "\"fields.s.aggregate-function\":\"listagg\"", b, false, "1 23 0,a,b,c 6\n");
	expect(GROUP ",\"fields.a.aggregate-function\":\"first_value\","
		     "\"fields.s.aggregate-function\":\"last_value\"", b, false, "1 16 c 6\n");
	version(b, 1, 32, "c", 2, 6, PF_ROW_BEFORE);
	expect(GROUP ",\"fields.a.aggregate-function\":\"sum\"", b, false, "1 -9 c 6\n");
	pf_builder_free(b);
	/* Two columns order one. */
	b = versions();
	version(b, 1, 2, "m", 5, 1, PF_ROW_INSERT);
	version(b, 1, 2, NULL, 6, 2, PF_ROW_INSERT);
	version(b, 1, 2, "l", 7, 3, PF_ROW_INSERT);
	version(b, 1, NONE, "z", 8, 4, PF_ROW_INSERT);
	version(b, 1, NONE, NULL, 9, 5, PF_ROW_INSERT);
	expect("\"merge-engine\":\"partial-update\",\"fields.a,s.sequence-group\":\"n\"", b,
	       false, "1 2 m 5\n");
	pf_buf_free(&got);
	pf_builder_free(b);
}

/* A great many versions of one key, in any order. */
TEST(hot_key)
{
	enum { MANY = 3000 };
	struct pf_builder *b = versions();
	char want[60];
	int32_t sequence[MANY], best = -1, sum = 0;
	for (int i = 0; i < MANY; i++) {
		sequence[i] = (int32_t)below(1000);
		best = best < 0 || sequence[i] >= sequence[best] ? i : best;
		sum += i;
		version(b, 1, i, NULL, sequence[i], i, PF_ROW_INSERT);
	}
	snprintf(want, sizeof want, "1 %d - %d\n", best, sequence[best]);
	expect("\"sequence.field\":\"n\"", b, false, want);
	snprintf(want, sizeof want, "1 %d - %d\n", sum, sequence[best]);
	expect("\"merge-engine\":\"aggregation\",\"sequence.field\":\"n\","
	       "\"fields.a.aggregate-function\":\"sum\"", b, false, want);
	pf_builder_free(b);
}

/* What a writer leaves out, and what it cannot take. */
TEST(rules_of_writers)
{
	static const struct {
		const char *options, *ignored, *refused; /* of +I -U +U -D */
	} cases[] = {
		{ "", "", "" },
		{ "\"ignore-delete\":\"true\"", "-U -D ", "" },
		{ "\"ignore-update-before\":\"true\"", "-U ", "" },
		{ "\"merge-engine\":\"partial-update\"", "", "-U -D " },
		{ "\"merge-engine\":\"partial-update\",\"ignore-delete\":\"true\"", "-U -D ", "" },
		{ "\"merge-engine\":\"partial-update\","
		  "\"partial-update.remove-record-on-delete\":\"true\"", "", "" },
		{ GROUP, "", "" },
		{ GROUP ",\"fields.a.aggregate-function\":\"max\"", "", "-U -D " },
		{ GROUP ",\"fields.a.aggregate-function\":\"max\","
		  "\"fields.a.ignore-retract\":\"true\"", "", "" },
		{ "\"merge-engine\":\"aggregation\"", "", "" },
		{ "\"merge-engine\":\"aggregation\",\"fields.a.aggregate-function\":\"min\"", "",
		  "-U -D " },
		{ "\"merge-engine\":\"aggregation\",\"fields.a.aggregate-function\":\"min\","
		  "\"aggregation.remove-record-on-delete\":\"true\"", "", "-U " },
		{ "\"merge-engine\":\"first-row\"", "", "-U -D " },
	};
	static const char *const kinds[] = { "+I ", "-U ", "+U ", "-D " };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_table_schema *t = schema_of(cases[i].options);
		struct pf_rules *rules;
		struct pf_buf ignored = { 0 }, refused = { 0 };
		CHECK_OK(pf_rules_read(t, &rules, &err), &err);
		for (int8_t k = 0; k < 4; k++) {
			if (pf_rules_ignore(rules, k))
				pf_buf_str(&ignored, kinds[k]);
			if (pf_rules_take(rules, k, &err))
				pf_buf_str(&refused, kinds[k]);
		}
		CHECK_STR(pf_buf_cstr(&ignored), cases[i].ignored);
		CHECK_STR(pf_buf_cstr(&refused), cases[i].refused);
		pf_buf_free(&ignored);
		pf_buf_free(&refused);
		pf_rules_free(rules);
		pf_table_schema_free(t);
	}
}

/* A definition says before a row is staged what the rules say of it later. */
TEST(definitions_refuse_what_rules_do)
{
	static const char *const cases[] = {
		"merge: deduplicate\n",
		"merge: first-row\n",
		"merge: first-row\noptions: {ignore-delete: true}\n",
		"merge: partial-update\n",
		"merge: partial-update\noptions: {ignore-update-before: true}\n",
		"merge: partial-update\noptions: {partial-update.ignore-delete: yes}\n",
		"merge: partial-update\noptions: {partial-update.remove-record-on-delete: true}\n",
		"merge: partial-update\noptions: {fields.n.sequence-group: 'a,s'}\n",
		"merge: partial-update\noptions: {fields.n.sequence-group: a, "
			"fields.a.aggregate-function: max}\n",
		"merge: partial-update\noptions: {fields.n.sequence-group: a, "
			"fields.a.aggregate-function: max, fields.a.ignore-retract: true}\n",
		"merge: partial-update\noptions: {fields.n.sequence-group: 'a,s', "
			"fields.default-aggregate-function: last_non_null_value}\n",
		"merge: aggregation\n",
		"merge: aggregation\noptions: {aggregation.remove-record-on-delete: true}\n",
		"merge: aggregation\noptions: {fields.a.aggregate-function: sum}\n",
		"merge: aggregation\noptions: {fields.a.aggregate-function: min}\n",
		"merge: aggregation\nsequence: a\noptions: {fields.default-aggregate-function: sum, "
			"fields.s.aggregate-function: listagg, fields.s.ignore-retract: true, "
			"fields.t.aggregate-function: last_value, fields.t.ignore-retract: true}\n",
		"merge: aggregation\noptions: {fields.default-aggregate-function: min, "
			"ignore-update-before: true}\n",
		"merge: aggregation\noptions: {fields.default-aggregate-function: min, "
			"aggregation.remove-record-on-delete: true}\n",
		"merge: partial-update\noptions: {fields.n.sequence-group: 'a,t'}\n",
		"merge: partial-update\noptions: {fields.t.sequence-group: 'a,s'}\n",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *yaml = pf_asprintf("primary_key: [k]\ntime: t\npartition: day\n%s"
					 "columns: {k: int, a: int, s: string, n: int, t: date}\n",
					 cases[i]);
		struct pf_tabledef *def = NULL;
		struct pf_table_schema *t = NULL;
		struct pf_rules *rules = NULL;
		CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "t.yaml", &def, &err), &err);
		struct pf_schema *s = pf_tabledef_schema(def);
		CHECK_OK(pf_table_schema_of_rows(s, &t, &err), &err);
		CHECK_OK(pf_rules_read(t, &rules, &err), &err);
		for (int8_t k = 0; k < 4; k++)
			CHECK_INT(def->kinds_refused >> k & 1, pf_rules_take(rules, k, &err) != 0);
		CHECK(!def->kinds_refused == (i == 0 || i == 2 || i == 5 || i == 6 || i == 7 ||
					      i == 9 || i == 10 || i == 15 || i == 19));
		pf_rules_free(rules);
		pf_table_schema_free(t);
		pf_schema_unref(s);
		pf_tabledef_free(def);
		free(yaml);
	}
}

TEST(first_row)
{
	struct pf_builder *b = versions();
	version(b, 1, 10, "second", 1, 5, PF_ROW_INSERT);
	version(b, 1, 11, "first", 1, 3, PF_ROW_INSERT);
	expect("\"merge-engine\":\"first-row\"", b, false, "1 11 first 1\n");
	pf_builder_free(b);
}

#define AGGREGATION "\"merge-engine\":\"aggregation\","

TEST(aggregation)
{
	static const struct {
		const char *options, *want;
	} cases[] = {
		{ "\"fields.a.aggregate-function\":\"sum\"", "1 12 z 9\n" },
		{ "\"fields.a.aggregate-function\":\"product\"", "1 35 z 9\n" },
		{ "\"fields.a.aggregate-function\":\"min\","
		  "\"fields.s.aggregate-function\":\"max\"", "1 5 z 9\n" },
		{ "\"fields.a.aggregate-function\":\"max\","
		  "\"fields.s.aggregate-function\":\"listagg\"", "1 7 b,b,z 9\n" },
		{ "\"fields.s.aggregate-function\":\"listagg\","
		  "\"fields.s.distinct\":\"true\",\"fields.s.list-agg-delimiter\":\"; \"",
		  "1 7 b; z 9\n" },
		{ "\"fields.a.aggregate-function\":\"first_value\","
		  "\"fields.n.aggregate-function\":\"last_value\","
		  "\"fields.s.aggregate-function\":\"first_non_null_value\"", "1 - b -\n" },
		{ "\"fields.default-aggregate-function\":\"first_non_null_value\"",
		  "1 5 b 9\n" },
	};
	struct pf_builder *b = versions();
	struct pf_buf got = { 0 };
	version(b, 1, NONE, NULL, 9, 1, PF_ROW_INSERT);
	version(b, 1, 5, "b", NONE, 2, PF_ROW_INSERT);
	version(b, 1, NONE, "b", NONE, 3, PF_ROW_INSERT);
	version(b, 1, 7, "z", NONE, 4, PF_ROW_AFTER);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char options[400];
		snprintf(options, sizeof options, AGGREGATION "%s", cases[i].options);
		expect(options, b, false, cases[i].want);
	}
	version(b, 2, INT32_MAX, NULL, 1, 5, PF_ROW_INSERT);
	version(b, 2, 1, NULL, 1, 6, PF_ROW_INSERT);
	CHECK(fold(AGGREGATION "\"fields.a.aggregate-function\":\"sum\"", b, 2, false,
		   &got) == PF_E_EXPR_VALUE);
	CHECK(strstr(err.message, "column 'a'") != NULL);
	CHECK(fold(AGGREGATION "\"fields.a.aggregate-function\":\"collect\"", b, 2, false,
		   &got) == PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "'collect'") != NULL);
	pf_buf_free(&got);
	pf_builder_free(b);
}

TEST(aggregation_takes_back)
{
	struct pf_builder *b = versions();
	struct pf_buf got = { 0 };
	version(b, 1, 5, "a", 3, 1, PF_ROW_INSERT);
	version(b, 1, 2, "b", 4, 2, PF_ROW_BEFORE);
	version(b, 1, 4, "c", NONE, 3, PF_ROW_AFTER);
	expect(AGGREGATION "\"fields.a.aggregate-function\":\"sum\"", b, false,
	       "1 7 c -\n");
	expect(AGGREGATION "\"fields.a.aggregate-function\":\"max\","
			   "\"fields.a.ignore-retract\":\"true\"", b, false, "1 5 c -\n");
	CHECK(fold(AGGREGATION "\"fields.a.aggregate-function\":\"max\"", b, 2, false,
		   &got) == PF_E_TABLE_FEATURE);
	CHECK(strstr(err.message, "ignore-retract") != NULL);
	version(b, 1, 9, "d", 1, 4, PF_ROW_DELETE);
	expect(AGGREGATION "\"aggregation.remove-record-on-delete\":\"true\"", b, false, "");
	pf_buf_free(&got);
	pf_builder_free(b);
}

/* The newest of random versions, by hand. */
TEST(random_deduplication)
{
	struct pf_buf got = { 0 }, want = { 0 };
	for (int round = 0; round < 60; round++) {
		struct pf_builder *b = versions();
		want.len = 0;
		for (int64_t k = 0; k < 40; k++) {
			uint32_t n = below(4) ? 1 + below(3) : below(12);
			int64_t best = -1;
			int32_t best_a = 0;
			bool live = false;
			for (uint32_t i = 0; i < n; i++) {
				/* Sequence numbers are never the same. */
				int64_t seq = (int64_t)below(1000) * 12 + (int64_t)i;
				int32_t a = (int32_t)below(1000);
				enum pf_row_kind kind = (enum pf_row_kind)below(4);
				version(b, k, a, NULL, NONE, seq, kind);
				if (seq > best) {
					best = seq;
					best_a = a;
					live = kind == PF_ROW_INSERT || kind == PF_ROW_AFTER;
				}
			}
			if (live)
				pf_buf_printf(&want, "%" PRId64 " %d - -\n", k, best_a);
		}
		CHECK_OK(fold("", b, 1 + (int64_t)below(20), false, &got), &err);
		CHECK_STR(pf_buf_cstr(&got), pf_buf_cstr(&want));
		pf_builder_free(b);
	}
	pf_buf_free(&got);
	pf_buf_free(&want);
}

/* --- sections --- */

static struct pf_view key_row(struct pf_arena *a, int64_t k)
{
	struct pf_buf row = { 0 };
	struct pf_datum d = { .type = { .kind = PF_BIGINT }, .i = k };
	pf_row_serialize(&row, &d, 1);
	struct pf_view v = pf_arena_copy(a, row.data, row.len);
	pf_buf_free(&row);
	return v;
}

static void sections_of(const char *options, const int (*files)[5], size_t n, struct pf_buf *out)
{
	struct pf_table_schema *t = schema_of(options);
	struct pf_rules *rules = NULL;
	struct pf_sections s;
	struct pf_data_file list[16] = { 0 };
	struct pf_file_list all = { .files = list, .n = n };
	struct pf_arena arena = { 0 };
	char names[16][4];
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "%c", (char)('a' + i));
		list[i] = (struct pf_data_file){
			.name = names[i], .path = names[i],
			.min_key = key_row(&arena, files[i][0]),
			.max_key = key_row(&arena, files[i][1]),
			.level = files[i][2], .has_deletes = files[i][3] >= 0,
			.deletes = files[i][3] < 0 ? 0 : files[i][3], .bucket = files[i][4],
		};
	}
	CHECK_OK(pf_rules_read(t, &rules, &err), &err);
	CHECK_OK(pf_sections_make(&all, t, rules, &s, &err), &err);
	out->len = 0;
	for (size_t i = 0; i < s.n; i++) {
		for (size_t k = 0; k < s.items[i].n; k++) {
			pf_buf_str(out, k ? "," : "");
			for (size_t f = 0; f < s.items[i].runs[k].n; f++)
				pf_buf_str(out, s.items[i].runs[k].files[f]->name);
		}
		pf_buf_str(out, s.items[i].merge ? "! " : " ");
	}
	pf_buf_printf(out, "%d", (int)s.hidden);
	pf_sections_free(&s);
	pf_arena_free(&arena);
	pf_rules_free(rules);
	pf_table_schema_free(t);
}

TEST(sections)
{
	/* from, to, level, deletes, bucket */
	static const int files[][5] = {
		{ 1, 5, 5, 0, 0 },   { 6, 9, 5, 0, 0 },  { 4, 7, 0, 0, 0 },
		{ 20, 30, 5, 0, 0 }, { 40, 50, 0, 2, 0 }, { 60, 70, 5, -1, 0 },
		{ 70, 80, 0, 0, 0 }, { -9, -9, 5, 0, 0 }, { 90, 95, 5, -1, 0 },
		{ 1, 99, 0, 0, 1 },
	};
	struct pf_buf got = { 0 };
	sections_of("", files, 10, &got);
	CHECK_STR(pf_buf_cstr(&got), "h ab,c! d e! f,g! i! j 0");
	sections_of("\"merge-engine\":\"first-row\"", files, 10, &got);
	CHECK_STR(pf_buf_cstr(&got), "a b d f h i 4");
	pf_buf_free(&got);
}

TEST(refused)
{
	static const char *const cases[][2] = {
		{ "\"merge-engine\":\"other\"", "'other'" },
		{ "\"sequence.field\":\"z\"", "'z'" },
		{ "\"sequence.snapshot-ordering\":\"true\"", "sequence.snapshot-ordering" },
		{ "\"deletion-vectors.enabled\":\"true\","
		  "\"deletion-vectors.merge-on-read\":\"true\"",
		  "deletion-vectors.merge-on-read" },
		{ AGGREGATION "\"fields.s.aggregate-function\":\"sum\"", "'sum'" },
		{ GROUP ",\"fields.s.sequence-group\":\"a\"", "in two sequence groups" },
		{ GROUP ",\"partial-update.remove-record-on-delete\":\"true\"", "do not go together" },
		{ GROUP ",\"ignore-delete\":\"true\","
			"\"partial-update.remove-record-on-sequence-group\":\"n\"", "do not go together" },
		{ GROUP ",\"partial-update.remove-record-on-sequence-group\":\"a\"",
		  "orders no sequence group" },
		{ "\"merge-engine\":\"partial-update\",\"fields.k.sequence-group\":\"a\"",
		  "primary key" },
		{ "\"merge-engine\":\"partial-update\",\"fields.n.sequence-group\":\"zz\"", "'zz'" },
		{ "\"merge-engine\":\"partial-update\",\"fields.a.aggregate-function\":\"sum\"",
		  "in no sequence group" },
		{ AGGREGATION "\"fields.a.ignore-retract\":\"true\","
			      "\"aggregation.remove-record-on-delete\":\"true\"",
		  "do not go together" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_table_schema *t = schema_of(cases[i][0]);
		struct pf_rules *rules;
		CHECK(pf_rules_read(t, &rules, &err) != 0);
		CHECK(strstr(err.message, cases[i][1]) != NULL);
		pf_rules_free(rules);
		pf_table_schema_free(t);
	}
}

UNIT_MAIN(CASE(deduplicate), CASE(sequence_columns), CASE(partial_update), CASE(sequence_group), CASE(hot_key), CASE(rules_of_writers), CASE(definitions_refuse_what_rules_do),
	  CASE(first_row), CASE(aggregation), CASE(aggregation_takes_back),
	  CASE(random_deduplication), CASE(sections), CASE(refused))

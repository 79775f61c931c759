/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "text_help.h"

/* _VALUE_KIND: 0 +I, 1 -U, 2 +U, 3 -D */

#define TABLE(format, rest) \
	"primary_key: [id]\ntime: t\npartition: none\ninput: {format: " format "}\n" rest
#define COLUMNS "columns: {id: int, t: timestamp(0), s: string, n: 'decimal(9,2)'}\n"

static void note_notice(void *ctx, const struct pf_notice *n)
{
	pf_buf_printf(ctx, "%llu %llu %s\n", (unsigned long long)n->line,
		      (unsigned long long)n->byte, n->text);
}

/* As expect, and what is told, and what was passed by. */
static void expect_told(const char *yaml, const char *text, const char *rows,
			const char *rejects, const char *told, struct pf_passed passed)
{
	struct pf_buf notices = { 0 };
	const struct pf_text_options o = { .final_line = true, .notice = note_notice,
					   .notice_ctx = &notices };
	struct got g;
	read_text(yaml, text, strlen(text), SIZE_MAX, &o, &g);
	CHECK_OK(g.code, &g.err);
	CHECK_STR(pf_buf_cstr(&g.rows), rows);
	CHECK_STR(pf_buf_cstr(&g.rejects), rejects);
	CHECK_STR(pf_buf_cstr(&notices), told);
	CHECK_INT(g.position.passed.schema_changes, passed.schema_changes);
	CHECK_INT(g.position.passed.empty, passed.empty);
	CHECK_INT(g.position.passed.other, passed.other);
	pf_buf_free(&notices);
	drop_got(&g);
}

#define ROW(id, s) "{\"id\":" #id ",\"t\":\"2024-01-01T00:00:00\",\"s\":\"" s "\",\"n\":1.5}"
#define OUT(id, s, kind)                                                                    \
	"{\"id\":" #id ",\"t\":\"2024-01-01T00:00:00\",\"s\":\"" s "\",\"n\":1.50,"          \
	"\"_VALUE_KIND\":" #kind "}\n"
#define DEBEZIUM(op, before, after) \
	"{\"before\":" before ",\"after\":" after ",\"source\":{\"db\":\"d\",\"table\":\"t\"}," \
	"\"op\":\"" op "\",\"ts_ms\":7}\n"

static const char deb_yaml[] = TABLE("debezium-json", COLUMNS);

TEST(debezium)
{
	expect_told(deb_yaml,
		    DEBEZIUM("r", "null", ROW(1, "a"))
		    DEBEZIUM("c", "null", ROW(2, "b"))
		    DEBEZIUM("u", ROW(1, "a"), ROW(1, "A"))
		    DEBEZIUM("u", "null", ROW(2, "B"))
		    DEBEZIUM("u", ROW(2, "B"), ROW(3, "B"))
		    DEBEZIUM("d", ROW(1, "A"), "null")
		    "null\n\n{\"schema\":null,\"payload\":null}\n"
		    "{\"op\":\"m\",\"message\":{\"prefix\":\"p\"}}\n"
		    "{\"source\":{\"db\":\"d\"},\"ddl\":\"ALTER TABLE t\",\"tableChanges\":[]}\n"
		    "{\"source\":{\"db\":\"d\",\"table\":\"t\"},\"ddl\":null,\"tableChanges\":[{}]}\n",
		    OUT(1, "a", 0) OUT(2, "b", 0) OUT(1, "A", 2) OUT(2, "B", 2) OUT(2, "B", 3)
		    OUT(3, "B", 0) OUT(1, "A", 3),
		    "",
		    "11 921 the schema of 'd' was changed: 'ALTER TABLE t'\n"
		    "12 983 the schema of 'd.t' was changed: 'tableChanges'\n",
		    (struct pf_passed){ .schema_changes = 2, .empty = 3 });
}

/* What "before" lacks has not changed. (Paimon's own test of Debezium messages has
 * such an update: schemaevolution/debezium-data-3.txt) */
TEST(debezium_parts)
{
	static const struct pf_passed none;
	expect_told(deb_yaml,
		    DEBEZIUM("c", "null", ROW(1, "a"))
		    DEBEZIUM("u", "{\"s\":\"a\"}", ROW(1, "A"))
		    DEBEZIUM("u", "{\"id\":1}", ROW(2, "A")),
		    OUT(1, "a", 0) OUT(1, "A", 2) OUT(1, "A", 3) OUT(2, "A", 0), "", "", none);
}

TEST(debezium_refused)
{
	struct got g;
	const char text[] = DEBEZIUM("d", "null", "null")
			    DEBEZIUM("u", ROW(1, "a"), "null")
			    DEBEZIUM("t", "null", "null")
			    DEBEZIUM("x", "null", "null")
			    "{\"id\":1}\n"
			    "[]\n"
			    "{\"op\":\"c\",\"after\":{\"id\":1}\n"
			    DEBEZIUM("u", "{\"id\":null}", ROW(1, "a"))
			    DEBEZIUM("c", "null", ROW(1, "__debezium_unavailable_value"))
			    DEBEZIUM("c", "null", ROW(4, "x__debezium_unavailable_value"))
			    DEBEZIUM("c", "null", "{\"id\":1,\"t\":\"2024-01-01\",\"n\":\"AfQ=\"}");
	read_text(deb_yaml, text, strlen(text), 7, NULL, &g);
	CHECK_OK(g.code, &g.err);
	CHECK_STR(pf_buf_cstr(&g.rows), OUT(4, "x__debezium_unavailable_value", 0));
	static const char *const reasons[] = {
		"3003 1 0 -: the deleted row is not in the message",
		"3003 2 80 -: the row is not in the message: 'after' is missing",
		"3003 3 206 -: the table was truncated",
		"3003 4 286 -: the message's 'op' is \"x\", which is not known",
		"3003 5 366 -: the message has no 'op'",
		"3013 6 375 -: the message is no JSON object",
		"3013 7 378 -: malformed JSON at byte 26 of the row: a comma or } is expected",
		"id: the value is missing, in the row before the change",
		"s: the value was not sent",
		"n: 'AfQ=' is not a number; if it is base64, the message's schema must say so",
	};
	const char *at = pf_buf_cstr(&g.rejects);
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		const char *found = strstr(at, reasons[i]);
		if (!found)
			fprintf(stderr, "missing '%s' in\n%s", reasons[i], at);
		CHECK(found);
		at = found ? found : at;
	}
	CHECK_INT(g.position.rejected, 10);
	drop_got(&g);
}

/* Values are taken away where sums are kept. */
TEST(retractions)
{
	const char *yaml = TABLE("debezium-json", "merge: aggregation\n"
				 "options: {fields.t.ignore-retract: 'true'}\n")
		"columns: {id: int, t: timestamp(0), s: string, n: {type: 'decimal(9,2)', aggregate: sum}}\n";
	expect(yaml,
	       DEBEZIUM("u", ROW(1, "a"), ROW(1, "A"))
	       DEBEZIUM("u", ROW(1, "a"), ROW(2, "A"))
	       DEBEZIUM("u", "null", ROW(1, "A")),
	       OUT(1, "a", 1) OUT(1, "A", 2) OUT(1, "a", 3) OUT(2, "A", 0),
	       "3003 3 344 -: the row before the update is not in the message, and the table "
	       "needs it (REPLICA IDENTITY FULL sends it) ["
	       "{\"before\":null,\"after\":" ROW(1, "A") ",\"source\":{\"db\":\"d\",\"table\":\"t\"},"
	       "\"op\":\"u\",\"ts_ms\":7}]\n");
}

/* So does a table that keeps rows as they came; and one of partial updates whose
 * aggregates its options name. */
TEST(rows_before_an_update)
{
	static const struct {
		const char *options;
		bool before;
	} cases[] = {
		{ "", false },
		{ "merge: partial-update\n", false },
		{ "options: {changelog-producer: input}\n", true },
		{ "options: {changelog-producer: none}\n", false },
		{ "options: {changelog-producer: input, ignore-update-before: true}\n", false },
		{ "options: {changelog-producer: input, ignore-delete: true}\n", false },
		{ "merge: partial-update\noptions: {fields.g.sequence-group: n, "
		  "fields.n.aggregate-function: sum}\n", true },
		{ "merge: partial-update\noptions: {fields.g.sequence-group: n}\n", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char yaml[600];
		snprintf(yaml, sizeof yaml, "%scolumns: {id: int, t: timestamp(0), s: string, "
			 "n: 'decimal(9,2)', g: int}\n", TABLE("debezium-json", ""));
		char *at = strstr(yaml, "columns:"), *tail = pf_strdup(at);
		snprintf(at, sizeof yaml - (size_t)(at - yaml), "%s%s", cases[i].options, tail);
		free(tail);
#define WITH_G(id, s, kind)                                                                   \
	"{\"id\":" #id ",\"t\":\"2024-01-01T00:00:00\",\"s\":\"" s "\",\"n\":1.50,"            \
	"\"g\":null,\"_VALUE_KIND\":" #kind "}\n"
		expect(yaml, DEBEZIUM("u", ROW(1, "a"), ROW(1, "A")),
		       cases[i].before ? WITH_G(1, "a", 1) WITH_G(1, "A", 2) : WITH_G(1, "A", 2),
		       "");
	}
}

/* The partition belongs to the key. */
TEST(partitions)
{
	const char *yaml = "primary_key: [id]\ntime: t\npartition: month\n"
			   "input: {format: debezium-json}\ncolumns: {id: int, t: timestamp(0)}\n";
	expect(yaml,
	       DEBEZIUM("u", "{\"id\":1,\"t\":\"2024-01-31\"}", "{\"id\":1,\"t\":\"2024-01-01\"}")
	       DEBEZIUM("u", "{\"id\":1,\"t\":\"2024-01-31\"}", "{\"id\":1,\"t\":\"2024-02-01\"}"),
	       "{\"id\":1,\"t\":\"2024-01-01T00:00:00\",\"_VALUE_KIND\":2}\n"
	       "{\"id\":1,\"t\":\"2024-01-31T00:00:00\",\"_VALUE_KIND\":3}\n"
	       "{\"id\":1,\"t\":\"2024-02-01T00:00:00\",\"_VALUE_KIND\":0}\n",
	       "");
	yaml = "primary_key: [id]\ntime: t\npartition: month\ninput: {format: debezium-json}\n"
	       "columns: {id: int, t: {type: timestamp(3), from: ^.ts_ms, format: epoch_ms}}\n";
	struct got g;
	read_text(yaml, "", 0, 1, NULL, &g);
	CHECK_INT(g.code, PF_E_SCHEMA_FILE);
	CHECK(strstr(g.err.message, "would lie in several partitions"));
	drop_got(&g);
}

/* A delete that does not say when it was would lose. */
TEST(sequence)
{
	expect(TABLE("debezium-json", "sequence: s\n" COLUMNS),
	       DEBEZIUM("d", "{\"id\":1,\"t\":\"2024-01-01\",\"s\":null}", "null")
	       DEBEZIUM("d", "{\"id\":1,\"t\":\"2024-01-01\"}", "null"),
	       "{\"id\":1,\"t\":\"2024-01-01T00:00:00\",\"s\":null,\"n\":null,\"_VALUE_KIND\":3}\n",
	       "3005 2 110 s: the value is missing, in the row before the change ["
	       "{\"before\":{\"id\":1,\"t\":\"2024-01-01\"},\"after\":null,"
	       "\"source\":{\"db\":\"d\",\"table\":\"t\"},\"op\":\"d\",\"ts_ms\":7}]\n");
}

#define FIELD(name, type, more) "{\"type\":\"" type "\",\"optional\":true" more ",\"field\":\"" name "\"}"
#define NAMED(type) ",\"name\":\"" type "\",\"version\":1"
#define FIELDS                                                                              \
	FIELD("id", "int32", "") ","                                                        \
	FIELD("m", "bytes", NAMED("org.apache.kafka.connect.data.Decimal")                  \
	      ",\"parameters\":{\"scale\":\"2\"}") ","                                      \
	FIELD("v", "struct", NAMED("io.debezium.data.VariableScaleDecimal")) ","            \
	FIELD("d", "int32", NAMED("io.debezium.time.Date")) ","                             \
	FIELD("c", "int64", NAMED("io.debezium.time.MicroTime")) ","                        \
	FIELD("t", "int64", NAMED("io.debezium.time.NanoTimestamp")) ","                    \
	FIELD("z", "string", NAMED("io.debezium.time.ZonedTimestamp")) ","                  \
	FIELD("e", "int64", NAMED("org.apache.kafka.connect.data.Timestamp")) ","           \
	FIELD("y", "int32", NAMED("io.debezium.time.Year")) ","                             \
	FIELD("b", "bytes", "") ","                                                         \
	FIELD("u", "int64", NAMED("com.example.Odd"))
#define WRAPPED(fields, after)                                                              \
	"{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"struct\",\"fields\":[" fields  \
	"],\"optional\":true,\"field\":\"after\"}],\"name\":\"x.Envelope\"},"                \
	"\"payload\":{\"before\":null,\"after\":" after ",\"op\":\"c\"}}\n"

TEST(schema_part)
{
	const char *yaml = TABLE("debezium-json", "zone: Europe/Zurich\n")
		"columns: {id: int, m: 'decimal(10,2)', v: 'decimal(20,3)', d: date, c: time(3), "
		"t: timestamp(6), z: timestamp_ltz(3), e: string, y: int, b: bytes, u: string}\n";
	static const char text[] =
	       WRAPPED(FIELDS, "{\"id\":1,\"m\":\"AfQ=\",\"v\":{\"scale\":3,\"value\":\"/w==\"},"
		       "\"d\":-1,\"c\":3723004000,\"t\":1704067200123456000,"
		       "\"z\":\"2024-01-01T10:00:00.5+01:00\",\"e\":1704067200123,\"y\":2024,"
		       "\"b\":\"AAE=\"}")
	       WRAPPED(FIELDS, "{\"id\":2,\"m\":\"gA==\",\"t\":0,\"v\":{\"value\":\"ASw=\",\"scale\":-1}}")
	       /* decimal.format=NUMERIC */
	       WRAPPED(FIELDS, "{\"id\":6,\"m\":-7.5,\"t\":0}")
	       WRAPPED(FIELDS, "{\"id\":3,\"t\":0,\"u\":5}")
	       WRAPPED(FIELDS, "{\"id\":3,\"t\":0,\"m\":\"5\"}")
	       WRAPPED(FIELDS, "{\"id\":3,\"t\":0,\"c\":86400000000}")
	       WRAPPED(FIELDS, "{\"id\":3,\"t\":1.5}")
	       WRAPPED(FIELD("m", "bytes", NAMED("org.apache.kafka.connect.data.Decimal")
			     ",\"parameters\":{\"scale\":\"4294967298\"}"),
		       "{\"id\":3,\"t\":\"2024-01-01\",\"m\":\"AfQ=\"}")
	       /* Without a schema, and with another one: for their messages only. */
	       "{\"op\":\"c\",\"after\":{\"id\":5,\"t\":\"2024-01-01\",\"m\":\"8.5\"}}\n"
	       WRAPPED(FIELD("id", "int32", ""), "{\"id\":4,\"t\":\"2024-01-01\",\"m\":7,\"u\":5}");
	static const char rows[] =
	       "{\"id\":1,\"m\":5.00,\"v\":-0.001,\"d\":\"1969-12-31\",\"c\":\"01:02:03.004\","
	       "\"t\":\"2024-01-01T00:00:00.123456\",\"z\":\"2024-01-01T09:00:00.500Z\","
	       "\"e\":\"2024-01-01T00:00:00.123\",\"y\":2024,\"b\":\"AAE=\",\"u\":null,\"_VALUE_KIND\":0}\n"
	       "{\"id\":2,\"m\":-1.28,\"v\":3000.000,\"d\":null,\"c\":null,"
	       "\"t\":\"1970-01-01T00:00:00.000000\",\"z\":null,\"e\":null,\"y\":null,\"b\":null,"
	       "\"u\":null,\"_VALUE_KIND\":0}\n"
	       "{\"id\":6,\"m\":-7.50,\"v\":null,\"d\":null,\"c\":null,"
	       "\"t\":\"1970-01-01T00:00:00.000000\",\"z\":null,\"e\":null,\"y\":null,\"b\":null,"
	       "\"u\":null,\"_VALUE_KIND\":0}\n"
	       "{\"id\":5,\"m\":8.50,\"v\":null,\"d\":null,\"c\":null,"
	       "\"t\":\"2024-01-01T00:00:00.000000\",\"z\":null,\"e\":null,\"y\":null,\"b\":null,"
	       "\"u\":null,\"_VALUE_KIND\":0}\n"
	       "{\"id\":4,\"m\":7.00,\"v\":null,\"d\":null,\"c\":null,"
	       "\"t\":\"2024-01-01T00:00:00.000000\",\"z\":null,\"e\":null,\"y\":null,\"b\":null,"
	       "\"u\":\"5\",\"_VALUE_KIND\":0}\n";
	static const char *const reasons[] = {
		"u: the message's schema names the type 'com.example.Odd', which is not known [",
		"m: '5' is not base64, as the message's schema says [",
		"c: '86400000000' is no time of the day [",
		"t: '1.5' is not an integer, as the message's schema says [",
		"m: 'AfQ=' has a scale that no decimal has [",
	};
	struct got g;
	read_text(yaml, text, strlen(text), 5, NULL, &g);
	CHECK_OK(g.code, &g.err);
	CHECK_STR(pf_buf_cstr(&g.rows), rows);
	CHECK_INT(g.position.rejected, 5);
	for (size_t i = 0; i < 5; i++)
		CHECK(strstr(pf_buf_cstr(&g.rejects), reasons[i]));
	drop_got(&g);
}

#define CANAL(type, data, old, more)                                                        \
	"{\"data\":" data ",\"database\":\"d\",\"es\":1704067200000,\"isDdl\":false,\"old\":" old \
	",\"pkNames\":[\"id\"],\"sql\":\"\",\"table\":\"t\",\"ts\":1,\"type\":\"" type "\"" more "}\n"

TEST(canal)
{
	const char *yaml = TABLE("canal-json", "columns:\n"
				 "  id: int\n  t: {type: timestamp(0), from: ^.es, format: epoch_ms}\n"
				 "  s: string\n  b: bytes\n");
	expect_told(yaml,
		    CANAL("INSERT", "[{\"id\":\"1\",\"s\":\"a\",\"b\":\"\\u0000\xc3\xbf\"},{\"id\":\"2\",\"s\":\"b\"}]", "null", "")
		    CANAL("UPDATE", "[{\"id\":\"1\",\"s\":\"A\"},{\"id\":\"3\",\"s\":\"B\"}]",
			  "[{\"s\":\"a\"},{\"id\":\"2\",\"s\":null}]", "")
		    CANAL("DELETE", "[{\"id\":\"1\",\"s\":\"A\"}]", "null", "")
		    "{\"data\":null,\"database\":\"d\",\"isDdl\":true,\"sql\":\"ALTER TABLE t ADD c INT\",\"table\":\"t\",\"type\":\"ALTER\"}\n"
		    CANAL("INIT", "[{\"id\":\"4\",\"c\":\"1\"}]", "null", "")
		    CANAL("INSERT", "[{\"id\":\"5\",\"c\":\"1\"}]", "null", ""),
		    "{\"id\":1,\"t\":\"2024-01-01T00:00:00\",\"s\":\"a\",\"b\":\"AP8=\",\"_VALUE_KIND\":0}\n"
		    "{\"id\":2,\"t\":\"2024-01-01T00:00:00\",\"s\":\"b\",\"b\":null,\"_VALUE_KIND\":0}\n"
		    "{\"id\":1,\"t\":\"2024-01-01T00:00:00\",\"s\":\"A\",\"b\":null,\"_VALUE_KIND\":2}\n"
		    "{\"id\":2,\"t\":\"2024-01-01T00:00:00\",\"s\":null,\"b\":null,\"_VALUE_KIND\":3}\n"
		    "{\"id\":3,\"t\":\"2024-01-01T00:00:00\",\"s\":\"B\",\"b\":null,\"_VALUE_KIND\":0}\n"
		    "{\"id\":1,\"t\":\"2024-01-01T00:00:00\",\"s\":\"A\",\"b\":null,\"_VALUE_KIND\":3}\n"
		    "{\"id\":4,\"t\":\"2024-01-01T00:00:00\",\"s\":null,\"b\":null,\"_VALUE_KIND\":0}\n"
		    "{\"id\":5,\"t\":\"2024-01-01T00:00:00\",\"s\":null,\"b\":null,\"_VALUE_KIND\":0}\n",
		    "",
		    "4 530 the schema of 'd.t' was changed: 'ALTER TABLE t ADD c INT'\n"
		    "5 631 rows have a column 'c' that the definition lacks: its values are left out\n",
		    (struct pf_passed){ .schema_changes = 1 });
}

/* A message is taken whole or not at all. */
TEST(canal_whole)
{
	const char *yaml = TABLE("canal-json", COLUMNS);
	struct got g;
	const char text[] = CANAL("INSERT", "[" ROW(1, "a") ",{\"id\":\"x\"}]", "null", "")
			    CANAL("UPDATE", "[" ROW(1, "a") "]", "[]", "")
			    CANAL("UPDATE", "[" ROW(1, "a") "]", "null", "")
			    CANAL("INSERT", "null", "null", "")
			    CANAL("TRUNCATE", "null", "null", "")
			    CANAL("INSERT", "[" ROW(2, "b") "," ROW(3, "c") "," ROW(4, "d") "," ROW(5, "e") "]",
				  "null", "");
	read_text(yaml, text, strlen(text), 11, NULL, &g);
	CHECK_OK(g.code, &g.err);
	CHECK_STR(pf_buf_cstr(&g.rows), OUT(2, "b", 0) OUT(3, "c", 0) OUT(4, "d", 0) OUT(5, "e", 0));
	CHECK_INT(g.position.rejected, 5);
	CHECK_INT(g.position.rows, 4);
	CHECK(strstr((char *)g.rejects.data, "3004 1 0 id: 'x' is not an integer"));
	drop_got(&g);
}

TEST(other_tables)
{
	const char *yaml = "primary_key: [id]\ntime: t\npartition: none\n"
			   "input: {format: maxwell-json, database: 'a|d', table: 't[0-9]*'}\n" COLUMNS;
#define MAXWELL(table, type, data, more)                                                      \
	"{\"database\":\"d\",\"table\":\"" table "\",\"type\":\"" type "\",\"ts\":1704067200,"  \
	"\"data\":" data more "}\n"
	expect_told(yaml,
		    MAXWELL("t", "bootstrap-start", "{}", "")
		    MAXWELL("t", "bootstrap-insert", ROW(1, "a"), "")
		    MAXWELL("t", "bootstrap-complete", "{}", "")
		    MAXWELL("t12", "insert", ROW(2, "b"), "")
		    MAXWELL("other", "insert", ROW(2, "b"), "")
		    MAXWELL("t1x", "table-create", "null", ",\"sql\":\"create\"")
		    MAXWELL("t", "table-alter", "null", ",\"sql\":\"alter\"")
		    MAXWELL("t", "update", ROW(1, "A"), ",\"old\":{\"s\":\"a\"}")
		    MAXWELL("t", "update", ROW(7, "A"), ",\"old\":{\"id\":1}")
		    MAXWELL("t", "delete", ROW(7, "A"), ""),
		    OUT(1, "a", 0) OUT(2, "b", 0) OUT(1, "A", 2) OUT(1, "A", 3) OUT(7, "A", 0)
		    OUT(7, "A", 3),
		    "", "7 632 the schema of 'd.t' was changed: 'alter'\n",
		    (struct pf_passed){ .schema_changes = 1, .empty = 2, .other = 2 });
}

TEST(definitions)
{
	struct got g;
	read_text("id: id\ntime: t\ninput: {format: canal-json}\n" COLUMNS, "", 0, 1, NULL, &g);
	CHECK_INT(g.code, PF_E_SCHEMA_FILE);
	CHECK(strstr(g.err.message, "'primary_key' is missing"));
	drop_got(&g);
	const struct pf_text_options o = { .format = PF_TEXT_CANAL };
	read_text("primary_key: [id]\ntime: t\n" COLUMNS, "", 0, 1, &o, &g);
	CHECK_INT(g.code, PF_E_SCHEMA_FILE);
	CHECK(strstr(g.err.message, "no kinds of rows"));
	drop_got(&g);
	struct pf_tabledef *def = NULL, *again = NULL;
	struct pf_error err;
	const char yaml[] = "primary_key: [id]\ntime: t\n" COLUMNS;
	CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "y", &def, &err), &err);
	CHECK_OK(pf_tabledef_take_kinds(def, "y", &err), &err);
	CHECK_STR(def->row_kind, "_VALUE_KIND");
	const char *text = pf_tabledef_text(def);
	CHECK_OK(pf_tabledef_parse(text, strlen(text), "y", &again, &err), &err);
	CHECK_STR(pf_tabledef_text(again), text);
	CHECK_INT(again->n, 5);
	pf_tabledef_free(def);
	pf_tabledef_free(again);
}

/* What the table cannot merge is refused before it is accepted. */
TEST(unmergeable)
{
	struct got g;
	const char text[] = DEBEZIUM("c", "null", ROW(1, "a")) DEBEZIUM("d", ROW(1, "a"), "null");
	read_text(TABLE("debezium-json", "merge: first-row\n" COLUMNS), text, strlen(text), 9,
		  NULL, &g);
	CHECK_OK(g.code, &g.err);
	CHECK_STR(pf_buf_cstr(&g.rows), OUT(1, "a", 0));
	CHECK(strstr(pf_buf_cstr(&g.rejects),
		     "'-D' takes a row away, which the table's way of merging cannot"));
	drop_got(&g);
}

TEST(kinds_by_expression)
{
	expect("primary_key: [id]\ntime: t\npartition: none\ninput: {format: csv}\n"
	       "row_kind: {from: no, delete: '^C[0-9]'}\n"
	       "columns: {id: int, no: string, t: date}\n",
	       "id,no,t\n1,C1,2024-01-01\n2,D,2024-01-01\n3,,2024-01-01\n4,C,2024-01-01\n",
	       "{\"id\":1,\"no\":\"C1\",\"t\":\"2024-01-01\",\"_VALUE_KIND\":3}\n"
	       "{\"id\":2,\"no\":\"D\",\"t\":\"2024-01-01\",\"_VALUE_KIND\":0}\n"
	       "{\"id\":4,\"no\":\"C\",\"t\":\"2024-01-01\",\"_VALUE_KIND\":0}\n",
	       "3005 4 39 _VALUE_KIND: the value is missing [3,,2024-01-01]\n");
	struct pf_tabledef *def = NULL, *again = NULL;
	struct pf_error err;
	const char yaml[] = "primary_key: [id]\ntime: t\nrow_kind: {from: s, delete: '^C'}\n" COLUMNS;
	CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "y", &def, &err), &err);
	const char *text = pf_tabledef_text(def);
	CHECK_OK(pf_tabledef_parse(text, strlen(text), "y", &again, &err), &err);
	CHECK_STR(pf_tabledef_text(again), text);
	CHECK_STR(again->row_delete, "^C");
	pf_tabledef_free(def);
	pf_tabledef_free(again);
	struct got g;
	read_text("primary_key: [id]\ntime: t\nrow_kind: {from: s}\n" COLUMNS, "", 0, 1, NULL, &g);
	CHECK(strstr(g.err.message, "'row_kind' needs 'from' and 'delete'"));
	drop_got(&g);
}

UNIT_MAIN(CASE(debezium), CASE(debezium_parts), CASE(debezium_refused), CASE(retractions),
	  CASE(rows_before_an_update), CASE(partitions),
	  CASE(sequence), CASE(schema_part), CASE(canal), CASE(canal_whole),
	  CASE(other_tables), CASE(definitions), CASE(unmergeable),
	  CASE(kinds_by_expression))

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "text/tabledef.h"

static const char full[] =
	"table: events\n"
	"id: user_id\n"
	"time: ts\n"
	"zone: Europe/Zurich\n"
	"partition: month\n"
	"buckets: 16\n"
	"null: [NA, '-', '']\n"
	"input:\n"
	"  format: csv\n"
	"  delimiter: ';'\n"
	"  quote: none\n"
	"  header: [a, b, 'c d']\n"
	"  comment: '#'\n"
	"columns:\n"
	"  user_id: bigint not null\n"
	"  ts: {type: timestamp(3), from: [a, b], format: '%Y-%m-%d %H:%M', zone: '+02:00'}\n"
	"  price: {type: 'decimal(10,2)', round: down, null: '?'}\n"
	"  file: {type: string, from: filename, match: '([A-Z]+)'}\n"
	"  'odd: name': string\n";

TEST(reads_and_prints)
{
	struct pf_error err = { 0 };
	struct pf_tabledef *def, *again;
	CHECK_OK(pf_tabledef_parse(full, strlen(full), "t.yaml", &def, &err), &err);
	CHECK_STR(def->table, "events");
	CHECK_INT(def->grain, PF_GRAIN_MONTH);
	CHECK_INT(def->buckets, 16);
	CHECK_INT(def->n, 5);
	CHECK_INT(def->columns[0].nullable, false);
	CHECK_INT(def->columns[1].nullable, false); /* the time, implicitly */
	CHECK_INT(def->columns[2].nullable, true);
	CHECK_INT(def->columns[1].nfrom, 2);
	CHECK_INT(def->columns[3].from_filename, true);
	CHECK_INT(def->input.quote, 0);
	CHECK_INT(def->input.has_quote, true);
	CHECK_INT(def->nnulls, 3);
	CHECK_STR(def->columns[4].name, "odd: name");
	const char *text = pf_tabledef_text(def);
	CHECK_OK(pf_tabledef_parse(text, strlen(text), "again", &again, &err), &err);
	CHECK_STR(pf_tabledef_text(again), text);
	struct pf_schema *s = pf_tabledef_schema(def);
	CHECK_STR(pf_meta_get(&s->meta, "pf:id"), "user_id");
	CHECK_STR(pf_meta_get(&s->meta, "pf:partition-by"), "month");
	CHECK_STR(pf_meta_get(&s->meta, "pf:zone"), "Europe/Zurich");
	CHECK_INT(s->n, 5);
	CHECK_INT(s->fields[4].id, 4);
	struct pf_tabledef *third;
	s->fields[4].id = 9;
	CHECK_OK(pf_tabledef_from_schema(s, &third, &err), &err);
	CHECK_INT(third->columns[4].field_id, 9);
	CHECK_INT(third->columns[1].type.precision, 3);
	pf_schema_unref(s);
	pf_tabledef_free(def);
	pf_tabledef_free(again);
	pf_tabledef_free(third);
}

static void refused(const char *yaml, const char *message, const char *hint)
{
	struct pf_error err = { 0 };
	struct pf_tabledef *def;
	int code = pf_tabledef_parse(yaml, strlen(yaml), "t.yaml", &def, &err);
	CHECK_INT(code, PF_E_SCHEMA_FILE);
	CHECK_INT(err.code, PF_E_SCHEMA_FILE);
	CHECK_STR(err.message, message);
	if (hint)
		CHECK_STR(err.hint, hint);
	if (!code)
		pf_tabledef_free(def);
}

TEST(refusals)
{
	refused("id: a\ntime: t\ncolumns: {a: int, t: date}\nbukets: 3\n",
		"t.yaml:4: unknown key 'bukets' in the table definition",
		"did you mean 'buckets'?");
	refused("id: a\ntime: t\ncolumns:\n  a: int\n  t: timestmp(3)\n",
		"t.yaml:5: unknown type 'timestmp(3)'", NULL);
	refused("id: a\ntime: t\ncolumns:\n  a: int\n  t: {type: date, form: x}\n",
		"t.yaml:5: unknown key 'form' in the column 't'",
		"did you mean 'from'?");
	refused("id: usr\ntime: t\ncolumns: {user: int, t: date}\n",
		"t.yaml:1: 'id' names the column 'usr', which is not there",
		"did you mean 'user'?");
	refused("primary_key: [a, {b: c}]\ntime: t\ncolumns: {a: int, t: date}\n",
		"t.yaml:1: 'primary_key' must be a list of plain values", NULL);
	refused("primary_key: [b]\ntime: t\ncolumns: {bb: int, t: date}\n",
		"t.yaml:1: 'primary_key' names the column 'b', which is not there",
		"did you mean 'bb'?");
	refused("primary_key: [a]\nid: b\ntime: t\ncolumns: {a: int, b: int, t: date}\n",
		"t.yaml:2: the ID column 'b' is not part of the primary key",
		"rows are spread over buckets by it, and all versions of a row belong into one");
	refused("primary_key: [a]\ntime: t\nmerge: dedup\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: 'merge' cannot be 'dedup'", NULL);
	refused("primary_key: [a]\ntime: t\ncolumns: {a: double, t: date}\n",
		"t.yaml:3: the key's column 'a' cannot be of type 'double'", NULL);
	refused("primary_key: [a]\ntime: t\ncolumns:\n  a: int\n  t: date\n"
		"  n: {type: int, aggregate: sum}\n",
		"t.yaml:6: 'aggregate' goes with 'merge: aggregation' or 'merge: partial-update'",
		NULL);
	refused("primary_key: [a]\ntime: t\nsequence: [t, t]\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: 'sequence' names 't' twice", NULL);
	refused("primary_key: [a]\ntime: t\nmerge: aggregation\nsequence: t\ncolumns:\n  a: int\n"
		"  t: {type: date, aggregate: max}\n",
		"t.yaml:7: 't' is part of the sequence: the newest version's value stays", NULL);
	static const char *const options[][3] = {
		{ "aggregation", "ignore-delet: true", "unknown option 'ignore-delet'" },
		{ "aggregation", "bucket: 4", "unknown option 'bucket'" },
		{ "aggregation", "ignore-delete: 7", "'ignore-delete' must be true or false" },
		{ "aggregation", "fields.a.aggregate-function: sum", "part of the key" },
		{ "aggregation", "fields.z.aggregate-function: sum", "names the column 'z'" },
		{ "aggregation", "fields.n.aggregate-function: summ", "cannot be 'summ'" },
		{ "aggregation", "fields.n.sequence-group: t", "goes with 'merge: partial-update'" },
		{ "aggregation", "partial-update.remove-record-on-delete: true",
		  "goes with 'merge: partial-update'" },
		{ "deduplicate", "fields.n.aggregate-function: sum", "goes with 'merge: aggregation'" },
		{ "partial-update", "fields.n.sequence-group: 't,u'", "names the column 'u'" },
		{ "partial-update", "'fields.n,o.sequence-group': t", "names the column 'o'" },
		{ "partial-update", "sequence.field.sort-order: descending", "goes with 'sequence'" },
		{ "partial-update", "fields.sequence-group: t", "names no column" },
	};
	struct pf_error err = { 0 };
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		char *yaml = pf_asprintf("primary_key: [a]\ntime: t\nmerge: %s\noptions: {%s}\n"
					 "columns: {a: int, t: date, n: int}\n",
					 options[i][0], options[i][1]);
		struct pf_tabledef *def;
		CHECK(pf_tabledef_parse(yaml, strlen(yaml), "t.yaml", &def, &err) ==
		      PF_E_SCHEMA_FILE);
		if (!strstr(err.message, options[i][2]))
			CHECK_STR(err.message, options[i][2]);
		free(yaml);
	}
	refused("id: a\ntime: t\nsequence: t\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: 'sequence' goes with 'primary_key'", NULL);
	refused("id: a\ntime: t\ncolumns: {a: double, t: date}\n",
		"t.yaml:3: the ID column 'a' cannot be of type 'double'",
		"integers, string, decimal or date");
	refused("id: a\ntime: t\ncolumns: {a: int, t: string}\n",
		"t.yaml:3: the time column 't' cannot be of type 'string'", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: date, dt: string}\n",
		"t.yaml:3: a column named 'dt' would clash with the partition column",
		NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: date, _KEY_x: string}\n",
		"t.yaml:3: the column name '_KEY_x' is reserved", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: date, a: string}\n",
		"t.yaml:3: 'a' is given twice", NULL);
	refused("id: a\ntime: t\npartition: week\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: unknown partition grain 'week': one of day, month, year, none",
		NULL);
	refused("id: a\ntime: t\nbuckets: 0\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: 'buckets' must be a number from 1 to 65536", NULL);
	refused("id: a\ntime: t\nzone: Europe/Zurch\ncolumns: {a: int, t: date}\n",
		"t.yaml:3: unknown time zone 'Europe/Zurch'", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: {type: date, format: '%H:%M'}}\n",
		"t.yaml:3: the time format '%H:%M' has no year", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: {type: date, format: epoch}}\n",
		"t.yaml:3: unknown time format 'epoch'", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: date\n",
		"t.yaml:4: not YAML: did not find expected ',' or '}'", NULL);
	refused("id: &x a\ntime: *x\ncolumns: {a: int}\n",
		"t.yaml:1: anchors and tags are not supported", NULL);
	refused("", "t.yaml:1: a table definition is a mapping: id, time, columns ...",
		NULL);
	refused("id: a\ncolumns: {a: int}\n", "t.yaml: 'time' is missing", NULL);
	refused("id: a\ntime: t\ncolumns: {a: int, t: {type: date, from: filename, match: '('}}\n",
		"t.yaml:3: 'match' is no regular expression: Unmatched ( or \\(",
		NULL);
}

/* A column named dt is fine where no partition column is made. */
TEST(no_partition)
{
	struct pf_error err = { 0 };
	struct pf_tabledef *def;
	const char *yaml = "id: a\ntime: dt\npartition: none\ncolumns: {a: int, dt: date}\n";
	CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "t", &def, &err), &err);
	pf_tabledef_free(def);
}

/* A key without dt means one row of it in the table, not one a day. */
TEST(the_key_says_whether_there_is_a_partition)
{
	static const struct { const char *head; enum pf_grain grain; } cases[] = {
		{ "id: a\n", PF_GRAIN_DAY },
		{ "primary_key: a\n", PF_GRAIN_NONE },
		{ "primary_key: [a]\n", PF_GRAIN_NONE },
		{ "primary_key: [dt, a]\n", PF_GRAIN_DAY },
		{ "primary_key: [a, dt]\npartition: year\n", PF_GRAIN_YEAR },
		{ "primary_key: [a]\npartition: month\n", PF_GRAIN_MONTH },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pf_error err = { 0 };
		struct pf_tabledef *def;
		char *yaml = pf_asprintf("%stime: t\ncolumns: {a: int, t: date}\n",
					 cases[i].head);
		CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "t.yaml", &def, &err), &err);
		CHECK_INT(def->grain, cases[i].grain);
		pf_tabledef_free(def);
		free(yaml);
	}
}

UNIT_MAIN(CASE(reads_and_prints), CASE(refusals), CASE(no_partition),
	  CASE(the_key_says_whether_there_is_a_partition))

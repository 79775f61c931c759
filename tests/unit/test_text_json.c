/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "text_help.h"

#define HEAD "id: id\ntime: t\npartition: none\n"

TEST(lines)
{
	expect(HEAD "input: {format: jsonl}\n"
		    "columns: {id: bigint, t: timestamp(3), s: string, x: double, b: boolean, n: string}\n",
	       "{\"id\":1,\"t\":\"2024-01-31T10:05:03.123Z\",\"s\":\"a\\u00e9\\n\",\"x\":-1.25,\"b\":true,\"n\":{\"k\" : [1, \"a b\"]}}\n"
	       "{\"id\":123456789012345678,\"t\":\"2024-01-31T10:05:04Z\",\"s\":\"\",\"x\":1e300,\"b\":false,\"n\":null}\n"
	       " \t\r\n"
	       "{ \"t\" : \"2024-01-31T23:05:04+01:00\", \"id\" : \"77\" , \"extra\":[1,{\"a\":\"}\"}], \"x\":12 }\r\n"
	       "{\"id\":5.0,\"t\":\"2024-01-31T10:05:03.123Z\",\"id\":6,\"s\":12.50,\"n\":\"\\ud83d\\ude00\",\"n\":\"b\"}",
	       "{\"id\":1,\"t\":\"2024-01-31T10:05:03.123\",\"s\":\"a\xc3\xa9\\n\",\"x\":-1.25,\"b\":true,\"n\":\"{\\\"k\\\":[1,\\\"a b\\\"]}\"}\n"
	       "{\"id\":123456789012345678,\"t\":\"2024-01-31T10:05:04.000\",\"s\":\"\",\"x\":1e+300,\"b\":false,\"n\":null}\n"
	       "{\"id\":77,\"t\":\"2024-01-31T22:05:04.000\",\"s\":null,\"x\":12,\"b\":null,\"n\":null}\n"
	       "{\"id\":6,\"t\":\"2024-01-31T10:05:03.123\",\"s\":\"12.50\",\"x\":null,\"b\":null,\"n\":\"b\"}\n",
	       "");
}

TEST(paths)
{
	expect(HEAD "zone: Europe/Zurich\ninput: {format: jsonl}\n"
		    "columns:\n"
		    "  id: {type: bigint, from: actor.id}\n"
		    "  t: {type: timestamp(0), from: at, format: epoch_ms}\n"
		    "  who: {type: string, from: actor.login}\n"
		    "  actor: string\n"
		    "  dot: {type: int, from: 'a\\.b'}\n"
		    "  day: {type: date, from: [y, m.x], format: '%Y %m'}\n",
	       "{\"actor\":{\"id\":9,\"login\":\"x\"},\"at\":1704067200000,\"a.b\":1,\"y\":2013,\"m\":{\"x\":\"3\"}}\n"
	       "{\"actor\":{\"login\":\"y\", \"id\":10},\"at\":1719835200000,\"actor\":{\"id\":11}}\n"
	       "{\"actor\":7,\"at\":0}\n"
	       "{\"at\":0,\"actor\":{\"id\":1},\"y\":\"20\\u0031\\u0034\",\"m\":{\"x\":\"\\u0031\\u0032\"}}\n"
	       "{\"at\":1719835200000,\"actor\":{\"id\":12,\"id\":13},\"y\":null,\"m\":{\"x\":1}}\n",
	       "{\"id\":9,\"t\":\"2024-01-01T01:00:00\",\"who\":\"x\",\"actor\":\"{\\\"id\\\":9,\\\"login\\\":\\\"x\\\"}\",\"dot\":1,\"day\":\"2013-03-01\"}\n"
	       "{\"id\":11,\"t\":\"2024-07-01T14:00:00\",\"who\":null,\"actor\":\"{\\\"id\\\":11}\",\"dot\":null,\"day\":null}\n"
	       "{\"id\":1,\"t\":\"1970-01-01T01:00:00\",\"who\":null,\"actor\":\"{\\\"id\\\":1}\",\"dot\":null,\"day\":\"2014-12-01\"}\n"
	       "{\"id\":13,\"t\":\"2024-07-01T14:00:00\",\"who\":null,\"actor\":\"{\\\"id\\\":12,\\\"id\\\":13}\",\"dot\":null,\"day\":null}\n",
	       "3005 3 151 id: the value is missing [{\"actor\":7,\"at\":0}]\n");
}

TEST(rejects)
{
	expect(HEAD "input: {format: jsonl}\n"
		    "columns: {id: bigint, t: date, f: float, s: string}\n",
	       "{\"id\":9223372036854775808,\"t\":\"2024-01-01\"}\n"
	       "{\"id\":1,\"t\":20240101}\n"
	       "{\"id\":1,\"t\":\"2024-01-01\",\"f\":1e39}\n"
	       "{\"id\":1,\"t\":\"2024-01-01\",}\n"
	       "{,\"id\":1,\"t\":\"2024-01-01\"}\n"
	       "{\"id\":1,\"t\":\"2024-01-01\"} x\n"
	       "{\"id\":1,\"t\":\"2024-01-01\",\"s\":\"\\ud800\"}\n"
	       "{\"id\":[1],\"t\":\"2024-01-01\"}\n"
	       "[1]\n"
	       "{\"id\":01,\"t\":\"2024-01-01\"}\n"
	       "{\"id\":-9223372036854775808,\"t\":\"2024-01-01\",\"f\":0.1}\n",
	       "{\"id\":-9223372036854775808,\"t\":\"2024-01-01\",\"f\":0.1,\"s\":null}\n",
	       "3004 1 0 id: '9223372036854775808' is out of the column's range [{\"id\":9223372036854775808,\"t\":\"2024-01-01\"}]\n"
	       "3004 2 44 t: '20240101' is a number; say 'format: epoch_ms' or the like [{\"id\":1,\"t\":20240101}]\n"
	       "3004 3 66 f: '1e39' is out of the column's range [{\"id\":1,\"t\":\"2024-01-01\",\"f\":1e39}]\n"
	       "3013 4 101 -: malformed JSON at byte 25 of the row: a key in quotes is expected [{\"id\":1,\"t\":\"2024-01-01\",}]\n"
	       "3013 5 128 -: malformed JSON at byte 1 of the row: a key in quotes is expected [{,\"id\":1,\"t\":\"2024-01-01\"}]\n"
	       "3013 6 155 -: text follows the JSON object [{\"id\":1,\"t\":\"2024-01-01\"} x]\n"
	       "3013 7 183 -: malformed JSON at byte 30 of the row: half of a surrogate pair [{\"id\":1,\"t\":\"2024-01-01\",\"s\":\"\\ud800\"}]\n"
	       "3004 8 222 id: '[1]' is not a single value [{\"id\":[1],\"t\":\"2024-01-01\"}]\n"
	       "3013 9 250 -: the row is no JSON object [[1]]\n"
	       "3013 10 254 -: malformed JSON at byte 7 of the row: a number begins with zero [{\"id\":01,\"t\":\"2024-01-01\"}]\n");
}

TEST(array)
{
	expect(HEAD "input: {format: json}\ncolumns: {id: int, t: date}\n",
	       " [ {\"id\":1,\"t\":\"2024-01-01\"},\n{\"id\":\n2,\"t\":\"2024-01-02\"} , 7, "
	       "{\"id\":\"]\",\"t\":\"2024-01-02\"},{\"id\":3,\"t\":\"2024-01-03\"}\n]\n",
	       "{\"id\":1,\"t\":\"2024-01-01\"}\n{\"id\":2,\"t\":\"2024-01-02\"}\n"
	       "{\"id\":3,\"t\":\"2024-01-03\"}\n",
	       "3013 3 59 -: the row is no JSON object [7]\n"
	       "3004 3 62 id: ']' is not an integer [{\"id\":\"]\",\"t\":\"2024-01-02\"}]\n");
	expect(HEAD "input: {format: json}\ncolumns: {id: int, t: date}\n", "[]", "", "");
	static const char *const bad[] = { "[{\"id\":1,\"t\":\"2024-01-01\"}", "[1,]",
					   "{}", "[{}]x", "[{} {}]", "[,1]" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct got g;
		read_text(HEAD "input: {format: json}\ncolumns: {id: int, t: date}\n",
			  bad[i], strlen(bad[i]), 3, NULL, &g);
		CHECK(g.code == PF_E_JSON || g.code == PF_E_TRUNCATED);
		drop_got(&g);
	}
}

/* What was remembered of the row before must not be taken in the wrong place. */
TEST(remembered_keys)
{
	expect(HEAD "input: {format: jsonl}\ncolumns: {id: int, t: date, s: string}\n",
	       "{\"id\":1,\"t\":\"2024-01-01\",\"s\":\"a\"}\n"
	       "{,\"t\":\"2024-01-01\",\"id\":2}\n"
	       "{\"id\":3,\"s\":\"b\",\"t\":\"2024-01-01\"}\n"
	       "{\"t\":\"2024-01-01\",\"id\":4}\n"
	       "{\"t\":\"2024-01-01\"\"id\":5}\n"
	       "{\"t\": \"2024-01-01\", \"id\": 6, \"ids\": 7, \"i\": 8}\n"
	       "{\"t\": \"2024-01-01\", \"id\": 9, \"ids\": 7, \"s\": \"c\"}\n",
	       "{\"id\":1,\"t\":\"2024-01-01\",\"s\":\"a\"}\n"
	       "{\"id\":3,\"t\":\"2024-01-01\",\"s\":\"b\"}\n"
	       "{\"id\":4,\"t\":\"2024-01-01\",\"s\":null}\n"
	       "{\"id\":6,\"t\":\"2024-01-01\",\"s\":null}\n"
	       "{\"id\":9,\"t\":\"2024-01-01\",\"s\":\"c\"}\n",
	       "3013 2 34 -: malformed JSON at byte 1 of the row: a key in quotes is expected [{,\"t\":\"2024-01-01\",\"id\":2}]\n"
	       "3013 5 121 -: malformed JSON at byte 17 of the row: a comma or } is expected [{\"t\":\"2024-01-01\"\"id\":5}]\n");
}

/* A wall clock in the table's zone, whatever the input's was; an instant stays
 * one. Zurich leaves summer time on 27 October 2024 at 01:00 UTC. */
TEST(zones)
{
	expect(HEAD "zone: Europe/Zurich\ninput: {format: jsonl}\n"
		    "columns:\n  id: int\n  t: timestamp(0)\n  i: timestamp_ltz(0)\n"
		    "  ny: {type: timestamp(0), zone: America/New_York}\n"
		    "  d: {type: date, format: epoch_s, round: down}\n",
	       /* with offset, without, in the fold, in New York's gap */
	       "{\"id\":1,\"t\":\"2024-07-01T00:30:00Z\",\"i\":\"2024-07-01T00:30:00-04:00\"}\n"
	       "{\"id\":2,\"t\":\"2024-07-01 00:30:00\",\"i\":\"2024-07-01 00:30:00\"}\n"
	       "{\"id\":3,\"t\":\"2024-10-27T02:30:00\",\"i\":\"2024-10-27T02:30:00\"}\n"
	       "{\"id\":4,\"t\":\"2024-10-27T01:30:00Z\",\"ny\":\"2024-03-10T02:30:00\"}\n"
	       "{\"id\":5,\"t\":\"2024-07-01\",\"ny\":\"2024-07-01T12:00:00\",\"d\":1719784800}\n",
	       "{\"id\":1,\"t\":\"2024-07-01T02:30:00\",\"i\":\"2024-07-01T04:30:00Z\",\"ny\":null,\"d\":null}\n"
	       "{\"id\":2,\"t\":\"2024-07-01T00:30:00\",\"i\":\"2024-06-30T22:30:00Z\",\"ny\":null,\"d\":null}\n"
	       "{\"id\":3,\"t\":\"2024-10-27T02:30:00\",\"i\":\"2024-10-27T00:30:00Z\",\"ny\":null,\"d\":null}\n"
	       "{\"id\":4,\"t\":\"2024-10-27T02:30:00\",\"i\":null,\"ny\":\"2024-03-10T08:30:00\",\"d\":null}\n"
	       "{\"id\":5,\"t\":\"2024-07-01T00:00:00\",\"i\":null,\"ny\":\"2024-07-01T18:00:00\",\"d\":\"2024-07-01\"}\n",
	       "");
}

/* Numbers at the edges of what the columns hold. */
TEST(edges)
{
	expect(HEAD "input: {format: jsonl}\n"
		    "columns: {id: bigint, t: date, a: tinyint, m: 'decimal(5,2)', f: float, d: double}\n",
	       "{\"id\":9223372036854775807,\"t\":\"0001-01-01\",\"a\":127,\"m\":-999.99,\"f\":3.4028235e38,\"d\":1.7976931348623157e308}\n"
	       "{\"id\":1e3,\"t\":\"9999-12-31\",\"a\":-128,\"m\":1.2e2,\"f\":1e-45,\"d\":5e-324}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"a\":128}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"m\":1000}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"m\":1.001}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"m\":1.10e0,\"d\":-0.0,\"f\":16777217}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"d\":1e309}\n"
	       "{\"id\":1.5,\"t\":\"2024-01-01\"}\n"
	       "{\"id\":10000000000000000000000,\"t\":\"2024-01-01\"}\n",
	       "{\"id\":9223372036854775807,\"t\":\"0001-01-01\",\"a\":127,\"m\":-999.99,\"f\":3.4028235e+38,\"d\":1.7976931348623157e+308}\n"
	       "{\"id\":1000,\"t\":\"9999-12-31\",\"a\":-128,\"m\":120.00,\"f\":1e-45,\"d\":5e-324}\n"
	       "{\"id\":0,\"t\":\"2024-01-01\",\"a\":null,\"m\":1.10,\"f\":16777216,\"d\":-0}\n",
	       "3004 3 176 a: '128' is out of the column's range [{\"id\":0,\"t\":\"2024-01-01\",\"a\":128}]\n"
	       "3004 4 210 m: '1000' is out of the column's range [{\"id\":0,\"t\":\"2024-01-01\",\"m\":1000}]\n"
	       "3004 5 245 m: '1.001' has more digits than the column keeps (round: down drops them) [{\"id\":0,\"t\":\"2024-01-01\",\"m\":1.001}]\n"
	       "3004 7 340 d: '1e309' is out of the column's range [{\"id\":0,\"t\":\"2024-01-01\",\"d\":1e309}]\n"
	       "3004 8 376 id: '1.5' is not an integer [{\"id\":1.5,\"t\":\"2024-01-01\"}]\n"
	       "3004 9 404 id: '10000000000000000000000' is out of the column's range [{\"id\":10000000000000000000000,\"t\":\"2024-01-01\"}]\n");
}

TEST(array_resume)
{
	const char *yaml = HEAD "input: {format: json}\ncolumns: {id: int, t: date}\n";
	const char *text = "[{\"id\":1,\"t\":\"2024-01-01\"},{\"id\":2,\"t\":\"2024-01-02\"}]";
	struct pf_text_options o = { .byte = 26, .final_line = true };
	struct got g;
	read_text(yaml, text, strlen(text), 5, &o, &g);
	CHECK_STR((char *)g.rows.data, "{\"id\":2,\"t\":\"2024-01-02\"}\n");
	drop_got(&g);
}

UNIT_MAIN(CASE(lines), CASE(paths), CASE(rejects), CASE(array),
	  CASE(remembered_keys), CASE(zones),
	  CASE(edges), CASE(array_resume))

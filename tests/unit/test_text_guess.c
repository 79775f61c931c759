/* SPDX-License-Identifier: Apache-2.0
 *
 * A guessed definition is a definition, says what was seen, and reads the very
 * text it was guessed from.
 */
#include "unit.h"

#include "text/guess.h"
#include "text_help.h"

static char *guessed(const char *file, const char *text)
{
	struct pf_memory_source memory = { .view = pf_view_str(text) };
	struct pf_byte_source source = pf_source_memory(&memory, file);
	const struct pf_guess_options o = { .file = file };
	struct pf_buf out = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_schema_guess(&source, &o, &out, &err), &err);
	pf_buf_cstr(&out);
	return (char *)out.data;
}

/* The guess holds these lines (beginnings), and every row fits it. */
static void check_guess(const char *file, const char *text, int64_t rows,
			const char *const *lines)
{
	char *yaml = guessed(file, text);
	for (; *lines; lines++) {
		const char *at = strstr(yaml, *lines);
		CHECK(at && (at == yaml || at[-1] == '\n'));
		if (!at)
			printf("# no '%s' in\n%s", *lines, yaml);
	}
	struct got g;
	const struct pf_text_options o = { .file = file, .final_line = true };
	read_text(yaml, text, strlen(text), 1 << 20, &o, &g);
	CHECK_INT(g.code, 0);
	if (g.code)
		printf("# %s\n", g.err.message);
	CHECK_STR((char *)g.rejects.data, "");
	CHECK_INT(g.position.rows, rows);
	drop_got(&g);
	free(yaml);
}

TEST(json)
{
	static const char *const lines[] = {
		"# A guess from 'events.jsonl', to be checked and edited: 4 rows",
		"id: user_id\n", "time: ts\n", "  format: jsonl\n",
		"# 2 distinct, 2.0 rows each, and named like one\n",
		"# 2024-01-31T10:05:03 to 2024-02-01T10:05:03; 1 rows are earlier",
		"  user_id: int not null  # 2 distinct, 7 to 42",
		"  ts: timestamp(3) not null",
		"  price: double  # 3 distinct, 25.0% missing, at most 2 digits",
		"  geo_lat: {type: double, from: geo.lat}",
		"  tags: string  # 2 distinct, 50.0% missing, JSON kept as text",
		"  code: string  # 4 distinct, like 007",
		NULL,
	};
	check_guess("x/events.jsonl",
		    "{\"user_id\":42,\"ts\":\"2024-01-31T10:05:03.123Z\",\"price\":1.25,\"geo\":{\"lat\":47.3},\"code\":\"007\"}\n"
		    "{\"user_id\":7,\"ts\":\"2024-02-01T10:05:03.5Z\",\"price\":2,\"tags\":[1],\"code\":\"1\"}\n"
		    "{\"user_id\":42,\"ts\":\"2024-01-31T10:05:04Z\",\"price\":3.5,\"tags\":[\"a\"],\"code\":\"2\"}\n"
		    "{\"user_id\":7,\"ts\":\"2024-02-01T10:05:03.5Z\",\"price\":null,\"code\":\"3\"}\n",
		    4, lines);
}

TEST(csv)
{
	static const char *const lines[] = {
		"id: CustomerID\n", "time: InvoiceDate\n", "\"null\": [\"\", NA]\n",
		"  delimiter: \";\"\n",
		"  CustomerID: int not null  # 2 distinct, 17 to 18, written like 17850.0",
		"  InvoiceDate: timestamp(0) not null",
		"  Quantity: int  # 2 distinct, 33.3% missing, 1 x 'NA', -6 to 2",
		"  Text: string", NULL,
	};
	check_guess("shop.csv",
		    "CustomerID;InvoiceDate;Quantity;Text\n"
		    "17.0;2010-12-01 08:26:00;-6;\"a;b\"\n"
		    "18.0;2010-12-01 08:27:00;2;x\n"
		    "17.0;2010-12-02 08:27:00;NA;x\n",
		    3, lines);
}

/* One line in a hundred with a broken time: the column is a time all the same. */
TEST(broken_times)
{
	struct pf_buf text = { 0 };
	for (int broken = 1; broken < 3; broken++) {
		text.len = 0;
		pf_buf_str(&text, "user,when\n");
		for (int i = 0; i < 100; i++)
			if (i == 30 || (broken == 2 && i == 90))
				pf_buf_printf(&text, "u%d,not yet\n", i % 5);
			else
				pf_buf_printf(&text, "u%d,2024-01-31 10:05:%02d\n", i % 5,
					      i % 60);
		char *yaml = guessed("log.csv", pf_buf_cstr(&text));
		if (broken == 1) {
			CHECK(strstr(yaml, "\ntime: when\n") != NULL);
			CHECK(strstr(yaml, "  when: timestamp(0) not null  # 61 distinct, 1 is no such time "
					   "(not yet) and will be rejected, like 2024-01-31 10:05:00\n") != NULL);
		} else {
			CHECK(strstr(yaml, "  when: string  # 60 distinct, like 2024-01-31 10:05:00\n") != NULL);
		}
		free(yaml);
	}
	pf_buf_free(&text);
}

TEST(no_header)
{
	static const char *const lines[] = {
		"  format: tsv\n", "  header: false",
		"  c2: {type: timestamp(0), from: \"#2\", format: \"%d/%b/%Y:%H:%M:%S %z\"}",
		NULL,
	};
	char *yaml = guessed("log", "10.0.0.1\t17/May/2015:10:05:03 +0000\t200\n"
				    "10.0.0.2\t17/May/2015:10:05:43 +0000\t404\n");
	CHECK(strstr(yaml, lines[0]) != NULL);
	CHECK(strstr(yaml, lines[1]) != NULL);
	CHECK(strstr(yaml, "format: \"%d/%b/%Y:%H:%M:%S %z\"") != NULL);
	free(yaml);
}

TEST(logs)
{
	static const char *const access[] = {
		"id: client\n", "time: ts\n", "  format: lines\n",
		"  header: [client, ident, user, ts, request, status, bytes, referrer, agent]\n",
		"  bytes: int  # 1 distinct, 50.0% missing, 1 x '-'", NULL,
	};
	check_guess("access.log",
		    "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 203 \"-\" \"a b\"\n"
		    "10.0.0.1 - ann [17/May/2015:10:05:04 +0000] \"GET /x HTTP/1.1\" 304 - \"-\" \"c\n",
		    2, access);
	static const char *const syslog[] = {
		"id: host\n", "time: ts\n", "  header: [ts, host, program, _, pid, message]\n",
		"  ts: {type: timestamp(0) not null, format: \"%b %e %H:%M:%S\", year: ",
		"  pid: int  # 2 distinct, 33.3% missing", NULL,
	};
	check_guess("auth.log",
		    "Mar  7 13:06:56 a sshd[12]: hello, world\n"
		    "Mar 17 13:06:57 b systemd-logind[13]: x: y\n"
		    "Mar 17 13:06:58 a sudo:   z\n",
		    3, syslog);
}

TEST(columns_of_time)
{
	static const char *const lines[] = {
		"time: ts\n", "id: station\n",
		"  ts: {type: timestamp(0) not null, from: [year, month, day, hour], format: \"%Y %m %d %H\"}\n",
		NULL,
	};
	check_guess("air.csv",
		    "No,year,month,day,hour,pm,station\n1,2013,3,1,0,4.5,A\n2,2013,3,1,1,8,A\n"
		    "3,2013,3,1,0,7,B\n4,2013,3,1,1,7,B\n",
		    4, lines);
}

/* Names decide while there are few rows; and there always is an ID that loads. */
TEST(id_of_few_rows)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{ "user_id,ts,x\n1,2024-01-01T00:00:00Z,a\n2,2024-01-02T00:00:00Z,b\n",
		  "id: user_id\n" },
		{ "x,ts,uuid\na,2024-01-01T00:00:00Z,6f\n", "id: uuid\n" },
		{ "id,ts,customer\n1,2024-01-01T00:00:00Z,a\n2,2024-01-02T00:00:00Z,a\n",
		  "id: customer\n" },
		/* Of two names, the one with more values: few places, many that come. */
		{ "station,bike,ts\nn,b1,2024-01-01T00:00:00Z\nn,b2,2024-01-01T00:00:01Z\n"
		  "s,b1,2024-01-01T00:00:02Z\ns,b2,2024-01-01T00:00:03Z\n"
		  "n,b3,2024-01-01T00:00:04Z\nn,b3,2024-01-01T00:00:05Z\n",
		  "id: bike\n" },
		{ "colour,ts\nred,2024-01-01T00:00:00Z\n", "id: colour\n" },
		{ "price,ts\n1.5,2024-01-01T00:00:00Z\n", "id: file\n" },
		{ "file,ts\n1.5,2024-01-01T00:00:00Z\n", "id: file_of_row\n" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *lines[] = { cases[i].line, NULL };
		int64_t rows = -1;
		for (const char *p = cases[i].text; *p; p++)
			rows += *p == '\n';
		check_guess("few.csv", cases[i].text, rows, lines);
	}
}

TEST(refusals)
{
	static const char *const texts[] = { "", " \n ", "just words\nno table\n", "{\n" };
	for (size_t i = 0; i < 4; i++) {
		struct pf_memory_source memory = { .view = pf_view_str(texts[i]) };
		struct pf_byte_source source = pf_source_memory(&memory, "x");
		const struct pf_guess_options o = { .file = "x" };
		struct pf_buf out = { 0 };
		struct pf_error err = { 0 };
		CHECK_INT(pf_schema_guess(&source, &o, &out, &err), PF_E_BAD_ROW);
		CHECK(err.message[0] != '\0');
		pf_buf_free(&out);
	}
}

UNIT_MAIN(CASE(json), CASE(csv), CASE(broken_times), CASE(no_header), CASE(logs),
	  CASE(columns_of_time), CASE(id_of_few_rows), CASE(refusals))

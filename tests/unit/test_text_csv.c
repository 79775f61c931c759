/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "text_help.h"

#define HEAD "id: id\ntime: t\npartition: none\n"

TEST(plain)
{
	expect(HEAD "input: {format: csv}\n"
		    "columns: {id: bigint, t: timestamp(3), s: string, x: double}\n",
	       "id,t,s,x\n"
	       "1,2024-01-31T10:05:03.123Z,abc,1.5\r\n"
	       "2,2024-01-31 10:05:03,,\n"
	       "\n"
	       "3,2024-01-31,\"\",-0.25\n"
	       "17850.0,2024-02-01,\"a \"\"q\"\", b\nc\",1e3",
	       "{\"id\":1,\"t\":\"2024-01-31T10:05:03.123\",\"s\":\"abc\",\"x\":1.5}\n"
	       "{\"id\":2,\"t\":\"2024-01-31T10:05:03.000\",\"s\":null,\"x\":null}\n"
	       "{\"id\":3,\"t\":\"2024-01-31T00:00:00.000\",\"s\":\"\",\"x\":-0.25}\n"
	       "{\"id\":17850,\"t\":\"2024-02-01T00:00:00.000\",\"s\":\"a \\\"q\\\", b\\nc\",\"x\":1000}\n",
	       "");
}

TEST(p10_p12_rejects)
{
	expect(HEAD "input: {format: csv}\n"
		    "columns: {id: bigint, t: timestamp(0), n: tinyint}\n",
	       "id,t,n\n"
	       "17850.5,2024-01-31 00:00:00,1\n"
	       ",2024-01-31 00:00:00,1\n"
	       "1,2024-02-30 00:00:00,1\n"
	       "1,2024-01-31 00:00:00.5,1\n"
	       "1,2024-01-31,128\n"
	       "1,2024-01-31\n"
	       "1,\"2024-01-31\"x,4\n"
	       "2,2024-01-31,-128\n"
	       "1,\"open,4\n",
	       "{\"id\":2,\"t\":\"2024-01-31T00:00:00\",\"n\":-128}\n",
	       "3004 2 7 id: '17850.5' is not an integer [17850.5,2024-01-31 00:00:00,1]\n"
	       "3005 3 37 id: the value is missing [,2024-01-31 00:00:00,1]\n"
	       "3004 4 60 t: '2024-02-30 00:00:00' is no date of the calendar [1,2024-02-30 00:00:00,1]\n"
	       "3004 5 84 t: '2024-01-31 00:00:00.5' has more digits than the column keeps (round: down drops them) [1,2024-01-31 00:00:00.5,1]\n"
	       "3004 6 110 n: '128' is out of the column's range [1,2024-01-31,128]\n"
	       "3006 7 127 -: the line has 2 fields, not 3 [1,2024-01-31]\n"
	       "3003 8 140 -: text follows a closing quote (at byte 14 of the row) [1,\"2024-01-31\"x,4]\n"
	       "3003 10 176 -: a quote is opened and never closed [1,\"open,4]\n");
}

TEST(mapping)
{
	/* Renames, numbers, combinations, null markers, no header. */
	expect(HEAD "input: {format: csv, header: false}\n\"null\": [NA, \"-\"]\n"
		    "columns:\n"
		    "  id: {type: string, from: '#3'}\n"
		    "  t: {type: timestamp(0), from: ['#1', '#2'], format: '%Y-%m-%d %H'}\n"
		    "  v: {type: 'decimal(5,2)', from: '#4', round: down}\n",
	       "2013,x,y\n"
	       "2013-3-1,7,ab,1.239\n"
	       "2013-3-1,7,NA,1\n"
	       "2013-3-1,NA,a,1\n"
	       "2013-3-1,8,\"NA\",-\n",
	       "{\"id\":\"ab\",\"t\":\"2013-03-01T07:00:00\",\"v\":1.23}\n"
	       "{\"id\":\"NA\",\"t\":\"2013-03-01T08:00:00\",\"v\":null}\n",
	       "3006 1 0 -: the line has 3 fields, not at least 4 [2013,x,y]\n"
	       "3005 3 29 id: the value is missing [2013-3-1,7,NA,1]\n"
	       "3005 4 45 t: the value is missing [2013-3-1,NA,a,1]\n");
}

TEST(zeek)
{
	expect(HEAD "input: {format: tsv, header: zeek}\n"
		    "columns:\n"
		    "  id: {type: string, from: id.orig_h}\n"
		    "  t: {type: timestamp_ltz(6), from: ts, format: epoch_s}\n"
		    "  q: string\n  ok: boolean\n",
	       "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n"
	       "#unset_field\t-\n#path\tdns\n#fields\tts\tid.orig_h\tq\tok\n"
	       "#types\ttime\taddr\tstring\tbool\n"
	       "1521911720.865716\t10.0.0.1\t-\tT\n"
	       "1521911720\t10.0.0.2\t(empty)\tF\n"
	       "#close\t2024-04-12-19-34-07\n",
	       "{\"id\":\"10.0.0.1\",\"t\":\"2018-03-24T17:15:20.865716Z\",\"q\":null,\"ok\":true}\n"
	       "{\"id\":\"10.0.0.2\",\"t\":\"2018-03-24T17:15:20.000000Z\",\"q\":\"\",\"ok\":false}\n",
	       "");
}

TEST(escapes)
{
	expect(HEAD "input: {format: tsv, escape: backslash, header: [id, t, s]}\n"
		    "columns: {id: int, t: date, s: string}\n",
	       "1\t2024-01-31\ta\\tb\\\\c\\x41\n",
	       "{\"id\":1,\"t\":\"2024-01-31\",\"s\":\"a\\tb\\\\cA\"}\n", "");
	/* Without, a backslash is a backslash and a quote a quote. */
	expect(HEAD "input: {format: tsv, header: [id, t, s]}\n"
		    "columns: {id: int, t: date, s: string}\n",
	       "1\t2024-01-31\t\"a\\tb\n",
	       "{\"id\":1,\"t\":\"2024-01-31\",\"s\":\"\\\"a\\\\tb\"}\n", "");
}

/* Lines by a pattern: one that is matched in one pass, and one that needs
 * regexec because its first blank is not told apart. */
TEST(lines)
{
	static const char *const patterns[] = {
		"^([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) ([^ ]+) ([^ :[]+)(\\[([0-9]+)\\])?: (.*)$",
		"^([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) ([^ ]+) ([^ :[]+)(\\[([0-9]+)\\])?: ?(.*)$",
	};
	for (size_t i = 0; i < 2; i++) {
		char yaml[700];
		snprintf(yaml, sizeof yaml,
			 HEAD "input:\n  format: lines\n  pattern: '%s'\n"
			      "  header: [t, id, program, _, pid, message]\n"
			      "columns:\n  id: string\n"
			      "  t: {type: timestamp(0), format: '%%b %%e %%H:%%M:%%S', year: 2024}\n"
			      "  program: string\n  pid: int\n  message: string\n",
			 patterns[i]);
		expect(yaml,
		       "Feb 29 13:06:56 a sshd[12]: hello, \"world\"\r\n"
		       "Mar  7 13:06:57 b sudo: x: [y]\n"
		       "-- MARK --\n"
		       "Feb 30 13:06:58 b sudo: x\n",
		       "{\"id\":\"a\",\"t\":\"2024-02-29T13:06:56\",\"program\":\"sshd\",\"pid\":12,\"message\":\"hello, \\\"world\\\"\"}\n"
		       "{\"id\":\"b\",\"t\":\"2024-03-07T13:06:57\",\"program\":\"sudo\",\"pid\":null,\"message\":\"x: [y]\"}\n",
		       "3003 3 75 -: the line does not match the pattern [-- MARK --]\n"
		       "3004 4 86 t: 'Feb 30 13:06:58' is no date of the calendar [Feb 30 13:06:58 b sudo: x]\n");
	}
}

TEST(filename)
{
	const char *yaml = HEAD "input: {format: csv}\n"
		"columns:\n  id: {type: string, from: filename, match: '^([^.]+)'}\n"
		"  t: date\n  whole: {type: string, from: filename}\n";
	struct pf_text_options o = { .file = "dir/aame.us.csv.zst", .final_line = true };
	struct got g;
	read_text(yaml, "t\n2024-01-31\n", 13, 100, &o, &g);
	CHECK_STR((char *)g.rows.data,
		  "{\"id\":\"aame\",\"t\":\"2024-01-31\",\"whole\":\"aame.us\"}\n");
	drop_got(&g);
	read_text(yaml, "t\n2024-01-31\n", 13, 100, NULL, &g);
	CHECK_INT(g.code, PF_E_USAGE);
	drop_got(&g);
}

TEST(header_errors)
{
	struct got g;
	const char *yaml = HEAD "input: {format: csv}\n"
				"columns: {id: int, t: date, status: string}\n";
	const char *text = "id,t,stauts\n1,2024-01-01,x\n";
	read_text(yaml, text, strlen(text), 100, NULL, &g);
	CHECK_INT(g.code, PF_E_UNKNOWN_COLUMN);
	CHECK_STR(g.err.message, "'input': the header has no 'status' (column 'status')");
	CHECK_STR(g.err.hint, "did you mean 'stauts'? Then say 'from: stauts'");
	drop_got(&g);
	/* An empty file has no rows and no complaint; a header alone neither. */
	read_text(yaml, "", 0, 100, NULL, &g);
	CHECK_INT(g.code, 0);
	drop_got(&g);
	read_text(yaml, "id,t,status", 11, 100, NULL, &g);
	CHECK_INT(g.code, 0);
	drop_got(&g);
}

TEST(unterminated_and_resume)
{
	const char *yaml = HEAD "input: {format: csv}\ncolumns: {id: int, t: date, s: string}\n";
	const char *text = "id,t,s\n1,2024-01-01,\"a\nb\"\n2,2024-01-02,x\n3,2024-01-03,y";
	struct pf_text_options o = { .final_line = false };
	struct got g;
	read_text(yaml, text, strlen(text), 5, &o, &g);
	CHECK_INT(g.position.byte, 41);
	CHECK_INT(g.position.line, 4);
	CHECK_INT(g.position.pending, 14);
	CHECK_INT(g.position.rows, 2);
	drop_got(&g);
	/* From the middle: the header is read, the rest is passed by. */
	o = (struct pf_text_options){ .byte = 26, .line = 3, .final_line = true };
	read_text(yaml, text, strlen(text), 5, &o, &g);
	CHECK_STR((char *)g.rows.data,
		  "{\"id\":2,\"t\":\"2024-01-02\",\"s\":\"x\"}\n"
		  "{\"id\":3,\"t\":\"2024-01-03\",\"s\":\"y\"}\n");
	CHECK_INT(g.position.byte, 55);
	CHECK_INT(g.position.line, 4);
	drop_got(&g);
}

/* A seekable source is moved, not read. */
static size_t skipped;

static int skip_bytes(void *ctx, uint64_t bytes, struct pf_error *err)
{
	struct drip *s = ctx;
	(void)err;
	s->at += (size_t)bytes;
	skipped += (size_t)bytes;
	return 0;
}

TEST(resume_by_skipping)
{
	const char *yaml = HEAD "input: {format: csv}\ncolumns: {id: int, t: date}\n";
	struct pf_buf text = { 0 };
	struct pf_error err = { 0 };
	pf_buf_str(&text, "id,t\n");
	for (int i = 0; i < 300000; i++)
		pf_buf_printf(&text, "%06d,2024-01-01\n", i);
	struct pf_tabledef *def;
	CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "t", &def, &err), &err);
	struct drip ctx = { pf_view_of(text.data, text.len), 0, 1 << 16 };
	struct pf_byte_source source = { .read = drip_read, .ctx = &ctx, .name = "x" };
	const struct pf_text_options o = {
		.byte = 5 + 18 * 299998, .line = 299999, .skip = skip_bytes,
		.skip_ctx = &ctx,
	};
	struct pf_text *t;
	CHECK_OK(pf_text_open(&source, def, &o, &t, &err), &err);
	CHECK(skipped > 4 << 20);
	struct pf_schema *schema = pf_tabledef_schema(def);
	struct pf_builder *b = pf_builder_new(schema);
	bool end = false;
	while (!end)
		CHECK_OK(pf_text_next(t, b, 0, 0, &end, &err), &err);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_INT(batch.rows, 2);
	CHECK_INT(pf_int_at(&batch.columns[0], PF_INT, 0), 299998);
	struct pf_text_position p;
	pf_text_position(t, &p);
	CHECK_INT(p.byte, text.len);
	CHECK_INT(p.line, 300001);
	pf_text_close(t);
	/* Beyond the end there is nothing to go on with. */
	ctx.at = 0;
	const struct pf_text_options beyond = { .byte = text.len + 1 };
	CHECK_INT(pf_text_open(&source, def, &beyond, &t, &err), PF_E_TRUNCATED);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_tabledef_free(def);
	pf_buf_free(&text);
}

/* Bytes that are no text, ends of lines of all kinds, and a byte order mark. */
TEST(p09_odd_bytes)
{
	static const char text[] = "\xef\xbb\xbfid,t,s\r\n1,2024-01-01,a\r\n"
		"2,2024-01-01,b\rc\n3,2024-01-01,d\xff\n4,2024-01-01,e\0f\n5,2024-01-01,g\n";
	struct got g;
	read_text(HEAD "input: {format: csv}\ncolumns: {id: int, t: date, s: string}\n", text,
		  sizeof text - 1, 1 << 16, NULL, &g);
	CHECK_INT(g.code, 0);
	CHECK_STR((char *)g.rows.data,
		  "{\"id\":1,\"t\":\"2024-01-01\",\"s\":\"a\"}\n"
		  "{\"id\":2,\"t\":\"2024-01-01\",\"s\":\"b\\rc\"}\n"
		  "{\"id\":4,\"t\":\"2024-01-01\",\"s\":\"e\\u0000f\"}\n"
		  "{\"id\":5,\"t\":\"2024-01-01\",\"s\":\"g\"}\n");
	CHECK(!strncmp((char *)g.rejects.data, "3008 4 ", 7));
	CHECK_INT(g.position.rejected, 1);
	drop_got(&g);
}

TEST(p08_long_lines)
{
	size_t len = (PF_TEXT_LINE_LIMIT * 2) + 100;
	char *text = malloc(len + 64);
	int n = sprintf(text, "1,2024-01-01,");
	memset(text + n, 'x', len);
	strcpy(text + len, "\n2,2024-01-02,ok\n");
	struct got g;
	read_text(HEAD "input: {format: csv, header: [id, t, s]}\n"
		       "columns: {id: int, t: date, s: string}\n",
		  text, strlen(text), 1 << 16, NULL, &g);
	CHECK_STR((char *)g.rows.data, "{\"id\":2,\"t\":\"2024-01-02\",\"s\":\"ok\"}\n");
	CHECK_INT(g.position.rejected, 1);
	CHECK_INT(g.position.line, 2);
	CHECK_INT(strncmp((char *)g.rejects.data, "3007 1 0 -: the line is longer", 30), 0);
	drop_got(&g);
	free(text);
}

/* The limit is the same for every way in which the bytes come. */
TEST(p08_limit_is_exact)
{
	static const size_t steps[] = { 1 << 16, (1 << 20) + 7, 1 << 26 };
	char *text = malloc(PF_TEXT_LINE_LIMIT + 128);
	for (size_t over = 0; over < 2; over++)
		for (size_t i = 0; i < 3; i++) {
			size_t len = PF_TEXT_LINE_LIMIT + over - 1;
			int n = sprintf(text, "0,2024-01-01,ok\n");
			memset(text + n, 'x', len);
			memcpy(text + n, "1,2024-01-01,", 13);
			strcpy(text + n + len, "\n2,2024-01-02,ok\n");
			struct got g;
			read_text(HEAD "input: {format: csv, header: [id, t, s]}\n"
				       "columns: {id: int, t: date, s: string}\n",
				  text, strlen(text), steps[i], NULL, &g);
			CHECK_INT(g.position.rejected, (int64_t)over);
			CHECK_INT(g.position.rows, 3 - (int64_t)over);
			drop_got(&g);
		}
	free(text);
}

UNIT_MAIN(CASE(plain), CASE(p10_p12_rejects), CASE(mapping), CASE(zeek), CASE(escapes),
	  CASE(lines), CASE(filename), CASE(header_errors), CASE(unterminated_and_resume),
	  CASE(resume_by_skipping), CASE(p09_odd_bytes), CASE(p08_long_lines),
	  CASE(p08_limit_is_exact))

/* SPDX-License-Identifier: Apache-2.0
 *
 * The short ways of values against the general one. A marker of null that never
 * comes sends every value the general way (in CSV, one longer than all fields);
 * rows and rejects must be the same. And strtod as the other opinion about
 * doubles.
 */
#include "unit.h"

#include <math.h>

#include "text_help.h"

static uint64_t state = 0x853c49e6748fea9bu;

static uint32_t roll(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

static void damage(char *text)
{
	static const char bytes[] = "0123456789-+.eE:TZ x";
	size_t len = strlen(text);
	if (!len || roll(3))
		return;
	size_t at = roll((uint32_t)len);
	if (roll(2))
		text[at] = bytes[roll(sizeof bytes - 1)];
	else
		memmove(text + at, text + at + 1, len - at);
}

static void number_text(char *out)
{
	switch (roll(7)) {
	case 0:
		sprintf(out, "%lld", (long long)(int64_t)state >> roll(63));
		break;
	case 1:
		sprintf(out, "%u", roll(100000000));
		break;
	case 2:
		sprintf(out, "%u.%0*u", roll(1000000), 1 + (int)roll(9), roll(10));
		break;
	case 3:
		sprintf(out, "%.*g", 1 + (int)roll(17),
			(double)(int64_t)state / (1 + roll(1000000)));
		break;
	case 4:
		sprintf(out, "-%u.0", roll(300));
		break;
	case 5:
		sprintf(out, "%s%s", roll(2) ? "null" : "nul", roll(4) ? "" : "l");
		break;
	default:
		sprintf(out, "%u", roll(300));
		break;
	}
	damage(out);
}

static void time_text(char *out)
{
	sprintf(out, "2024-%02u-%02u%c%02u:%02u:%02u", 1 + roll(2), 1 + roll(31),
		roll(3) ? 'T' : ' ', roll(25), roll(60), roll(61));
	if (roll(2))
		sprintf(out + strlen(out), ".%0*u", 1 + (int)roll(7), roll(10));
	if (roll(2))
		strcat(out, roll(2) ? "Z" : roll(2) ? "+05:30" : "-0800");
	damage(out);
}

static const char *const types[] = { "bigint", "int", "tinyint", "double", "float",
				     "timestamp(3)", "timestamp_ltz(6)", "date",
				     "decimal(9,2)", "decimal(30,4)", "decimal(18,18)" };
static const char *const formats[] = { "", "", "", "", "", "", "", ", format: epoch_ms",
				       "", "", "" };
enum { TYPES = sizeof types / sizeof *types };

/* The same columns twice, the second time with a marker. */
static void definitions(char *fast, char *general, const char *format,
			const char *marker)
{
	char *p = fast, *q = general;
	p += sprintf(p, "id: id\ntime: t\npartition: none\ninput: {format: %s}\ncolumns:\n"
			"  id: {type: int}\n  t: date\n", format);
	q += sprintf(q, "%s", fast);
	for (int i = 0; i < TYPES; i++) {
		p += sprintf(p, "  c%d: {type: '%s'%s%s}\n", i, types[i], formats[i],
			     i == 7 ? ", round: down" : "");
		q += sprintf(q, "  c%d: {type: '%s'%s%s, null: ['', %s]}\n", i, types[i],
			     formats[i], i == 7 ? ", round: down" : "", marker);
	}
}

static void same_both_ways(bool json)
{
	char fast[2000], general[2000];
	definitions(fast, general, json ? "jsonl" : "csv",
		    "a_marker_that_is_longer_than_any_field_could_be_here");
	for (int round = 0; round < 300; round++) {
		struct pf_buf text = { 0 };
		if (!json)
			pf_buf_str(&text, "id,t,c0,c1,c2,c3,c4,c5,c6,c7,c8,c9,c10\n");
		for (int row = 0; row < 30; row++) {
			/* One value a row that may be bad, so that others count. */
			uint32_t c = roll(TYPES);
			char value[80];
			if (c == 5 || c == 6)
				time_text(value);
			else
				number_text(value);
			if (json && (c == 5 || c == 6))
				pf_buf_printf(&text, "{\"id\":%d,\"t\":\"2024-01-01\",\"c%u\":\"%s\"}\n",
					      row, c, value);
			else if (json)
				pf_buf_printf(&text, "{\"id\":%d,\"t\":\"2024-01-01\",\"c%u\":%s}\n",
					      row, c, value);
			else {
				pf_buf_printf(&text, "%d,2024-01-01", row);
				for (uint32_t k = 0; k < TYPES; k++)
					pf_buf_printf(&text, ",%s", k == c ? value : "");
				pf_buf_byte(&text, '\n');
			}
		}
		pf_buf_cstr(&text);
		struct got a, b;
		read_text(fast, (char *)text.data, text.len, 1 << 20, NULL, &a);
		read_text(general, (char *)text.data, text.len, 1 << 20, NULL, &b);
		CHECK_INT(a.code, 0);
		CHECK_INT(b.code, 0);
		if (strcmp((char *)a.rows.data, (char *)b.rows.data) ||
		    strcmp((char *)a.rejects.data, (char *)b.rejects.data)) {
			unit_check(false, __FILE__, __LINE__, "not the same both ways");
			printf("# %s\n# %s\n# %s\n# %s\n", (char *)a.rows.data, (char *)b.rows.data,
			       (char *)a.rejects.data, (char *)b.rejects.data);
			round = 1000;
		}
		CHECK(a.position.rows > 0);
		drop_got(&a);
		drop_got(&b);
		pf_buf_free(&text);
	}
}

TEST(json)
{
	same_both_ways(true);
}

TEST(csv)
{
	same_both_ways(false);
}

/* Every accepted double is strtod's, every float strtof's. */
TEST(doubles_as_libc)
{
	const char *yaml = "id: id\ntime: t\npartition: none\n"
			   "input: {format: csv, header: [id, t, d, f]}\n"
			   "columns: {id: int, t: date, d: double, f: float}\n";
	struct pf_tabledef *def;
	struct pf_error err = { 0 };
	CHECK_OK(pf_tabledef_parse(yaml, strlen(yaml), "t", &def, &err), &err);
	enum { N = 20000 };
	static char values[N][64];
	struct pf_buf text = { 0 };
	for (int i = 0; i < N; i++) {
		int whole = 1 + (int)roll(19), digits = (int)roll(20);
		char *p = values[i];
		p += sprintf(p, "%s", roll(2) ? "-" : "");
		for (int k = 0; k < whole; k++)
			*p++ = (char)('0' + roll(10));
		*p++ = '.';
		for (int k = 0; k < digits; k++)
			*p++ = (char)('0' + roll(10));
		*p = '\0';
		if (roll(3) == 0)
			sprintf(p, "e%d", (int)roll(38) - 19);
		pf_buf_printf(&text, "%d,2024-01-01,%s,%s\n", i, values[i], values[i]);
	}
	struct pf_memory_source memory = { .view = pf_view_of(text.data, text.len) };
	struct pf_byte_source source = pf_source_memory(&memory, "t");
	struct pf_text *t;
	CHECK_OK(pf_text_open(&source, def, &(struct pf_text_options){ 0 }, &t, &err), &err);
	struct pf_schema *schema = pf_tabledef_schema(def);
	struct pf_builder *b = pf_builder_new(schema);
	for (bool end = false; !end;)
		CHECK_OK(pf_text_next(t, b, 0, 0, &end, &err), &err);
	struct pf_batch batch = pf_builder_batch(b);
	CHECK_INT(batch.rows, N);
	int wrong = 0;
	for (int i = 0; i < N && i < batch.rows; i++) {
		double d = ((const double *)batch.columns[2].values)[i];
		float f = ((const float *)batch.columns[3].values)[i];
		wrong += d != strtod(values[i], NULL) || f != strtof(values[i], NULL);
	}
	CHECK_INT(wrong, 0);
	pf_text_close(t);
	pf_builder_free(b);
	pf_schema_unref(schema);
	pf_tabledef_free(def);
	pf_buf_free(&text);
}

UNIT_MAIN(CASE(json), CASE(csv), CASE(doubles_as_libc))

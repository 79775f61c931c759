/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stddef.h>

#include "cli/option.h"

struct options {
	bool dry, wet;
	int loud;
	const char *schema, *explain;
	int64_t memory, every, limit;
	int how;
	struct pf_strings sources, columns;
	const char *create, *expire;
	const char *between[2];
};

struct common {
	bool help;
};

#define OPT(field) offsetof(struct options, field)
static const struct pf_option table[] = {
	{ 0, "dry-run", PF_OPT_FLAG, OPT(dry), NULL, .help = "" },
	{ 'w', "wet", PF_OPT_FLAG, OPT(wet), NULL, .help = "" },
	{ 'v', "loud", PF_OPT_COUNTER, OPT(loud), NULL, .help = "" },
	{ 'S', "schema", PF_OPT_STRING, OPT(schema), "FILE", .help = "" },
	{ 0, "explain", PF_OPT_OPTIONAL, OPT(explain), "HOW", .help = "" },
	{ 0, "memory", PF_OPT_SIZE, OPT(memory), "SIZE", .help = "", .def = "64Mi",
	  .min = 1 << 20, .max = INT64_MAX },
	{ 0, "every", PF_OPT_DURATION, OPT(every), "TIME", .help = "", .def = "2s" },
	{ 'n', "limit", PF_OPT_INT, OPT(limit), "N", .help = "", .commands = "read" },
	{ 0, "how", PF_OPT_ENUM, OPT(how), "fast|slow|very-slow", .help = "" },
	{ 0, "source", PF_OPT_LIST, OPT(sources), "NAME", .help = "" },
	{ 'c', "columns", PF_OPT_COLUMNS, OPT(columns), "COLS", .help = "" },
	{ 0, "between", PF_OPT_PAIR, OPT(between), "FROM TO", .help = "" },
	{ 0, "create", PF_OPT_STRING, OPT(create), "FILE", .help = "", .group = 1 },
	{ 0, "expire", PF_OPT_STRING, OPT(expire), "AGE", .help = "", .group = 1 },
	{ 0 }
};
static const struct pf_option common_table[] = {
	{ 'h', "help", PF_OPT_FLAG, offsetof(struct common, help), NULL, .help = "" },
	{ 0 }
};

struct parsed {
	struct options o;
	struct common c;
	struct pf_arguments a;
	struct pf_error err;
	char *argv[32];
	int code;
};

static void parse(struct parsed *p, const char *const *commands,
		  const char *const *words)
{
	int argc = 0;

	memset(p, 0, sizeof(*p));
	p->a.sets[0] = (struct pf_option_set){ table, &p->o };
	p->a.sets[1] = (struct pf_option_set){ common_table, &p->c };
	p->a.program = "pf-test";
	p->a.commands = commands;
	p->argv[argc++] = (char *)(uintptr_t)"pf-test";
	for (; *words; words++)
		p->argv[argc++] = (char *)(uintptr_t)*words;
	p->code = pf_options_parse(&p->a, argc, p->argv, &p->err);
}

#define PARSE(p, ...) \
	parse(p, NULL, (const char *const[]){ __VA_ARGS__, NULL })

TEST(kinds)
{
	struct parsed p;

	PARSE(&p, "--dry-run", "-vwv", "-Sone.yaml", "a", "--memory=10M", "--every",
	      "250ms", "-n", "3", "--how=very-slow", "--explain", "--source", "x,y",
	      "--source=z", "-h", "--", "--b");
	CHECK_OK(p.code, &p.err);
	CHECK(p.o.dry && p.o.wet && p.c.help);
	CHECK_INT(p.o.loud, 2);
	CHECK_STR(p.o.schema, "one.yaml");
	CHECK_STR(p.o.explain, "");
	CHECK_INT(p.o.memory, 10000000);
	CHECK_INT(p.o.every, 250);
	CHECK_INT(p.o.limit, 3);
	CHECK_INT(p.o.how, 2);
	CHECK_INT(p.o.sources.n, 2);
	CHECK_STR(p.o.sources.items[0], "x,y");
	CHECK_INT(p.a.noperands, 2);
	CHECK_STR(p.a.operands[0], "a");
	CHECK_STR(p.a.operands[1], "--b");
	CHECK(pf_option_given(&p.a, "memory"));
	pf_options_free(&p.a);
}

TEST(pairs)
{
	struct parsed p;

	PARSE(&p, "--between", "1", "-2", "x");
	CHECK_INT(p.code, 0);
	CHECK_STR(p.o.between[0], "1");
	CHECK_STR(p.o.between[1], "-2");
	CHECK_INT((int64_t)p.a.noperands, 1);
	pf_options_free(&p.a);
	PARSE(&p, "--between=1", "2");
	CHECK_STR(p.o.between[0], "1");
	CHECK_STR(p.o.between[1], "2");
	CHECK_INT((int64_t)p.a.noperands, 0);
	pf_options_free(&p.a);
	PARSE(&p, "--between", "1");
	CHECK_INT(p.code, PF_E_USAGE);
	CHECK_STR(p.err.message, "option '--between' needs FROM TO");
	pf_options_free(&p.a);
	/* The second was forgotten. */
	PARSE(&p, "--between", "1", "-n", "3");
	CHECK_INT(p.code, PF_E_USAGE);
	CHECK_STR(p.err.message, "option '--between' needs FROM TO");
	pf_options_free(&p.a);
}

TEST(defaults)
{
	struct parsed p;

	PARSE(&p, "-", "--wet", "--no-wet");
	CHECK_OK(p.code, &p.err);
	CHECK_INT(p.o.memory, 64 << 20);
	CHECK_INT(p.o.every, 2000);
	CHECK(!p.o.wet);
	CHECK(!pf_option_given(&p.a, "memory"));
	CHECK_STR(p.a.operands[0], "-");
	pf_options_free(&p.a);
}

TEST(columns)
{
	struct parsed p;

	PARSE(&p, "-c", "a, round(b,2) , `x,y`", "-c", "'p,q'");
	CHECK_INT(p.o.columns.n, 4);
	CHECK_STR(p.o.columns.items[1], "round(b,2) ");
	CHECK_STR(p.o.columns.items[2], "`x,y`");
	CHECK_STR(p.o.columns.items[3], "'p,q'");
	pf_options_free(&p.a);
}

static void refuse(const char *message, const char *hint, const char *const *words)
{
	struct parsed p;

	parse(&p, NULL, words);
	CHECK_INT(p.code, PF_E_USAGE);
	CHECK_STR(p.err.message, message);
	if (hint)
		CHECK_STR(p.err.hint, hint);
	pf_options_free(&p.a);
}
#define REFUSE(message, hint, ...) \
	refuse(message, hint, (const char *const[]){ __VA_ARGS__, NULL })

TEST(refusals)
{
	REFUSE("unknown option '--shcema'", "did you mean '--schema'?", "--shcema", "x");
	REFUSE("unknown option '--sche'", NULL, "--sche=x"); /* no abbreviation */
	REFUSE("unknown option '-Z'", "'pf-test --help=all' lists all options", "-Z");
	REFUSE("option '--schema' needs FILE", NULL, "--schema");
	REFUSE("option '--dry-run' takes no value", NULL, "--dry-run=1");
	REFUSE("option '--how' does not know 'fats'",
	       "did you mean 'fast'? it takes fast|slow|very-slow", "--how", "fats");
	REFUSE("option '--memory': 5 is not within 1048576 and 9223372036854775807", NULL,
	       "--memory", "5");
	REFUSE("option '--memory': not a number: '5q'", NULL, "--memory", "5q");
	REFUSE("options '--create' and '--expire' exclude each other", NULL, "--create",
	       "a", "--expire", "b");
}

TEST(commands)
{
	static const char *const commands[] = { "append", "read", NULL };
	struct parsed p;

	parse(&p, commands, (const char *const[]){ "read", "-n", "1", "stage", NULL });
	CHECK_OK(p.code, &p.err);
	CHECK_STR(p.a.command, "read");
	CHECK_INT(p.a.noperands, 1);
	pf_options_free(&p.a);
	parse(&p, commands, (const char *const[]){ "append", "-n", "1", NULL });
	CHECK_STR(p.err.message, "option '--limit' does not belong to 'pf-test append'");
	pf_options_free(&p.a);
	parse(&p, commands, (const char *const[]){ "raed", NULL });
	CHECK_STR(p.err.hint, "did you mean 'read'?");
	pf_options_free(&p.a);
}

UNIT_MAIN(CASE(kinds), CASE(pairs), CASE(defaults), CASE(columns), CASE(refusals), CASE(commands))

/* SPDX-License-Identifier: Apache-2.0
 *
 * pf-put: publish segments in a table: write their files, commit snapshots
 * that hold what has been loaded. Also makes tables and verifies them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/maintain.h"
#include "app/program.h"
#include "app/publish.h"
#include "app/wording.h"
#include "base/number.h"
#include "paimon/create.h"
#include "paimon/verify.h"

struct options {
	const char *create;
	struct pf_publish_options publish;
	struct pf_maintain_options maintain;
	bool verify, compact;
};

enum { MODES = 1 };

#define OPT(field) offsetof(struct options, field)
static const struct pf_option options[] = {
	{ 0, "create", PF_OPT_STRING, OPT(create), "FILE",
	  .help = "make the table from a definition, and load nothing", .group = MODES },
	{ 0, "append", PF_OPT_FLAG, OPT(publish.append), NULL,
	  .help = "commit streams without marks, each one once", .group = MODES },
	{ 0, "restart", PF_OPT_FLAG, OPT(publish.restart), NULL,
	  .help = "take the input's word for where it begins",
	  .more = "For a stage whose first rows are gone before the table read it. "
		  "Or when the snapshots that said what was loaded have expired. "
		  "What the table does say still counts." },
	{ 0, "verify", PF_OPT_FLAG, OPT(verify), NULL,
	  .help = "check the newest snapshot down to every row, and load nothing",
	  .group = MODES },
	{ 0, "compact", PF_OPT_FLAG, OPT(compact), NULL,
	  .help = "merge small files of a bucket into sorted big ones",
	  .more = "Safe beside loads and queries. "
		  "The old files stay for older snapshots until these expire.",
	  .group = MODES },
	{ 0, "full", PF_OPT_FLAG, OPT(maintain.full), NULL,
	  .help = "with --compact: all files of each bucket, whatever their sizes" },
	{ 0, "memory", PF_OPT_SIZE, OPT(maintain.memory), "SIZE",
	  .help = "with --compact: memory to use", .def = "256Mi", .min = 64 << 20,
	  .max = INT64_MAX },
	{ 0, "tmp", PF_OPT_STRING, OPT(maintain.tmp), "DIR",
	  .help = "with --compact: where rows wait that do not fit in memory [$TMPDIR, /var/tmp]" },
	{ 0, "explain", PF_OPT_FLAG, OPT(maintain.explain), NULL,
	  .help = "say what a maintenance mode would do, and do nothing" },
	{ 0 },
};

static const struct pf_example examples[] = {
	{ "pf-put --create events.yaml wh/default.db/events", "make a table" },
	{ "pf-stage read stage/ --after wh/default.db/events | pf-partition | pf-pack | pf-put wh/default.db/events",
	  "load what it does not have yet" },
	{ "pf-put --append wh/default.db/events day.arrows",
	  "commit segments that were packed elsewhere" },
	{ "pf-put --compact wh/default.db/events", "merge its small files" },
	{ "pf-put --verify wh/default.db/events", "check it" },
	{ 0 },
};

static int create(struct pf_run *run, const char *definition, struct pf_error *err)
{
	struct pf_tabledef *def;
	char name[256];
	enum pf_operand_kind kind;
	struct pf_error none = { 0 };
	if (!pf_operand_kind(run->operands[0], &kind, &none) && kind == PF_OPERAND_STAGE)
		return pf_fail(err, PF_E_USAGE, "'%s' is a stage", run->operands[0]);
	PF_TRY(pf_tabledef_load(definition, &def, err));
	int code = pf_table_create(run->operands[0], def, err);
	if (!code)
		pf_diag_note(&run->diag, 0, "%s: made, %zu columns, %d bucket%s, partitioned by %s",
			     pf_short_name(run->operands[0], name), def->n, def->buckets,
			     def->buckets == 1 ? "" : "s", pf_grain_name(def->grain));
	pf_tabledef_free(def);
	return code;
}

static void say(void *ctx, const char *problem)
{
	struct pf_run *run = ctx;
	struct pf_error e = { .code = PF_E_TABLE_CORRUPT };
	snprintf(e.message, sizeof e.message, "%s", problem);
	pf_diag_error(&run->diag, &e);
}

static int verify(struct pf_run *run, struct pf_table *table, struct pf_error *err)
{
	struct pf_verify_report r;
	char name[256], files[32], rows[32], bytes[32];
	PF_TRY(pf_table_verify(table, say, run, &r, err));
	if (r.problems)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "table '%s' has %" PRId64 " problem%s in snapshot %" PRId64,
			       pf_table_name(table), r.problems,
			       r.problems == 1 ? "" : "s", r.snapshot);
	pf_diag_note(&run->diag, 0, "%s: snapshot %" PRId64 " is sound: %s file%s, %s rows, %s",
		     pf_short_name(pf_table_name(table), name), r.snapshot,
		     pf_group_digits(files, r.files), r.files == 1 ? "" : "s",
		     pf_group_digits(rows, r.rows), pf_sized(r.bytes, bytes));
	return 0;
}

/* The mode that was asked for, which takes the table alone; NULL: none. */
static const char *mode_of(const struct options *o)
{
	return o->create ? "create" : o->verify ? "verify" : o->compact ? "compact" : NULL;
}

static int with_table(struct pf_run *run, struct pf_table *table, struct pf_error *err)
{
	const struct options *o = run->options;
	if (o->verify)
		return verify(run, table, err);
	if (o->compact)
		return pf_maintain_compact(run, table, &o->maintain, err);
	return pf_publish(run, table, &o->publish, err);
}

static int run(struct pf_run *run, struct pf_error *err)
{
	const struct options *o = run->options;
	const char *mode = mode_of(o);
	struct pf_table *table;
	if (mode && run->noperands > 1)
		return pf_fail(err, PF_E_USAGE, "--%s takes one operand, the table", mode);
	if (o->maintain.explain && (!mode || o->create || o->verify))
		return pf_fail(err, PF_E_USAGE, "--explain goes with --compact");
	if (o->create)
		return create(run, o->create, err);
	PF_TRY(pf_table_open(run->operands[0], &table, err));
	int code = with_table(run, table, err);
	pf_table_close(table);
	return code;
}

static const struct pf_program program = {
	.name = "pf-put",
	.summary = "publish segments in a table, once",
	.synopsis = (const char *const[]){ "[options] TABLE [FILE...]",
					   "--create FILE TABLE", "--verify TABLE",
					   "--compact TABLE", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.examples = examples,
	.min_operands = 1,
	.max_operands = PF_ANY,
	.run = run,
};
PF_MAIN(program)

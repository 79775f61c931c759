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
#include "keyed/rules.h"
#include "paimon/create.h"
#include "paimon/verify.h"

struct options {
	const char *create;
	struct pf_publish_options publish;
	struct pf_maintain_options maintain;
	bool verify, compact, expire, clean;
	const char *alter, *tag, *delete_tag, *rollback;
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
		  "What the table does say still counts.", .minor = true },
	{ 0, "verify", PF_OPT_FLAG, OPT(verify), NULL,
	  .help = "check the newest snapshot down to every row, and load nothing",
	  .more = "And the changelogs of all snapshots (changelog-producer: input).",
	  .group = MODES },
	{ 0, "alter", PF_OPT_STRING, OPT(alter), "FILE",
	  .help = "change the table's columns to what a definition says", .group = MODES,
	  .more = "Columns are added, renamed ('was: OLDNAME'), widened and put in order. "
		  "Files stay as they are." },
	{ 0, "drop", PF_OPT_FLAG, OPT(maintain.drop), NULL,
	  .help = "with --alter: also drop columns that the definition lacks",
	  .with = "alter", .minor = true },
	{ 0, "compact", PF_OPT_FLAG, OPT(compact), NULL,
	  .help = "merge small files of a bucket into sorted big ones",
	  .more = "Safe beside loads and queries. "
		  "The old files stay for older snapshots until these expire.",
	  .group = MODES },
	{ 0, "full", PF_OPT_FLAG, OPT(maintain.full), NULL,
	  .help = "with --compact: all files of each bucket, whatever their sizes",
	  .with = "compact", .minor = true },
	{ 0, "memory", PF_OPT_SIZE, OPT(maintain.memory), "SIZE",
	  .help = "with --compact: memory to use", .def = "256Mi", .min = 64 << 20,
	  .max = INT64_MAX, .with = "compact", .minor = true, .config = true },
	{ 0, "tmp-dir", PF_OPT_STRING, OPT(maintain.tmp), "DIR",
	  .help = "with --compact: where rows wait that do not fit in memory [$TMPDIR, /var/tmp]",
	  .with = "compact", .minor = true, .config = true },
	{ 0, "expire", PF_OPT_FLAG, OPT(expire), NULL,
	  .help = "delete old snapshots and the files that only they need",
	  .more = "What a tag, a branch or a consumer needs stays. "
		  "So does the snapshot that says what has been loaded.",
	  .group = MODES },
	{ 0, "keep", PF_OPT_INT, OPT(maintain.keep), "N",
	  .help = "with --expire: keep so many snapshots at least", .def = "10", .min = 1,
	  .max = INT64_MAX,
	  .with = "expire", .minor = true },
	{ 0, "keep-time", PF_OPT_DURATION, OPT(maintain.keep_ms), "TIME",
	  .help = "with --expire: keep what was the newest within this time", .def = "1h",
	  .with = "expire", .minor = true },
	{ 0, "grace", PF_OPT_DURATION, OPT(maintain.grace_ms), "TIME",
	  .help = "with --expire: leave running queries so much time", .def = "10m",
	  .with = "expire", .minor = true },
	{ 0, "tag", PF_OPT_STRING, OPT(tag), "NAME",
	  .help = "name the newest snapshot, which then never expires", .group = MODES },
	{ 0, "snapshot", PF_OPT_INT, OPT(maintain.snapshot), "N",
	  .help = "with --tag: another snapshot", .def = "0", .min = 0, .max = INT64_MAX,
	  .with = "tag", .minor = true },
	{ 0, "delete-tag", PF_OPT_STRING, OPT(delete_tag), "NAME",
	  .help = "forget a name", .group = MODES, .minor = true },
	{ 0, "rollback", PF_OPT_STRING, OPT(rollback), "N|TAG",
	  .help = "go back to a snapshot or tag; all later ones are deleted",
	  .more = "What was loaded since then is read from the stage again by the next load.",
	  .group = MODES },
	{ 0, "clean", PF_OPT_FLAG, OPT(clean), NULL,
	  .help = "delete files that nothing refers to", .group = MODES },
	{ 0, "older-than", PF_OPT_DURATION, OPT(maintain.older_ms), "TIME",
	  .help = "with --clean: only files older than this", .def = "1d",
	  .more = "It must be longer than any load takes from its first file to its commit.",
	  .with = "clean", .minor = true },
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
	const bool by_time = def->grain != PF_GRAIN_NONE;
	int code = pf_rules_check(def, err);
	if (!code)
		code = pf_table_create(run->operands[0], def, err);
	if (!code)
		pf_diag_note(&run->diag, 0, "%s: made, %zu columns, %d bucket%s, %s%s",
			     pf_short_name(run->operands[0], name),
			     def->n - (def->row_kind != NULL), def->buckets,
			     def->buckets == 1 ? "" : "s",
			     by_time ? "partitioned by " : "not partitioned",
			     by_time ? pf_grain_name(def->grain) : "");
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
	char name[256], files[32], rows[32], bytes[32], kept[96] = "";
	PF_TRY(pf_table_verify(table, say, run, &r, err));
	if (r.problems)
		return pf_fail(err, PF_E_TABLE_CORRUPT,
			       "table '%s' has %" PRId64 " problem%s in snapshot %" PRId64,
			       pf_table_name(table), r.problems,
			       r.problems == 1 ? "" : "s", r.snapshot);
	if (r.changelogs)
		snprintf(kept, sizeof kept, "; changelogs of %s file%s, %s row%s",
			 pf_group_digits(files, r.changelogs), r.changelogs == 1 ? "" : "s",
			 pf_group_digits(rows, r.changes), r.changes == 1 ? "" : "s");
	pf_diag_note(&run->diag, 0,
		     "%s: snapshot %" PRId64 " is sound: %s file%s, %s row%s, %s%s",
		     pf_short_name(pf_table_name(table), name), r.snapshot,
		     pf_group_digits(files, r.files), r.files == 1 ? "" : "s",
		     pf_group_digits(rows, r.rows), r.rows == 1 ? "" : "s",
		     pf_sized(r.bytes, bytes), kept);
	return 0;
}

/* The mode that was asked for, which takes the table alone; NULL: none. */
static const char *mode_of(const struct options *o)
{
	return o->create     ? "create" :
	       o->verify     ? "verify" :
	       o->alter	     ? "alter" :
	       o->compact    ? "compact" :
	       o->expire     ? "expire" :
	       o->clean	     ? "clean" :
	       o->tag	     ? "tag" :
	       o->delete_tag ? "delete-tag" :
	       o->rollback   ? "rollback" :
			       NULL;
}

static int with_table(struct pf_run *run, struct pf_table *table, struct pf_error *err)
{
	const struct options *o = run->options;
	const struct pf_maintain_options *m = &o->maintain;
	if (o->verify)
		return verify(run, table, err);
	if (o->alter)
		return pf_maintain_alter(run, table, o->alter, m, err);
	if (o->compact)
		return pf_maintain_compact(run, table, m, err);
	if (o->expire)
		return pf_maintain_expire(run, table, m, err);
	if (o->clean)
		return pf_maintain_clean(run, table, m, err);
	if (o->tag)
		return pf_maintain_tag(run, table, o->tag, m, err);
	if (o->delete_tag)
		return pf_maintain_delete_tag(run, table, o->delete_tag, m, err);
	if (o->rollback)
		return pf_maintain_rollback(run, table, o->rollback, m, err);
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
		return pf_fail(err, PF_E_USAGE, "--explain goes with a maintenance mode, such as --compact");
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
					   "--create|--alter FILE TABLE", "--verify TABLE",
					   "--compact|--expire|--clean [options] TABLE",
					   "--tag|--rollback NAME TABLE", NULL },
	.options = options,
	.options_bytes = sizeof(struct options),
	.examples = examples,
	.min_operands = 1,
	.max_operands = PF_ANY,
	.run = run,
};
PF_MAIN(program)

/* SPDX-License-Identifier: Apache-2.0
 *
 * What of Paimon's tables we do not do, by name; see table.h.
 */
#include <strings.h>

#include "paimon/internal.h"

static int refuse(const char *what, struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_FEATURE, "the table has %s, which is not supported",
		       what);
}

static bool is_on(const struct pf_table_schema *s, const char *option)
{
	return !strcasecmp(pf_table_option(s, option, "false"), "true");
}

int pf_table_all_known(const struct pf_table_schema *s, struct pf_error *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->fields[i].known)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "column '%s' is of type %s, which is not supported",
				       s->fields[i].name, s->fields[i].type_text);
	return 0;
}

static int refuse_option(const char *option, const char *value, struct pf_error *err)
{
	pf_fail(err, PF_E_TABLE_FEATURE,
		"the table is not read whole and at its newest snapshot, by its option %s = '%s', "
		"which is not supported",
		option, value);
	return pf_hint(err, "engines reset it: ALTER TABLE ... RESET ('%s')", option);
}

/* A read of Paimon's obeys these wherever they come from, the table's own options
 * too (CoreOptions.startupMode, AbstractBatchTableScan). */
static int check_scan(const struct pf_table_schema *s, struct pf_error *err)
{
	static const char *const modes[] = { "scan.mode", "log.scan" };
	static const char *const newest[] = { "default", "latest-full", "full", "latest" };
	static const char *const others[] = {
		"scan.snapshot-id", "scan.tag-name", "scan.version", "scan.watermark",
		"scan.timestamp", "scan.timestamp-millis", "log.scan.timestamp-millis",
		"scan.creation-time-millis", "scan.file-creation-time-millis", "scan.bucket",
		"incremental-between", "incremental-between-timestamp",
		"incremental-to-auto-tag",
	};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *mode = pf_table_option(s, modes[i], *newest);
		size_t k = 0;
		while (k < sizeof newest / sizeof *newest && strcasecmp(mode, newest[k]))
			k++;
		if (k == sizeof newest / sizeof *newest)
			return refuse_option(modes[i], mode, err);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		const char *v = pf_meta_get(&s->options, others[i]);
		if (v)
			return refuse_option(others[i], v, err);
	}
	return 0;
}

int pf_table_readable(const struct pf_table_schema *s, struct pf_error *err)
{
	/* Partitions that one lacks come from the other. */
	static const char *const branches[] = { "scan.fallback-branch",
						"scan.primary-branch" };
	const char *type = pf_table_option(s, "type", "table");
	if (strcmp(type, "table"))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "tables of type '%s' are not supported", type);
	if (s->buckets == -2)
		return refuse("postponed buckets (bucket = -2)", err);
	/* They have files of their own, by data evolution. */
	for (size_t i = 0; i < s->n && is_on(s, "data-evolution.enabled"); i++)
		if (!s->fields[i].known && !strncasecmp(s->fields[i].type_text, "BLOB", 4))
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "column '%s' is of type BLOB, by data evolution "
				       "(data-evolution.enabled), which is not supported",
				       s->fields[i].name);
	if (is_on(s, "data-evolution.enabled"))
		return refuse("data evolution (data-evolution.enabled)", err);
	if (is_on(s, "chain-table.enabled"))
		return refuse("a chain of branches (chain-table.enabled)", err);
	for (size_t i = 0; i < sizeof branches / sizeof *branches; i++)
		if (strspn(pf_table_option(s, branches[i], ""), " \t\n\r\f\v") !=
		    strlen(pf_table_option(s, branches[i], "")))
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "the table is read together with one of its branches (%s), which is not supported",
				       branches[i]);
	if (pf_meta_get(&s->options, "path"))
		return refuse("a place elsewhere (option path)", err);
	PF_TRY(check_scan(s, err));
	for (size_t i = 0; i < s->npartition_keys; i++) {
		int f = pf_table_field_by_name(s, s->partition_keys[i]);
		const struct pf_table_field *k = &s->fields[f];
		if (!k->known || k->nested)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "partition column '%s' is of type %s, which is not supported",
				       k->name, k->type_text);
	}
	return 0;
}

int pf_table_append_only(const struct pf_table_schema *s, struct pf_error *err)
{
	return s->nprimary_keys ? refuse("a primary key", err) : 0;
}

/* A primary key whose files of level 0 are as Paimon's own would be. */
static int check_key_writable(const struct pf_table_schema *s, struct pf_error *err)
{
	static const struct {
		const char *option, *may;
	} only[] = {
		{ "data-file.thin-mode", "false" },
		{ "primary-key.nullable", "false" },
		{ "pk-clustering-override", "false" },
		{ "rowkind.field", "" },
	};
	if (!s->nprimary_keys)
		return 0;
	/* Its rows are seen only once they have been compacted by its own rule. */
	if (!strcasecmp(s->layout.merge, "first-row"))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "a table with a primary key and merge-engine = first-row can be read, but not written");
	const char *producer = pf_table_option(s, "changelog-producer", "none");
	if (strcasecmp(producer, "none") && strcasecmp(producer, "input"))
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "a table with a primary key and changelog-producer = %s cannot be written: "
			       "compactions make its changelog",
			       producer);
	for (size_t i = 0; i < sizeof only / sizeof *only; i++) {
		const char *v = pf_table_option(s, only[i].option, only[i].may);
		if (strcasecmp(v, only[i].may))
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "a table with a primary key and %s = %s cannot be written",
				       only[i].option, v);
	}
	for (size_t i = 0; i < s->npartition_keys; i++) {
		size_t k = 0;
		while (k < s->nprimary_keys &&
		       strcmp(s->primary_keys[k], s->partition_keys[i]))
			k++;
		if (k == s->nprimary_keys)
			return refuse("a primary key without its partition's column", err);
	}
	for (size_t i = 0; i < s->layout.nkey; i++) {
		const struct pf_table_field *f =
			&s->fields[pf_table_field_by_name(s, s->layout.key[i])];
		enum pf_kind kind = f->type.kind;
		if (kind == PF_FLOAT || kind == PF_DOUBLE || kind == PF_BYTES)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "a primary key with column '%s' of type %s cannot be written",
				       f->name, f->type_text);
	}
	return 0;
}

int pf_table_writable(const struct pf_table_schema *s, struct pf_error *err)
{
	static const struct {
		const char *option, *what;
	} features[] = {
		{ "row-tracking.enabled", "row tracking (row-tracking.enabled)" },
		{ "deletion-vectors.enabled",
		  "deletion vectors (deletion-vectors.enabled)" },
		{ "sequence.snapshot-ordering",
		  "sequence numbers by snapshot (sequence.snapshot-ordering)" },
	};
	PF_TRY(pf_table_readable(s, err));
	PF_TRY(pf_table_all_known(s, err));
	PF_TRY(check_key_writable(s, err));
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		if (is_on(s, features[i].option))
			return refuse(features[i].what, err);
	for (size_t i = 0; i < s->n; i++) {
		if (s->fields[i].cut)
			return refuse("timestamps of more than six digits", err);
		if (s->fields[i].nested)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "column '%s' is of type %s, which can be read, but not written",
				       s->fields[i].name, s->fields[i].type_text);
	}
	if (s->buckets < 1)
		return refuse("no fixed buckets (bucket = -1)", err);
	if (s->nbucket_key != 1)
		return refuse("a bucket key of several columns", err);
	if (strcmp(pf_table_option(s, "bucket-function.type", "default"), "default"))
		return refuse("a bucket function of another kind (bucket-function.type)",
			      err);
	if (strcmp(pf_table_option(s, "file.format", "parquet"), "parquet"))
		return refuse("data files other than Parquet (file.format)", err);
	if (strcmp(pf_table_option(s, "manifest.format", "avro"), "avro"))
		return refuse("manifests other than Avro (manifest.format)", err);
	if (pf_meta_get(&s->options, "data-file.path-directory"))
		return refuse("a directory of its own for data files "
			      "(data-file.path-directory)", err);
	if (pf_meta_get(&s->options, "data-file.external-paths"))
		return refuse("data files elsewhere (data-file.external-paths)", err);
	if (!strcmp(pf_table_option(s, "write.sequence-number-init-mode", "scan"),
		    "snapshot"))
		return refuse("sequence numbers kept in snapshots "
			      "(write.sequence-number-init-mode)", err);
	if (s->npartition_keys > 1)
		return refuse("more than one partition column", err);
	if (s->npartition_keys) {
		int f = pf_table_field_by_name(s, s->partition_keys[0]);
		if (s->fields[f].type.kind != PF_STRING)
			return pf_fail(err, PF_E_TABLE_FEATURE,
				       "partition column '%s' is of type %s, not STRING",
				       s->fields[f].name, s->fields[f].type_text);
	}
	return 0;
}

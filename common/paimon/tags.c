/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading tags, branches and changelogs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "paimon/internal.h"
#include "paimon/refs.h"

static const char tag_prefix[] = "tag-";

int pf_tag_check_name(const char *name, struct pf_error *err)
{
	bool number = true;
	if (!*name)
		return pf_fail(err, PF_E_USAGE, "a tag needs a name");
	for (const char *p = name; *p; p++) {
		number &= *p >= '0' && *p <= '9';
		if ((unsigned char)*p <= ' ' || strchr("/$\\:*?\"<>|", *p))
			return pf_fail(err, PF_E_USAGE,
				       "'%s' is no name for a tag: no blanks, and none of /$\\:*?\"<>|",
				       name);
	}
	if (number)
		return pf_fail(err, PF_E_USAGE,
			       "'%s' is no name for a tag: it is a snapshot's number", name);
	if (strlen(name) > 200)
		return pf_fail(err, PF_E_USAGE, "a tag's name has at most 200 bytes");
	return 0;
}

/* dir/file is a snapshot in another place. */
static int read_one(struct pf_table *t, const char *dir, const char *file,
		    struct pf_snapshot **snapshot, struct pf_error *err)
{
	struct pf_buf json = { 0 };
	char *path = pf_asprintf("%s/%s", dir, file);
	*snapshot = NULL;
	int code = pf_store_read(t->store, path, PF_JSON_LIMIT, &json, err);
	if (!code)
		code = pf_snapshot_parse(json.data, json.len, path, snapshot, err);
	pf_buf_free(&json);
	free(path);
	return code;
}

int pf_tag_read(struct pf_table *table, const char *name, struct pf_snapshot **snapshot,
		struct pf_error *err)
{
	*snapshot = NULL;
	PF_TRY(pf_tag_check_name(name, err));
	char *file = pf_asprintf("%s%s", tag_prefix, name);
	int code = read_one(table, "tag", file, snapshot, err);
	free(file);
	return code;
}

/* Everything in a directory whose names begin so. prefix is left away from the
 * names when label is NULL. */
static int read_dir(struct pf_table *t, const char *dir, const char *prefix,
		    const char *label, struct pf_tags *tags, struct pf_error *err)
{
	struct pf_names names;
	size_t len = strlen(prefix);
	PF_TRY(pf_store_list(t->store, dir, &names, err));
	int code = 0;
	for (size_t i = 0; !code && i < names.n; i++) {
		struct pf_snapshot *s;
		if (strncmp(names.names[i], prefix, len))
			continue;
		code = read_one(t, dir, names.names[i], &s, err);
		if (code == PF_E_NO_FILE) { /* deleted since we looked */
			code = 0;
			continue;
		}
		if (code)
			break;
		tags->items = pf_realloc(tags->items, tags->n + 1, sizeof *tags->items);
		tags->items[tags->n++] = (struct pf_tag){
			pf_strdup(label ? label : names.names[i] + len), s
		};
	}
	pf_names_free(&names);
	return code;
}

static int compare(const void *a, const void *b)
{
	const struct pf_tag *x = a, *y = b;
	if (x->snapshot->id != y->snapshot->id)
		return x->snapshot->id < y->snapshot->id ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What was read so far goes when it failed. */
static int finish(struct pf_tags *tags, int code)
{
	if (code)
		pf_tags_free(tags);
	else if (tags->n)
		qsort(tags->items, tags->n, sizeof *tags->items, compare);
	return code;
}

int pf_tags_read(struct pf_table *table, struct pf_tags *tags, struct pf_error *err)
{
	*tags = (struct pf_tags){ 0 };
	return finish(tags, read_dir(table, "tag", tag_prefix, NULL, tags, err));
}

static int read_branch(struct pf_table *t, const char *branch, struct pf_tags *tags,
		       struct pf_error *err)
{
	static const struct {
		const char *dir, *prefix;
	} places[] = { { "snapshot", "snapshot-" }, { "tag", "tag-" },
		       { "changelog", "changelog-" } };
	char *label = pf_asprintf("branch %s", branch + strlen("branch-"));
	int code = 0;
	for (size_t i = 0; !code && i < sizeof places / sizeof *places; i++) {
		char *dir = pf_asprintf("branch/%s/%s", branch, places[i].dir);
		code = read_dir(t, dir, places[i].prefix, label, tags, err);
		free(dir);
	}
	free(label);
	return code;
}

int pf_branches_read(struct pf_table *table, struct pf_tags *tags,
		     struct pf_error *err)
{
	struct pf_names names;
	*tags = (struct pf_tags){ 0 };
	PF_TRY(pf_store_list(table->store, "branch", &names, err));
	int code = 0;
	for (size_t i = 0; !code && i < names.n; i++)
		if (!strncmp(names.names[i], "branch-", 7))
			code = read_branch(table, names.names[i], tags, err);
	pf_names_free(&names);
	if (!code)
		code = read_dir(table, "changelog", "changelog-", "changelog", tags, err);
	return finish(tags, code);
}

void pf_tags_free(struct pf_tags *tags)
{
	for (size_t i = 0; i < tags->n; i++) {
		free(tags->items[i].name);
		pf_snapshot_free(tags->items[i].snapshot);
	}
	free(tags->items);
	*tags = (struct pf_tags){ 0 };
}

const struct pf_tag *pf_tags_find(const struct pf_tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->n; i++)
		if (!strcmp(tags->items[i].name, name))
			return &tags->items[i];
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "stage/adapt.h"
#include "stage/backend.h"
#include "stage/end.h"
#include "stage/open.h"

static const struct pf_stage_ops embedded_ops;
static void embedded_close(struct pf_stage *s);

/* The definition as its canonical text says it: what a stage keeps. */
static int set_definition(struct pf_stage *s, struct pf_error *err)
{
	char *name = pf_asprintf("definition in %s/stage.json", s->dir.path);
	struct pf_tabledef *def;
	int code = pf_tabledef_parse(s->id.text, strlen(s->id.text), name, &def, err);
	free(name);
	if (code)
		return code;
	pf_tabledef_free(s->def);
	pf_schema_unref(s->schema);
	s->def = def;
	s->schema = pf_tabledef_schema(def);
	return 0;
}

int pf_stage_take(struct pf_stage_dir *dir, bool *found, struct pf_stage **stage,
		  struct pf_error *err)
{
	struct pf_stage *s = pf_zalloc(1, sizeof *s);
	s->ops = &embedded_ops;
	s->dir = *dir;
	*dir = (struct pf_stage_dir){ NULL, -1 };
	int code = pf_stage_identity_read(&s->dir, found, &s->id, err);
	if (!code && *found)
		code = set_definition(s, err);
	if (code || !*found) {
		if (!code)
			*dir = s->dir;
		else
			pf_stage_dir_close(&s->dir);
		pf_stage_identity_free(&s->id);
		free(s);
		return code;
	}
	*stage = s;
	return 0;
}

int pf_stage_make(struct pf_stage_dir *dir, const struct pf_tabledef *def,
		  struct pf_stage **stage, struct pf_error *err)
{
	struct pf_stage *s = pf_zalloc(1, sizeof *s);
	s->ops = &embedded_ops;
	s->dir = *dir;
	*dir = (struct pf_stage_dir){ NULL, -1 };
	s->id.text = pf_strdup(pf_tabledef_text(def));
	int code = pf_stage_uuid_new(s->id.uuid, err);
	if (!code)
		code = set_definition(s, err);
	/* Also if the directory was there: whoever made it may have died before
	 * its name was on the disk. */
	if (!code)
		code = pf_fsync_parent(s->dir.path, err);
	if (!code)
		code = pf_stage_identity_write(&s->dir, &s->id, err);
	if (code) {
		embedded_close(s);
		return code;
	}
	*stage = s;
	return 0;
}

static void embedded_close(struct pf_stage *s)
{
	pf_stage_dir_close(&s->dir);
	pf_stage_identity_free(&s->id);
	pf_tabledef_free(s->def);
	pf_schema_unref(s->schema);
	free(s);
}

/* Rows behind the table's. When the oldest of them came is not written down. */
static int embedded_lag(struct pf_stage *s, const struct pf_stage_start *starts,
			size_t n, const char *sources, struct pf_stage_lag *lag,
			struct pf_error *err)
{
	struct pf_stage_end e;
	(void)sources;
	PF_TRY(pf_stage_end_find(&s->dir, false, NULL, &e, err));
	int64_t loaded = n ? starts[0].offset : 0;
	*lag = (struct pf_stage_lag){ .loaded = loaded,
				      .behind = e.place.offset - loaded,
				      .rows = e.place.offset - loaded,
				      .seconds = -1 };
	pf_stage_end_free(&e);
	return 0;
}

static const struct pf_stage_ops embedded_ops = {
	.close = embedded_close,
	.reader = pf_embedded_reader_open,
	.status = pf_embedded_status,
	.print = pf_embedded_print,
	.lag = embedded_lag,
	.trim = pf_embedded_trim,
};

int pf_embedded_open(const char *path, struct pf_stage **stage, struct pf_error *err)
{
	struct pf_stage_dir dir;
	bool found;
	PF_TRY(pf_stage_dir_open(path, &dir, err));
	PF_TRY(pf_stage_take(&dir, &found, stage, err));
	if (found)
		return 0;
	pf_stage_dir_close(&dir);
	pf_fail(err, PF_E_NOT_A_STAGE, "'%s' is not a stage: it has no stage.json", path);
	return pf_hint(err, "pf-stage append -S schema.yaml makes one");
}

/* --- changes of the definition --- */

static int refuse(const char *path, struct pf_error *err, const char *why,
		  const char *column)
{
	pf_fail(err, PF_E_STAGE_SCHEMA, "the definition does not fit stage '%s': %s%s%s%s",
		path, why, *column ? " '" : "", column, *column ? "'" : "");
	return pf_hint(err, "a stage takes new nullable columns at the end, and wider "
		       "types; for anything else make another stage");
}

int pf_stage_evolves(const char *path, const struct pf_tabledef *old,
		     const struct pf_tabledef *new, struct pf_error *err)
{
	if (strcmp(old->id, new->id) != 0)
		return refuse(path, err, "another column is the id", "");
	if (strcmp(old->time, new->time) != 0)
		return refuse(path, err, "another column is the time", "");
	if (strcmp(old->zone, new->zone) != 0 || old->grain != new->grain ||
	    old->buckets != new->buckets)
		return refuse(path, err, "zone, partition or buckets differ", "");
	for (size_t i = 0; i < old->n; i++) {
		const struct pf_coldef *a = &old->columns[i];
		if (i >= new->n || strcmp(a->name, new->columns[i].name) != 0)
			return refuse(path, err, "it lacks or moves column", a->name);
		if (!pf_adapt_widens(a->type, new->columns[i].type))
			return refuse(path, err, "another type has column", a->name);
		if (a->nullable && !new->columns[i].nullable)
			return refuse(path, err, "null is no longer allowed in column",
				      a->name);
	}
	for (size_t i = old->n; i < new->n; i++)
		if (!new->columns[i].nullable)
			return refuse(path, err, "null is not allowed in the new column",
				      new->columns[i].name);
	return 0;
}

/* Remove the segments of a stage without rows, which only say what was read and
 * refused. *empty: it is one. */
static int empty_out(struct pf_stage *s, bool *empty, struct pf_error *err)
{
	struct pf_stage_end end;
	PF_TRY(pf_stage_end_find(&s->dir, true, NULL, &end, err));
	int code = 0;
	*empty = !end.place.offset;
	for (size_t i = end.nsegments; *empty && !code && i-- > 0;) {
		char name[PF_STAGE_NAME_BYTES];
		pf_stage_segment_name(end.segments[i], name);
		if (unlinkat(s->dir.fd, name, 0) && errno != ENOENT)
			code = pf_fail_errno(err, PF_E_IO, errno, "cannot remove '%s/%s'",
					     s->dir.path, name);
	}
	pf_stage_end_free(&end);
	return code || !*empty ? code : pf_fsync(s->dir.fd, s->dir.path, err);
}

int pf_stage_evolve(struct pf_stage *s, const struct pf_tabledef *new,
		    struct pf_error *err)
{
	if (!strcmp(pf_tabledef_text(new), s->id.text))
		return 0;
	struct pf_error why = { 0 };
	int code = pf_stage_evolves(s->dir.path, s->def, new, &why);
	if (code) {
		bool empty;
		PF_TRY(empty_out(s, &empty, err));
		if (!empty)
			*err = why;
		if (!empty)
			return code;
	}
	free(s->id.text);
	s->id.text = pf_strdup(pf_tabledef_text(new));
	PF_TRY(set_definition(s, err));
	return pf_stage_identity_write(&s->dir, &s->id, err);
}

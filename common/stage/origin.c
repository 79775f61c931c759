/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/origin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "text/tabledef.h"

void pf_origin_open(struct pf_origin *o, struct pf_stage_writer *writer,
		    const struct pf_append_input *input, const char *name,
		    bool (*stopping)(void))
{
	*o = (struct pf_origin){ .writer = writer, .input = input, .name = name };
	o->known = input->path || name;
	o->track = pf_track_new(input, o->known, stopping);
}

void pf_origin_close(struct pf_origin *o)
{
	pf_track_free(o->track);
	*o = (struct pf_origin){ 0 };
}

const char *pf_origin_title(const struct pf_source_pos *source)
{
	return source->name ? source->name : source->path ? source->path : "-";
}

/* --- what was staged before --- */

static bool from_filename(const struct pf_tabledef *def)
{
	for (size_t i = 0; i < def->n; i++)
		if (def->columns[i].from_filename)
			return true;
	return false;
}

/* Which of the sources that are known so far is it? */
static int match(struct pf_origin *o, struct pf_error *err)
{
	struct pf_sources *sources = pf_stage_writer_sources(o->writer);
	const struct pf_stage *stage = pf_stage_writer_stage(o->writer);
	if (o->name) {
		o->source = pf_sources_named(sources, o->name);
		return 0;
	}
	return pf_track_match(o->track, sources, from_filename(pf_stage_definition(stage)),
			      &o->source, err);
}

int pf_origin_identify(struct pf_origin *o, struct pf_error *err)
{
	const struct pf_source_pos *last;
	bool more;
	if (!o->known)
		return 0;
	do {
		last = o->source;
		PF_TRY(pf_stage_recall(o->writer, last, &more, err));
		PF_TRY(match(o, err));
	} while (more && (!o->source || o->source != last));
	if (!o->source)
		return 0;
	bool same = !o->name;
	if (!same && o->source->position)
		PF_TRY(pf_track_same_head(o->track, o->source, &same, err));
	if (!same) {
		o->source->position = 0;
		o->source->rows = o->source->line = 0;
		o->source->key = 0;
	}
	pf_sources_touch(pf_stage_writer_sources(o->writer), o->source);
	return 0;
}

/* --- what is staged now --- */

static void add_source(struct pf_origin *o)
{
	o->source = pf_sources_add(pf_stage_writer_sources(o->writer));
	o->source->name = o->name ? pf_strdup(o->name) : NULL;
}

/* The path that it was last seen under. */
static void note_path(struct pf_origin *o)
{
	const char *path = o->input->path;
	if (!path || (o->source->path && !strcmp(o->source->path, path)))
		return;
	free(o->source->path);
	o->source->path = pf_strdup(path);
}

/* What the input is known by before anything of it is durable. */
static char *identity_of(const struct pf_origin *o)
{
	struct stat st;
	char host[256] = "";
	if (o->name)
		return pf_asprintf("name\n%s", o->name);
	if (gethostname(host, sizeof host - 1) || fstat(o->input->fd, &st))
		return pf_asprintf("path\n%s\n%s", host, o->input->path);
	return pf_asprintf("file\n%s\n%s\n%llu\n%llu", host, o->input->path,
			   (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

int pf_origin_announce(struct pf_origin *o, struct pf_error *err)
{
	if (!pf_stage_wants_origin(o->writer))
		return 0;
	if (!o->known)
		return pf_stage_from(o->writer, NULL, NULL, err);
	if (!o->source) {
		add_source(o);
		note_path(o);
	}
	char *identity = identity_of(o);
	int code = pf_stage_from(o->writer, o->source, identity, err);
	free(identity);
	return code;
}

int pf_origin_note(struct pf_origin *o, uint64_t position, int64_t rows, int64_t line,
		   struct pf_error *err)
{
	if (!o->known)
		return 0;
	if (!o->source)
		add_source(o);
	note_path(o);
	o->source->rows = rows;
	o->source->line = line;
	pf_sources_touch(pf_stage_writer_sources(o->writer), o->source);
	return pf_track_note(o->track, position, o->source, err);
}

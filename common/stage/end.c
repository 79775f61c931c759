/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/end.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

char *pf_stage_segment_path(const struct pf_stage_dir *dir, int64_t first)
{
	char name[PF_STAGE_NAME_BYTES];
	pf_stage_segment_name(first, name);
	return pf_asprintf("%s/%s", dir->path, name);
}

void pf_stage_end_free(struct pf_stage_end *end)
{
	free(end->segments);
	*end = (struct pf_stage_end){ 0 };
}

static int take_group(const struct pf_group *g, const char *name,
		      struct pf_sources *sources, char stage[37],
		      struct pf_error *err)
{
	if (g->first && stage)
		memcpy(stage, g->stage, sizeof g->stage);
	if (!sources)
		return 0;
	int code = 0;
	if (g->head_sources)
		code = pf_sources_apply(sources, g->head_sources, err);
	if (!code && g->sources)
		code = pf_sources_apply(sources, g->sources, err);
	return code ? pf_context(err, "%s", name) : 0;
}

int pf_stage_walk(struct pf_scan *scan, const char *name, enum pf_walk how,
		  struct pf_sources *sources, char stage[37], bool *closed,
		  struct pf_error *err)
{
	/* The last group is read again with its bytes: what was written last may
	 * be torn although its seal is there. */
	bool load = how == PF_WALK_THOROUGH, moved = false;
	*closed = false;
	for (;;) {
		struct pf_group g;
		enum pf_scan_result result;
		PF_TRY(pf_scan_next(scan, load, &g, &result, err));
		if (result == PF_SCAN_GROUP) {
			PF_TRY(take_group(&g, name, sources, stage, err));
			moved = true;
			continue;
		}
		if (result == PF_SCAN_EOS) {
			*closed = true;
			return 0;
		}
		if (!load && moved) {
			pf_scan_back(scan);
			load = true;
			continue;
		}
		if (how == PF_WALK_LIVE && result == PF_SCAN_TAIL)
			return 0;
		bool good;
		const char *why = result == PF_SCAN_BAD ? pf_scan_why(scan) :
			"a message runs over what follows";
		PF_TRY(pf_scan_good_beyond(scan, &good, err));
		if (!good)
			return 0;
		/* Unless a writer was just about to finish that group. */
		PF_TRY(pf_scan_next(scan, true, &g, &result, err));
		if (result == PF_SCAN_GROUP) {
			pf_scan_back(scan);
			load = true;
			continue;
		}
		pf_fail(err, PF_E_STAGE_CORRUPT, "'%s' is damaged behind byte %" PRIu64
			" (offset %" PRId64 "): %s", name, pf_scan_place(scan)->at,
			pf_scan_place(scan)->offset, why);
		return pf_hint(err, "good rows follow the damage, so it is no "
			       "interrupted write; restore the file from a copy");
	}
}

static int find_in(const struct pf_stage_dir *dir, size_t i, bool thorough,
		   struct pf_sources *sources, struct pf_stage_end *end,
		   struct pf_error *err)
{
	int fd;
	struct stat st;
	PF_TRY(pf_stage_segment_open(dir, end->segments[i], &fd, err));
	char *name = pf_stage_segment_path(dir, end->segments[i]);
	struct pf_scan *scan = pf_scan_new(fd, name, end->segments[i]);
	int code = pf_stage_walk(scan, name, thorough ? PF_WALK_THOROUGH : PF_WALK_QUICK,
				 sources, end->stage, &end->closed, err);
	end->place = *pf_scan_place(scan);
	if (!code && fstat(fd, &st))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot read '%s'", name);
	if (!code)
		end->bytes = (uint64_t)st.st_size;
	pf_scan_free(scan);
	free(name);
	close(fd);
	return code;
}

int pf_stage_end_find(const struct pf_stage_dir *dir, bool thorough,
		      struct pf_sources *sources, struct pf_stage_end *end,
		      struct pf_error *err)
{
	*end = (struct pf_stage_end){ 0 };
	PF_TRY(pf_stage_list(dir, &end->segments, &end->nsegments, err));
	end->last = end->nsegments;
	/* The newest may have been made and not come to its first seal; then the
	 * one before it was finished. */
	for (size_t i = end->nsegments; i-- > 0;) {
		int code = find_in(dir, i, thorough, sources, end, err);
		bool last = i + 1 == end->nsegments;
		if (!code && end->place.any && !last &&
		    (!end->closed || end->place.offset != end->segments[i + 1]))
			code = pf_fail(err, PF_E_STAGE_CORRUPT,
				       "'%s': a segment ends at offset %" PRId64
				       ", the next one begins at %" PRId64,
				       dir->path, end->place.offset,
				       end->segments[i + 1]);
		if (!code && !end->place.any && !last)
			code = pf_fail(err, PF_E_STAGE_CORRUPT,
				       "'%s': the segment at offset %" PRId64
				       " has no rows", dir->path, end->segments[i]);
		if (code) {
			pf_stage_end_free(end);
			return code;
		}
		if (end->place.any) {
			end->last = i;
			return 0;
		}
	}
	if (end->nsegments)
		end->place = (struct pf_scan_place){ .offset = end->segments[0] };
	return 0;
}

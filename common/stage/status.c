/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "stage/backend.h"
#include "stage/end.h"
#include "stage/open.h"

static int segment_bytes(const struct pf_stage *s, int64_t first, uint64_t *bytes,
			 struct pf_error *err)
{
	char name[PF_STAGE_NAME_BYTES];
	struct stat st;
	pf_stage_segment_name(first, name);
	if (fstatat(s->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return pf_fail_errno(err, errno == ENOENT ? PF_E_VANISHED : PF_E_IO,
				     errno, "cannot look at '%s/%s'", s->dir.path, name);
	*bytes = (uint64_t)st.st_size;
	return 0;
}

int pf_embedded_status(struct pf_stage *s, struct pf_stage_status *status,
		    struct pf_error *err)
{
	struct pf_stage_end end;
	*status = (struct pf_stage_status){ 0 };
	int code = pf_stage_end_find(&s->dir, false, &status->sources, &end, err);
	if (code) {
		pf_stage_status_free(status);
		return code;
	}
	status->segments = end.nsegments;
	status->first = end.nsegments ? end.segments[0] : 0;
	status->end = end.place.offset;
	for (size_t i = 0; !code && i < end.nsegments; i++) {
		uint64_t bytes = 0;
		code = segment_bytes(s, end.segments[i], &bytes, err);
		if (code)
			break;
		status->bytes += bytes;
		if (end.last == end.nsegments || i > end.last)
			status->torn += bytes;
	}
	if (!code && end.last < end.nsegments && !end.closed)
		status->torn += end.bytes - end.place.at;
	pf_stage_end_free(&end);
	if (code)
		pf_stage_status_free(status);
	return code;
}

void pf_stage_status_free(struct pf_stage_status *status)
{
	pf_sources_free(&status->sources);
	free(status->parts);
	*status = (struct pf_stage_status){ 0 };
}

void pf_embedded_print(const struct pf_stage *stage, const struct pf_stage_status *s,
		       struct pf_buf *out)
{
	char rows[32], bytes[32];
	pf_buf_printf(out, "stage\t%s\nrows\t%s\nfirst\t%" PRId64
		      "\nend\t%" PRId64 "\nsegments\t%zu\nbytes\t%s\n",
		      pf_stage_uuid(stage), pf_count_text(rows, s->end - s->first, s->human),
		      s->first, s->end, s->segments,
		      pf_count_text(bytes, (int64_t)s->bytes, s->human));
	if (s->torn)
		pf_buf_printf(out, "unsealed\t%s\n",
			      pf_count_text(bytes, (int64_t)s->torn, s->human));
	for (size_t i = 0; i < s->sources.n; i++) {
		const struct pf_source_pos *p = s->sources.items[i];
		const char *name = p->name ? p->name : p->path ? p->path : "-";
		char quoted[4096];
		pf_buf_printf(out, "source\t%s\t%s bytes\t%s rows\n",
			      pf_quote(quoted, sizeof quoted, name, strlen(name)),
			      pf_count_text(bytes, (int64_t)p->position, s->human),
			      pf_count_text(rows, p->rows, s->human));
	}
}

int pf_embedded_trim(struct pf_stage *s, int64_t before, bool dry,
		     struct pf_trimmed *trimmed, struct pf_error *err)
{
	struct pf_stage_end end;
	*trimmed = (struct pf_trimmed){ 0 };
	PF_TRY(pf_stage_end_find(&s->dir, false, NULL, &end, err));
	trimmed->first = end.nsegments ? end.segments[0] : 0;
	/* The newest one with a seal may be open still; then the one before it is
	 * the newest finished one. */
	size_t keep = end.last;
	if (keep < end.nsegments && !end.closed && keep)
		keep--;
	int code = 0;
	/* Oldest first: what is left has no hole at any moment. */
	for (size_t i = 0; !code && i < keep && i + 1 < end.nsegments; i++) {
		char name[PF_STAGE_NAME_BYTES];
		uint64_t bytes = 0;
		if (end.segments[i + 1] > before)
			break;
		code = segment_bytes(s, end.segments[i], &bytes, err);
		pf_stage_segment_name(end.segments[i], name);
		if (!code && !dry && unlinkat(s->dir.fd, name, 0) && errno != ENOENT)
			code = pf_fail_errno(err, PF_E_IO, errno, "cannot remove '%s/%s'",
					     s->dir.path, name);
		if (code)
			break;
		trimmed->segments++;
		trimmed->bytes += bytes;
		trimmed->first = end.segments[i + 1];
	}
	pf_stage_end_free(&end);
	if (!code && trimmed->segments && !dry)
		code = pf_fsync(s->dir.fd, s->dir.path, err);
	return code;
}

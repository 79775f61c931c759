/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking one segment file, group by group: a group is what stands between two
 * seals, the second one included. Reading a group loads and verifies all of
 * its bytes; skipping one looks at its headers only.
 *
 * The file may grow meanwhile (a writer appends whole groups); the walk then
 * goes on where it stood.
 */
#ifndef PF_STAGE_SCAN_H
#define PF_STAGE_SCAN_H

#include "stage/frame.h"
#include "stage/sources.h"

struct pf_scan;

enum pf_scan_result {
	PF_SCAN_GROUP,
	PF_SCAN_EOS,  /* the end-of-stream marker and nothing behind it */
	PF_SCAN_TAIL, /* no whole group follows: nothing, or the beginning of one */
	PF_SCAN_BAD,  /* what follows is no good group, see pf_scan_why */
};

/* One message of rows within a group. */
struct pf_group_rows {
	size_t at, bytes; /* in pf_group.bytes */
	int64_t rows;
};

struct pf_group {
	uint64_t at, end;      /* where it stands in the file */
	int64_t from, to;      /* offsets */
	char hash[PF_HASH_DIGITS + 1];
	char prev[PF_HASH_DIGITS + 1];
	bool first;            /* of the segment: it has a head */
	char head_prev[PF_HASH_DIGITS + 1];
	char head_anchor[PF_HASH_DIGITS + 1];
	char stage[37];
	const char *head_sources, *sources; /* JSON, or NULL */
	/* Only when read, not when skipped: */
	const uint8_t *bytes;
	const struct pf_group_rows *messages;
	size_t nmessages;
};

/* fd is borrowed; first is the segment's first offset; name for messages. */
struct pf_scan *pf_scan_new(int fd, const char *name, int64_t first);
void pf_scan_free(struct pf_scan *s); /* NULL is fine */

/* The next group, valid until the next call. With load its bytes are read
 * and verified. An error is one of reading only. */
int pf_scan_next(struct pf_scan *s, bool load, struct pf_group *group,
		 enum pf_scan_result *result, struct pf_error *err);
const char *pf_scan_why(const struct pf_scan *s);

/* A place between two groups. */
struct pf_scan_place {
	uint64_t at;    /* in the file */
	int64_t offset;
	bool any;       /* groups of this segment stand before it */
	char anchor[PF_HASH_DIGITS + 1]; /* of that offset; needs any */
	char last[PF_HASH_DIGITS + 1];   /* hash of the last seal; needs any */
};
/* Behind the last group. */
const struct pf_scan_place *pf_scan_place(const struct pf_scan *s);
/* Forget the last group, so that it comes again. Not twice in a row. */
void pf_scan_back(struct pf_scan *s);

/* After TAIL or BAD: does a good seal stand anywhere behind the last group?
 * Then what is between them is damaged, not torn. */
int pf_scan_good_beyond(struct pf_scan *s, bool *found, struct pf_error *err);

#endif

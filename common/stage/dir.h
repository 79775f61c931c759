/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory of a stage: its stage.json, its lock, the names of its
 * segments. Everything is opened below one directory descriptor, and no name
 * may be a symbolic link.
 */
#ifndef PF_STAGE_DIR_H
#define PF_STAGE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PF_STAGE_NAME_BYTES 32

struct pf_stage_dir {
	char *path;
	int fd;
};

/* Open the directory. PF_E_NOT_A_STAGE when there is none. */
int pf_stage_dir_open(const char *path, struct pf_stage_dir *dir,
		      struct pf_error *err);
/* The same, making the directory when it is missing. Its name is durable when
 * the stage's identity was written. */
int pf_stage_dir_make(const char *path, struct pf_stage_dir *dir,
		      struct pf_error *err);
void pf_stage_dir_close(struct pf_stage_dir *dir);

/* The exclusive lock, as a descriptor that holds it. Waits at most wait_ms,
 * then PF_E_LOCKED. */
int pf_stage_lock(const struct pf_stage_dir *dir, int64_t wait_ms, int *lock,
		  struct pf_error *err);

/* What stage.json says. text is the definition's canonical YAML. */
struct pf_stage_identity {
	char uuid[64]; /* of a topic: another text that names it for good */
	char *text;
};

/* *found false when there is no stage.json. */
int pf_stage_identity_read(const struct pf_stage_dir *dir, bool *found,
			   struct pf_stage_identity *id, struct pf_error *err);
/* Write or replace it, durably and at once. */
int pf_stage_identity_write(const struct pf_stage_dir *dir,
			    const struct pf_stage_identity *id,
			    struct pf_error *err);
void pf_stage_identity_free(struct pf_stage_identity *id);
/* A random UUID (RFC 4122, version 4). */
int pf_stage_uuid_new(char uuid[37], struct pf_error *err);

/* First offsets of the segments, ascending. */
int pf_stage_list(const struct pf_stage_dir *dir, int64_t **first, size_t *n,
		  struct pf_error *err);
/* "00000000000000000042.arrows" */
void pf_stage_segment_name(int64_t first, char out[PF_STAGE_NAME_BYTES]);
/* Open for reading. PF_E_VANISHED when it is not there. */
int pf_stage_segment_open(const struct pf_stage_dir *dir, int64_t first, int *fd,
			  struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What an open stage is, for the files of this directory, and how an embedded one
 * becomes open: taken over from a directory that has one, or made there, or its
 * definition replaced. A topic has the same struct at its beginning
 * (stage/kafka_stage.h).
 */
#ifndef PF_STAGE_OPEN_H
#define PF_STAGE_OPEN_H

#include "stage/dir.h"
#include "stage/stage.h"
#include "text/tabledef.h"

struct pf_stage_ops;

/* Of a topic, dir.path is the URL, and there is no directory behind it. */
struct pf_stage {
	const struct pf_stage_ops *ops;
	struct pf_stage_dir dir;
	struct pf_stage_identity id;
	struct pf_tabledef *def;
	struct pf_schema *schema;
};

/* Take over an open directory (closed on failure, too). *found is false when
 * it holds no stage. */
int pf_stage_take(struct pf_stage_dir *dir, bool *found, struct pf_stage **stage,
		  struct pf_error *err);

/* Make a stage in an open directory, which is taken over. */
int pf_stage_make(struct pf_stage_dir *dir, const struct pf_tabledef *def,
		  struct pf_stage **stage, struct pf_error *err);

/* Replace the definition by one that adds nullable columns or widens types; an
 * equal one changes nothing. A stage that never had a row takes any, and begins
 * anew: nothing of the first attempt at a definition stays, nor what it refused. */
int pf_stage_evolve(struct pf_stage *stage, const struct pf_tabledef *def,
		    struct pf_error *err);

/* Does `new` only add nullable columns to `old`, or widen types? */
int pf_stage_evolves(const char *path, const struct pf_tabledef *old,
		     const struct pf_tabledef *new, struct pf_error *err);

#endif

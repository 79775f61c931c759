/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that calls fdatasync, so that its caller can go on. One job at a
 * time; the first failure is final, since after it the kernel may call pages
 * clean that never reached the disk.
 */
#ifndef PF_STAGE_SYNCER_H
#define PF_STAGE_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pf_syncer;

struct pf_syncer *pf_syncer_new(void);
/* Waits for the job at hand. NULL is fine. */
void pf_syncer_free(struct pf_syncer *s);

/* Sync fd and, when it is not -1, the directory; then offset is durable.
 * The syncer must be idle. name must stay valid until it is again. */
void pf_syncer_start(struct pf_syncer *s, int fd, int dir_fd, const char *name,
		     int64_t offset);

/* Wait until idle; says what failed. */
int pf_syncer_wait(struct pf_syncer *s, struct pf_error *err);
bool pf_syncer_busy(struct pf_syncer *s);

/* The last offset that is durable. */
int64_t pf_syncer_durable(struct pf_syncer *s);
void pf_syncer_set_durable(struct pf_syncer *s, int64_t offset);

#endif

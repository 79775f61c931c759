/* SPDX-License-Identifier: Apache-2.0
 *
 * Time zones: "UTC" and "Z", fixed offsets ("+02:00", "-0330"), and names of
 * the IANA database, read from the system's compiled files (TZif, RFC 8536,
 * with the POSIX rule of their footer for times beyond the table). No
 * environment, no global state; a zone is immutable after open and may be
 * shared.
 *
 * Wall clock times that do not exist (a spring gap) are moved forward by the
 * length of the gap; those that exist twice (an autumn fold) mean the first.
 * java.time, and so Flink and Spark, decide the same way.
 */
#ifndef PF_BASE_ZONE_H
#define PF_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pf_zone;

/* PF_E_SCHEMA_FILE for a name that is no zone. NULL and "" mean UTC. */
int pf_zone_open(const char *name, struct pf_zone **zone, struct pf_error *err);
void pf_zone_close(struct pf_zone *zone); /* NULL is fine */

/* As given to open ("UTC" when that was empty). */
const char *pf_zone_name(const struct pf_zone *zone);

/* Is the offset the same at all times? (Then *offset, in seconds, if given.) */
bool pf_zone_fixed(const struct pf_zone *zone, int32_t *offset);

/* Seconds east of UTC at an instant. */
int32_t pf_zone_offset(const struct pf_zone *zone, int64_t utc_seconds);

/* Seconds since 1970 of the wall clock there, and back. */
int64_t pf_zone_to_wall(const struct pf_zone *zone, int64_t utc_seconds);
int64_t pf_zone_to_utc(const struct pf_zone *zone, int64_t wall_seconds);

/* "+02:00", "Z" for zero; out of 16 bytes (offsets are whole minutes today;
 * the odd seconds of the 19th century are written as +00:17:30). */
size_t pf_zone_format_offset(char *out, int32_t offset);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages on their way. A group is sent when every message of the one before
 * has been acknowledged by all in-sync replicas; so whoever finds a whole group
 * knows that all before it is there, too (stage/kafka_message.h). Only delivery
 * reports say so, and a broker that is away is waited for.
 */
#ifndef PF_STAGE_KAFKA_SEND_H
#define PF_STAGE_KAFKA_SEND_H

#include "stage/kafka_accumulator.h"

struct pf_sender;

/* stopping (may be NULL): when it says so, a broker that is away is waited for 25 s
 * longer. */
int pf_sender_open(const struct pf_kafka_stage *s, bool (*stopping)(void),
		   struct pf_sender **sender, struct pf_error *err);
void pf_sender_close(struct pf_sender *s); /* NULL is fine; drops what is queued */

/* Send what waits, as one group of each source; nothing may be on its way. */
int pf_sender_group(struct pf_sender *s, const struct pf_group_messages *group,
		    struct pf_error *err);

/* Wait until everything sent is acknowledged. PF_E_INTERRUPTED when it was to stop,
 * PF_E_UNREACHABLE when the topic answers and acknowledges nothing for the time that
 * delivery.timeout.ms of --kafka-config says (45 s; 0: for ever), PF_E_ACCESS when it
 * no longer lets us in. */
int pf_sender_wait(struct pf_sender *s, struct pf_error *err);

/* Is anything still on its way? Does not wait. */
int pf_sender_busy(struct pf_sender *s, bool *busy, struct pf_error *err);

#endif

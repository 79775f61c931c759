/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of --kafka-config: librdkafka's properties, one "name=value" a
 * line, # before comments; how to get into a cluster. A file that holds a
 * secret must be its owner's alone. Values never reach a message; a process that knows
 * a secret leaves no core file.
 */
#ifndef PF_STAGE_KAFKA_CONFIG_H
#define PF_STAGE_KAFKA_CONFIG_H

#include "ext/kafka.h"

struct pf_kafka_config {
	struct pf_kafka_setting *items;
	size_t n;
};

/* PF_E_KAFKA_CONFIG: malformed, readable by others, a property that is ours to
 * set, or a password that would go over the wire in clear. */
int pf_kafka_config_load(const char *path, struct pf_kafka_config *config,
			 struct pf_error *err);
/* Overwrites the values. */
void pf_kafka_config_free(struct pf_kafka_config *config);

/* NULL when it is not set; the last one counts. */
const char *pf_kafka_config_get(const struct pf_kafka_config *config, const char *key);

#endif

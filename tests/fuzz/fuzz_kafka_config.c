/* SPDX-License-Identifier: Apache-2.0
 *
 * The properties of a Kafka client, as a file: read or refused, and no value is
 * ever in the message.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

#include "stage/kafka_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct pf_kafka_config config = { 0 };
	struct pf_error err = { 0 };
	int fd = memfd_create("properties", 0);
	if (fd < 0 || fchmod(fd, 0600) || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!pf_kafka_config_load(path, &config, &err))
		for (size_t i = 0; i < config.n; i++)
			if (!*config.items[i].key || !config.items[i].value ||
			    !pf_kafka_config_get(&config, config.items[i].key))
				abort();
	pf_kafka_config_free(&config);
	close(fd);
	return 0;
}

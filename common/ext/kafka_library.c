/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/kafka_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "ext/kafka.h"

/* Filled once, then only read. */
static struct pf_kafka_library lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *handle = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
	bool complete = handle != NULL;
#define X(name) \
	if (complete) { \
		void *symbol = dlsym(handle, #name); \
		memcpy(&lib.name, &symbol, sizeof symbol); \
		complete = symbol != NULL; \
	}
	PF_KAFKA_FUNCTIONS(X)
#undef X
	lib.handle = complete ? handle : NULL;
}

const struct pf_kafka_library *pf_kafka_library(void)
{
	pthread_once(&once, load);
	return lib.handle ? &lib : NULL;
}

const char *pf_kafka_version(void)
{
	const struct pf_kafka_library *l = pf_kafka_library();
	return l ? l->rd_kafka_version_str() : NULL;
}

bool pf_kafka_older(int major, int minor, int patch)
{
	const struct pf_kafka_library *l = pf_kafka_library();
	int wanted = major << 24 | minor << 16 | patch << 8;
	return l && (l->rd_kafka_version() | 0xff) < wanted;
}

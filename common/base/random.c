/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void pf_random_bytes(void *out, size_t len)
{
	uint8_t *p = out;
	while (len) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) /* only before Linux 3.17, and under seccomp */
			abort();
		p += n;
		len -= (size_t)n;
	}
}

void pf_random_uuid(char out[37])
{
	uint8_t b[16];
	pf_random_bytes(b, sizeof b);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, 37,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
		 b[11], b[12], b[13], b[14], b[15]);
}

uint32_t pf_random_below(uint32_t below)
{
	uint32_t v;
	pf_random_bytes(&v, sizeof v);
	return (uint32_t)((uint64_t)v * below >> 32);
}

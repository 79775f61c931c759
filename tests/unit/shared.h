/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of ../shared for unit tests: PF_SHARED names the folder, else
 * ../shared is looked for. Where it is absent the case says so and passes.
 */
#ifndef PF_TESTS_SHARED_H
#define PF_TESTS_SHARED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline bool shared_path(char *out, size_t size, const char *file)
{
	const char *root = getenv("PF_SHARED");
	snprintf(out, size, "%s/%s", root && *root ? root : "../shared", file);
	if (access(out, R_OK) == 0)
		return true;
	printf("# skipped: '%s' is absent\n", out);
	return false;
}

#endif

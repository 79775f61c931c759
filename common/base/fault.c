/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pf_crash_armed(const char *name)
{
	const char *armed = getenv("PF_CRASH_AT");
	size_t len = strlen(name);
	return armed && !strncmp(armed, name, len) &&
	       (!armed[len] || armed[len] == ':');
}

void pf_crash_point(const char *name)
{
	/* How often the armed point was passed: the one counter of the process,
	 * as there is one environment. */
	static atomic_ulong passed;
	if (!pf_crash_armed(name))
		return;
	const char *count = strchr(getenv("PF_CRASH_AT"), ':');
	unsigned long at = count ? strtoul(count + 1, NULL, 10) : 1;
	if (atomic_fetch_add(&passed, 1) + 1 == at)
		kill(getpid(), SIGKILL);
}

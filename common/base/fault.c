/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pf_crash_point(const char *name)
{
	/* How often the armed point was passed: the one counter of the process,
	 * as there is one environment. */
	static atomic_ulong passed;
	const char *armed = getenv("PF_CRASH_AT");
	if (!armed || !*armed)
		return;
	size_t len = strcspn(armed, ":");
	if (strlen(name) != len || memcmp(armed, name, len) != 0)
		return;
	unsigned long at = armed[len] ? strtoul(armed + len + 1, NULL, 10) : 1;
	if (atomic_fetch_add(&passed, 1) + 1 == at)
		kill(getpid(), SIGKILL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/wording.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "cli/diag.h"

/* The last part of a path, without slashes behind it. */
const char *pf_short_name(const char *path, char out[256])
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	size_t from = len;
	while (from && path[from - 1] != '/')
		from--;
	return pf_quote(out, 256, path + from, len - from);
}

/* "812 bytes", "1.2 MB" */
const char *pf_sized(int64_t n, char out[32])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double v = (double)n;
	int u = -1;
	while (v >= 999.95 && u < 3) {
		v /= 1000;
		u++;
	}
	if (u < 0)
		snprintf(out, 32, "%" PRId64 " bytes", n);
	else
		snprintf(out, 32, "%.1f %s", v, units[u]);
	return out;
}

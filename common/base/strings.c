/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strings.h"

#include <stdlib.h>
#include <string.h>

void pf_strings_free(char **strings, size_t n)
{
	for (size_t i = 0; strings && i < n; i++)
		free(strings[i]);
	free(strings);
}

bool pf_strings_have(char *const *strings, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(strings[i], text))
			return true;
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/place.h"

#include <stdlib.h>

bool pf_place_is_elsewhere(const char *path)
{
	return path[0] == '/' || strstr(path, ":/");
}

/* file:/a/b, file:///a/b and /a/b are one; NULL for any other scheme. */
static const char *local_path(const char *uri)
{
	if (!strncmp(uri, "file:", 5)) {
		uri += 5;
		if (!strncmp(uri, "//", 2))
			uri += 2;
	}
	return *uri == '/' ? uri : NULL;
}

static int open_elsewhere(const char *uri, struct pf_store_file **file,
			  struct pf_error *err)
{
	const char *path = local_path(uri);
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct pf_store *store;
	if (!path)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "file '%s' of the table (_EXTERNAL_PATH) is not on this machine, which is not supported",
			       uri);
	char *dir = pf_strndup(path, slash > path ? (size_t)(slash - path) : 1);
	int code = pf_store_open(dir, &store, err);
	if (!code) {
		code = pf_store_open_file(store, slash + 1, file, err);
		pf_store_close(store);
	}
	free(dir);
	return code;
}

int pf_place_open(struct pf_table *table, const char *path, struct pf_store_file **file,
		  struct pf_error *err)
{
	*file = NULL;
	return pf_place_is_elsewhere(path) ?
		       open_elsewhere(path, file, err) :
		       pf_store_open_file(pf_table_store(table), path, file, err);
}

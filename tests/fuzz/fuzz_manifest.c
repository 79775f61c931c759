/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a manifest, a manifest list or an index manifest of a table, the
 * container and its records: entries, or an error. The first byte chooses.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "paimon/manifest.h"
#include "put_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema[] =
	"{\"version\": 3, \"id\": 0, \"fields\": ["
	"{\"id\": 0, \"name\": \"id\", \"type\": \"BIGINT NOT NULL\"},"
	"{\"id\": 1, \"name\": \"ts\", \"type\": \"TIMESTAMP(3) NOT NULL\"},"
	"{\"id\": 2, \"name\": \"dt\", \"type\": \"STRING NOT NULL\"}],"
	"\"highestFieldId\": 2, \"partitionKeys\": [\"dt\"], \"primaryKeys\": [],"
	"\"options\": {\"bucket\": \"2\", \"bucket-key\": \"id\", \"file.format\": \"parquet\"},"
	"\"timeMillis\": 0}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "/tmp/fuzz_manifest.XXXXXX";
	static struct pf_table *table;
	static int dir = -1;
	struct pf_error err = { 0 };
	if (!table) {
		if (!mkdtemp(path) || (dir = open(path, O_RDONLY | O_DIRECTORY)) < 0 ||
		    mkdirat(dir, "schema", 0700) || mkdirat(dir, "manifest", 0700))
			abort();
		put_file(dir, "schema/schema-0", schema, sizeof schema - 1);
		if (pf_table_open(path, &table, &err))
			abort();
	}
	if (!size)
		return 0;
	put_file(dir, "manifest/m", data + 1, size - 1);
	struct pf_arena arena = { 0 };
	struct pf_manifests list = { 0 };
	struct pf_data_files files = { 0 };
	struct pf_index_entry *entries = NULL;
	size_t n = 0;
	const char *foreign = NULL;
	switch (data[0] % 3) {
	case 0:
		pf_manifest_list_read(table, "m", &arena, &list, &err);
		break;
	case 1:
		pf_manifest_read(table, "m", &arena, &files, &foreign, &err);
		break;
	default:
		pf_index_manifest_read(table, "m", &arena, &entries, &n, &err);
	}
	free(list.items);
	free(files.items);
	pf_arena_free(&arena);
	return 0;
}

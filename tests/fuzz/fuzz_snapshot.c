/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots, schemas and offset maps: what is accepted is written again, read
 * again and the same. The first byte chooses which.
 */
#include <stdlib.h>

#include "paimon/internal.h"
#include "paimon/offsets.h"
#include "paimon/row.h"

static void fuzz_snapshot(const uint8_t *data, size_t size)
{
	struct pf_snapshot *s, *again;
	struct pf_buf out = { 0 }, twice = { 0 };
	if (pf_snapshot_parse(data, size, "fuzz", &s, NULL))
		return;
	pf_snapshot_format(s, &out);
	if (pf_snapshot_parse(out.data, out.len, "again", &again, NULL))
		abort();
	pf_snapshot_format(again, &twice);
	if (out.len != twice.len || memcmp(out.data, twice.data, out.len))
		abort();
	pf_snapshot_free(s);
	pf_snapshot_free(again);
	pf_buf_free(&out);
	pf_buf_free(&twice);
}

static void fuzz_offsets(const uint8_t *data, size_t size)
{
	struct pf_offset_map map, again;
	struct pf_buf out = { 0 };
	char *text = pf_strndup((const char *)data, size);
	if (!pf_offset_map_parse(text, &map, NULL)) {
		pf_offset_map_format(&map, &out);
		if (pf_offset_map_parse(pf_buf_cstr(&out), &again, NULL))
			abort();
		if (again.nstages != map.nstages || again.nstreams != map.nstreams)
			abort();
		pf_offset_map_free(&map);
		pf_offset_map_free(&again);
	}
	pf_buf_free(&out);
	free(text);
}

static void fuzz_row(const uint8_t *data, size_t size)
{
	static const struct pf_type types[] = {
		{ PF_BOOLEAN, 0, 0 },	{ PF_INT, 0, 0 },	{ PF_STRING, 0, 0 },
		{ PF_DECIMAL, 30, 2 },	{ PF_TIMESTAMP, 6, 0 }, { PF_DOUBLE, 0, 0 },
	};
	struct pf_view row = pf_view_of(data, size);
	size_t n = pf_row_arity(row), sum = 0;
	for (size_t i = 0; i < n && i < 1000; i++)
		for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
			struct pf_datum d;
			if (!pf_row_get(row, i, types[t], &d, NULL) && !d.null &&
			    types[t].kind == PF_STRING)
				for (size_t b = 0; b < d.bytes.len; b++)
					sum += d.bytes.data[b];
		}
	if (sum == (size_t)-1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_table_schema *schema;
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		fuzz_snapshot(data + 1, size - 1);
		break;
	case 1:
		if (!pf_table_schema_parse(data + 1, size - 1, "fuzz", &schema, NULL))
			pf_table_schema_free(schema);
		break;
	case 2:
		fuzz_offsets(data + 1, size - 1);
		break;
	default:
		fuzz_row(data + 1, size - 1);
	}
	return 0;
}

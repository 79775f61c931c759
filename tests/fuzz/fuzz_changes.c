/* SPDX-License-Identifier: Apache-2.0
 *
 * Change streams; the first byte says which, and how the table merges.
 */
#include "text_fuzz.h"

#define COLUMNS                                                              \
	"columns:\n  id: {type: string, from: a.id}\n  t: {type: timestamp(3), round: down}\n" \
	"  i: bigint\n  d: double\n  b: boolean\n  s: string\n"                  \
	"  m: 'decimal(10,3)'\n  v: decimal(38,9)\n  y: bytes\n  h: time(2)\n"   \
	"  e: {type: timestamp_ltz(6), format: epoch_ms, from: ^.ts_ms}\n"       \
	"  c: {type: date, from: [i, s], format: '%Y %j'}\n  k: date\n"
#define KEY(merge, format)                                                   \
	"primary_key: [id, i]\ntime: t\npartition: month\nzone: '+01:00'\n" \
	"merge: " merge "\ninput: {format: " format "-json, table: '[a-t]*'}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pf_tabledef *defs[4];
	static const char *const yaml[] = {
		KEY("deduplicate", "debezium") COLUMNS, KEY("aggregation", "debezium") COLUMNS,
		KEY("deduplicate", "canal") COLUMNS, KEY("deduplicate", "maxwell") COLUMNS,
	};
	if (!len)
		return 0;
	fuzz_text(yaml[*data & 3], &defs[*data & 3], data + 1, len - 1);
	return 0;
}

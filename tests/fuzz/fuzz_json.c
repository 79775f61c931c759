/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines and JSON arrays; the first byte says which.
 */
#include "text_fuzz.h"

#define COLUMNS                                                              \
	"columns:\n  id: {type: string, from: a.id}\n  t: timestamp(3)\n"       \
	"  i: bigint\n  d: double\n  f: float\n  b: boolean\n  s: string\n"     \
	"  a: string\n  m: {type: 'decimal(10,3)', from: a.m.x}\n"               \
	"  e: {type: timestamp_ltz(6), format: epoch_ms}\n"                      \
	"  c: {type: date, from: [i, s], format: '%Y %j'}\n  y: bytes\n"         \
	"  h: time(2)\n  k: {type: tinyint, null: [NA]}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pf_tabledef *defs[2];
	if (!len)
		return 0;
	fuzz_text(*data & 1 ? "id: id\ntime: t\ninput: {format: json}\n" COLUMNS :
			      "id: id\ntime: t\ninput: {format: jsonl}\n" COLUMNS,
		  &defs[*data & 1], data + 1, len - 1);
	return 0;
}

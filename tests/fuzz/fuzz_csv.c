/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV, TSV with escapes, Zeek logs, no header, lines by a pattern; the first
 * byte says which.
 */
#include "text_fuzz.h"

#define COLUMNS                                                              \
	"columns:\n  id: string\n  t: timestamp(3)\n  i: bigint\n  d: double\n"  \
	"  s: string\n  m: {type: 'decimal(10,3)', round: down}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const yaml[] = {
		"id: id\ntime: t\ninput: {format: csv, header: [id, t, i, d, s, m]}\n" COLUMNS,
		"id: id\ntime: t\ninput: {format: csv}\n" COLUMNS,
		"id: id\ntime: t\ninput: {format: tsv, escape: backslash, header: false, comment: '//'}\n" COLUMNS,
		"id: id\ntime: t\nnull: [NA, '-']\ninput: {format: tsv, header: zeek}\n" COLUMNS,
		"id: id\ntime: t\ninput: {format: csv, delimiter: ';', header: false}\n"
		"columns:\n  id: {type: string, from: '#2'}\n"
		"  t: {type: timestamp(0), from: ['#1', '#3'], format: '%d.%m.%Y %I:%M%p'}\n"
		"  n: {type: int, from: filename, match: '([0-9]+)'}\n",
		"id: id\ntime: t\ninput: {format: lines, pattern: '^([^ ]*) \\[([^]]*)\\](x)?', header: [id, t, x]}\n"
		"columns:\n  id: string\n  t: {type: timestamp(0), format: '%b %e %T', year: 2024}\n  x: string\n",
	};
	static struct pf_tabledef *defs[6];
	if (!len)
		return 0;
	fuzz_text(yaml[*data % 6], &defs[*data % 6], data + 1, len - 1);
	return 0;
}

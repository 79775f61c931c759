/* SPDX-License-Identifier: Apache-2.0
 *
 * Avro containers: any bytes give records or an error, within bounds. The
 * schema is compiled from the input, too.
 */
#include "paimon/avro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_avro_reader *r;
	struct pf_error err = { 0 };
	bool more = true;
	if (pf_avro_open(pf_view_of(data, size), "fuzz", NULL, &r, &err))
		return 0;
	for (int n = 0; more && n < 10000; n++) {
		struct pf_arena arena = { 0 };
		struct pf_avro_value v;
		if (pf_avro_next(r, &arena, &v, &more, &err))
			more = false;
		pf_arena_free(&arena);
	}
	pf_avro_close(r);
	return 0;
}

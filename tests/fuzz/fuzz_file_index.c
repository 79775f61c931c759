/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file index: opened, and asked about columns of every type.
 * With an odd first byte the rest is the body of a bitmap index, which spares
 * the fuzzer the container.
 */
#include <stdlib.h>

#include "paimon/file_index_parts.h"
#include "paimon/roaring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct pf_view bytes, bool bare, struct pf_type type,
		const struct pf_range *range)
{
	enum { ROWS = 70000 };
	static const char *const names[] = { "a", "f0", "f1" };
	uint8_t *bits = pf_zalloc(ROWS / 8, 1);
	struct pf_file_index *index;
	bool any;
	if (bare) {
		int64_t rows = bytes.len > 5 ? bytes.data[4] << 8 | bytes.data[3] : 8;
		pf_index_bitmap_rows(bytes, type, rows, range, bits, &any);
		pf_index_bloom_may_match(bytes, type, range);
		pf_roaring_read(bytes, ROWS, bits, NULL, NULL);
	}
	struct pf_random_source source = pf_random_view(&bytes, "fuzz");
	for (int how = 0; !bare && how < 2; how++) {
		if (how ? pf_file_index_open_source(&source, 8, &index, NULL)
			: pf_file_index_open(bytes, 8, &index, NULL))
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			pf_file_index_may_match(index, names[i], type, range);
			pf_file_index_rows(index, names[i], type, range, bits);
		}
		pf_file_index_free(index);
	}
	free(bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pf_datum text = { .type = { .kind = PF_STRING },
				 .bytes = pf_view_str("Alice") };
	struct pf_datum number = { .type = { .kind = PF_INT }, .i = 10 };
	if (size < 2)
		return 0;
	/* A copy, so that a read beyond its end is seen. */
	uint8_t *copy = pf_alloc(size - 2, 1);
	memcpy(copy, data + 2, size - 2);
	struct pf_type type = { .kind = data[1] % (PF_STRINGS + 1), .precision = 3 };
	bool is_text = type.kind == PF_STRING || type.kind == PF_BYTES;
	struct pf_datum *d = is_text ? &text : &number;
	struct pf_range range = { .values = true, .nulls = data[0] & 2,
				  .has_min = data[0] & 4, .has_max = data[0] & 8,
				  .min = *d, .max = *d };
	if (is_text || pf_kind_is_integer(type.kind))
		ask(pf_view_of(copy, size - 2), data[0] & 1, type, &range);
	range.has_min = range.has_max = false;
	ask(pf_view_of(copy, size - 2), data[0] & 1, type, &range);
	free(copy);
	return 0;
}

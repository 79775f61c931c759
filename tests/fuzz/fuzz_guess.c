/* SPDX-License-Identifier: Apache-2.0
 *
 * A definition guessed from any bytes is one that can be read, and rows can be
 * read by it.
 */
#include "text/guess.h"

#include "text_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum pf_text_format formats[] = { PF_TEXT_AUTO, PF_TEXT_CSV, PF_TEXT_TSV,
						       PF_TEXT_JSONL };
	struct pf_error err = { 0 };
	struct pf_buf yaml = { 0 };
	struct pf_tabledef *def;
	if (!len)
		return 0;
	struct pf_memory_source memory = { pf_view_of(data + 1, len - 1), 0 };
	struct pf_byte_source source = pf_source_memory(&memory, "fuzz");
	const struct pf_guess_options o = { .file = "logs/fuzz.x", .format = formats[*data & 3],
					    .total_bytes = (uint64_t)*data << 20 };
	if (!pf_schema_guess(&source, &o, &yaml, &err)) {
		const char *text = pf_buf_cstr(&yaml);
		if (!pf_tabledef_parse(text, strlen(text), "guessed", &def, &err)) {
			fuzz_once(def, data + 1, len - 1, SIZE_MAX);
			pf_tabledef_free(def);
		} else if (err.code != PF_E_SCHEMA_FILE) {
			abort();
		}
	}
	pf_buf_free(&yaml);
	return 0;
}

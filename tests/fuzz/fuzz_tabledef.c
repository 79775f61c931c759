/* SPDX-License-Identifier: Apache-2.0
 *
 * Table definitions: what is accepted prints to a text that is accepted, and
 * prints to itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/tabledef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pf_tabledef *def, *again;
	struct pf_error err = { 0 };
	if (pf_tabledef_parse((const char *)data, len, "fuzz", &def, &err)) {
		if (err.code != PF_E_SCHEMA_FILE)
			abort();
		return 0;
	}
	const char *text = pf_tabledef_text(def);
	if (pf_tabledef_parse(text, strlen(text), "again", &again, &err) ||
	    strcmp(text, pf_tabledef_text(again)))
		abort();
	pf_schema_unref(pf_tabledef_schema(def));
	pf_tabledef_free(again);
	pf_tabledef_free(def);
	return 0;
}

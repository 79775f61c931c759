/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of a JSON object that are asked for, as they stand in the text.
 * Internal to text/.
 */
#ifndef PF_TEXT_JSON_MEMBERS_H
#define PF_TEXT_JSON_MEMBERS_H

#include "text/json_scan.h"

struct pf_member {
	const char *key;
	struct pf_view *value; /* where the scanned value goes; untouched without it */
};

/* p: at the brace of an object. The whole object is checked; of duplicate keys
 * the last wins. Returns what follows it, or NULL: malformed. scratch is as it
 * was afterwards. */
const uint8_t *pf_json_members(struct pf_json_scan *s, const uint8_t *p,
			       const struct pf_member *wanted, size_t n,
			       struct pf_buf *scratch);

/* Steps to the next element of an array that was scanned. *p: at its bracket, or
 * behind an element. false: none follows; else *p is at its first byte. */
bool pf_json_element(const struct pf_json_scan *s, const uint8_t **p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json_members.h"

static void note(const struct pf_member *wanted, size_t n, struct pf_view key,
		 struct pf_view value)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(wanted[i].key) == key.len &&
		    !memcmp(wanted[i].key, key.data, key.len))
			*wanted[i].value = value;
}

const uint8_t *pf_json_members(struct pf_json_scan *s, const uint8_t *p,
			       const struct pf_member *wanted, size_t n,
			       struct pf_buf *scratch)
{
	p = pf_json_blanks(s, p + 1);
	if (*p == '}')
		return p + 1;
	for (;;) {
		if (*p != '"')
			return pf_json_bad(s, p, "a key in quotes is expected");
		bool coded;
		const uint8_t *key = p + 1;
		p = pf_json_string(s, key, &coded);
		if (!p)
			return NULL;
		struct pf_view name = pf_view_of(key, (size_t)(p - key));
		size_t kept = scratch->len;
		if (coded) {
			pf_json_decode(name.data, name.len, scratch);
			name = pf_view_of(scratch->data + kept, scratch->len - kept);
		}
		p = pf_json_blanks(s, p + 1);
		if (*p != ':')
			return pf_json_bad(s, p, "a colon is expected");
		const uint8_t *value = pf_json_blanks(s, p + 1);
		p = pf_json_skip(s, value);
		if (!p)
			return NULL;
		note(wanted, n, name, pf_view_of(value, (size_t)(p - value)));
		scratch->len = kept;
		p = pf_json_blanks(s, p);
		if (*p == '}')
			return p + 1;
		if (*p != ',')
			return pf_json_bad(s, p, "a comma or } is expected");
		p = pf_json_blanks(s, p + 1);
	}
}

bool pf_json_element(const struct pf_json_scan *s, const uint8_t **p)
{
	const uint8_t *q = pf_json_blanks(s, *p);
	if (*q == '[' || *q == ',')
		q = pf_json_blanks(s, q + 1);
	*p = q;
	return *q != ']';
}

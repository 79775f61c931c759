/* SPDX-License-Identifier: Apache-2.0 */
#include "text/escape.h"

void pf_escape_field(struct pf_buf *out, const void *text, size_t len)
{
	const uint8_t *p = text;
	for (size_t i = 0; i < len; i++) {
		const char *s = p[i] == '\t' ? "\\t" :
				p[i] == '\n' ? "\\n" :
				p[i] == '\r' ? "\\r" :
				p[i] == '\\' ? "\\\\" : NULL;
		if (s)
			pf_buf_str(out, s);
		else
			pf_buf_byte(out, p[i]);
	}
}

void pf_escape_controls(struct pf_buf *out, const void *text, size_t len)
{
	const uint8_t *p = text;
	for (size_t i = 0; i < len; i++) {
		const uint8_t c = p[i];
		if (c == '\t')
			pf_buf_str(out, "\\t");
		else if (c == '\n')
			pf_buf_str(out, "\\n");
		else if (c == '\r')
			pf_buf_str(out, "\\r");
		else if (c < 0x20 || c == 0x7f)
			pf_buf_printf(out, "\\x%02x", c);
		else if (c == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 && p[i + 1] < 0xa0)
			pf_buf_printf(out, "\\u%04x", p[++i]);
		else
			pf_buf_byte(out, c);
	}
}

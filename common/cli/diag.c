/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* One write per message, so that the lines of a pipeline do not mix. */
static void put(struct pf_buf *text)
{
	fflush(stdout);
	fwrite(text->data, 1, text->len, stderr);
	fflush(stderr);
	pf_buf_free(text);
}

static void json_string(struct pf_buf *out, const char *text)
{
	pf_buf_byte(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			pf_buf_printf(out, "\\%c", c);
		else if (c < 0x20)
			pf_buf_printf(out, "\\u%04x", c);
		else
			pf_buf_byte(out, c);
	}
	pf_buf_byte(out, '"');
}

void pf_diag_error(const struct pf_diag *d, const struct pf_error *err)
{
	struct pf_buf text = { 0 };

	if (!err->message[0])
		return;
	if (d->json) {
		pf_buf_printf(&text, "{\"program\":\"%s\",\"code\":\"PF%04d\",\"message\":",
			      d->program, err->code);
		json_string(&text, err->message);
		pf_buf_str(&text, ",\"detail\":");
		json_string(&text, err->detail);
		pf_buf_str(&text, ",\"hint\":");
		json_string(&text, err->hint);
		pf_buf_str(&text, "}\n");
	} else {
		pf_buf_printf(&text, "%s: %s (PF%04d)\n", d->program, err->message,
			      err->code);
		if (err->detail[0])
			pf_buf_printf(&text, "%s\n", err->detail);
		if (err->hint[0])
			pf_buf_printf(&text, "  hint: %s\n", err->hint);
	}
	put(&text);
}

static void say(const struct pf_diag *d, const char *kind, const char *fmt,
		va_list args)
{
	struct pf_buf text = { 0 };
	char line[2048];

	vsnprintf(line, sizeof(line), fmt, args);
	pf_buf_printf(&text, "%s: %s%s\n", d->program, kind, line);
	put(&text);
}

void pf_diag_warn(const struct pf_diag *d, const char *fmt, ...)
{
	va_list args;
	if (d->quiet > 1)
		return;
	va_start(args, fmt);
	say(d, "warning: ", fmt, args);
	va_end(args);
}

void pf_diag_note(const struct pf_diag *d, int level, const char *fmt, ...)
{
	va_list args;
	if (level > d->verbose || (!level && d->quiet))
		return;
	va_start(args, fmt);
	say(d, "", fmt, args);
	va_end(args);
}

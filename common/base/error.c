/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

static void describe(struct pf_error *err, int code, int errnum,
		     const char *fmt, va_list args)
{
	if (!err)
		return;
	err->code = code;
	err->hint[0] = '\0';
	err->detail[0] = '\0';
	int n = vsnprintf(err->message, sizeof err->message, fmt, args);
	if (n < 0)
		err->message[0] = '\0';
	size_t len = strlen(err->message);
	if (errnum && len < sizeof err->message)
		snprintf(err->message + len, sizeof err->message - len, ": %s",
			 strerror(errnum));
}

int pf_fail(struct pf_error *err, int code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	describe(err, code, 0, fmt, args);
	va_end(args);
	return code;
}

/* The errors that users can mend have codes of their own. */
static int refine(int code, int errnum)
{
	if (code != PF_E_IO)
		return code;
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return PF_E_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return PF_E_ACCESS;
	case ENOENT:
	case ENOTDIR:
		return PF_E_NO_FILE;
	case ENOMEM:
		return PF_E_MEMORY;
	default:
		return code;
	}
}

int pf_fail_errno(struct pf_error *err, int code, int errnum, const char *fmt,
		  ...)
{
	va_list args;
	va_start(args, fmt);
	code = refine(code, errnum);
	describe(err, code, errnum, fmt, args);
	va_end(args);
	return code;
}

int pf_detail(struct pf_error *err, const char *fmt, ...)
{
	if (!err)
		return PF_E_INTERNAL;
	va_list args;
	va_start(args, fmt);
	vsnprintf(err->detail, sizeof err->detail, fmt, args);
	va_end(args);
	return err->code;
}

int pf_hint(struct pf_error *err, const char *fmt, ...)
{
	if (!err)
		return PF_E_INTERNAL;
	va_list args;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof err->hint, fmt, args);
	va_end(args);
	return err->code;
}

int pf_context(struct pf_error *err, const char *fmt, ...)
{
	if (!err)
		return PF_E_INTERNAL;
	char text[sizeof err->message];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	size_t len = n < 0 ? 0 : strlen(text);
	/* Whoever opened the file may have named it, too. */
	if (len && !strncmp(err->message, text, len) && err->message[len] == ':')
		return err->code;
	size_t old = strlen(err->message) + 1;
	if (len + 3 < sizeof text) {
		size_t room = sizeof text - len - 2;
		memcpy(text + len, ": ", 2);
		memcpy(text + len + 2, err->message, old < room ? old : room);
		text[sizeof text - 1] = '\0';
	}
	memcpy(err->message, text, sizeof text);
	return err->code;
}

int pf_exit_status(int code)
{
	if (code >= 7500 && code < 7600)
		return 75;
	return code >= 1000 && code < 6000 ? code / 1000 : code ? 4 : 0;
}

const char *pf_code_meaning(int code)
{
	switch (code) {
#define X(name, number, meaning) \
	case name:               \
		return meaning;
		PF_CODES(X)
#undef X
	default:
		return NULL;
	}
}

char *pf_quote(char *out, unsigned long out_bytes, const void *bytes,
	       unsigned long len)
{
	const unsigned char *p = bytes;
	unsigned long used = 0;
	if (out_bytes < 8) {
		if (out_bytes)
			out[0] = '\0';
		return out;
	}
	for (unsigned long i = 0; i < len;) {
		uint32_t cp;
		unsigned n = pf_utf8_decode(p + i, len - i, &cp);
		bool plain = n && cp >= 0x20 && cp != 0x7f &&
			     !(cp >= 0x80 && cp < 0xa0);
		unsigned need = plain ? n : 4;
		if (used + need + 4 > out_bytes) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		if (plain) {
			memcpy(out + used, p + i, n);
			i += n;
		} else {
			snprintf(out + used, 5, "\\x%02x", p[i]);
			i++;
		}
		used += need;
	}
	out[used] = '\0';
	return out;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors as values. A function that can fail returns int: 0, or the code of
 * an error that it has described in the pf_error passed last. The library
 * describes, the program decides: nothing below cmd/ prints or exits (the one
 * exception is running out of memory, see alloc.h).
 *
 * A code is four digits; its first digit is the exit status (pf(7)), except
 * 75xx, which exits 75. The list is in codes.h and never renumbered.
 */
#ifndef PF_BASE_ERROR_H
#define PF_BASE_ERROR_H

#include "base/codes.h"

struct pf_error {
	int code;           /* 0: nothing has failed */
	char message[1024]; /* one line, lower case, no full stop, subject quoted */
	char detail[256];   /* "" or lines shown as they are beneath the message:
	                     * a piece of an expression and a caret under it */
	char hint[512];     /* "" or what to do about it, one line */
};

/* Describe a failure and return its code. err may be NULL. errnum: 0, or an
 * errno whose text is appended after ": ". */
int pf_fail(struct pf_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int pf_fail_errno(struct pf_error *err, int code, int errnum,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Set the detail of a failure already described. Returns err->code. */
int pf_detail(struct pf_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Add the hint line to a failure already described. Returns err->code. */
int pf_hint(struct pf_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Put "context: " in front of the message, unless it stands there already. Returns
 * err->code. */
int pf_context(struct pf_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The exit status that a code asks for. */
int pf_exit_status(int code);

/* The meaning of a code as one line, or NULL. */
const char *pf_code_meaning(int code);

/* Copy bytes that came from outside into out (always terminated), escaping
 * control characters and bytes that are not UTF-8 as \xNN, cutting with "..."
 * when longer than fits. Returns out. */
char *pf_quote(char *out, unsigned long out_bytes, const void *bytes,
	       unsigned long len);

/* Leave the function with the code of a failed call. */
#define PF_TRY(expr)                          \
	do {                                  \
		int pf_try_code_ = (expr);    \
		if (pf_try_code_)             \
			return pf_try_code_;  \
	} while (0)

#endif

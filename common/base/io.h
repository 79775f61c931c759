/* SPDX-License-Identifier: Apache-2.0
 *
 * Where bytes come from and go to, so that decoders and encoders know no
 * files and tests can feed them from memory.
 */
#ifndef PF_BASE_IO_H
#define PF_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Bytes in order. */
struct pf_byte_source {
	/* Up to len bytes, *got == 0 only at the end. */
	int (*read)(void *ctx, void *data, size_t len, size_t *got,
		    struct pf_error *err);
	/* Would read return at once? Waits at most timeout_ms. NULL: always. */
	bool (*ready)(void *ctx, int timeout_ms);
	void *ctx;
	const char *name; /* for messages */
};

struct pf_byte_sink {
	int (*write)(void *ctx, const void *data, size_t len,
		     struct pf_error *err);
	void *ctx;
	const char *name;
};

/* Bytes at any place. */
struct pf_random_source {
	/* Exactly len bytes at offset, or an error. */
	int (*pread)(void *ctx, void *data, size_t len, uint64_t offset,
		     struct pf_error *err);
	uint64_t size;
	void *ctx;
	const char *name;
};

/* Sources and sinks over a descriptor (ctx is the int *) and over memory. */
struct pf_byte_source pf_source_fd(int *fd, const char *name);
struct pf_byte_sink pf_sink_fd(int *fd, const char *name);
struct pf_byte_sink pf_sink_buf(struct pf_buf *buf);
struct pf_random_source pf_random_fd(int *fd, uint64_t size, const char *name);
struct pf_random_source pf_random_view(const struct pf_view *view, const char *name);

/* Reads a view from its beginning; the caller keeps the struct. */
struct pf_memory_source {
	struct pf_view view;
	size_t at;
};
struct pf_byte_source pf_source_memory(struct pf_memory_source *memory,
				       const char *name);

#endif

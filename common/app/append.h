/* SPDX-License-Identifier: Apache-2.0
 *
 * What pf-stage append does: the operands, one after the other, become rows of
 * a stage. A signal ends the input, not the program: what was read is
 * acknowledged.
 */
#ifndef PF_APP_APPEND_H
#define PF_APP_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pf_run;

enum { PF_ON_ERROR_STOP, PF_ON_ERROR_SKIP, PF_ON_ERROR_REJECT };

struct pf_append_options {
	const char *schema, *rejects; /* files, or NULL */
	const char *source;           /* name of the input, or NULL */
	int on_error;                 /* PF_ON_ERROR_ */
	int64_t max_errors;           /* stop when more rows do not fit; -1: never */
	int64_t ack_fd;               /* -1: none */
	int64_t wait_ms, segment_bytes, group_ms;
	bool final_line;
	/* Of a topic. */
	const char *kafka_config;          /* a file, or NULL */
	const char *payload, *partitioner; /* before what the URL says, or NULL */
	int64_t timeout_ms;                /* for a first answer of its brokers */
	int64_t look_back_ms;
	bool require_isr;
};

int pf_append_operands(struct pf_run *run, const struct pf_append_options *options,
		       struct pf_error *err);

#endif

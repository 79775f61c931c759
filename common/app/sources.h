/* SPDX-License-Identifier: Apache-2.0
 *
 * The operands of pf-query and pf-window as sources: tables, stages, files,
 * stdin, in any mix that shares a schema.
 */
#ifndef PF_APP_SOURCES_H
#define PF_APP_SOURCES_H

#include "app/program.h"
#include "query/source.h"
#include "stage/kafka_config.h"
#include "stage/stage.h"

struct pf_tabledef;

struct pf_operand_sources {
	struct pf_source **items; /* tables first; the caller's to close */
	size_t n;
	struct pf_input **inputs; /* what they read from */
	size_t ninputs;
	struct pf_tabledef *definition;
	struct pf_kafka_config kafka;
	struct pf_stage_access access;
	bool stage;               /* one of them is a stage */
};

struct pf_operand_options {
	const char *definition;   /* path of a table definition for text and for
	                           * topics that do not say what they hold; or NULL */
	const char *kafka_config; /* of --kafka-config, or NULL */
	int64_t timeout_ms;       /* for a first answer of brokers; 0: 30 s */
	struct pf_table_source_options table;
};

/* Items are taken over by pf_query_open; set s->n to 0 then. */
int pf_sources_open(struct pf_run *run, const struct pf_operand_options *options,
		    struct pf_operand_sources *s, struct pf_error *err);
void pf_sources_close(struct pf_operand_sources *s);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operand names: a directory with schema/schema-0 is a table, with
 * stage.json a stage; kafka:// is a stage; everything else is a file, told
 * by its first bytes.
 */
#ifndef PF_APP_OPERAND_H
#define PF_APP_OPERAND_H

#include <stddef.h>

#include "base/error.h"

enum pf_operand_kind {
	PF_OPERAND_TABLE,
	PF_OPERAND_STAGE,
	PF_OPERAND_KAFKA,
	PF_OPERAND_STDIN,   /* "-" */
	PF_OPERAND_ARROW,   /* Arrow IPC, stream or file */
	PF_OPERAND_PARQUET,
	PF_OPERAND_AVRO,
	PF_OPERAND_GZIP,
	PF_OPERAND_ZSTD,
	PF_OPERAND_TEXT,
	PF_OPERAND_EMPTY,   /* no byte at all */
};

/* PF_E_NO_FILE, PF_E_ACCESS; a directory that is neither: PF_E_NOT_A_TABLE. */
int pf_operand_kind(const char *operand, enum pf_operand_kind *kind,
		    struct pf_error *err);

/* The kind of a file that begins with these bytes (8 are enough). */
enum pf_operand_kind pf_magic_kind(const void *bytes, size_t len);

const char *pf_operand_kind_name(enum pf_operand_kind kind);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Operands as inputs: a file by its name, stdin as "-" or for want of
 * operands. What a file holds is told by its first bytes, which are kept and
 * read again by the decoder, so pipes work, too. gzip and zstd are unpacked
 * on the way.
 */
#ifndef PF_APP_INPUT_H
#define PF_APP_INPUT_H

#include "app/operand.h"
#include "base/io.h"
#include "text/reader.h"

struct pf_run;
struct pf_inflate;

enum { PF_INPUT_HEAD = 16 };

struct pf_input {
	const char *operand;  /* "-" for stdin */
	const char *name;     /* for messages: the operand or "stdin" */
	int fd;
	struct pf_byte_source source; /* everything, unpacked, from the beginning */
	enum pf_operand_kind kind;    /* ARROW, PARQUET, TEXT, ... after unpacking */
	enum pf_operand_kind packed;  /* GZIP or ZSTD if it was, else == kind */
	uint8_t head[PF_INPUT_HEAD];
	size_t head_len, head_at;
	struct pf_run *run;
	struct pf_inflate *inflate;
	struct pf_byte_source plain;  /* behind the head */
};

/* How many inputs the run has: its operands after the program's minimum, or
 * one, stdin. The skeleton has refused a terminal before. */
size_t pf_inputs(const struct pf_run *run);
const char *pf_input_name(const struct pf_run *run, size_t i);

/* The struct must stay where it is until it is closed. Waits for the first
 * bytes. PF_E_NO_FILE, PF_E_ACCESS, PF_E_IO. */
int pf_input_open(struct pf_run *run, const char *operand, struct pf_input *in,
		  struct pf_error *err);
void pf_input_close(struct pf_input *in);

/* What -I says about text. PF_E_USAGE for formats that are only written. */
int pf_input_text_format(const struct pf_run *run, enum pf_text_format *format,
			 struct pf_error *err);

/* A file without a byte is a stream that was cut; but not where the definition says
 * in which format of text its rows come. What came through a pipe always is. */
bool pf_input_is_empty_text(const struct pf_input *in, const struct pf_tabledef *definition);

/* The definition in the file, for rows in the format that -I says: those of change
 * streams have kinds. */
int pf_input_definition(const struct pf_run *run, const char *path,
			struct pf_tabledef **definition, struct pf_error *err);

/* What a reader of text noticed becomes a warning; ctx is the run. And how many
 * messages gave no row, if any. */
void pf_input_notice(void *ctx, const struct pf_notice *notice);
void pf_input_passed(struct pf_run *run, const struct pf_passed *passed);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Paimon's file index: what a table remembers about the values of one data
 * file, in the manifest (_EMBEDDED_FILE_INDEX) or beside the file (its name
 * and ".index"), so that a reader can leave the file, or rows of it, alone.
 * Two types are read and written: bloom-filter (is the value there?) and
 * bitmap (which rows have it?; version 2 is written, 1 and 2 are read).
 * Others in the container are ignored.
 *
 * An index never changes an answer. Whatever is missing, malformed, of
 * another type or about another number of rows says "may match".
 *
 * Sources: reference paimon-format.md section 9.3; Apache Paimon,
 * FileIndexFormat, BloomFilterFileIndex, BitmapFileIndex.
 */
#ifndef PF_PAIMON_FILE_INDEX_H
#define PF_PAIMON_FILE_INDEX_H

#include "base/io.h"
#include "expr/datum.h"

enum pf_file_index_kind { PF_FILE_INDEX_BLOOM, PF_FILE_INDEX_BITMAP };

/* "bloom-filter", "bitmap". */
const char *pf_file_index_kind_name(enum pf_file_index_kind kind);
bool pf_file_index_kind_parse(const char *name, enum pf_file_index_kind *kind);

/* Does Paimon have such an index for columns of that type? */
bool pf_file_index_takes(enum pf_file_index_kind kind, struct pf_type type);

/* --- reading --- */

struct pf_file_index;

/* Reads the head of a container about a file of so many rows. The bytes are
 * borrowed. PF_E_CORRUPT: then there is no index, and the file must be read. */
int pf_file_index_open(struct pf_view bytes, int64_t rows,
		       struct pf_file_index **index, struct pf_error *err);

/* The same for an index beside its file: reads the head now, and later what
 * is asked for. The source must outlive the index. */
int pf_file_index_open_source(const struct pf_random_source *source, int64_t rows,
			      struct pf_file_index **index, struct pf_error *err);
void pf_file_index_free(struct pf_file_index *index); /* NULL is fine */

/* Is there such an index of the column? False when index is NULL. */
bool pf_file_index_has(const struct pf_file_index *index, const char *column,
		       enum pf_file_index_kind kind);

/* Can a row of the file satisfy what the range says about a column? column
 * and type are those of the schema that the file was written with. True when
 * in doubt, and when index is NULL. */
bool pf_file_index_may_match(struct pf_file_index *index, const char *column,
			     struct pf_type type, const struct pf_range *range);

/* Which rows can? Clears bits of rows that cannot (bits: one per row of the
 * file, LSB first). False when the index cannot tell; bits are then as they
 * were. */
bool pf_file_index_rows(struct pf_file_index *index, const char *column,
			struct pf_type type, const struct pf_range *range,
			uint8_t *bits);

/* --- building --- */

struct pf_file_index_spec {
	enum pf_file_index_kind kind;
	int column;  /* position in the schema */
	double fpp;  /* bloom-filter: false positives, 0 < fpp < 1 */
};

struct pf_file_index_builder;

/* PF_E_UNSUPPORTED, naming the column, when its type has no such index. */
int pf_file_index_builder_new(const struct pf_schema *schema,
			      const struct pf_file_index_spec *specs, size_t n,
			      struct pf_file_index_builder **builder,
			      struct pf_error *err);
void pf_file_index_builder_free(struct pf_file_index_builder *b); /* NULL is fine */

/* The next rows of the file, in the file's order; batches have the schema's
 * columns. PF_E_LIMIT beyond 2^31 - 1 rows. */
int pf_file_index_builder_add(struct pf_file_index_builder *b,
			      const struct pf_batch *batch, struct pf_error *err);

/* Append the container and forget the rows: ready for the next file. keep:
 * an index that the file has already, whose parts stay unless they were built
 * anew; NULL: none. PF_E_LIMIT beyond 2 GiB. */
int pf_file_index_builder_finish(struct pf_file_index_builder *b,
				 const struct pf_file_index *keep,
				 struct pf_buf *out, struct pf_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Avro object container files: what manifests are written in. Values are
 * decoded by the schema in the file into small trees, so that files of every
 * Paimon release (records wrapped in unions or not, fewer fields or more) are
 * read by the names of their fields. Codecs null, deflate, snappy, zstandard.
 *
 * Limits: a schema of 10 000 nodes, values nested 64 deep, files of 512 MiB
 * unpacked; every count is bounded by the bytes that are there.
 *
 * Source: Apache Avro 1.11 specification.
 */
#ifndef PF_PAIMON_AVRO_H
#define PF_PAIMON_AVRO_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

enum pf_avro_kind {
	PF_AVRO_NULL,
	PF_AVRO_BOOLEAN,
	PF_AVRO_INT,
	PF_AVRO_LONG,
	PF_AVRO_FLOAT,
	PF_AVRO_DOUBLE,
	PF_AVRO_BYTES,
	PF_AVRO_STRING,
	PF_AVRO_FIXED,
	PF_AVRO_ENUM,  /* i is the symbol's position */
	PF_AVRO_ARRAY,
	PF_AVRO_MAP,   /* items are key, value, key, value */
	PF_AVRO_RECORD,
	PF_AVRO_UNION, /* in schemas only: values are of the branch's kind */
};

struct pf_avro_type {
	enum pf_avro_kind kind;
	size_t n;                    /* branches, fields, items, symbols */
	struct pf_avro_type **types; /* branches, fields; array, map: one */
	const char **names;          /* fields, symbols */
	const char *name;            /* of records, enums, fixed */
	size_t size;                 /* fixed */
};

/* A decoded value. Lists and records are in the arena it was decoded into,
 * bytes in the reader's block: they live until the next datum is asked for. */
struct pf_avro_value {
	enum pf_avro_kind kind;
	union {
		int64_t i;
		double d;
		struct pf_view bytes;
		struct {
			struct pf_avro_value *items;
			size_t n;
		} list;
	};
	const struct pf_avro_type *type;
};

struct pf_avro_reader;

/* Schemas of files read before: a table's manifests have the same one, and
 * understanding it takes longer than reading a small manifest.
 * Zero-initialised is empty. */
struct pf_avro_cache {
	struct pf_avro_schema **schemas;
	size_t n;
};
void pf_avro_cache_free(struct pf_avro_cache *cache);

/* The file's bytes, and the cache (may be NULL), must outlive the reader.
 * PF_E_AVRO, naming name. */
int pf_avro_open(struct pf_view file, const char *name, struct pf_avro_cache *cache,
		 struct pf_avro_reader **reader, struct pf_error *err);
/* The schema of a datum. A union around the record needs no care: values are
 * of the branch that they took. */
const struct pf_avro_type *pf_avro_schema(const struct pf_avro_reader *r);
/* The next datum; *more is false behind the last one. */
int pf_avro_next(struct pf_avro_reader *r, struct pf_arena *arena,
		 struct pf_avro_value *value, bool *more, struct pf_error *err);
void pf_avro_close(struct pf_avro_reader *r); /* NULL is fine */

/* A record's field by name; NULL when there is none, or it is null. */
const struct pf_avro_value *pf_avro_field(const struct pf_avro_value *record,
					  const char *name);

/* --- writing --- */

/* Values are appended to a body buffer with these; pf_avro_file puts the
 * bodies into a container. */
void pf_avro_put_long(struct pf_buf *out, int64_t v); /* int, too; union branch */
void pf_avro_put_bytes(struct pf_buf *out, struct pf_view v); /* string, too */

/* Collects records into blocks of about 64 KiB, zstd-compressed. */
struct pf_avro_writer {
	struct pf_buf file;  /* what is ready */
	struct pf_buf block; /* bodies of the open block: append here */
	int64_t count;       /* records in it */
	uint8_t sync[16];
	struct pf_compressor *zstd;
};
void pf_avro_begin(struct pf_avro_writer *w, const char *schema);
/* A record has been appended to w->block. */
int pf_avro_record_done(struct pf_avro_writer *w, struct pf_error *err);
/* The file is complete in w->file. */
int pf_avro_finish(struct pf_avro_writer *w, struct pf_error *err);
void pf_avro_writer_free(struct pf_avro_writer *w);

#endif

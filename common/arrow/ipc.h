/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow's own types and arrays, all of them, as the IPC reader gives them:
 * nested, dictionary-encoded, any width. ParaFlow computes on the flat batches
 * of arrow/batch.h; arrow/convert.h leads from here to there.
 * Format: Arrow columnar format 1.5, "IPC" and "physical memory layout".
 */
#ifndef PF_ARROW_IPC_H
#define PF_ARROW_IPC_H

#include "arrow/schema.h"
#include "base/buf.h"

/* Numbers are those of the union Type in Schema.fbs. */
enum pf_arrow_id {
	PF_ARROW_NULL = 1,
	PF_ARROW_INT,
	PF_ARROW_FLOAT,
	PF_ARROW_BINARY,
	PF_ARROW_UTF8,
	PF_ARROW_BOOL,
	PF_ARROW_DECIMAL,
	PF_ARROW_DATE,
	PF_ARROW_TIME,
	PF_ARROW_TIMESTAMP,
	PF_ARROW_INTERVAL,
	PF_ARROW_LIST,
	PF_ARROW_STRUCT,
	PF_ARROW_UNION,
	PF_ARROW_FIXED_BINARY,
	PF_ARROW_FIXED_LIST,
	PF_ARROW_MAP,
	PF_ARROW_DURATION,
	PF_ARROW_LARGE_BINARY,
	PF_ARROW_LARGE_UTF8,
	PF_ARROW_LARGE_LIST,
	PF_ARROW_RUN_END,
	PF_ARROW_BINARY_VIEW,
	PF_ARROW_UTF8_VIEW,
	PF_ARROW_LIST_VIEW,
	PF_ARROW_LARGE_LIST_VIEW,
};

/* Units of time, timestamp, duration; a date has MS (date64) or DAY. */
enum pf_arrow_unit { PF_UNIT_S, PF_UNIT_MS, PF_UNIT_US, PF_UNIT_NS, PF_UNIT_DAY };
enum pf_arrow_interval { PF_INTERVAL_MONTHS, PF_INTERVAL_DAY_TIME, PF_INTERVAL_MONTH_DAY_NANO };

enum {
	PF_ARROW_DEPTH = 64,    /* nesting of fields */
	PF_ARROW_FIELDS = 4096, /* of one schema, nested ones counted */
	PF_ARROW_METADATA = 64 << 20,
};

struct pf_arrow_field {
	char *name;
	enum pf_arrow_id id;
	bool nullable;
	bool is_signed;     /* int */
	bool dense;         /* union */
	bool sorted;        /* map keys */
	int32_t width;      /* bits of int, float, decimal, time; bytes of a
	                     * fixed binary; items of a fixed list */
	int32_t precision, scale; /* decimal */
	int unit;           /* enum pf_arrow_unit or pf_arrow_interval */
	char *zone;         /* timestamp; NULL: none */
	size_t n;
	struct pf_arrow_field *children;
	int8_t codes[128];  /* union: type code to child, -1: none */
	bool dictionary;    /* values are indices into dictionary_id */
	int64_t dictionary_id;
	int32_t index_width;
	bool index_signed, ordered;
	struct pf_meta meta;
};

struct pf_arrow_schema {
	size_t n;
	struct pf_arrow_field *fields;
	struct pf_meta meta;
};

/* Read the header of a schema message. */
struct pf_fb_table;
int pf_arrow_schema_read(struct pf_fb_table header, struct pf_arrow_schema *schema,
			 struct pf_error *err);
void pf_arrow_schema_free(struct pf_arrow_schema *schema);

/* The type as people write it: "uint16", "timestamp[us, UTC]", "list<utf8>",
 * "dictionary<int8, utf8>"; cut when out is short. Returns out. */
char *pf_arrow_type_name(const struct pf_arrow_field *field, char *out, size_t bytes);

/* key-value pairs of metadata as they stand, repeated keys included */
int pf_arrow_meta_read(struct pf_fb_table table, unsigned slot, struct pf_meta *meta,
		       struct pf_error *err);

/* Columns of one message or dictionary. What points into a message lives as
 * long as the message. */
struct pf_array {
	const struct pf_arrow_field *field;
	int64_t length, nulls;
	const uint8_t *validity; /* NULL: nothing is null */
	const uint8_t *values;   /* fixed width, bitmap, type codes, views,
	                          * indices; or the data bytes of a string */
	const uint8_t *offsets;  /* int32 or int64 (large ones) */
	const uint8_t *sizes;    /* list views */
	size_t values_bytes, offsets_bytes, sizes_bytes;
	struct pf_view *views;       /* variadic data buffers */
	size_t nviews;
	struct pf_array *children;   /* field->n of them, none under a dictionary */
	struct pf_dictionary *dictionary;
};

/* The values of a dictionary at one moment: later messages add to it or
 * replace it, and arrays that refer to the old values keep them. */
struct pf_dictionary {
	int refs;
	int64_t length;
	size_t n;
	struct pf_dictionary_part {
		int refs;
		int64_t from; /* index of its first value */
		size_t bytes;
		struct pf_array values;
		void *memory;           /* the message's body ... */
		struct pf_buf *buffers; /* ... and what was decompressed */
		size_t nbuffers;
	} **parts;
};

void pf_dictionary_unref(struct pf_dictionary *d); /* NULL is fine */

/* The part that holds index i (0 <= i < length). */
const struct pf_dictionary_part *pf_dictionary_part(const struct pf_dictionary *d,
						    int64_t i);

/* Offset or index i of an array of 32 or 64 bit numbers. */
static inline int64_t pf_offset_at(const uint8_t *offsets, bool large, int64_t i)
{
	if (large) {
		int64_t v;
		memcpy(&v, offsets + 8 * (size_t)i, sizeof v);
		return v;
	}
	int32_t v;
	memcpy(&v, offsets + 4 * (size_t)i, sizeof v);
	return v;
}

static inline bool pf_arrow_is_large(enum pf_arrow_id id)
{
	return id == PF_ARROW_LARGE_BINARY || id == PF_ARROW_LARGE_UTF8 ||
	       id == PF_ARROW_LARGE_LIST || id == PF_ARROW_LARGE_LIST_VIEW;
}

/* A whole number of the given width in bits. Unsigned 64 bit numbers wrap. */
static inline int64_t pf_number_at(const uint8_t *values, int32_t width, bool is_signed,
				   int64_t i)
{
	size_t at = (size_t)i * (size_t)(width / 8);
	int64_t v8 = 0;
	int32_t v4;
	int16_t v2;
	switch (width) {
	case 8:
		return is_signed ? (int64_t)(int8_t)values[at] : (int64_t)values[at];
	case 16:
		memcpy(&v2, values + at, 2);
		return is_signed ? (int64_t)v2 : (int64_t)(uint16_t)v2;
	case 32:
		memcpy(&v4, values + at, 4);
		return is_signed ? (int64_t)v4 : (int64_t)(uint32_t)v4;
	default:
		memcpy(&v8, values + at, 8);
		return v8;
	}
}

#endif

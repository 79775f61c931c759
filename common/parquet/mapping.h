/* SPDX-License-Identifier: Apache-2.0
 *
 * Between column types and Parquet's schema elements, both ways: what a type
 * is written as (Apache Paimon's mapping), what an element of any writer is
 * read as, and how single values stand in statistics.
 */
#ifndef PF_PARQUET_MAPPING_H
#define PF_PARQUET_MAPPING_H

#include "parquet/format.h"
#include "parquet/value.h"

/* How stored values become the type's. */
enum pq_form {
	PQ_FORM_BOOL,
	PQ_FORM_INT,       /* INT32, INT64: sign-extended, floor-divided */
	PQ_FORM_UINT,      /* INT32, INT64: the low bits, zero-extended */
	PQ_FORM_FLOAT,
	PQ_FORM_DOUBLE,
	PQ_FORM_HALF,      /* two bytes of IEEE 754 */
	PQ_FORM_BYTES,     /* byte arrays of any or fixed length */
	PQ_FORM_DECIMAL,   /* byte arrays: big-endian two's complement */
	PQ_FORM_INT96,     /* nanoseconds of the day, Julian day */
};

struct pq_mapping {
	struct pf_type type;
	enum pq_physical physical;
	size_t width;   /* bytes of a stored value; 0: BYTE_ARRAY, and a bit
			 * for BOOLEAN */
	enum pq_form form;
	unsigned bits;  /* PQ_FORM_UINT */
	int64_t divide; /* PQ_FORM_INT: by 1, 1000, 1000000 */
};

/* NULL, or why the element cannot be read. */
const char *pq_mapping_read(const struct pq_element *e, struct pq_mapping *m);

/* What a field is written as; false when it cannot be. name is borrowed. */
bool pq_mapping_write(const struct pf_field *field, int position,
		      struct pq_mapping *m, struct pq_element *e);

/* Bytes of the decimal of that precision in a FIXED_LEN_BYTE_ARRAY. */
size_t pq_decimal_bytes(unsigned precision);

/* Days of the Julian calendar at 1970-01-01; an INT96 timestamp in
 * microseconds, wrapping around. */
int64_t pq_int96_micros(const uint8_t *bytes);
float pq_half_float(uint16_t half);

/* A big-endian two's complement number; false when it needs more than 128
 * bits. */
bool pq_decimal_of(const uint8_t *bytes, size_t len, pf_i128 *value);

/* A value as it stands (PLAIN, without length) in statistics. An unfit length
 * gives a value that is not known. */
struct pf_parquet_value pq_value_decode(const struct pq_mapping *m, struct pf_view raw);

/* The PLAIN bytes of a known value, without length; false when the value does
 * not fit what is stored (then no stored value equals it). */
bool pq_value_encode(const struct pq_mapping *m, const struct pf_parquet_value *v,
		     struct pf_buf *out);

#endif

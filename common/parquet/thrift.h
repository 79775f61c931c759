/* SPDX-License-Identifier: Apache-2.0
 *
 * Thrift's compact protocol, as far as Parquet's structures need it (apache/
 * thrift, doc/specs/thrift-compact-protocol.md). The reader never fails in
 * the middle: after malformed bytes it yields zeros and an empty rest, and
 * `bad` says so at the end. It looks at no byte outside [at, end).
 */
#ifndef PF_PARQUET_THRIFT_H
#define PF_PARQUET_THRIFT_H

#include <stdbool.h>

#include "base/buf.h"

enum th_type {
	TH_STOP = 0,
	TH_TRUE = 1,
	TH_FALSE = 2,
	TH_I8 = 3,
	TH_I16 = 4,
	TH_I32 = 5,
	TH_I64 = 6,
	TH_DOUBLE = 7,
	TH_BINARY = 8,
	TH_LIST = 9,
	TH_SET = 10,
	TH_MAP = 11,
	TH_STRUCT = 12,
};

struct th_reader {
	const uint8_t *at, *end;
	bool bad;
	bool short_of_bytes; /* bad because the bytes ended */
	int depth;           /* structs inside structs; bounded */
};

struct th_reader th_reader_of(const void *data, size_t len);

/* --- structs: begin; while (th_field(&r, &f)) switch (f.id) { ...; default:
 * th_skip(&r, f.type); } --- */

struct th_field {
	int16_t id;
	uint8_t type;
};

void th_begin(struct th_reader *r, struct th_field *f);
bool th_field(struct th_reader *r, struct th_field *f);
void th_skip(struct th_reader *r, uint8_t type);

/* Values of a field of that type; of another type they are skipped and the
 * default comes back. */
int64_t th_int(struct th_reader *r, uint8_t type, int64_t otherwise);
int32_t th_int32(struct th_reader *r, uint8_t type, int32_t otherwise); /* so is a wider one */
bool th_bool(uint8_t type);
struct pf_view th_binary(struct th_reader *r, uint8_t type);

/* A list field: its length and element type. At most one element per byte
 * that is left, so the length may size an allocation. */
size_t th_list(struct th_reader *r, uint8_t type, uint8_t *element);
/* A bool inside a list takes a byte. */
bool th_list_bool(struct th_reader *r);

/* --- writing: every struct keeps the id of its last field --- */

struct th_writer {
	struct pf_buf *out;
	int16_t last[8];
	int depth;
};

void tw_field(struct th_writer *w, int16_t id, uint8_t type);
void tw_i32(struct th_writer *w, int16_t id, int32_t v);
void tw_i64(struct th_writer *w, int16_t id, int64_t v);
void tw_i16(struct th_writer *w, int16_t id, int16_t v);
void tw_i8(struct th_writer *w, int16_t id, int8_t v);
void tw_bool(struct th_writer *w, int16_t id, bool v);
void tw_binary(struct th_writer *w, int16_t id, const void *data, size_t len);
void tw_list(struct th_writer *w, int16_t id, uint8_t element, size_t n);
/* A struct as a field, and as an element of a list (id 0). */
void tw_struct(struct th_writer *w, int16_t id);
void tw_end(struct th_writer *w);
/* Elements of lists. */
void tw_element_i32(struct th_writer *w, int32_t v);
void tw_element_i64(struct th_writer *w, int64_t v);
void tw_element_binary(struct th_writer *w, const void *data, size_t len);

void th_varint(struct pf_buf *out, uint64_t v);
static inline uint64_t th_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t th_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

#endif

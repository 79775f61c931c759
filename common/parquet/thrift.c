/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/thrift.h"

/* Deeper than any structure of Parquet, shallow enough for the stack. */
#define MAX_DEPTH 24

struct th_reader th_reader_of(const void *data, size_t len)
{
	return (struct th_reader){ .at = data, .end = (const uint8_t *)data + len };
}

static void broken(struct th_reader *r)
{
	r->bad = true;
	r->at = r->end;
}

static void ended(struct th_reader *r)
{
	if (!r->bad)
		r->short_of_bytes = true;
	broken(r);
}

static uint8_t byte(struct th_reader *r)
{
	if (r->at >= r->end) {
		ended(r);
		return 0;
	}
	return *r->at++;
}

static uint64_t varint(struct th_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t b = byte(r);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return r->bad ? 0 : v;
	}
	broken(r);
	return 0;
}

void th_begin(struct th_reader *r, struct th_field *f)
{
	*f = (struct th_field){ 0 };
	if (++r->depth > MAX_DEPTH)
		broken(r);
}

bool th_field(struct th_reader *r, struct th_field *f)
{
	uint8_t head = byte(r);
	if (r->bad || !(head & 0x0f)) {
		if (!r->bad && head)
			broken(r);
		r->depth--;
		return false;
	}
	f->type = head & 0x0f;
	if (head >> 4)
		f->id = (int16_t)(f->id + (head >> 4));
	else
		f->id = (int16_t)th_unzigzag(varint(r));
	return !r->bad;
}

static void skip_bytes(struct th_reader *r, uint64_t n)
{
	if (n > (uint64_t)(r->end - r->at))
		ended(r);
	else
		r->at += n;
}

static void skip_list(struct th_reader *r)
{
	uint8_t element;
	size_t n = th_list(r, TH_LIST, &element);
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (element == TH_TRUE || element == TH_FALSE)
			byte(r);
		else
			th_skip(r, element);
	}
}

static void skip_map(struct th_reader *r)
{
	uint64_t n = varint(r);
	if (!n)
		return;
	uint8_t types = byte(r);
	for (uint64_t i = 0; i < n && !r->bad; i++)
		for (int side = 0; side < 2; side++) {
			uint8_t type = side ? types & 0x0f : types >> 4;
			if (type == TH_TRUE || type == TH_FALSE)
				byte(r);
			else
				th_skip(r, type);
		}
}

void th_skip(struct th_reader *r, uint8_t type)
{
	switch (type) {
	case TH_TRUE:
	case TH_FALSE:
		break;
	case TH_I8:
		byte(r);
		break;
	case TH_I16:
	case TH_I32:
	case TH_I64:
		varint(r);
		break;
	case TH_DOUBLE:
		skip_bytes(r, 8);
		break;
	case TH_BINARY:
		skip_bytes(r, varint(r));
		break;
	case TH_LIST:
	case TH_SET:
	case TH_MAP:
		if (++r->depth > MAX_DEPTH) {
			broken(r);
		} else if (type == TH_MAP) {
			skip_map(r);
		} else {
			skip_list(r);
		}
		r->depth--;
		break;
	case TH_STRUCT: {
		struct th_field f;
		th_begin(r, &f);
		while (th_field(r, &f))
			th_skip(r, f.type);
		break;
	}
	default:
		broken(r);
	}
}

int64_t th_int(struct th_reader *r, uint8_t type, int64_t otherwise)
{
	switch (type) {
	case TH_I8:
		return (int8_t)byte(r);
	case TH_I16:
	case TH_I32:
	case TH_I64:
		return th_unzigzag(varint(r));
	default:
		th_skip(r, type);
		return otherwise;
	}
}

int32_t th_int32(struct th_reader *r, uint8_t type, int32_t otherwise)
{
	int64_t v = th_int(r, type, otherwise);
	return v < INT32_MIN || v > INT32_MAX ? otherwise : (int32_t)v;
}

bool th_bool(uint8_t type)
{
	return type == TH_TRUE;
}

struct pf_view th_binary(struct th_reader *r, uint8_t type)
{
	if (type != TH_BINARY) {
		th_skip(r, type);
		return (struct pf_view){ 0 };
	}
	uint64_t n = varint(r);
	const uint8_t *at = r->at;
	skip_bytes(r, n);
	return r->bad ? (struct pf_view){ 0 } : pf_view_of(at, (size_t)n);
}

size_t th_list(struct th_reader *r, uint8_t type, uint8_t *element)
{
	*element = 0;
	if (type != TH_LIST && type != TH_SET) {
		th_skip(r, type);
		return 0;
	}
	uint8_t head = byte(r);
	uint64_t n = head >> 4 == 15 ? varint(r) : head >> 4;
	*element = head & 0x0f;
	/* Every element takes at least a byte. */
	if (n > (uint64_t)(r->end - r->at)) {
		ended(r);
		return 0;
	}
	return r->bad ? 0 : (size_t)n;
}

bool th_list_bool(struct th_reader *r)
{
	return byte(r) == TH_TRUE;
}

/* --- writing --- */

void th_varint(struct pf_buf *out, uint64_t v)
{
	uint8_t *p = pf_buf_room(out, 10);
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	out->len += n;
}

void tw_field(struct th_writer *w, int16_t id, uint8_t type)
{
	int delta = id - w->last[w->depth];
	if (delta > 0 && delta <= 15) {
		pf_buf_byte(w->out, (uint8_t)(delta << 4 | type));
	} else {
		pf_buf_byte(w->out, type);
		th_varint(w->out, th_zigzag(id));
	}
	w->last[w->depth] = id;
}

void tw_i32(struct th_writer *w, int16_t id, int32_t v)
{
	tw_field(w, id, TH_I32);
	tw_element_i32(w, v);
}

void tw_i64(struct th_writer *w, int16_t id, int64_t v)
{
	tw_field(w, id, TH_I64);
	tw_element_i64(w, v);
}

void tw_i16(struct th_writer *w, int16_t id, int16_t v)
{
	tw_field(w, id, TH_I16);
	tw_element_i32(w, v);
}

void tw_i8(struct th_writer *w, int16_t id, int8_t v)
{
	tw_field(w, id, TH_I8);
	pf_buf_byte(w->out, (uint8_t)v);
}

void tw_bool(struct th_writer *w, int16_t id, bool v)
{
	tw_field(w, id, v ? TH_TRUE : TH_FALSE);
}

void tw_binary(struct th_writer *w, int16_t id, const void *data, size_t len)
{
	tw_field(w, id, TH_BINARY);
	tw_element_binary(w, data, len);
}

void tw_list(struct th_writer *w, int16_t id, uint8_t element, size_t n)
{
	tw_field(w, id, TH_LIST);
	if (n < 15) {
		pf_buf_byte(w->out, (uint8_t)(n << 4 | element));
	} else {
		pf_buf_byte(w->out, (uint8_t)(0xf0 | element));
		th_varint(w->out, n);
	}
}

void tw_struct(struct th_writer *w, int16_t id)
{
	if (id)
		tw_field(w, id, TH_STRUCT);
	w->last[++w->depth] = 0;
}

void tw_end(struct th_writer *w)
{
	pf_buf_byte(w->out, TH_STOP);
	w->depth--;
}

void tw_element_i32(struct th_writer *w, int32_t v)
{
	th_varint(w->out, th_zigzag(v));
}

void tw_element_i64(struct th_writer *w, int64_t v)
{
	th_varint(w->out, th_zigzag(v));
}

void tw_element_binary(struct th_writer *w, const void *data, size_t len)
{
	th_varint(w->out, len);
	pf_buf_add(w->out, data, len);
}

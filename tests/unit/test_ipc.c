/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages as they lie on the wire, and messages that lie.
 */
#include "arrow/ipc_write.h"

#include <stdlib.h>

#include "arrow/flatbuf.h"
#include "arrow/ipc_read.h"
#include "arrow/stream.h"
#include "unit.h"

/* A foreign stream: schema, batches as given, the end-of-stream marker. */
static void write_foreign(struct pf_builder *b, int batches, struct pf_buf *out)
{
	struct pf_ipc_writer *w = pf_ipc_writer_new(b->schema);
	pf_ipc_append_schema(w, out);
	for (int i = 0; i < batches; i++) {
		struct pf_batch batch = pf_builder_batch(b);
		pf_ipc_append_batch(w, &batch, out);
	}
	pf_buf_add(out, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
	pf_ipc_writer_free(w);
}

static struct pf_builder *one_column(enum pf_kind kind)
{
	struct pf_schema *s = pf_schema_new();
	pf_schema_add(s, "word", (struct pf_type){ .kind = kind }, true);
	struct pf_builder *b = pf_builder_new(s);
	pf_schema_unref(s);
	return b;
}

/* "ab", null, "cd" */
static struct pf_builder *three_words(void)
{
	struct pf_builder *b = one_column(PF_STRING);
	pf_col_bytes(&b->columns[0], "ab", 2);
	pf_col_null(&b->columns[0]);
	pf_col_bytes(&b->columns[0], "cd", 2);
	return b;
}

static int drain(const void *data, size_t len, size_t limit, struct pf_error *err)
{
	struct pf_memory_source m = { { data, len }, 0 };
	struct pf_byte_source source = pf_source_memory(&m, "in");
	struct pf_stream_in *in;
	struct pf_event e = { 0 };
	int code = pf_stream_in_open(&source, limit, &in, err);
	if (code)
		return code;
	while (!code && e.kind != PF_EVENT_END)
		code = pf_stream_in_next(in, &e, err);
	pf_stream_in_close(in);
	return code;
}

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* The message at *at: its metadata; *at moves behind it. */
static struct pf_fb_table message_at(const struct pf_buf *buf, size_t *at,
				     struct pf_fb *fb, size_t *body)
{
	const uint8_t *p = buf->data + *at;
	uint32_t size = u32_at(p + 4);
	CHECK(u32_at(p) == 0xffffffff);
	CHECK_INT((size + 8) % 8, 0);
	*fb = (struct pf_fb){ .data = p + 8, .len = size };
	struct pf_fb_table root = pf_fb_root(fb);
	*body = *at + 8 + size;
	*at = *body + (size_t)pf_fb_int(root, 3, 8, 0);
	return root;
}

/* The plain profile: V5, aligned buffers, padding of zeros, unpadded lengths. */
TEST(layout)
{
	struct pf_builder *b = one_column(PF_STRING);
	for (int rows = 3; rows < 600; rows += 300) {
		struct pf_buf buf = { 0 };
		struct pf_fb fb;
		size_t at = 0, body, used = 0;
		pf_builder_reset(b);
		for (int i = 0; i < rows; i++)
			if (i % 3)
				pf_col_bytes(&b->columns[0], "\xff\xff\xff", 3);
			else
				pf_col_null(&b->columns[0]);
		write_foreign(b, 1, &buf);
		struct pf_fb_table root = message_at(&buf, &at, &fb, &body);
		CHECK_INT(pf_fb_int(root, 0, 2, -1), 4);
		CHECK_INT(pf_fb_int(root, 1, 1, -1), 1);
		CHECK_INT(at, body);
		root = message_at(&buf, &at, &fb, &body);
		CHECK_INT(pf_fb_int(root, 0, 2, -1), 4);
		CHECK_INT(pf_fb_int(root, 1, 1, -1), 3);
		struct pf_fb_table batch = pf_fb_table(root, 2);
		struct pf_fb_vector nodes = pf_fb_vector(batch, 1, 16);
		struct pf_fb_vector buffers = pf_fb_vector(batch, 2, 16);
		CHECK_INT(pf_fb_int(batch, 0, 8, -1), rows);
		CHECK_INT(nodes.n, 1);
		CHECK_INT(pf_fb_i64(nodes.items + 8), (rows + 2) / 3);
		CHECK_INT(buffers.n, 3);
		const int64_t lengths[3] = { (rows + 7) / 8, 4 * (rows + 1),
					     3 * (rows - (rows + 2) / 3) };
		for (uint32_t i = 0; i < buffers.n; i++) {
			size_t offset = (size_t)pf_fb_i64(buffers.items + 16 * i);
			int64_t length = pf_fb_i64(buffers.items + 16 * i + 8);
			CHECK_INT(offset % (rows < 256 ? 8 : 64), 0);
			CHECK_INT(length, lengths[i]);
			for (; used < offset; used++)
				CHECK_INT(buf.data[body + used], 0);
			used = offset + (size_t)length;
		}
		for (; body + used < at; used++)
			CHECK_INT(buf.data[body + used], 0);
		CHECK(!fb.bad);
		CHECK_INT(buf.len - at, 8);
		CHECK(!memcmp(buf.data + at, "\xff\xff\xff\xff\0\0\0\0", 8));
		pf_buf_free(&buf);
	}
	pf_builder_free(b);
}

/* Bytes of the body of "ab", null, "cd": bitmap at 0, offsets at 8, data at
 * 24. */
TEST(lying_bodies)
{
	static const struct {
		size_t at;
		int32_t value;
		const char *message;
	} lies[] = {
		{ 0, 7, "'in': column 'word': the number of nulls is not what its bitmap says" },
		{ 0, 1, "'in': column 'word': the number of nulls is not what its bitmap says" },
		{ 8, -1, "'in': column 'word': its offsets are not in order" },
		{ 12, 3, "'in': column 'word': its offsets are not in order" },
		{ 20, 100, "'in': column 'word': its offsets lead outside its data" },
		{ 20, INT32_MAX, "'in': column 'word': its offsets lead outside its data" },
		{ 24, 0x64636261 | 0x80, "'in': column 'word': a text is not UTF-8" },
	};
	struct pf_builder *b = three_words();
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct pf_buf buf = { 0 };
		struct pf_error err = { 0 };
		struct pf_fb fb;
		size_t at = 0, body;
		write_foreign(b, 1, &buf);
		CHECK_OK(drain(buf.data, buf.len, 0, &err), &err);
		message_at(&buf, &at, &fb, &body);
		message_at(&buf, &at, &fb, &body);
		memcpy(buf.data + body + lies[i].at, &lies[i].value, 4);
		CHECK_INT(drain(buf.data, buf.len, 0, &err), PF_E_ARROW);
		CHECK_STR(err.message, lies[i].message);
		pf_buf_free(&buf);
	}
	pf_builder_free(b);
}

/* A text that is valid as a whole and cut in the middle of a letter. */
TEST(letters_are_whole)
{
	struct pf_builder *b = one_column(PF_STRING);
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	pf_col_bytes(&b->columns[0], "\xc3", 1);
	pf_col_bytes(&b->columns[0], "\xa4", 1);
	write_foreign(b, 1, &buf);
	CHECK_INT(drain(buf.data, buf.len, 0, &err), PF_E_ARROW);
	pf_buf_free(&buf);
	pf_builder_free(b);
}

TEST(offsets_begin_anywhere)
{
	struct pf_builder *b = three_words();
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	struct pf_fb fb;
	struct pf_stream_in *in;
	struct pf_event e;
	size_t at = 0, body;
	write_foreign(b, 1, &buf);
	message_at(&buf, &at, &fb, &body);
	message_at(&buf, &at, &fb, &body);
	buf.data[body + 8] = 1;
	struct pf_memory_source m = { { buf.data, buf.len }, 0 };
	struct pf_byte_source source = pf_source_memory(&m, "in");
	CHECK_OK(pf_stream_in_open(&source, 0, &in, &err), &err);
	CHECK(pf_stream_in_foreign(in));
	CHECK_OK(pf_stream_in_next(in, &e, &err), &err);
	const struct pf_column *c = &e.batch.columns[0];
	CHECK_INT(c->offsets[0], 0);
	CHECK(!pf_view_cmp(pf_bytes_at(c, 0), pf_view_str("b")));
	CHECK(pf_is_null(c, 1));
	CHECK(!pf_view_cmp(pf_bytes_at(c, 2), pf_view_str("cd")));
	pf_stream_in_close(in);
	pf_buf_free(&buf);
	pf_builder_free(b);
}

/* Metadata changed in place: where a table's slot is, found by its value. */
static void patch(struct pf_buf *buf, size_t from, size_t to, int64_t old, int64_t new,
		  size_t width)
{
	for (size_t i = from; i + width <= to; i++)
		if (!memcmp(buf->data + i, &old, width)) {
			memcpy(buf->data + i, &new, width);
			return;
		}
	unit_check(false, __FILE__, __LINE__, "the value to patch is not there");
}

TEST(lying_metadata)
{
	struct pf_builder *b = three_words();
	static const struct {
		int64_t old, new;
		int code;
		const char *message;
	} lies[] = {
		/* bodyLength (32) */
		{ 32, 1 << 30, PF_E_LIMIT, "'in': the message at byte 136 has 1073741824 bytes, more than the limit of 268435456" },
		{ 32, 100 << 20, PF_E_TRUNCATED, NULL },
		{ 32, -1, PF_E_ARROW, "'in': the message at byte 136 has a negative length" },
		{ 32, 16, PF_E_ARROW, "'in': column 'word': a buffer lies outside the message" },
		/* length of the data buffer (4) */
		{ 4, 400, PF_E_ARROW, "'in': column 'word': a buffer lies outside the message" },
		{ 4, INT64_MAX, PF_E_ARROW, "'in': column 'word': a buffer lies outside the message" },
		/* its offset (24) */
		{ 24, 25, PF_E_ARROW, "'in': column 'word': a buffer is not aligned" },
		/* length of the offsets (16) */
		{ 16, 12, PF_E_ARROW, "'in': column 'word': there are too few offsets" },
	};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct pf_buf buf = { 0 };
		struct pf_error err = { 0 };
		struct pf_fb fb;
		size_t at = 0, schema, body;
		write_foreign(b, 1, &buf);
		message_at(&buf, &at, &fb, &schema);
		message_at(&buf, &at, &fb, &body);
		patch(&buf, schema + 8, body, lies[i].old, lies[i].new, 8);
		CHECK_INT(drain(buf.data, buf.len, 0, &err), lies[i].code);
		if (lies[i].message)
			CHECK_STR(err.message, lies[i].message);
		pf_buf_free(&buf);
	}
	pf_builder_free(b);
}

TEST(not_a_stream)
{
	struct pf_error err = { 0 };
	CHECK_INT(drain("a,b,c\n1,2,3\n", 12, 0, &err), PF_E_ARROW);
	CHECK_STR(err.message, "'in': not an Arrow stream: no message begins at byte 0");
	CHECK_INT(drain("\xff\xff\xff\xff\0\0\0\0", 8, 0, &err), PF_E_ARROW);
	CHECK_STR(err.message, "'in': the Arrow stream does not begin with a schema");
	CHECK_INT(drain("\xff\xff\xff\xff\x08\0\0\0\x04\0\0\0\x7f\0\0\0", 16, 0, &err),
		  PF_E_ARROW);
	CHECK_STR(err.message, "'in': malformed message at byte 0: a vtable lies outside");
}

TEST(two_schemas)
{
	struct pf_builder *b = three_words();
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	struct pf_ipc_writer *w = pf_ipc_writer_new(b->schema);
	pf_ipc_append_schema(w, &buf);
	pf_ipc_append_schema(w, &buf);
	pf_buf_add(&buf, pf_ipc_end_of_stream, sizeof pf_ipc_end_of_stream);
	CHECK_INT(drain(buf.data, buf.len, 0, &err), PF_E_ARROW);
	CHECK_STR(err.message,
		  "'in': a second schema comes without an end-of-stream marker before it");
	pf_ipc_writer_free(w);
	pf_buf_free(&buf);
	pf_builder_free(b);
}

/* The framing before Arrow 0.15: no continuation marker, a short end. */
TEST(old_framing)
{
	struct pf_builder *b = three_words();
	struct pf_buf buf = { 0 }, old = { 0 };
	struct pf_error err = { 0 };
	struct pf_fb fb;
	size_t at = 0, body;
	write_foreign(b, 2, &buf);
	while (at + 8 < buf.len) {
		size_t from = at;
		message_at(&buf, &at, &fb, &body);
		pf_buf_add(&old, buf.data + from + 4, at - from - 4);
	}
	pf_buf_zeros(&old, 4);
	CHECK_OK(drain(old.data, old.len, 0, &err), &err);
	CHECK_INT(drain(old.data, old.len - 4, 0, &err), PF_E_TRUNCATED);
	CHECK_STR(err.message,
		  "'in': the stream ended without an end-of-stream marker after 6 rows");
	pf_buf_free(&buf);
	pf_buf_free(&old);
	pf_builder_free(b);
}

/* A file is a stream with a magic before it and a footer behind it. Its end
 * must be that footer's: two files one behind the other are not one. */
TEST(file_format)
{
	struct pf_builder *b = three_words();
	struct pf_buf file = { 0 }, two = { 0 };
	struct pf_error err = { 0 };
	pf_buf_add(&file, "ARROW1\0\0", 8);
	write_foreign(b, 2, &file);
	size_t stream = file.len;
	pf_buf_zeros(&file, 40);
	pf_buf_add(&file, "\x28\0\0\0ARROW1", 10);
	CHECK_OK(drain(file.data, file.len, 0, &err), &err);
	for (size_t n = stream; n < file.len; n++)
		CHECK_INT(drain(file.data, n, 0, &err), PF_E_ARROW);
	CHECK_STR(err.message, "'in': the end of the Arrow file is not that of one file");
	for (size_t n = 1; n < stream; n += 7)
		CHECK(drain(file.data, n, 0, &err) != 0);
	pf_buf_add(&two, file.data, file.len);
	pf_buf_add(&two, file.data, file.len);
	CHECK_INT(drain(two.data, two.len, 0, &err), PF_E_ARROW);
	pf_buf_free(&file);
	pf_buf_free(&two);
	pf_builder_free(b);
}

TEST(large_message)
{
	struct pf_builder *b = one_column(PF_LARGE_BYTES);
	struct pf_buf buf = { 0 };
	struct pf_error err = { 0 };
	size_t n = 3 << 20;
	char *data = pf_zalloc(n, 1);
	pf_col_bytes(&b->columns[0], data, n);
	write_foreign(b, 2, &buf);
	CHECK_OK(drain(buf.data, buf.len, 4 << 20, &err), &err);
	CHECK_INT(drain(buf.data, buf.len, 2 << 20, &err), PF_E_LIMIT);
	free(data);
	pf_buf_free(&buf);
	pf_builder_free(b);
}

UNIT_MAIN(CASE(layout), CASE(lying_bodies), CASE(letters_are_whole),
	  CASE(offsets_begin_anywhere), CASE(lying_metadata), CASE(not_a_stream),
	  CASE(two_schemas), CASE(old_framing), CASE(file_format),
	  CASE(large_message))

/* SPDX-License-Identifier: Apache-2.0
 *
 * The encodings against the examples of Encodings.md, and there and back.
 */
#include <stdlib.h>

#include "../tools/random_rows.h"
#include "parquet/encoding.h"
#include "parquet/thrift.h"
#include "unit.h"

#define SAME(buf, ...)                                                     \
	do {                                                               \
		static const uint8_t want_[] = { __VA_ARGS__ };            \
		CHECK((buf).len == sizeof want_ &&                         \
		      !memcmp((buf).data, want_, sizeof want_));           \
	} while (0)

TEST(delta_examples_of_the_specification)
{
	struct pf_buf out = { 0 };
	static const int64_t ones[] = { 1, 2, 3, 4, 5 };
	pq_delta_encode(&out, ones, 5, true);
	SAME(out, 0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0);
	static const int64_t bends[] = { 7, 5, 3, 1, 2, 3, 4, 5 };
	out.len = 0;
	pq_delta_encode(&out, bends, 8, false);
	SAME(out, 0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0);
	pf_buf_free(&out);
}

TEST(int32_deltas_never_need_more_than_32_bits)
{
	struct pf_buf out = { 0 };
	static const int64_t extremes[] = { INT32_MIN, INT32_MAX, INT32_MIN, 0, INT32_MAX };
	int64_t back[5];
	size_t used;
	pq_delta_encode(&out, extremes, 5, true);
	/* Header: 2 + 1 + 1 + 5 bytes; the minimum's varint; then widths. */
	size_t at = 9;
	while (out.data[at] & 0x80)
		at++;
	for (size_t i = 1; i <= 4; i++)
		CHECK(out.data[at + i] <= 32);
	pf_buf_zeros(&out, PQ_SLACK);
	CHECK(!pq_delta_decode(out.data, out.len - PQ_SLACK, true, 5, 5, back, &used, NULL));
	CHECK(!memcmp(back, extremes, sizeof back));
	CHECK_INT(used, out.len - PQ_SLACK);
	pf_buf_free(&out);
}

TEST(deltas_of_every_width_come_back)
{
	uint64_t seed = 1;
	for (unsigned bits = 0; bits <= 64; bits++)
		for (size_t n = 0; n < 300; n = n * 2 + 1 + bits % 3) {
			struct pf_buf out = { 0 };
			int64_t values[320], back[320];
			size_t used;
			bool narrow = bits <= 32;
			for (size_t i = 0; i < n; i++) {
				uint64_t r = bits ? random_next(&seed) >> (64 - bits) : 9;
				values[i] = narrow ? (int32_t)r : (int64_t)r;
			}
			pq_delta_encode(&out, values, n, narrow);
			size_t len = out.len;
			pf_buf_zeros(&out, PQ_SLACK);
			CHECK(!pq_delta_decode(out.data, len, narrow, n, n, back, &used, NULL));
			CHECK(used == len && !memcmp(values, back, n * sizeof *back));
			/* One value less or more is an error, a prefix is not. */
			CHECK(pq_delta_decode(out.data, len, narrow, n + 1, n + 1, back,
					      &used, NULL));
			CHECK(!pq_delta_decode(out.data, len, narrow, n, n / 2, back, &used,
					       NULL));
			CHECK(!memcmp(values, back, n / 2 * sizeof *back));
			pf_buf_free(&out);
		}
}

TEST(hybrid_examples_of_the_specification)
{
	struct pf_buf out = { 0 };
	static const uint32_t count[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	pq_hybrid_encode(&out, count, 8, 3);
	SAME(out, 0x03, 0x88, 0xc6, 0xfa);
	uint32_t same[100];
	for (size_t i = 0; i < 100; i++)
		same[i] = 4;
	out.len = 0;
	pq_hybrid_encode(&out, same, 100, 3);
	SAME(out, 0xc8, 0x01, 0x04);
	pf_buf_free(&out);
}

TEST(hybrids_of_every_width_come_back)
{
	uint64_t seed = 2;
	for (unsigned width = 1; width <= 32; width++)
		for (size_t n = 0; n < 400; n = n * 2 + 1) {
			struct pf_buf out = { 0 };
			uint32_t values[400], back[400], most = 0;
			for (size_t i = 0; i < n; i++) {
				bool run = i && random_below(&seed, 16);
				values[i] = run && (seed & 3) ? values[i - 1] :
					(uint32_t)(random_next(&seed) >> (64 - width));
				most = values[i] > most ? values[i] : most;
			}
			pq_hybrid_encode(&out, values, n, width);
			size_t len = out.len;
			pf_buf_zeros(&out, PQ_SLACK);
			CHECK(!pq_hybrid_decode(out.data, len, width, n, most, back, NULL));
			CHECK(!memcmp(values, back, n * sizeof *back));
			if (n && most)
				CHECK(pq_hybrid_decode(out.data, len, width, n, most - 1,
						       back, NULL));
			CHECK(pq_hybrid_decode(out.data, len, width, n + 9, most, back, NULL));
			pf_buf_free(&out);
		}
}

TEST(levels_come_back)
{
	uint64_t seed = 3;
	for (size_t n = 1; n < 700; n += 13) {
		struct pf_buf out = { 0 };
		uint8_t bits[100] = { 0 }, back[100];
		size_t from = random_below(&seed, n), ones = 0, got;
		for (size_t i = 0; i < n; i++)
			if (random_below(&seed, 40) < (i / 50) * 9)
				pf_bit_set(bits, (int64_t)i);
		pq_hybrid_encode_bitmap(&out, bits, from, n - from);
		size_t len = out.len;
		pf_buf_zeros(&out, PQ_SLACK);
		CHECK(!pq_hybrid_bitmap(out.data, len, n - from, back, &got, NULL));
		for (size_t i = from; i < n; i++) {
			CHECK(pf_bit(bits, (int64_t)i) == pf_bit(back, (int64_t)(i - from)));
			ones += pf_bit(bits, (int64_t)i);
		}
		CHECK_INT(got, ones);
		pf_buf_free(&out);
	}
}

TEST(strings_share_prefixes_as_in_the_specification)
{
	struct pf_buf out = { 0 }, scratch = { 0 }, bytes = { 0 };
	struct pf_view words[] = { pf_view_str("axis"), pf_view_str("axle"),
				   pf_view_str("babble"), pf_view_str("babyhood") };
	struct pf_view back[4];
	pq_delta_strings_encode(&out, words, 4, &scratch);
	/* Prefixes 0 2 0 3, suffixes 4 2 6 5, then the suffixes' bytes. */
	static const char tail[] = "axislebabbleyhood";
	CHECK(out.len > 17 && !memcmp(out.data + out.len - 17, tail, 17));
	size_t len = out.len;
	pf_buf_zeros(&out, PQ_SLACK);
	CHECK(!pq_delta_strings_decode(out.data, len, 4, 1000, back, &bytes, &scratch, NULL));
	for (size_t i = 0; i < 4; i++)
		CHECK(!pf_view_cmp(words[i], back[i]));
	CHECK(pq_delta_strings_decode(out.data, len, 4, 10, back, &bytes, &scratch, NULL) ==
	      PF_E_LIMIT);
	CHECK(pq_delta_strings_decode(out.data, len - 1, 4, 1000, back, &bytes, &scratch,
				      NULL) == PF_E_PARQUET);
	pf_buf_free(&out);
	pf_buf_free(&scratch);
	pf_buf_free(&bytes);
}

TEST(stream_split_example_of_the_specification)
{
	/* Three floats: bytes AA BB CC DD, 00 11 22 33, A3 B4 C5 D6. */
	static const uint8_t split[] = { 0xaa, 0x00, 0xa3, 0xbb, 0x11, 0xb4,
					 0xcc, 0x22, 0xc5, 0xdd, 0x33, 0xd6 };
	static const uint8_t want[] = { 0xaa, 0xbb, 0xcc, 0xdd, 0x00, 0x11,
					0x22, 0x33, 0xa3, 0xb4, 0xc5, 0xd6 };
	uint8_t out[12];
	pq_split_decode(split, 3, 4, out);
	CHECK(!memcmp(out, want, sizeof out));
}

TEST(thrift_skips_what_it_does_not_know)
{
	/* {1: list of two bools, 2: map {1: "a"}, 20: {1: 2.0}, 21: i32 -3} */
	static const uint8_t bytes[] = { 0x19, 0x21, 1, 2, 0x1b, 1, 0x58, 2, 1, 'a',
					 0x0c, 40, 0x17, 0, 0, 0, 0, 0, 0, 0, 0x40, 0,
					 0x15, 5, 0 };
	struct th_reader r = th_reader_of(bytes, sizeof bytes);
	struct th_field f;
	int64_t last = 0;
	th_begin(&r, &f);
	while (th_field(&r, &f)) {
		if (f.id == 21)
			last = th_int(&r, f.type, 0);
		else
			th_skip(&r, f.type);
	}
	CHECK(!r.bad && r.at == bytes + sizeof bytes);
	CHECK_INT(last, -3);
	/* Cut anywhere it is bad, and says that bytes were missing. */
	for (size_t len = 0; len < sizeof bytes; len++) {
		r = th_reader_of(bytes, len);
		th_begin(&r, &f);
		while (th_field(&r, &f))
			th_skip(&r, f.type);
		CHECK(r.bad && r.short_of_bytes);
	}
}

TEST(thrift_depth_is_limited)
{
	uint8_t deep[1000];
	struct th_field f;
	memset(deep, 0x1c, sizeof deep);
	struct th_reader r = th_reader_of(deep, sizeof deep);
	th_begin(&r, &f);
	while (th_field(&r, &f))
		th_skip(&r, f.type);
	CHECK(r.bad);
}

UNIT_MAIN(CASE(delta_examples_of_the_specification),
	  CASE(int32_deltas_never_need_more_than_32_bits),
	  CASE(deltas_of_every_width_come_back), CASE(hybrid_examples_of_the_specification),
	  CASE(hybrids_of_every_width_come_back), CASE(levels_come_back),
	  CASE(strings_share_prefixes_as_in_the_specification),
	  CASE(stream_split_example_of_the_specification),
	  CASE(thrift_skips_what_it_does_not_know), CASE(thrift_depth_is_limited))

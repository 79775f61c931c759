/* SPDX-License-Identifier: Apache-2.0
 *
 * Control messages: what a mark says, and how marks become one.
 */
#include "arrow/control.h"

#include <stdlib.h>

#include "arrow/gaps.h"
#include "base/alloc.h"
#include "unit.h"

TEST(marks_merge)
{
	struct pf_mark_part one[] = { { 0, 0, 10, "a" }, { 1, 5, 6, "b" } };
	struct pf_mark_part two[] = { { 0, 10, 15, "c" }, { 2, 0, 3, "d" } };
	char gap_a[] = "{\"1\": [[0, 5]]}",
	     gap_b[] = "{\"0\":[[8,9]], \"1\":[[9, 9]]}", old[] = "{\"of\":{}}",
	     new[] = "{\"of\":{\"0000000000000001\":{\"t\":2,\"p\":{\"1\":9}}}}";
	struct pf_mark a = { .stage = "s", .parts = one, .nparts = 2, .rows = 11,
			     .sources = old, .gaps = gap_a };
	struct pf_mark b = { .stage = "s", .parts = two, .nparts = 2, .rows = 8,
			     .sources = new, .gaps = gap_b };
	struct pf_mark m = { 0 };
	struct pf_error err = { 0 };
	CHECK_OK(pf_mark_merge(&m, &a, &err), &err);
	CHECK_OK(pf_mark_merge(&m, &b, &err), &err);
	CHECK_INT(m.nparts, 3);
	CHECK_INT(m.parts[0].from, 0);
	CHECK_INT(m.parts[0].to, 15);
	CHECK_STR(m.parts[0].anchor, "c");
	CHECK_INT(m.parts[1].to, 6);
	CHECK_INT(m.parts[2].partition, 2);
	CHECK_INT(m.rows, 19);
	CHECK_STR(m.sources, new);
	CHECK_STR(m.gaps, "{\"0\": [[8, 9]], \"1\": [[0, 5], [9, 9]]}");
	CHECK_INT(pf_mark_merge(&m, &b, &err), PF_E_CORRUPT);
	CHECK_STR(err.message,
		  "marks of stage 's' do not meet: partition 0 ends at 15 and goes on at 10");
	CHECK_INT(m.parts[0].to, 15);
	b.stage[0] = 't';
	CHECK_INT(pf_mark_merge(&m, &b, &err), PF_E_CORRUPT);
	pf_mark_free(&m);
}

/* Of two marks with thousands of partitions, some in both. */
TEST(marks_of_many_partitions_merge)
{
	enum { N = 40000 };
	struct pf_mark m = { .stage = "s" }, later = { .stage = "s" };
	struct pf_error err = { 0 };
	m.parts = pf_zalloc(N, sizeof *m.parts);
	later.parts = pf_zalloc(N, sizeof *later.parts);
	for (int32_t i = 0; i < N; i++) {
		m.parts[m.nparts++] = (struct pf_mark_part){ 2 * i, i, i + 5, "a" };
		later.parts[later.nparts++] = i % 2 ? /* 2 * i: where m ends; else odd ones */
			(struct pf_mark_part){ 2 * i, i + 5, i + 7, "b" } :
			(struct pf_mark_part){ 2 * i + 1, 0, 3, "c" };
	}
	CHECK_OK(pf_mark_merge(&m, &later, &err), &err);
	CHECK_INT(m.nparts, N + N / 2);
	size_t at = 0;
	bool same = true;
	for (int32_t i = 0; i < N; i++) {
		const struct pf_mark_part *p = &m.parts[at++];
		same = same && p->partition == 2 * i && p->from == i &&
		       p->to == i + (i % 2 ? 7 : 5) && *p->anchor == (i % 2 ? 'b' : 'a');
		if (i % 2)
			continue;
		p = &m.parts[at++];
		same = same && p->partition == 2 * i + 1 && p->from == 0 && p->to == 3;
	}
	CHECK(same);
	CHECK_INT(pf_mark_merge(&m, &later, &err), PF_E_CORRUPT);
	CHECK_INT(m.nparts, N + N / 2); /* and nothing changed */
	pf_mark_free(&m);
	pf_mark_free(&later);
}

TEST(partitions_of_a_mark)
{
	struct pf_mark_part three[] = { { 7, 0, 1, "a" }, { 2, 3, 4, "" }, { 5, 5, 6, "c" } };
	struct pf_mark written = { .stage = "s", .parts = three, .nparts = 3 }, read = { 0 };
	struct pf_meta meta = { 0 };
	struct pf_error err = { 0 };
	pf_control_put_mark(&meta, &written);
	CHECK_OK(pf_control_get_mark(&meta, &read, &err), &err);
	CHECK_INT(read.nparts, 3); /* by partition, however they were written */
	CHECK_INT(read.parts[0].partition, 2);
	CHECK_INT(read.parts[1].partition, 5);
	CHECK_INT(read.parts[2].partition, 7);
	CHECK_INT(read.parts[2].to, 1);
	three[2].partition = 7;
	pf_control_put_mark(&meta, &written);
	CHECK_INT(pf_control_get_mark(&meta, &read, &err), PF_E_CORRUPT);
	CHECK_STR(err.message, "control message 'mark' has a malformed pf:parts");
	three[0].partition = 1, three[1].partition = 7; /* side by side */
	pf_control_put_mark(&meta, &written);
	CHECK_INT(pf_control_get_mark(&meta, &read, &err), PF_E_CORRUPT);
	pf_mark_free(&read);
	pf_meta_free(&meta);
}

TEST(gaps_are_checked)
{
	static const char *const bad[] = {
		"", "[[1,2]]", "{\"0\":[1]}", "{\"0\":[[1]]}", "{\"0\":[[2,1]]}",
		"{\"-1\":[[1,2]]}", "{\"x\":[[1,2]]}", "{\"0\":{\"a\":1}}",
	};
	struct pf_error err = { 0 };
	char *out;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(pf_gaps_merge("{\"0\":[[1,2]]}", bad[i], &out, &err), PF_E_CORRUPT);
		CHECK(!out);
	}
	CHECK_OK(pf_gaps_merge(NULL, "{}", &out, &err), &err);
	CHECK(!out);
}

UNIT_MAIN(CASE(marks_merge), CASE(marks_of_many_partitions_merge), CASE(partitions_of_a_mark),
	  CASE(gaps_are_checked))

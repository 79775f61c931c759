/* SPDX-License-Identifier: Apache-2.0
 *
 * Source positions: what is written is read again, what is malformed is
 * refused, and those not used for longest leave when there are too many.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "stage/sources.h"
#include "unit.h"

static struct pf_error err;

static struct pf_source_pos *add(struct pf_sources *s, const char *name,
				 const char *path, uint64_t position)
{
	struct pf_source_pos *p = pf_sources_add(s);
	p->name = name ? pf_strdup(name) : NULL;
	p->path = path ? pf_strdup(path) : NULL;
	p->position = position;
	p->rows = (int64_t)position / 10;
	p->line = p->rows + 1;
	p->head_bytes = p->tail_bytes = position < 4096 ? (uint32_t)position : 4096;
	p->head_hash = position * 0x9e3779b97f4a7c15u;
	p->tail_hash = ~p->head_hash;
	p->dirty = true;
	return p;
}

TEST(round_trip)
{
	struct pf_sources a = { 0 }, b = { 0 };
	struct pf_buf json = { 0 };
	add(&a, NULL, "/var/log/a \"quoted\" \\ name\n", 12345678901234);
	add(&a, "feed", NULL, 17);
	add(&a, "both", "x", 4096);
	CHECK_INT(pf_sources_write(&a, false, &json), 3);
	CHECK_OK(pf_sources_apply(&b, pf_buf_cstr(&json), &err), &err);
	CHECK_INT(b.n, 3);
	for (size_t i = 0; i < b.n; i++) {
		const struct pf_source_pos *x = a.items[i], *y = b.items[i];
		CHECK_INT(y->id, x->id);
		CHECK(!x->name == !y->name && (!x->name || !strcmp(x->name, y->name)));
		CHECK(!x->path == !y->path && (!x->path || !strcmp(x->path, y->path)));
		CHECK_INT(y->position, x->position);
		CHECK_INT(y->rows, x->rows);
		CHECK_INT(y->line, x->line);
		CHECK_INT(y->head_bytes, x->head_bytes);
		CHECK_INT(y->tail_bytes, x->tail_bytes);
		CHECK(y->head_hash == x->head_hash && y->tail_hash == x->tail_hash);
		CHECK(!y->dirty);
	}
	CHECK(pf_sources_named(&b, "feed") == b.items[1]);
	CHECK(pf_sources_named(&b, "x") == NULL);
	/* Only what changed is written, and replaces what was known. */
	pf_sources_clean(&a);
	a.items[1]->position = 18;
	a.items[1]->dirty = true;
	json.len = 0;
	CHECK_INT(pf_sources_write(&a, false, &json), 1);
	CHECK_OK(pf_sources_apply(&b, pf_buf_cstr(&json), &err), &err);
	CHECK_INT(b.n, 3);
	CHECK_INT(b.items[1]->position, 18);
	json.len = 0;
	pf_sources_clean(&a);
	CHECK_INT(pf_sources_write(&a, false, &json), 0);
	CHECK_STR(pf_buf_cstr(&json), "[]");
	pf_sources_free(&a);
	pf_sources_free(&b);
	pf_buf_free(&json);
}

TEST(malformed)
{
	static const char *const bad[] = {
		"", "{}", "[1]", "[{}]", "[{\"id\":0}]",
		"[{\"id\":-1,\"position\":0,\"rows\":0,\"line\":0,"
		"\"head\":[0,\"0000000000000000\"],\"tail\":[0,\"0000000000000000\"]}]",
		"[{\"id\":0,\"position\":-1,\"rows\":0,\"line\":0,"
		"\"head\":[0,\"0000000000000000\"],\"tail\":[0,\"0000000000000000\"]}]",
		"[{\"id\":0,\"position\":1,\"rows\":0,\"line\":0,"
		"\"head\":[4097,\"0000000000000000\"],\"tail\":[0,\"0000000000000000\"]}]",
		"[{\"id\":0,\"position\":1,\"rows\":0,\"line\":0,"
		"\"head\":[1,\"000000000000000g\"],\"tail\":[0,\"0000000000000000\"]}]",
		"[{\"id\":0,\"position\":1,\"rows\":0,\"line\":0,"
		"\"head\":[1,\"00\"],\"tail\":[0,\"0000000000000000\"]}]",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pf_sources s = { 0 };
		CHECK_INT(pf_sources_apply(&s, bad[i], &err), PF_E_STAGE_CORRUPT);
		CHECK_INT(s.n, 0);
		pf_sources_free(&s);
	}
}

TEST(many)
{
	struct pf_sources a = { 0 }, b = { 0 };
	struct pf_buf json = { 0 };
	for (int i = 0; i < PF_SOURCES_KEPT + 1000; i++) {
		char path[32];
		snprintf(path, sizeof path, "log.%d", i);
		add(&a, NULL, path, (uint64_t)i);
	}
	pf_sources_forget(&a, PF_SOURCES_KEPT);
	CHECK_INT(a.n, PF_SOURCES_KEPT);
	CHECK_STR(a.items[0]->path, "log.1000");
	CHECK_INT(add(&a, NULL, "new", 1)->id, PF_SOURCES_KEPT + 1000);
	int64_t begin = pf_mono_us();
	pf_sources_write(&a, true, &json);
	CHECK_OK(pf_sources_apply(&b, pf_buf_cstr(&json), &err), &err);
	CHECK_INT(b.n, a.n);
	/* Nothing quadratic: that would take minutes. */
	CHECK(pf_mono_us() - begin < 20 * 1000000);
	pf_sources_free(&a);
	pf_sources_free(&b);
	pf_buf_free(&json);
}

/* Not the first that came, but the first that was not used since; also over
 * what a head says, and after one. */
TEST(least_recently_used_leave)
{
	struct pf_sources a = { 0 }, b = { 0 };
	struct pf_buf json = { 0 };
	static const char *const paths[] = { "0", "1", "2", "3", "4" };
	for (size_t i = 0; i < 5; i++)
		pf_sources_touch(&a, add(&a, NULL, paths[i], i + 1));
	pf_sources_touch(&a, a.items[0]);
	pf_sources_touch(&a, a.items[2]);
	pf_sources_forget(&a, 4);
	CHECK_INT(a.n, 4);
	CHECK_STR(a.items[0]->path, "0");
	CHECK_STR(a.items[1]->path, "2");
	pf_sources_write(&a, true, &json);
	CHECK_OK(pf_sources_apply(&b, pf_buf_cstr(&json), &err), &err);
	pf_sources_touch(&b, b.items[2]);
	pf_sources_forget(&b, 2);
	CHECK_INT(b.n, 2);
	CHECK_STR(b.items[0]->path, "2");
	CHECK_STR(b.items[1]->path, "3");
	/* As stages of before have it: by age. */
	static const char old[] =
		"[{\"id\":7,\"path\":\"old\",\"position\":1,\"rows\":1,\"line\":1,"
		"\"head\":[1,\"0000000000000000\"],\"tail\":[1,\"0000000000000000\"]}]";
	CHECK_OK(pf_sources_apply(&b, old, &err), &err);
	CHECK_INT(b.n, 3);
	pf_sources_forget(&b, 2);
	CHECK_STR(b.items[1]->path, "3");
	pf_sources_free(&a);
	pf_sources_free(&b);
	pf_buf_free(&json);
}

UNIT_MAIN(CASE(round_trip), CASE(malformed), CASE(many),
	  CASE(least_recently_used_leave))

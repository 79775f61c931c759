/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/cells.h"

#include <stdlib.h>

#include "ext/hash.h"
#include "paimon/internal.h"
#include "paimon/live.h"

/* bucket -1 stands for the whole partition: its value is the bucket count. */
enum { WHOLE = -1 };

struct cell {
	struct pf_view partition;
	int32_t bucket;
	int64_t value; /* highest sequence number, or the bucket count */
	int64_t taken; /* while numbering: the highest given out */
};

struct pf_cells {
	struct pf_arena arena;
	struct cell *slots; /* open addressing; partition.data NULL is empty */
	size_t size, n;
	int64_t snapshot; /* that this is the state of; -1: nothing yet */
};

struct pf_cells *pf_cells_new(void)
{
	struct pf_cells *c = pf_zalloc(1, sizeof *c);
	c->snapshot = -1;
	return c;
}

static void clear(struct pf_cells *c)
{
	free(c->slots);
	pf_arena_free(&c->arena);
	*c = (struct pf_cells){ .snapshot = -1 };
}

void pf_cells_free(struct pf_cells *c)
{
	if (!c)
		return;
	clear(c);
	free(c);
}

static struct cell *find(const struct pf_cells *c, struct pf_view partition,
			 int32_t bucket)
{
	size_t at = pf_xxh3(partition.data, partition.len) + (uint32_t)bucket * 0x9e3779b9u;
	for (at &= c->size - 1;; at = (at + 1) & (c->size - 1)) {
		struct cell *s = &c->slots[at];
		if (!s->partition.data ||
		    (s->bucket == bucket && !pf_view_cmp(s->partition, partition)))
			return s;
	}
}

static void grow(struct pf_cells *c)
{
	struct cell *old = c->slots;
	size_t was = c->size;
	c->size = was ? 2 * was : 64;
	c->slots = pf_zalloc(c->size, sizeof *c->slots);
	for (size_t i = 0; i < was; i++)
		if (old[i].partition.data)
			*find(c, old[i].partition, old[i].bucket) = old[i];
	free(old);
}

static struct cell *get(struct pf_cells *c, struct pf_view partition, int32_t bucket,
			int64_t first)
{
	struct cell *s = c->size ? find(c, partition, bucket) : NULL;
	if (!s || !s->partition.data) {
		if (2 * (c->n + 1) > c->size)
			grow(c);
		s = find(c, partition, bucket);
		s->partition = pf_arena_copy(&c->arena, partition.data, partition.len);
		s->bucket = bucket;
		s->value = first;
		s->taken = -1;
		c->n++;
	}
	return s;
}

static void add(struct pf_cells *c, const struct pf_data_file *f)
{
	struct cell *s = get(c, f->partition, f->bucket, -1);
	if (f->max_sequence > s->value)
		s->value = f->max_sequence;
	if (f->total_buckets > 0)
		get(c, f->partition, WHOLE, f->total_buckets);
}

static int read_all(struct pf_cells *c, struct pf_table *t,
		    const struct pf_snapshot *s, struct pf_error *err)
{
	struct pf_arena arena = { 0 };
	struct pf_manifests lists = { 0 };
	struct pf_data_files files = { 0 };
	clear(c);
	int code = pf_manifest_list_read(t, s->base_list, &arena, &lists, err);
	if (!code)
		code = pf_manifest_list_read(t, s->delta_list, &arena, &lists, err);
	for (size_t i = 0; !code && i < lists.n; i++)
		code = pf_manifest_read(t, lists.items[i].name, &arena, &files, NULL,
					err);
	if (!code)
		code = pf_live_files(&files, err);
	for (size_t i = 0; !code && i < files.n; i++)
		add(c, &files.items[i]);
	free(files.items);
	free(lists.items);
	pf_arena_free(&arena);
	return code;
}

/* A snapshot that only added files: they are all that is new. *more is false
 * when it did something else, or has gone. */
static int read_step(struct pf_cells *c, struct pf_table *t, int64_t id, bool *more,
		     struct pf_error *err)
{
	struct pf_snapshot *s;
	struct pf_file_list list;
	*more = false;
	int code = pf_snapshot_read(t, id, &s, err);
	if (code)
		return code == PF_E_NO_FILE ? 0 : code;
	if (!strcmp(s->kind, "APPEND")) {
		code = pf_scan_delta(t, s, &list, err);
		*more = !code;
		for (size_t i = 0; !code && i < list.n; i++) {
			*more &= list.files[i].kind == 0;
			add(c, &list.files[i]);
		}
		if (!code)
			pf_file_list_free(&list);
		if (code == PF_E_VANISHED)
			code = 0;
	}
	pf_snapshot_free(s);
	return code;
}

int pf_cells_update(struct pf_cells *c, struct pf_table *t,
		    const struct pf_snapshot *s, struct pf_error *err)
{
	bool follow = c->snapshot >= 0 && s && s->id >= c->snapshot;
	if (!s) {
		clear(c);
		c->snapshot = 0;
		return 0;
	}
	while (follow && c->snapshot < s->id) {
		PF_TRY(read_step(c, t, c->snapshot + 1, &follow, err));
		c->snapshot++;
	}
	if (!follow)
		PF_TRY(read_all(c, t, s, err));
	c->snapshot = s->id;
	return 0;
}

static int check_buckets(const struct cell *whole, const struct pf_data_file *f,
			 struct pf_error *err)
{
	if (whole->value == f->total_buckets)
		return 0;
	return pf_fail(err, PF_E_TABLE_FEATURE,
		       "a partition holds files of %lld buckets, the new ones are of %d: rewrite it first",
		       (long long)whole->value, f->total_buckets);
}

int pf_cells_number(struct pf_cells *c, struct pf_data_file *files, size_t n,
		    struct pf_error *err)
{
	/* All cells first: from then on none moves. */
	for (size_t i = 0; i < n; i++) {
		get(c, files[i].partition, WHOLE, files[i].total_buckets);
		get(c, files[i].partition, files[i].bucket, -1);
	}
	for (size_t i = 0; i < n; i++)
		find(c, files[i].partition, files[i].bucket)->taken = -1;
	for (size_t i = 0; i < n; i++) {
		struct pf_data_file *f = &files[i];
		struct cell *s = find(c, f->partition, f->bucket);
		const struct cell *whole = find(c, f->partition, WHOLE);
		PF_TRY(check_buckets(whole, f, err));
		int64_t last = s->taken >= 0 ? s->taken : s->value;
		f->min_sequence = last + 1;
		f->max_sequence = last + f->rows;
		s->taken = f->max_sequence;
	}
	return 0;
}

void pf_cells_take(struct pf_cells *c, struct pf_data_file *f, int64_t numbers)
{
	struct cell *s = get(c, f->partition, f->bucket, -1);
	int64_t last = s->taken > s->value ? s->taken : s->value;
	f->min_sequence = last + 1;
	f->max_sequence = last + numbers;
	s->taken = f->max_sequence;
}

int64_t pf_cells_highest(struct pf_cells *c, const struct pf_data_file *f)
{
	return get(c, f->partition, f->bucket, -1)->value;
}

int pf_cells_check(struct pf_cells *c, const struct pf_data_file *files, size_t n,
		   struct pf_error *err)
{
	for (size_t i = 0; i < n; i++)
		PF_TRY(check_buckets(get(c, files[i].partition, WHOLE, files[i].total_buckets),
				     &files[i], err));
	return 0;
}

void pf_cells_commit(struct pf_cells *c, const struct pf_data_file *files, size_t n,
		     int64_t snapshot)
{
	for (size_t i = 0; i < n; i++)
		add(c, &files[i]);
	c->snapshot = snapshot;
}

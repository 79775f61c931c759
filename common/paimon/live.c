/* SPDX-License-Identifier: Apache-2.0 */
#include "paimon/live.h"

#include <stdlib.h>

/* Entries of one kind by identifier: open addressing, a power of two. */
struct index {
	uint32_t *slots; /* position + 1 */
	size_t mask;
	const struct pf_data_file *files;
};

static void index_init(struct index *x, const struct pf_data_file *files, size_t n)
{
	size_t size = 16;
	while (size < 2 * n)
		size *= 2;
	x->slots = pf_zalloc(size, sizeof *x->slots);
	x->mask = size - 1;
	x->files = files;
}

/* The slot that holds the identifier, or the empty one where it goes. */
static uint32_t *index_slot(struct index *x, const struct pf_data_file *f)
{
	size_t at = pf_data_file_hash(f) & x->mask;
	while (x->slots[at] && !pf_data_file_same(&x->files[x->slots[at] - 1], f))
		at = (at + 1) & x->mask;
	return &x->slots[at];
}

static size_t count_kind(const struct pf_data_files *e, int32_t kind)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++)
		n += e->items[i].kind == kind;
	return n;
}

static void index_kind(struct index *x, const struct pf_data_files *e, int32_t kind)
{
	index_init(x, e->items, count_kind(e, kind));
	for (size_t i = 0; i < e->n; i++)
		if (e->items[i].kind == kind)
			*index_slot(x, &e->items[i]) = (uint32_t)i + 1;
}

int pf_live_files(struct pf_data_files *e, struct pf_error *err)
{
	struct index deleted, added;
	uint8_t *drop = pf_zalloc(e->n + 1, 1);
	int code = 0;
	index_kind(&deleted, e, 1);
	index_init(&added, e->items, e->n);
	for (size_t i = 0; i < e->n && !code; i++) {
		const struct pf_data_file *f = &e->items[i];
		drop[i] = f->kind == 1 || *index_slot(&deleted, f);
		if (drop[i])
			continue;
		uint32_t *slot = index_slot(&added, f);
		if (*slot)
			code = pf_fail(err, PF_E_TABLE_CORRUPT,
				       "data file '%s' is in the table twice", f->name);
		*slot = (uint32_t)i + 1;
	}
	free(deleted.slots);
	free(added.slots);
	size_t kept = 0;
	for (size_t i = 0; i < e->n && !code; i++)
		if (!drop[i])
			e->items[kept++] = e->items[i];
	if (!code)
		e->n = kept;
	free(drop);
	return code;
}

void pf_live_merge(struct pf_data_files *e)
{
	struct index deleted;
	uint8_t *drop = pf_zalloc(e->n + 1, 1);
	index_kind(&deleted, e, 1);
	for (size_t i = 0; i < e->n; i++) {
		if (e->items[i].kind != 0)
			continue;
		uint32_t *slot = index_slot(&deleted, &e->items[i]);
		if (*slot) {
			drop[i] = 1;
			drop[*slot - 1] = 1;
		}
	}
	free(deleted.slots);
	size_t kept = 0;
	for (size_t i = 0; i < e->n; i++)
		if (!drop[i])
			e->items[kept++] = e->items[i];
	e->n = kept;
	free(drop);
}

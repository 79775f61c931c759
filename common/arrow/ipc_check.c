/* SPDX-License-Identifier: Apache-2.0
 *
 * What may stand in the buffers of an array whose lengths fit: afterwards no
 * value leads outside. The loops run near the speed of memory and are never
 * skipped, whoever wrote the stream.
 */
#include "arrow/batch.h"
#include "arrow/ipc_batch.h"
#include "base/utf8.h"

static bool valid_at(const struct pf_array *a, int64_t i)
{
	return !a->validity || pf_bit(a->validity, i);
}

/* Offsets begin at 0 or later, never fall, and end within most. */
static int check_offsets(const struct pf_array *a, bool large, uint64_t most,
			 struct pf_error *err)
{
	bool falls = false;
	int64_t first, last;
	if (!a->offsets_bytes)
		return 0;
	if (large) {
		const int64_t *o = (const void *)a->offsets;
		for (int64_t i = 0; i < a->length; i++)
			falls |= o[i + 1] < o[i];
		first = o[0];
		last = o[a->length];
	} else {
		const int32_t *o = (const void *)a->offsets;
		for (int64_t i = 0; i < a->length; i++)
			falls |= o[i + 1] < o[i];
		first = o[0];
		last = o[a->length];
	}
	if (falls || first < 0)
		return pf_array_odd(a, err, "its offsets are not in order");
	if ((uint64_t)last > most)
		return pf_array_odd(a, err, "its offsets lead outside its data");
	return 0;
}

static bool is_ascii(const uint8_t *p, size_t n)
{
	uint64_t all = 0, word;
	size_t i = 0;
	for (; i + 32 <= n; i += 32) {
		uint64_t w[4];
		memcpy(w, p + i, sizeof w);
		all |= w[0] | w[1] | w[2] | w[3];
	}
	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, sizeof word);
		all |= word;
	}
	for (; i < n; i++)
		all |= p[i];
	return !(all & 0x8080808080808080u);
}

static int check_text(const struct pf_array *a, bool large, struct pf_error *err)
{
	int64_t first = pf_offset_at(a->offsets, large, 0);
	int64_t last = pf_offset_at(a->offsets, large, a->length);
	if (is_ascii(a->values + first, (size_t)(last - first)))
		return 0;
	for (int64_t i = 0; i < a->length; i++) {
		int64_t from = pf_offset_at(a->offsets, large, i);
		int64_t to = pf_offset_at(a->offsets, large, i + 1);
		if (valid_at(a, i) &&
		    !pf_utf8_valid(a->values + from, (size_t)(to - from)))
			return pf_array_odd(a, err, "a text is not UTF-8");
	}
	return 0;
}

static int check_views(const struct pf_array *a, struct pf_error *err)
{
	bool text = a->field->id == PF_ARROW_UTF8_VIEW;
	for (int64_t i = 0; i < a->length; i++) {
		const uint8_t *view = a->values + 16 * (size_t)i, *data = view + 4;
		int32_t part[4]; /* length, prefix, buffer, offset */
		if (!valid_at(a, i))
			continue;
		memcpy(part, view, sizeof part);
		if (part[0] < 0)
			return pf_array_odd(a, err, "a view has a negative length");
		if (part[0] > 12) {
			if (part[2] < 0 || (size_t)part[2] >= a->nviews ||
			    part[3] < 0 || (size_t)part[3] > a->views[part[2]].len ||
			    (size_t)part[0] >
				    a->views[part[2]].len - (size_t)part[3])
				return pf_array_odd(a, err, "a view leads outside its data");
			data = a->views[part[2]].data + part[3];
			if (memcmp(data, view + 4, 4))
				return pf_array_odd(a, err, "a view's prefix is not its value's");
		}
		if (text && !pf_utf8_valid(data, (size_t)part[0]))
			return pf_array_odd(a, err, "a text is not UTF-8");
	}
	return 0;
}

static int check_indices(const struct pf_array *a, struct pf_error *err)
{
	const struct pf_arrow_field *f = a->field;
	uint64_t most = a->dictionary ? (uint64_t)a->dictionary->length : 0;
	for (int64_t i = 0; i < a->length; i++)
		if (valid_at(a, i) &&
		    (uint64_t)pf_number_at(a->values, f->index_width, f->index_signed,
					   i) >= most)
			return pf_array_odd(a, err, "an index is not in its dictionary");
	return 0;
}

static int check_list_views(const struct pf_array *a, struct pf_error *err)
{
	bool large = pf_arrow_is_large(a->field->id);
	int64_t most = a->children->length;
	for (int64_t i = 0; i < a->length; i++) {
		int64_t from = pf_offset_at(a->offsets, large, i);
		int64_t n = pf_offset_at(a->sizes, large, i);
		if (valid_at(a, i) &&
		    (from < 0 || n < 0 || from > most || n > most - from))
			return pf_array_odd(a, err, "a list leads outside its items");
	}
	return 0;
}

static int check_union(const struct pf_array *a, struct pf_error *err)
{
	const struct pf_arrow_field *f = a->field;
	for (int64_t i = 0; i < a->length; i++) {
		int8_t code = (int8_t)a->values[i];
		if (code < 0 || f->codes[code] < 0)
			return pf_array_odd(a, err, "a type code is not one of the union's");
		if (!f->dense)
			continue;
		int64_t at = pf_offset_at(a->offsets, false, i);
		if (at < 0 || at >= a->children[f->codes[code]].length)
			return pf_array_odd(a, err, "an offset leads outside the union");
	}
	return 0;
}

static int check_run_ends(const struct pf_array *a, struct pf_error *err)
{
	const struct pf_array *ends = &a->children[0];
	int64_t last = 0;
	if (ends->nulls)
		return pf_array_odd(a, err, "a run end is null");
	if (a->children[1].length < ends->length)
		return pf_array_odd(a, err, "there are fewer values than runs");
	for (int64_t i = 0; i < ends->length; i++) {
		int64_t end = pf_number_at(ends->values, ends->field->width, true, i);
		if (end <= last)
			return pf_array_odd(a, err, "its run ends are not in order");
		last = end;
	}
	return last < a->length ? pf_array_odd(a, err, "its runs end before its rows") : 0;
}

static int check_values(const struct pf_array *a, struct pf_error *err)
{
	enum pf_arrow_id id = a->field->id;
	bool large = pf_arrow_is_large(id);
	if (a->field->dictionary)
		return check_indices(a, err);
	switch (id) {
	case PF_ARROW_UTF8:
	case PF_ARROW_LARGE_UTF8:
		PF_TRY(check_offsets(a, large, a->values_bytes, err));
		return a->offsets_bytes ? check_text(a, large, err) : 0;
	case PF_ARROW_BINARY:
	case PF_ARROW_LARGE_BINARY:
		return check_offsets(a, large, a->values_bytes, err);
	case PF_ARROW_LIST:
	case PF_ARROW_LARGE_LIST:
	case PF_ARROW_MAP:
		return check_offsets(a, large, (uint64_t)a->children->length, err);
	case PF_ARROW_LIST_VIEW:
	case PF_ARROW_LARGE_LIST_VIEW:
		return check_list_views(a, err);
	case PF_ARROW_BINARY_VIEW:
	case PF_ARROW_UTF8_VIEW:
		return check_views(a, err);
	case PF_ARROW_UNION:
		return check_union(a, err);
	case PF_ARROW_RUN_END:
		return check_run_ends(a, err);
	default:
		return 0;
	}
}

int pf_array_check(const struct pf_array *a, struct pf_error *err)
{
	if (a->validity && pf_count_nulls(a->validity, a->length) != a->nulls)
		return pf_array_odd(a, err, "the number of nulls is not what its bitmap says");
	for (size_t i = 0; a->children && i < a->field->n; i++)
		PF_TRY(pf_array_check(&a->children[i], err));
	return check_values(a, err);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions on texts. Positions and lengths count characters (code points),
 * on bytes they count bytes.
 */
#include "expr/fn.h"

#include "base/utf8.h"
#include "expr/json_path.h"
#include "expr/pattern.h"

static bool is_text(const struct pf_node *k)
{
	return k->type.x == PF_X_STRING || k->type.x == PF_X_BYTES;
}

/* The first kid is a string or bytes and so is the result; others strings. */
static int bind_texts(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	for (uint32_t i = 0; i < x->nkids; i++)
		PF_TRY(pf_fn_want(e, x, i, PF_X_STRING, "a string", err));
	x->type = (struct pf_xtype){ .x = PF_X_STRING };
	return 0;
}

static int bind_test(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(bind_texts(e, x, err));
	x->type = (struct pf_xtype){ .x = PF_X_BOOL };
	return 0;
}

static int bind_length(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	if (!is_text(x->kids[0]))
		PF_TRY(pf_fn_want(e, x, 0, PF_X_STRING, "a string", err));
	x->type = (struct pf_xtype){ .x = PF_X_INT };
	return 0;
}

static size_t characters(const struct pf_node *k, struct pf_view t)
{
	size_t n = 0;
	if (k->type.x == PF_X_BYTES)
		return t.len;
	for (size_t i = 0; i < t.len; i++)
		n += (t.data[i] & 0xc0) != 0x80;
	return n;
}

static void eval_length(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	int64_t *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++)
		v[i] = s && s[i] ? 0 :
		       (int64_t)characters(k, PF_AT(struct pf_view, &k->out, i));
}

static size_t map_case(struct pf_view t, uint32_t (*map)(uint32_t), uint8_t *out)
{
	size_t n = 0;
	for (size_t i = 0; i < t.len;) {
		uint32_t cp;
		if (t.data[i] < 0x80) {
			out[n++] = (uint8_t)map(t.data[i++]);
			continue;
		}
		unsigned len = pf_utf8_decode(t.data + i, t.len - i, &cp);
		if (!len) {
			out[n++] = t.data[i++];
			continue;
		}
		/* The maps stay within the length: both are two or three bytes. */
		n += pf_utf8_encode(map(cp), out + n);
		i += len;
	}
	return n;
}

static void eval_case(struct pf_expr *e, struct pf_node *x, uint32_t (*map)(uint32_t))
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s[i] != PF_S_VALID)
			continue;
		struct pf_view t = PF_AT(struct pf_view, &x->kids[0]->out, i);
		uint8_t *p = pf_fn_text(e, t.len + 4);
		if (!p)
			s[i] = PF_S_LONG;
		else
			v[i] = pf_view_of(p, map_case(t, map, p));
	}
}

static void eval_lower(struct pf_expr *e, struct pf_node *x)
{
	eval_case(e, x, pf_lower_cp);
}

static void eval_upper(struct pf_expr *e, struct pf_node *x)
{
	eval_case(e, x, pf_upper_cp);
}

static int bind_substr(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	if (!is_text(x->kids[0]))
		PF_TRY(pf_fn_want(e, x, 0, PF_X_STRING, "a string", err));
	for (uint32_t i = 1; i < x->nkids; i++)
		PF_TRY(pf_fn_want(e, x, i, PF_X_INT, "an integer", err));
	x->type = x->kids[0]->type;
	return 0;
}

/* Byte position of the n-th character (from 0), or the end. */
static size_t skip(const struct pf_node *k, struct pf_view t, size_t from, uint64_t n)
{
	if (k->type.x == PF_X_BYTES)
		return n < t.len - from ? from + (size_t)n : t.len;
	while (n && from < t.len) {
		from++;
		while (from < t.len && (t.data[from] & 0xc0) == 0x80)
			from++;
		n--;
	}
	return from;
}

/* Positions from 1; negative ones count from the end; what is outside of the
 * text is not there. */
static struct pf_view substr(const struct pf_node *k, struct pf_view t,
			     int64_t start, const int64_t *len)
{
	__extension__ typedef __int128 wide;
	wide first = start > 0 ? (wide)start - 1 :
		     start < 0 ? (wide)start + (wide)characters(k, t) : -1;
	wide end = len ? first + *len : (wide)INT64_MAX;
	if (first < 0)
		first = 0;
	if (end <= first)
		return pf_view_of("", 0);
	size_t from = skip(k, t, 0, first > INT64_MAX ? INT64_MAX : (uint64_t)first);
	wide count = end - first;
	size_t to = skip(k, t, from, count > INT64_MAX ? INT64_MAX : (uint64_t)count);
	return pf_view_of(t.data + from, to - from);
}

static void eval_substr(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	struct pf_view *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s && s[i])
			continue;
		int64_t len = x->nkids == 3 ? PF_AT(int64_t, &x->kids[2]->out, i) : 0;
		v[i] = substr(k, PF_AT(struct pf_view, &k->out, i),
			      PF_AT(int64_t, &x->kids[1]->out, i),
			      x->nkids == 3 ? &len : NULL);
	}
}

static void trim(struct pf_expr *e, struct pf_node *x, bool left, bool right)
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		struct pf_view t = pf_view_of("", 0);
		if (!(s && s[i]))
			t = PF_AT(struct pf_view, &x->kids[0]->out, i);
		while (left && t.len && (t.data[0] == ' ' || (t.data[0] >= 9 && t.data[0] <= 13)))
			t.data++, t.len--;
		while (right && t.len && (t.data[t.len - 1] == ' ' ||
					  (t.data[t.len - 1] >= 9 && t.data[t.len - 1] <= 13)))
			t.len--;
		v[i] = t;
	}
}

static void eval_trim(struct pf_expr *e, struct pf_node *x)
{
	trim(e, x, true, true);
}

static void eval_ltrim(struct pf_expr *e, struct pf_node *x)
{
	trim(e, x, true, false);
}

static void eval_rtrim(struct pf_expr *e, struct pf_node *x)
{
	trim(e, x, false, true);
}

static const uint8_t *find(struct pf_view t, size_t from, struct pf_view what)
{
	if (!what.len)
		return t.data + from;
	return t.len - from < what.len ? NULL :
	       memmem(t.data + from, t.len - from, what.data, what.len);
}

/* Twice the same walk: once to measure, once to write. */
static size_t replace(struct pf_view t, struct pf_view from, struct pf_view to,
		      uint8_t *out)
{
	size_t n = 0, at = 0;
	const uint8_t *hit;
	while (from.len && (hit = find(t, at, from))) {
		size_t keep = (size_t)(hit - t.data) - at;
		if (out && keep)
			memcpy(out + n, t.data + at, keep);
		if (out && to.len)
			memcpy(out + n + keep, to.data, to.len);
		n += keep + to.len;
		at += keep + from.len;
	}
	if (out && t.len - at)
		memcpy(out + n, t.data + at, t.len - at);
	return n + t.len - at;
}

static void eval_replace(struct pf_expr *e, struct pf_node *x)
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s[i] != PF_S_VALID)
			continue;
		struct pf_view t = PF_AT(struct pf_view, &x->kids[0]->out, i);
		struct pf_view from = PF_AT(struct pf_view, &x->kids[1]->out, i);
		struct pf_view to = PF_AT(struct pf_view, &x->kids[2]->out, i);
		size_t n = replace(t, from, to, NULL);
		uint8_t *p = pf_fn_text(e, n);
		if (p)
			v[i] = pf_view_of(p, replace(t, from, to, p));
		else
			s[i] = PF_S_LONG;
	}
}

static int bind_concat(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	for (uint32_t i = 0; i < x->nkids; i++) {
		if (is_text(x->kids[i]))
			continue;
		PF_TRY(pf_fn_want(e, x, i, PF_X_STRING,
				  "a string (string() makes one)", err));
	}
	x->type = (struct pf_xtype){ .x = PF_X_STRING };
	return 0;
}

/* Nulls count as nothing. */
static void eval_concat(struct pf_expr *e, struct pf_node *x)
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		size_t n = 0;
		v[i] = pf_view_of("", 0);
		if (s[i] > PF_S_NULL)
			continue;
		s[i] = PF_S_VALID;
		for (uint32_t k = 0; k < x->nkids; k++)
			if (!pf_state_at(&x->kids[k]->out, i))
				n += PF_AT(struct pf_view, &x->kids[k]->out, i).len;
		uint8_t *p = pf_fn_text(e, n);
		if (!p) {
			s[i] = PF_S_LONG;
			continue;
		}
		v[i] = pf_view_of(p, n);
		for (uint32_t k = 0; k < x->nkids; k++) {
			if (pf_state_at(&x->kids[k]->out, i))
				continue;
			struct pf_view t = PF_AT(struct pf_view, &x->kids[k]->out, i);
			if (t.len)
				memcpy(p, t.data, t.len);
			p += t.len;
		}
	}
}

static bool contains(struct pf_view t, struct pf_view what)
{
	return find(t, 0, what) != NULL || !what.len;
}

static bool starts_with(struct pf_view t, struct pf_view what)
{
	return t.len >= what.len &&
	       (!what.len || !memcmp(t.data, what.data, what.len));
}

static bool ends_with(struct pf_view t, struct pf_view what)
{
	return t.len >= what.len &&
	       (!what.len ||
		!memcmp(t.data + t.len - what.len, what.data, what.len));
}

static void eval_test(struct pf_expr *e, struct pf_node *x,
		      bool (*is)(struct pf_view, struct pf_view))
{
	uint8_t *v = pf_node_values(e, x, e->n);
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++)
		v[i] = !(s && s[i]) && is(PF_AT(struct pf_view, &x->kids[0]->out, i),
					  PF_AT(struct pf_view, &x->kids[1]->out, i));
}

static void eval_contains(struct pf_expr *e, struct pf_node *x)
{
	eval_test(e, x, contains);
}

static void eval_starts_with(struct pf_expr *e, struct pf_node *x)
{
	eval_test(e, x, starts_with);
}

static void eval_ends_with(struct pf_expr *e, struct pf_node *x)
{
	eval_test(e, x, ends_with);
}

static int bind_split(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(pf_fn_want(e, x, 0, PF_X_STRING, "a string", err));
	PF_TRY(pf_fn_want(e, x, 1, PF_X_STRING, "a string", err));
	PF_TRY(pf_fn_want(e, x, 2, PF_X_INT, "an integer", err));
	x->type = (struct pf_xtype){ .x = PF_X_STRING };
	return 0;
}

/* The n-th piece, from 1; null when there are not so many. */
static void eval_split(struct pf_expr *e, struct pf_node *x)
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s[i] != PF_S_VALID)
			continue;
		struct pf_view t = PF_AT(struct pf_view, &x->kids[0]->out, i);
		struct pf_view sep = PF_AT(struct pf_view, &x->kids[1]->out, i);
		int64_t n = PF_AT(int64_t, &x->kids[2]->out, i);
		size_t at = 0;
		const uint8_t *hit = NULL;
		for (; n > 0; n--) {
			hit = sep.len ? find(t, at, sep) : NULL;
			size_t end = hit ? (size_t)(hit - t.data) : t.len;
			if (n == 1)
				v[i] = pf_view_of(t.data + at, end - at);
			else if (!hit)
				break;
			at = end + sep.len;
		}
		if (n != 0)
			s[i] = PF_S_NULL;
	}
}

/* A string without its quotes, everything else as it stands; null where there
 * is nothing, or null. */
static uint8_t json_value(struct pf_expr *e, struct pf_view text, struct pf_view path,
			  struct pf_view *v)
{
	struct pf_view found;
	if (!pf_json_path(text, path, &found) ||
	    (found.len == 4 && !memcmp(found.data, "null", 4)))
		return PF_S_NULL;
	if (found.data[0] != '"') {
		*v = found;
		return PF_S_VALID;
	}
	if (!memchr(found.data, '\\', found.len)) {
		*v = pf_view_of(found.data + 1, found.len - 2);
		return PF_S_VALID;
	}
	uint8_t *p = pf_fn_text(e, found.len);
	if (!p)
		return PF_S_LONG;
	size_t len;
	if (!pf_json_unescape(found, p, &len))
		return PF_S_NULL;
	*v = pf_view_of(p, len);
	return PF_S_VALID;
}

static void eval_json(struct pf_expr *e, struct pf_node *x)
{
	struct pf_view *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = pf_view_of("", 0);
		if (s[i] == PF_S_VALID)
			s[i] = json_value(e, PF_AT(struct pf_view, &x->kids[0]->out, i),
					  PF_AT(struct pf_view, &x->kids[1]->out, i), &v[i]);
	}
}

const struct pf_fn pf_fns_text[] = {
	{ "lower", 1, 1, bind_texts, eval_lower, "lower(text)" },
	{ "upper", 1, 1, bind_texts, eval_upper, "upper(text)" },
	{ "length", 1, 1, bind_length, eval_length, "length(text)" },
	{ "substr", 2, 3, bind_substr, eval_substr, "substr(text, first [, count])" },
	{ "trim", 1, 1, bind_texts, eval_trim, "trim(text)" },
	{ "ltrim", 1, 1, bind_texts, eval_ltrim, "ltrim(text)" },
	{ "rtrim", 1, 1, bind_texts, eval_rtrim, "rtrim(text)" },
	{ "replace", 3, 3, bind_texts, eval_replace, "replace(text, from, to)" },
	{ "concat", 1, 255, bind_concat, eval_concat, "concat(a, b, ...)" },
	{ "contains", 2, 2, bind_test, eval_contains, "contains(text, part)" },
	{ "starts_with", 2, 2, bind_test, eval_starts_with, "starts_with(text, part)" },
	{ "ends_with", 2, 2, bind_test, eval_ends_with, "ends_with(text, part)" },
	{ "split", 3, 3, bind_split, eval_split, "split(text, separator, n)" },
	{ "json", 2, 2, bind_texts, eval_json, "json(text, path)" },
	{ .name = NULL },
};

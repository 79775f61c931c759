/* SPDX-License-Identifier: Apache-2.0 */
#include "query/tally.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "query/keyset.h"
#include "query/uniques.h"

/* What is known of one group, by what the aggregate keeps. */
struct exact {
	pf_i128 sum;
	int64_t n;
};

struct real {
	double total, rest;
	int64_t n;
};

struct kept { /* a value that was chosen: min, max, first, last */
	int64_t n, time;
	bool null; /* first and last may be */
	union {
		int64_t i;
		double d;
		pf_i128 x;
		struct pf_buf bytes;
	};
};

/* How values are held while they are summed or compared. */
enum form { AS_INT, AS_REAL, AS_DECIMAL, AS_BYTES };

struct pf_tally {
	char *name;
	enum pf_aggregate aggregate;
	struct pf_type argument, result;
	enum form form;
	bool rows_only; /* a count of rows: no argument */
	union {
		void *states;
		int64_t *counts;
		struct exact *exact;
		struct real *real;
		struct kept *kept;
	};
	size_t width, n, cap;
	size_t held; /* bytes of kept values */
	struct pf_uniques *seen;
	struct pf_buf key;
};

static enum form form_of(enum pf_kind kind)
{
	if (kind == PF_FLOAT || kind == PF_DOUBLE)
		return AS_REAL;
	if (kind == PF_DECIMAL)
		return AS_DECIMAL;
	return pf_kind_is_variable(kind) ? AS_BYTES : AS_INT;
}

static bool is_sum(enum pf_aggregate a)
{
	return a == PF_AGG_SUM || a == PF_AGG_AVG;
}

static bool is_kept(enum pf_aggregate a)
{
	return a == PF_AGG_MIN || a == PF_AGG_MAX || a == PF_AGG_FIRST || a == PF_AGG_LAST;
}

static int result_type(const struct pf_tally *a, struct pf_type *type,
		       struct pf_error *err)
{
	char name[40];
	*type = (struct pf_type){ .kind = PF_BIGINT };
	if (is_kept(a->aggregate))
		*type = a->argument;
	if (!is_sum(a->aggregate))
		return 0;
	if (!pf_kind_is_integer(a->argument.kind) && a->form != AS_REAL &&
	    a->form != AS_DECIMAL) {
		pf_fail(err, PF_E_EXPR_TYPE, "%s needs numbers, this is %s", a->name,
			pf_type_name(a->argument, name));
		return pf_hint(err, "int() and double() read numbers from text");
	}
	if (a->aggregate == PF_AGG_AVG || a->form == AS_REAL)
		type->kind = PF_DOUBLE;
	else if (a->form == AS_DECIMAL)
		*type = (struct pf_type){ PF_DECIMAL, 38, a->argument.scale };
	return 0;
}

int pf_tally_new(const struct pf_item *item, struct pf_type argument,
		       size_t memory, struct pf_tally **out, struct pf_error *err)
{
	struct pf_tally *a = pf_zalloc(1, sizeof *a);
	a->name = pf_strdup(item->name);
	a->aggregate = item->aggregate;
	a->argument = argument;
	a->form = form_of(argument.kind);
	a->rows_only = !item->expr;
	if (is_kept(a->aggregate))
		a->width = sizeof *a->kept;
	else if (!is_sum(a->aggregate))
		a->width = sizeof *a->counts;
	else
		a->width = a->form == AS_REAL ? sizeof *a->real : sizeof *a->exact;
	int code = result_type(a, &a->result, err);
	if (code) {
		pf_tally_free(a);
		return code;
	}
	if (a->aggregate == PF_AGG_DISTINCT)
		a->seen = pf_uniques_new(memory);
	*out = a;
	return 0;
}

void pf_tally_clear(struct pf_tally *a)
{
	if (is_kept(a->aggregate) && a->form == AS_BYTES)
		for (size_t i = 0; i < a->n; i++)
			pf_buf_free(&a->kept[i].bytes);
	free(a->states);
	a->states = NULL;
	a->n = a->cap = a->held = 0;
}

void pf_tally_free(struct pf_tally *a)
{
	if (!a)
		return;
	pf_tally_clear(a);
	pf_uniques_free(a->seen);
	pf_buf_free(&a->key);
	free(a->name);
	free(a);
}

struct pf_type pf_tally_type(const struct pf_tally *a)
{
	return a->result;
}

size_t pf_tally_bytes(const struct pf_tally *a)
{
	return a->cap * a->width + a->held + (a->seen ? pf_uniques_bytes(a->seen) : 0);
}

void pf_tally_groups(struct pf_tally *a, size_t n)
{
	if (n > a->cap) {
		a->cap = pf_grow(a->cap, n);
		a->states = pf_realloc(a->states, a->cap, a->width);
	}
	if (n > a->n)
		memset((uint8_t *)a->states + a->n * a->width, 0, (n - a->n) * a->width);
	a->n = n;
}

void pf_tally_freeze(struct pf_tally *a)
{
	if (a->seen)
		pf_uniques_freeze(a->seen);
}

/* --- values of a list of rows, in one form --- */

static void ints_of(enum pf_kind kind, const struct pf_column *c, const uint32_t *rows,
		    size_t n, int64_t *out)
{
	size_t width = kind == PF_BOOLEAN ? 0 : pf_kind_width(kind);
	const void *v = c->values;
	for (size_t i = 0; i < n && width == 8; i++)
		out[i] = ((const int64_t *)v)[rows[i]];
	for (size_t i = 0; i < n && width == 4; i++)
		out[i] = ((const int32_t *)v)[rows[i]];
	for (size_t i = 0; i < n && width < 4; i++)
		out[i] = pf_int_at(c, kind, rows[i]);
}

static double real_at(enum pf_kind kind, const struct pf_column *c, uint32_t row)
{
	return kind == PF_FLOAT ? (double)((const float *)c->values)[row] :
				  ((const double *)c->values)[row];
}

static pf_i128 decimal_at(const struct pf_column *c, uint32_t row)
{
	pf_i128 v;
	memcpy(&v, (const uint8_t *)c->values + (size_t)row * 16, 16);
	return v;
}

/* --- sums --- */

static void add_real(struct real *s, double v)
{
	double t = s->total + v;
	if (fabs(s->total) >= fabs(v))
		s->rest += (s->total - t) + v;
	else
		s->rest += (v - t) + s->total;
	s->total = t;
	s->n++;
}

static int add_sums(struct pf_tally *a, const struct pf_column *c,
		    const struct pf_grouped_rows *r, struct pf_error *err)
{
	int64_t ints[PF_KEY_ROWS];
	bool over = false;
	if (a->form == AS_REAL) {
		for (size_t i = 0; i < r->n; i++)
			add_real(&a->real[r->groups[i]],
				 real_at(a->argument.kind, c, r->rows[i]));
		return 0;
	}
	if (a->form == AS_DECIMAL) {
		for (size_t i = 0; i < r->n; i++) {
			struct exact *s = &a->exact[r->groups[i]];
			over |= __builtin_add_overflow(
				s->sum, decimal_at(c, r->rows[i]), &s->sum);
			s->n++;
		}
	} else { /* 2^63 rows of 64 bits each do not leave 128 */
		ints_of(a->argument.kind, c, r->rows, r->n, ints);
		for (size_t i = 0; i < r->n; i++) {
			struct exact *s = &a->exact[r->groups[i]];
			s->sum += ints[i];
			s->n++;
		}
	}
	return over ? pf_fail(err, PF_E_EXPR_VALUE, "a sum does not fit 128 bits") : 0;
}

/* --- values that are kept --- */

static void keep(struct pf_tally *a, struct kept *s, const struct pf_column *c,
		 uint32_t row)
{
	s->null = pf_is_null(c, row);
	if (s->null)
		return;
	switch (a->form) {
	case AS_INT:
		s->i = pf_int_at(c, a->argument.kind, row);
		return;
	case AS_REAL:
		s->d = real_at(a->argument.kind, c, row);
		s->d = s->d == 0 ? 0.0 : s->d; /* -0.0 is no other value */
		return;
	case AS_DECIMAL:
		s->x = decimal_at(c, row);
		return;
	case AS_BYTES: {
		struct pf_view v = pf_bytes_at(c, row);
		a->held -= s->bytes.cap;
		s->bytes.len = 0;
		pf_buf_add(&s->bytes, v.data, v.len);
		a->held += s->bytes.cap;
		return;
	}
	}
}

static void add_in_time(struct pf_tally *a, const struct pf_column *c,
			const struct pf_grouped_rows *r)
{
	bool last = a->aggregate == PF_AGG_LAST;
	for (size_t i = 0; i < r->n; i++) {
		struct kept *s = &a->kept[r->groups[i]];
		int64_t time = r->times ? r->times[i] : 0;
		if (!s->n++ || (last ? time >= s->time : time < s->time)) {
			s->time = time;
			keep(a, s, c, r->rows[i]);
		}
	}
}

/* NaN is the greatest, as in Paimon and Parquet. */
static bool real_less(double x, double y)
{
	return x < y || (y != y && x == x);
}

/* <0, 0, >0: row i of the list against the kept value. */
static int compare(const struct pf_tally *a, const struct kept *s,
		   const struct pf_column *c, uint32_t row)
{
	double d;
	pf_i128 x;
	switch (a->form) {
	case AS_REAL:
		d = real_at(a->argument.kind, c, row);
		return real_less(s->d, d) - real_less(d, s->d);
	case AS_DECIMAL:
		x = decimal_at(c, row);
		return (x > s->x) - (x < s->x);
	case AS_BYTES:
		return pf_view_cmp(pf_bytes_at(c, row),
				   pf_view_of(s->bytes.data, s->bytes.len));
	case AS_INT:
		break;
	}
	int64_t i = pf_int_at(c, a->argument.kind, row);
	return (i > s->i) - (i < s->i);
}

static void add_extremes(struct pf_tally *a, const struct pf_column *c,
			 const struct pf_grouped_rows *r)
{
	int64_t ints[PF_KEY_ROWS];
	bool max = a->aggregate == PF_AGG_MAX;
	if (a->form == AS_INT) {
		ints_of(a->argument.kind, c, r->rows, r->n, ints);
		for (size_t i = 0; i < r->n; i++) {
			struct kept *s = &a->kept[r->groups[i]];
			if (!s->n++ || (max ? ints[i] > s->i : ints[i] < s->i))
				s->i = ints[i];
		}
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct kept *s = &a->kept[r->groups[i]];
		int order = s->n++ ? compare(a, s, c, r->rows[i]) : max ? 1 : -1;
		if (max ? order > 0 : order < 0)
			keep(a, s, c, r->rows[i]);
	}
}

/* --- counts --- */

static int add_distinct(struct pf_tally *a, const struct pf_column *c,
			const struct pf_grouped_rows *r, struct pf_error *err)
{
	for (size_t i = 0; i < r->n; i++) {
		bool is_new;
		a->key.len = 0;
		pf_key_add(&a->key, a->argument.kind, c, r->rows[i]);
		PF_TRY(pf_uniques_add(a->seen, r->groups[i], &a->key, &is_new, err));
		a->counts[r->groups[i]] += is_new;
	}
	return 0;
}

static int add_values(struct pf_tally *a, const struct pf_column *c,
		      const struct pf_grouped_rows *r, struct pf_error *err)
{
	switch (a->aggregate) {
	case PF_AGG_SUM:
	case PF_AGG_AVG:
		return add_sums(a, c, r, err);
	case PF_AGG_MIN:
	case PF_AGG_MAX:
		add_extremes(a, c, r);
		return 0;
	case PF_AGG_DISTINCT:
		return add_distinct(a, c, r, err);
	default:
		for (size_t i = 0; i < r->n; i++)
			a->counts[r->groups[i]]++;
		return 0;
	}
}

int pf_tally_add(struct pf_tally *a, const struct pf_column *c,
		       const struct pf_grouped_rows *r, struct pf_error *err)
{
	uint32_t rows[PF_KEY_ROWS], groups[PF_KEY_ROWS];
	if (a->aggregate == PF_AGG_FIRST || a->aggregate == PF_AGG_LAST) {
		add_in_time(a, c, r);
		return 0;
	}
	if (a->rows_only || !c->validity)
		return add_values(a, c, r, err);
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		rows[n] = r->rows[i];
		groups[n] = r->groups[i];
		n += pf_bit(c->validity, r->rows[i]);
	}
	struct pf_grouped_rows valid = { .rows = rows, .groups = groups, .n = n };
	return add_values(a, c, &valid, err);
}

/* --- results --- */

static void count_one(void *ctx, uint32_t group)
{
	struct pf_tally *a = ctx;
	a->counts[group]++;
}

int pf_tally_settle(struct pf_tally *a, struct pf_error *err)
{
	return a->seen ? pf_uniques_settle(a->seen, count_one, a, err) : 0;
}

/* An infinite total has no rest. */
static double real_sum(const struct real *s)
{
	return isfinite(s->total) ? s->total + s->rest : s->total;
}

static int put_sum(const struct pf_tally *a, const struct exact *s,
		   struct pf_colbuf *out, struct pf_error *err)
{
	static const pf_i128 max38 = ((pf_i128)10000000000000000000ULL) *
				     ((pf_i128)10000000000000000000ULL) - 1;
	bool decimal = a->form == AS_DECIMAL;
	pf_i128 most = decimal ? max38 : INT64_MAX, least = decimal ? -max38 : INT64_MIN;
	if (s->sum > most || s->sum < least) {
		pf_fail(err, PF_E_EXPR_VALUE, "%s does not fit its type", a->name);
		return pf_hint(err, "sum(decimal(x, 38, 0)) has 38 digits, sum(double(x)) rounds");
	}
	if (decimal)
		pf_col_i128(out, s->sum);
	else
		pf_col_i64(out, (int64_t)s->sum);
	return 0;
}

static void put_kept(const struct pf_tally *a, const struct kept *s,
		     struct pf_colbuf *out)
{
	if (!s->n || s->null)
		pf_col_null(out);
	else if (a->form == AS_BYTES)
		pf_col_bytes(out, s->bytes.data, s->bytes.len);
	else if (a->form == AS_DECIMAL)
		pf_col_i128(out, s->x);
	else if (a->argument.kind == PF_FLOAT)
		pf_col_f32(out, (float)s->d);
	else if (a->form == AS_REAL)
		pf_col_f64(out, s->d);
	else if (a->argument.kind == PF_BOOLEAN)
		pf_col_bool(out, s->i != 0);
	else
		pf_col_int(out, s->i);
}

static void put_average(const struct pf_tally *a, size_t group,
			struct pf_colbuf *out)
{
	double unit = 1;
	if (a->form == AS_REAL) {
		const struct real *s = &a->real[group];
		pf_col_f64(out, real_sum(s) / (double)s->n);
		return;
	}
	for (unsigned i = 0; a->form == AS_DECIMAL && i < a->argument.scale; i++)
		unit *= 10;
	const struct exact *s = &a->exact[group];
	pf_col_f64(out, (double)s->sum / unit / (double)s->n);
}

int pf_tally_put(const struct pf_tally *a, size_t group,
		       struct pf_colbuf *out, struct pf_error *err)
{
	if (is_kept(a->aggregate)) {
		put_kept(a, &a->kept[group], out);
		return 0;
	}
	if (!is_sum(a->aggregate)) {
		pf_col_i64(out, a->counts[group]);
		return 0;
	}
	int64_t n = a->form == AS_REAL ? a->real[group].n : a->exact[group].n;
	if (!n)
		pf_col_null(out);
	else if (a->aggregate == PF_AGG_AVG)
		put_average(a, group, out);
	else if (a->form == AS_REAL)
		pf_col_f64(out, real_sum(&a->real[group]));
	else
		return put_sum(a, &a->exact[group], out, err);
	return 0;
}

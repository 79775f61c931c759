/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions on dates and times. Parts of an instant (timestamp_ltz) are those
 * of the wall clock in the table's zone.
 */
#include "expr/fn.h"

#include "base/time.h"

enum part { YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, DOW, DOY };

/* A time literal, written as text, where only a time fits. */
static int want_time(struct pf_expr *e, struct pf_node *x, uint32_t kid,
		     bool time_of_day, struct pf_error *err)
{
	PF_TRY(pf_bind_coerce(e, x->kids[kid], (struct pf_xtype){ PF_X_TS, 3, 0 }, err));
	enum pf_xkind k = x->kids[kid]->type.x;
	if (!pf_x_is_time(k) && !(time_of_day && k == PF_X_TIME))
		return pf_bind_fail_type(e, x->kids[kid], "a date or timestamp", err);
	return 0;
}

/* Wall clock seconds since 1970 and the rest in microseconds. */
static int64_t wall(const struct pf_expr *e, const struct pf_node *k, size_t i,
		    int64_t *rest)
{
	int64_t v = PF_AT(int64_t, &k->out, i);
	*rest = 0;
	if (k->type.x == PF_X_DATE)
		return v * 86400;
	int64_t units = pf_x_units(k->type);
	if (k->type.x == PF_X_TIME)
		units = 1000;
	*rest = pf_floor_mod(v, units) * (1000000 / units);
	int64_t sec = pf_floor_div(v, units);
	return k->type.x == PF_X_LTZ ? pf_zone_to_wall(e->zone, sec) : sec;
}

static int64_t part_of(int64_t sec, enum part part)
{
	int64_t days = pf_floor_div(sec, 86400), of_day = pf_floor_mod(sec, 86400);
	int64_t year;
	unsigned month, day;
	switch (part) {
	case HOUR:
		return of_day / 3600;
	case MINUTE:
		return of_day / 60 % 60;
	case SECOND:
		return of_day % 60;
	case DOW: /* Sunday is 0; 1970-01-01 was a Thursday */
		return pf_floor_mod(days + 4, 7);
	default:
		break;
	}
	pf_civil_from_days(days, &year, &month, &day);
	switch (part) {
	case YEAR:
		return year;
	case QUARTER:
		return (month + 2) / 3;
	case MONTH:
		return month;
	case DOY:
		return days - pf_days_from_civil(year, 1, 1) + 1;
	default:
		return day;
	}
}

static const struct {
	const char *name;
	enum part part;
} parts[] = {
	{ "year", YEAR }, { "quarter", QUARTER }, { "month", MONTH }, { "week", WEEK },
	{ "day", DAY }, { "hour", HOUR }, { "minute", MINUTE }, { "second", SECOND },
	{ "dow", DOW }, { "doy", DOY },
};

static int bind_part(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	PF_TRY(want_time(e, x, 0, true, err));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (pf_view_is(x->name, parts[i].name))
			x->column = (int)parts[i].part;
	if (x->kids[0]->type.x == PF_X_TIME &&
	    (x->column < HOUR || x->column > SECOND))
		return pf_bind_fail_type(e, x->kids[0], "a date or timestamp", err);
	x->type = (struct pf_xtype){ .x = PF_X_INT };
	return 0;
}

static void eval_part(struct pf_expr *e, struct pf_node *x)
{
	int64_t *v = pf_node_values(e, x, e->n), rest;
	const uint8_t *s = pf_node_merge_states(e, x);
	for (size_t i = 0; i < e->n; i++)
		v[i] = s && s[i] ? 0 :
		       part_of(wall(e, x->kids[0], i, &rest), (enum part)x->column);
}

static int bind_date(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	if (x->kids[0]->type.x == PF_X_STRING && x->kids[0]->op != PF_N_LITERAL) {
		x->type = (struct pf_xtype){ .x = PF_X_DATE };
		return 0;
	}
	PF_TRY(want_time(e, x, 0, false, err));
	x->type = (struct pf_xtype){ .x = PF_X_DATE };
	return 0;
}

static void eval_date(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	int64_t *v = pf_node_values(e, x, e->n), rest;
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		struct pf_datum d;
		v[i] = 0;
		if (s[i] != PF_S_VALID)
			continue;
		if (k->type.x != PF_X_STRING) {
			v[i] = pf_floor_div(wall(e, k, i, &rest), 86400);
			continue;
		}
		struct pf_view t = PF_AT(struct pf_view, &k->out, i);
		if (pf_datum_parse((struct pf_type){ .kind = PF_DATE },
				   (const char *)t.data, t.len, NULL, &d, NULL))
			s[i] = PF_S_BAD_CAST;
		else
			v[i] = d.i;
	}
}

/* timestamp(x): the wall clock of an instant, a date's midnight, a text. */
static int bind_timestamp(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	struct pf_node *k = x->kids[0];
	if (k->type.x != PF_X_STRING || k->op == PF_N_LITERAL)
		PF_TRY(want_time(e, x, 0, false, err));
	k = x->kids[0];
	uint8_t p = k->type.x == PF_X_STRING ? 6 : k->type.x == PF_X_DATE ? 0 :
							k->type.precision;
	/* A literal has the digits that it needs. */
	if (k->op == PF_N_LITERAL && p == 3 && k->value.i % 1000 == 0)
		p = 0;
	x->type = (struct pf_xtype){ PF_X_TS, p, 0 };
	return 0;
}

static void eval_timestamp(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	int64_t *v = pf_node_values(e, x, e->n), rest, units = pf_x_units(x->type);
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		struct pf_datum d;
		v[i] = 0;
		if (s[i] != PF_S_VALID)
			continue;
		if (k->type.x == PF_X_STRING) {
			struct pf_view t = PF_AT(struct pf_view, &k->out, i);
			if (pf_datum_parse(pf_x_type(x->type), (const char *)t.data,
					   t.len, e->zone, &d, NULL))
				s[i] = PF_S_BAD_CAST;
			else
				v[i] = d.i;
			continue;
		}
		int64_t sec = wall(e, k, i, &rest);
		if (__builtin_mul_overflow(sec, units, &v[i]) ||
		    __builtin_add_overflow(v[i], rest / (1000000 / units), &v[i]))
			s[i] = PF_S_RANGE;
	}
}

static int bind_trunc(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	const struct pf_node *u = x->kids[0];
	if (u->op != PF_N_LITERAL || u->type.x != PF_X_STRING)
		return pf_bind_fail_type(e, u, "a quoted unit ('month')", err);
	x->column = -1;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].part <= SECOND && pf_view_is(u->value.s, parts[i].name))
			x->column = (int)parts[i].part;
	if (x->column < 0) {
		pf_expr_fail(e, u->at, u->len, PF_E_EXPR_TYPE, err, "unknown unit");
		return pf_hint(err, "units: year quarter month week day hour minute second");
	}
	PF_TRY(want_time(e, x, 1, false, err));
	x->type = x->kids[1]->type;
	if (x->type.x == PF_X_DATE && x->column >= HOUR)
		return pf_bind_fail_type(e, x->kids[1], "a timestamp", err);
	return 0;
}

/* The wall clock second at which the unit around sec begins. Weeks begin on
 * Monday. */
static int64_t trunc_to(int64_t sec, enum part unit)
{
	int64_t days = pf_floor_div(sec, 86400), year;
	unsigned month, day;
	switch (unit) {
	case SECOND:
		return sec;
	case MINUTE:
		return sec - pf_floor_mod(sec, 60);
	case HOUR:
		return sec - pf_floor_mod(sec, 3600);
	case DAY:
		return days * 86400;
	case WEEK:
		return (days - pf_floor_mod(days + 3, 7)) * 86400;
	default:
		break;
	}
	pf_civil_from_days(days, &year, &month, &day);
	if (unit == YEAR)
		month = 1;
	else if (unit == QUARTER)
		month -= (month - 1) % 3;
	return pf_days_from_civil(year, month, 1) * 86400;
}

static void eval_trunc(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[1];
	int64_t *v = pf_node_values(e, x, e->n), rest;
	uint8_t *s = pf_node_own_states(e, x);
	for (size_t i = 0; i < e->n; i++) {
		v[i] = 0;
		if (s[i] != PF_S_VALID)
			continue;
		int64_t sec = trunc_to(wall(e, k, i, &rest), (enum part)x->column);
		if (x->type.x == PF_X_DATE) {
			v[i] = pf_floor_div(sec, 86400);
			continue;
		}
		if (x->type.x == PF_X_LTZ)
			sec = pf_zone_to_utc(e->zone, sec);
		if (__builtin_mul_overflow(sec, pf_x_units(x->type), &v[i]))
			s[i] = PF_S_RANGE;
	}
}

static int bind_epoch(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	x->column = pf_view_is(x->name, "epoch") ? 1 : pf_view_is(x->name, "epoch_ms") ?
								1000 : 1000000;
	if (x->kids[0]->type.x != PF_X_INTERVAL)
		PF_TRY(want_time(e, x, 0, false, err));
	x->type = (struct pf_xtype){ .x = PF_X_INT };
	return 0;
}

/* A wall clock counts as if it were UTC, as java.time and DuckDB have it. */
static void eval_epoch(struct pf_expr *e, struct pf_node *x)
{
	const struct pf_node *k = x->kids[0];
	int64_t *v = pf_node_values(e, x, e->n);
	uint8_t *s = pf_node_own_states(e, x);
	int64_t per_second = x->column;
	for (size_t i = 0; i < e->n; i++) {
		v[i] = PF_AT(int64_t, &k->out, i);
		if (s[i] != PF_S_VALID)
			continue;
		int64_t units = k->type.x == PF_X_DATE ? 1 : pf_x_units(k->type);
		if (k->type.x == PF_X_DATE)
			v[i] *= 86400;
		if (units > per_second)
			v[i] = pf_floor_div(v[i], units / per_second);
		else if (__builtin_mul_overflow(v[i], per_second / units, &v[i]))
			s[i] = PF_S_OVERFLOW;
	}
}

static int bind_now(struct pf_expr *e, struct pf_node *x, struct pf_error *err)
{
	(void)e;
	(void)err;
	x->type = (struct pf_xtype){ PF_X_LTZ, 6, 0 };
	return 0;
}

static void eval_now(struct pf_expr *e, struct pf_node *x)
{
	int64_t *v = pf_node_values(e, x, e->n);
	for (size_t i = 0; i < e->n; i++)
		v[i] = e->now;
}

const struct pf_fn pf_fns_time[] = {
	{ "year", 1, 1, bind_part, eval_part, "year(time)" },
	{ "quarter", 1, 1, bind_part, eval_part, "quarter(time)" },
	{ "month", 1, 1, bind_part, eval_part, "month(time)" },
	{ "day", 1, 1, bind_part, eval_part, "day(time)" },
	{ "hour", 1, 1, bind_part, eval_part, "hour(time)" },
	{ "minute", 1, 1, bind_part, eval_part, "minute(time)" },
	{ "second", 1, 1, bind_part, eval_part, "second(time)" },
	{ "dow", 1, 1, bind_part, eval_part, "dow(time)" },
	{ "doy", 1, 1, bind_part, eval_part, "doy(time)" },
	{ "date", 1, 1, bind_date, eval_date, "date(time)" },
	{ "timestamp", 1, 1, bind_timestamp, eval_timestamp, "timestamp(time)" },
	{ "date_trunc", 2, 2, bind_trunc, eval_trunc, "date_trunc('unit', time)" },
	{ "epoch", 1, 1, bind_epoch, eval_epoch, "epoch(time)" },
	{ "epoch_ms", 1, 1, bind_epoch, eval_epoch, "epoch_ms(time)" },
	{ "epoch_us", 1, 1, bind_epoch, eval_epoch, "epoch_us(time)" },
	{ "now", 0, 0, bind_now, eval_now, "now()" },
	{ .name = NULL },
};

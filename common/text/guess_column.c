/* SPDX-License-Identifier: Apache-2.0 */
#include "text/guess_column.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/time.h"
#include "ext/hash.h"
#include "text/number.h"

const char *const pf_guess_markers[PF_GUESS_MARKERS] = {
	"", "NA", "N/A", "-", "?", "NULL", "null", "\\N", "None", " ",
};

/* Tried in this order; the first that fits every value wins. */
static const char *const formats[PF_GUESS_TIMES] = {
	"iso",
	"epoch_s",
	"epoch_ms",
	"epoch_us",
	"epoch_ns",
	"%d/%b/%Y:%H:%M:%S %z",
	"%Y/%m/%d %H:%M:%S",
	"%Y/%m/%d",
	"%d.%m.%Y %H:%M:%S",
	"%d.%m.%Y %H:%M",
	"%d.%m.%Y",
	"%m/%d/%Y %H:%M:%S",
	"%m/%d/%Y %H:%M",
	"%m/%d/%Y",
	"%d/%m/%Y %H:%M",
	"%d/%m/%Y",
	"%m-%d-%Y",
	"%d-%b-%Y",
	"%a %b %e %H:%M:%S %Y",
	"%Y%m%d",
	"%b %e %H:%M:%S",
};
enum { FIRST_EPOCH = 1, LAST_EPOCH = 4, COMPACT_DATE = 19, YEARLESS = 20 };
enum { MOST_NOT_TIMES = 1000 }; /* before a column that has more is not tried on */

/* Epochs are taken for times between 1990 and 2050 only. */
static const int64_t epoch_low = 631152000, epoch_high = 2524608000;

static bool add_hash(uint64_t *set, size_t size, uint64_t hash)
{
	size_t at = hash & (size - 1);
	while (set[at]) {
		if (set[at] == hash)
			return false;
		at = (at + 1) & (size - 1);
	}
	set[at] = hash;
	return true;
}

static void count_distinct(struct pf_guess_column *c, const char *text, size_t len)
{
	uint64_t hash = pf_xxh3(text, len);
	hash += !hash;
	if (c->many)
		return;
	if (2 * c->distinct >= c->set_size) {
		size_t size = c->set_size ? 2 * c->set_size : 256;
		uint64_t *bigger = pf_zalloc(size, sizeof *bigger);
		for (size_t i = 0; i < c->set_size; i++)
			if (c->set[i])
				add_hash(bigger, size, c->set[i]);
		free(c->set);
		c->set = bigger;
		c->set_size = size;
	}
	c->distinct += add_hash(c->set, c->set_size, hash);
	if (c->distinct > PF_GUESS_DISTINCT) {
		c->many = true;
		free(c->set);
		c->set = NULL;
	}
}

/* Logs of today are of this year; the person who edits knows better. */
static int year_for(int i)
{
	int64_t year;
	unsigned month, day;
	pf_civil_from_days(pf_now_ms() / 86400000, &year, &month, &day);
	return i == YEARLESS ? (int)year : 0;
}

static void try_time(struct pf_guess_column *c, int i, const char *text, size_t len)
{
	struct pf_guess_time *t = &c->times[i];
	struct pf_timefmt f;
	struct pf_moment m;
	if (pf_timefmt_parse(formats[i], false, false, year_for(i), &f, NULL) ||
	    pf_timefmt_read(&f, text, len, &m) || !m.has_date) {
		t->dead = true;
		return;
	}
	int64_t s = m.seconds - m.offset;
	bool epoch = i >= FIRST_EPOCH && i <= LAST_EPOCH;
	if ((epoch && (s < epoch_low || s >= epoch_high)) ||
	    (i == COMPACT_DATE && len != 8)) {
		t->dead = true;
		return;
	}
	if (!c->time_values) {
		t->low = t->high = s;
		t->dates_only = true;
		t->offset = m.offset;
	} else {
		t->inversions += s < t->last || (s == t->last && m.nanos < t->last_nanos);
	}
	t->mixed = t->mixed || (m.has_offset && m.offset != t->offset);
	t->offsets = t->offsets || m.has_offset;
	t->bare = t->bare || !m.has_offset;
	t->dates_only = t->dates_only && !m.has_time;
	t->low = s < t->low ? s : t->low;
	t->high = s > t->high ? s : t->high;
	t->last = s;
	t->last_nanos = m.nanos;
	int digits = 0;
	for (uint64_t n = m.nanos; n; n = n * 10 % 1000000000)
		digits++;
	if (digits > c->fraction)
		c->fraction = digits;
}

/* A value that is a time in none of the formats which all others have is set
 * aside: one broken line must not make a time a text. */
static void try_times(struct pf_guess_column *c, const char *text, size_t len)
{
	bool dead[PF_GUESS_TIMES], left = false;
	for (int i = 0; i < PF_GUESS_TIMES; i++) {
		struct pf_guess_time *t = &c->times[i];
		dead[i] = t->dead;
		if (len < 6 || len > 40)
			t->dead = true;
		else if (!t->dead)
			try_time(c, i, text, len);
		left = left || !t->dead;
	}
	if (left) {
		if (!c->time_values++)
			pf_quote(c->example, sizeof c->example, text, len);
		return;
	}
	for (int i = 0; i < PF_GUESS_TIMES; i++)
		c->times[i].dead = dead[i];
	if (!c->not_times++)
		pf_quote(c->not_time, sizeof c->not_time, text, len);
}

/* So few that they are rather mistakes than the column's nature? */
static bool few_not_times(const struct pf_guess_column *c)
{
	return c->time_values && c->not_times <= c->plain / 100;
}

static void try_number(struct pf_guess_column *c, const char *text, size_t len)
{
	struct pf_number n;
	int64_t value;
	bool sign = len && (*text == '-' || *text == '+');
	if (!pf_number_read(text, len, &n)) {
		double ignored;
		c->not_int = true;
		c->not_number = c->not_number ||
				!pf_double_read(text, len, true, &ignored);
		return;
	}
	/* 007 is a code, not a number. */
	if (len - sign > 1 && text[sign] == '0' && isdigit((unsigned char)text[sign + 1]))
		c->not_number = c->not_int = true;
	if (pf_number_int64(&n, &value) != PF_FIT) {
		c->not_int = true;
	} else {
		c->floats_as_ints = c->floats_as_ints || memchr(text, '.', len);
		c->low = c->plain == 1 || value < c->low ? value : c->low;
		c->high = c->plain == 1 || value > c->high ? value : c->high;
	}
	c->exponents = c->exponents || memchr(text, 'e', len) || memchr(text, 'E', len);
	const char *point = memchr(text, '.', len);
	int scale = point ? (int)(text + len - point) - 1 : 0;
	c->scale = scale > c->scale ? scale : c->scale;
}

static bool is_bool_word(const char *text, size_t len)
{
	static const char *const words[] = { "true", "false", "t", "f", "yes", "no" };
	for (size_t i = 0; i < 6; i++)
		if (strlen(words[i]) == len && !strncasecmp(words[i], text, len))
			return true;
	return false;
}

void pf_guess_value(struct pf_guess_column *c, const char *text, size_t len)
{
	c->rows++;
	c->bytes += len;
	if (len > c->longest)
		c->longest = len;
	for (int i = 0; i < PF_GUESS_MARKERS; i++)
		if (strlen(pf_guess_markers[i]) == len &&
		    !memcmp(pf_guess_markers[i], text, len)) {
			c->markers[i]++;
			return;
		}
	c->plain++;
	if (c->plain == 1)
		pf_quote(c->example, sizeof c->example, text, len);
	count_distinct(c, text, len);
	if (c->nested)
		return;
	c->not_bool = c->not_bool || !is_bool_word(text, len);
	if (!c->not_number)
		try_number(c, text, len);
	if (c->not_times <= MOST_NOT_TIMES || few_not_times(c))
		try_times(c, text, len);
}

void pf_guess_free(struct pf_guess_column *c)
{
	free(c->name);
	free(c->from);
	free(c->set);
}

static struct pf_guess_type time_verdict(const struct pf_guess_column *c, int i)
{
	const struct pf_guess_time *t = &c->times[i];
	struct pf_guess_type g = { .time = i, .epoch = i >= FIRST_EPOCH && i <= LAST_EPOCH };
	g.format = i ? formats[i] : NULL;
	g.year = year_for(i);
	if (t->dates_only) {
		g.type.kind = PF_DATE;
		return g;
	}
	/* Different offsets mean instants; one offset, or none, a wall clock. */
	g.type.kind = t->offsets && (t->mixed || g.epoch) ? PF_TIMESTAMP_LTZ : PF_TIMESTAMP;
	g.type.precision = c->fraction == 0 ? (i == 2 ? 3 : 0) : c->fraction <= 3 ? 3 : 6;
	return g;
}

struct pf_guess_type pf_guess_verdict(const struct pf_guess_column *c)
{
	struct pf_guess_type g = { .time = -1 };
	g.type.kind = PF_STRING;
	if (!c->plain || c->nested)
		return g;
	if (!c->not_bool) {
		g.type.kind = PF_BOOLEAN;
		return g;
	}
	for (int i = 0; i < PF_GUESS_TIMES && few_not_times(c); i++) {
		bool number = (i >= FIRST_EPOCH && i <= LAST_EPOCH) || i == COMPACT_DATE;
		/* A number is a time only where its name says so. */
		if (!c->times[i].dead && (!number || pf_guess_time_name(c->name)))
			return time_verdict(c, i);
	}
	if (c->text_in_json || c->not_number)
		return g;
	if (!c->not_int) {
		g.type.kind = c->low < INT32_MIN || c->high > INT32_MAX ? PF_BIGINT :
									  PF_INT;
		return g;
	}
	g.type.kind = PF_DOUBLE;
	return g;
}

/* Is the word in the name, between borders (start, end, _, ., a capital)? */
static bool has_word(const char *name, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = name; *p; p++) {
		if (strncasecmp(p, word, len))
			continue;
		bool begins = p == name || !isalnum((unsigned char)p[-1]) ||
			      (isupper((unsigned char)*p) && !isupper((unsigned char)p[-1]));
		char next = p[len];
		bool ends = !isalpha((unsigned char)next) ||
			    (isupper((unsigned char)next) &&
			     !isupper((unsigned char)p[len - 1]));
		if (begins && ends)
			return true;
	}
	return false;
}

int pf_guess_time_name(const char *name)
{
	static const char *const best[] = { "ts", "timestamp", "time", "datetime",
					    "created_at", "event_time", "eventtime" };
	static const char *const good[] = { "date", "day", "at", "when", "created",
					    "updated" };
	for (size_t i = 0; i < sizeof best / sizeof *best; i++)
		if (!strcasecmp(name, best[i]))
			return 3;
	for (size_t i = 0; i < sizeof best / sizeof *best; i++)
		if (has_word(name, best[i]))
			return 2;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (has_word(name, good[i]))
			return 2;
	size_t len = strlen(name);
	return len > 4 && (!strcasecmp(name + len - 4, "time") ||
			   !strcasecmp(name + len - 4, "date"));
}

int pf_guess_id_name(const char *name)
{
	static const char *const entities[] = {
		"user",	   "customer", "client", "account", "device", "host",
		"sensor",  "station",  "actor",	 "author",  "member", "patient",
		"vehicle", "ship",     "mmsi",	 "icao",    "icao24", "player",
		"ip",	   "symbol",   "ticker", "orig",    "src",    "machine",
		"visitor", "person",   "node",	 "meter",   "asset",  "package",
		"vessel",  "employee", "entity", "domain",  "imei",   "mac",
		"bike",	   "car",      "truck",	 "taxi",    "driver", "rider",
		"tenant",  "student",  "robot",	 "drone",   "imsi",   "subscriber",
	};
	static const char *const ids[] = { "id", "uid", "uuid", "guid", "key" };
	bool id = false;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		id = id || has_word(name, ids[i]);
	size_t len = strlen(name);
	id = id || (len > 2 && !strcmp(name + len - 2, "ID"));
	int score = id ? 2 : 0;
	for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
		size_t n = strlen(entities[i]);
		bool begins = !strncasecmp(name, entities[i], n);
		if (has_word(name, entities[i]) || (begins && n > 3))
			return score + 4;
	}
	return score;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to try things with: clicks of users in a shop, as JSON lines or CSV.
 * The same options give the same bytes on every machine. Few users click
 * much, most seldom; times rise with up to a minute of disorder.
 *
 *   gen ROWS [--ids=N] [--seed=N] [--days=N] [--start=YYYY-MM-DD]
 *       [--format=jsonl|csv] [--skip=N]
 *
 * examples/clicks.yaml is the table definition that goes with them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "base/time.h"

enum { BUFFER = 1 << 20, ROW_MAX = 512, DAY_MS = 86400000, DISORDER_MS = 60000 };

struct gen {
	int64_t rows, ids, seed, days, skip;
	int64_t start_ms;
	int csv;
	uint64_t state;
	int64_t day;         /* whose date is in `date` */
	char date[16];
};

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators". */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t next(struct gen *g)
{
	return mix(g->state += 0x9e3779b97f4a7c15u);
}

static uint64_t below(struct gen *g, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)next(g) * n) >> 64);
}

static char *put(char *to, const char *text)
{
	size_t n = strlen(text);
	memcpy(to, text, n);
	return to + n;
}

static char *put_uint(char *to, uint64_t value, int min_digits)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value || n < min_digits);
	while (n)
		*to++ = digits[--n];
	return to;
}

static char *put_hex(char *to, uint64_t value)
{
	static const char hex[] = "0123456789abcdef";
	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = hex[value >> shift & 15];
	return to;
}

static char *put_time(struct gen *g, char *to, int64_t ms)
{
	int64_t day = pf_floor_div(ms, DAY_MS), rest = pf_floor_mod(ms, DAY_MS);

	if (day != g->day) {
		g->date[pf_format_date(g->date, day)] = '\0';
		g->day = day;
	}
	to = put(to, g->date);
	*to++ = 'T';
	to = put_uint(to, (uint64_t)(rest / 3600000), 2);
	*to++ = ':';
	to = put_uint(to, (uint64_t)(rest / 60000 % 60), 2);
	*to++ = ':';
	to = put_uint(to, (uint64_t)(rest / 1000 % 60), 2);
	*to++ = '.';
	return put_uint(to, (uint64_t)(rest % 1000), 3);
}

/* A user: the cube of an even chance makes a few of them busy; the product
 * scatters the busy ones over the range. */
static uint64_t pick_user(struct gen *g)
{
	double u = (double)(next(g) >> 11) * 0x1p-53;
	uint64_t rank = (uint64_t)(u * u * u * (double)g->ids);
	return 1 + rank * 2654435761u % (uint64_t)g->ids;
}

static char *put_row(struct gen *g, char *to, int64_t i)
{
	static const char *const events[] = {
		"view", "view", "view", "view", "search", "search", "cart", "buy",
	};
	static const char countries[] = "CHDEFRITATUSGBESNLSE";
	int64_t span = g->days * DAY_MS;
	int64_t at = (int64_t)((__int128)span * i / (g->rows + g->skip));
	uint64_t user = pick_user(g), cents = 99 + below(g, 20000);
	const char *event = events[below(g, 8)];
	const char *country = countries + 2 * below(g, 10);
	uint64_t item = below(g, 50000), session = mix(user * 977 + (uint64_t)(at / 1800000));

	at += g->start_ms - (int64_t)below(g, DISORDER_MS);
	if (at < g->start_ms)
		at = g->start_ms;
	int buys = event[0] == 'b' || event[0] == 'c';
	to = put(to, g->csv ? "" : "{\"user_id\":");
	to = put_uint(to, user, 1);
	to = put(to, g->csv ? "," : ",\"ts\":\"");
	to = put_time(g, to, at);
	to = put(to, g->csv ? "," : "\",\"event\":\"");
	to = put(to, event);
	to = put(to, g->csv ? ",sku-" : "\",\"item\":\"sku-");
	to = put_uint(to, item, 5);
	to = put(to, g->csv ? "," : buys ? "\",\"price\":" : "\",\"price\":null");
	if (buys) {
		to = put_uint(to, cents / 100, 1);
		*to++ = '.';
		to = put_uint(to, cents % 100, 2);
	}
	to = put(to, g->csv ? "," : ",\"country\":\"");
	*to++ = country[0];
	*to++ = country[1];
	to = put(to, g->csv ? "," : "\",\"session\":\"");
	to = put_hex(to, session);
	return put(to, g->csv ? "\n" : "\"}\n");
}

static int write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int usage(const char *what)
{
	fprintf(stderr, "gen: %s\nusage: gen ROWS [--ids=N] [--seed=N] [--days=N] "
		"[--start=YYYY-MM-DD] [--format=jsonl|csv] [--skip=N]\n", what);
	return 2;
}

static int read_option(struct gen *g, const char *arg)
{
	static const char *const names[] = { "--ids=", "--seed=", "--days=", "--skip=" };
	int64_t *const places[] = { &g->ids, &g->seed, &g->days, &g->skip };
	unsigned year, month, day;

	for (int i = 0; i < 4; i++)
		if (!strncmp(arg, names[i], strlen(names[i])))
			return pf_parse_count(arg + strlen(names[i]), places[i], NULL);
	if (sscanf(arg, "--start=%4u-%2u-%2u", &year, &month, &day) == 3 &&
	    pf_civil_valid(year, month, day)) {
		g->start_ms = pf_days_from_civil(year, month, day) * DAY_MS;
		return 0;
	}
	if (!strcmp(arg, "--format=csv"))
		g->csv = 1;
	else if (strcmp(arg, "--format=jsonl"))
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct gen g = { .ids = 100000, .seed = 1, .days = 90, .day = INT64_MIN };
	char *buffer = malloc(BUFFER + ROW_MAX), *to = buffer;

	g.start_ms = pf_days_from_civil(2024, 1, 1) * DAY_MS;
	if (argc < 2 || pf_parse_count(argv[1], &g.rows, NULL) || g.rows < 0)
		return usage("how many rows?");
	for (int i = 2; i < argc; i++)
		if (read_option(&g, argv[i]))
			return usage(argv[i]);
	if (!buffer || g.ids < 1 || g.days < 1 || g.skip < 0)
		return usage("impossible numbers");
	g.state = mix((uint64_t)g.seed) + (uint64_t)g.skip;
	if (g.csv)
		to = put(to, "user_id,ts,event,item,price,country,session\n");
	for (int64_t i = g.skip; i < g.skip + g.rows; i++) {
		to = put_row(&g, to, i);
		if (to - buffer >= BUFFER) {
			if (write_all(buffer, (size_t)(to - buffer)))
				return 4;
			to = buffer;
		}
	}
	int failed = write_all(buffer, (size_t)(to - buffer));
	free(buffer);
	return failed ? 4 : 0;
}

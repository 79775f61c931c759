/* SPDX-License-Identifier: Apache-2.0 */
#include "text/guess_print.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "text/tabledef_text.h"

struct layout {
	enum pf_grain grain;
	int buckets;
	double stored;     /* bytes, all partitions */
	double partitions; /* how many the grain makes */
	int64_t low, high; /* seconds */
	double scale;      /* total / sample */
};

/* Bytes that a row takes in a segment, roughly: what zstd leaves of it. */
static double row_bytes(const struct pf_guess *g)
{
	double bytes = 0;
	for (size_t i = 0; i < g->shape.n; i++) {
		const struct pf_guess_column *c = &g->shape.columns[i];
		double mean = c->rows ? (double)c->bytes / (double)c->rows : 0;
		double fresh = c->many ? 1.0 :
			       c->plain ? (double)c->distinct / (double)c->plain : 0;
		switch (g->types[i].type.kind) {
		case PF_STRING:
			/* Repeated values shrink to dictionary codes. */
			bytes += (c->nested ? mean / 6 : fresh * mean / 2) + 0.6;
			break;
		case PF_BOOLEAN:
			bytes += 0.1;
			break;
		case PF_DOUBLE:
			bytes += 0.5 + 4 * fresh;
			break;
		default:
			bytes += 0.5 + 3 * fresh;
			break;
		}
	}
	return bytes;
}

static struct layout decide_layout(const struct pf_guess *g)
{
	struct layout l = { .grain = PF_GRAIN_DAY, .buckets = 1, .scale = 1 };
	if (g->total > g->sample && g->sample)
		l.scale = (double)g->total / (double)g->sample;
	l.stored = row_bytes(g) * (double)g->rows * l.scale;
	double days = 1;
	if (g->time >= 0) {
		const struct pf_guess_time *t =
			&g->shape.columns[g->time].times[g->types[g->time].time];
		l.low = t->low;
		l.high = t->high;
		days = (double)(t->high - t->low) / 86400 * l.scale + 1;
	} else if (g->combined) {
		const struct pf_guess_column *y = &g->shape.columns[g->parts[0]];
		days = 365.25 * (double)(y->high - y->low + 1);
	}
	/* The finest grain whose partitions hold a few megabytes. */
	const double enough = 4 << 20, days_of[] = { 0, 365.25, 30.44, 1 };
	static const enum pf_grain grains[] = { PF_GRAIN_DAY, PF_GRAIN_MONTH,
						PF_GRAIN_YEAR };
	for (int i = 0; i < 3; i++) {
		l.grain = grains[i];
		l.partitions = days / days_of[l.grain];
		l.partitions = l.partitions < 1 ? 1 : l.partitions;
		if (l.stored / l.partitions >= enough)
			break;
	}
	while (l.buckets < 256 && l.stored / l.partitions / l.buckets > 64 << 20)
		l.buckets *= 2;
	return l;
}

/* --- the text --- */

static void add_size(struct pf_buf *out, double bytes)
{
	if (bytes >= 1 << 20)
		pf_buf_printf(out, "%.1f MiB", bytes / (1 << 20));
	else
		pf_buf_printf(out, "%.0f KiB", bytes / 1024 < 1 ? 1 : bytes / 1024);
}

static void add_distinct(struct pf_buf *out, const struct pf_guess_column *c)
{
	if (c->many)
		pf_buf_printf(out, "more than %d distinct", PF_GUESS_DISTINCT);
	else
		pf_buf_printf(out, "%zu distinct", c->distinct);
}

static void add_seconds(struct pf_buf *out, int64_t s)
{
	char text[48];
	pf_buf_add(out, text, pf_format_timestamp(text, s, 1, 0));
}

static void print_head(const struct pf_guess *g, struct pf_buf *out)
{
	char shown[200];
	const char *slash = strrchr(g->file, '/');
	const char *base = slash ? slash + 1 : g->file;
	pf_quote(shown, sizeof shown, base, strlen(base));
	pf_buf_printf(out, "# A guess from '%s', to be checked and edited: %lld rows", shown,
		      (long long)g->rows);
	pf_buf_printf(out, " in %s", g->whole ? "" : "the first ");
	add_size(out, (double)g->sample);
	if (g->rejected)
		pf_buf_printf(out, ", and %lld lines that are no rows",
			      (long long)g->rejected);
	pf_buf_str(out, ".\n# What each line means: pf-schema(5).\n");
	struct pf_buf name = { 0 };
	for (const char *p = base; *p && *p != '.'; p++)
		pf_buf_byte(&name, isalnum((unsigned char)*p) ?
					   (uint8_t)tolower((unsigned char)*p) : '_');
	pf_buf_str(out, "table: ");
	pf_yaml_scalar(out, name.len ? pf_buf_cstr(&name) : "events");
	pf_buf_byte(out, '\n');
	pf_buf_free(&name);
}

/* Columns that are not in the input; one of theirs may have the name. */
static const char file_column[] = "file", time_column[] = "ts";

static void print_free_name(const struct pf_guess *g, const char *wanted,
			    struct pf_buf *out)
{
	size_t i = 0;
	pf_buf_str(out, wanted);
	while (i < g->shape.n && strcasecmp(g->shape.columns[i].name, wanted) != 0)
		i++;
	if (i < g->shape.n)
		pf_buf_str(out, "_of_row");
}

static void print_id(const struct pf_guess *g, struct pf_buf *out)
{
	if (g->id < 0) {
		pf_buf_str(out, "# EDIT THIS. No column can be an entity ID, so each file is taken "
				"for one entity, below.\nid: ");
		print_free_name(g, file_column, out);
		pf_buf_byte(out, '\n');
		return;
	}
	const struct pf_guess_column *c = &g->shape.columns[g->id];
	if (g->id_unlikely)
		pf_buf_str(out, "# EDIT THIS. No column looks like an entity ID (a value that comes back); this is the\n"
				"# likeliest. Where each file is one entity: a column "
				"'file: {type: string not null, from: filename}'.\n");
	pf_buf_str(out, "# ");
	add_distinct(out, c);
	if (!c->many && c->distinct)
		pf_buf_printf(out, ", %.1f rows each",
			      (double)c->plain / (double)c->distinct);
	if (pf_guess_id_name(c->name))
		pf_buf_str(out, ", and named like one");
	if (pf_guess_missing(g, (size_t)g->id))
		pf_buf_printf(out, "; %lld rows lack it and will be rejected",
			      (long long)pf_guess_missing(g, (size_t)g->id));
	pf_buf_str(out, "\nid: ");
	pf_yaml_scalar(out, c->name);
	pf_buf_byte(out, '\n');
}

static void print_time(const struct pf_guess *g, struct pf_buf *out)
{
	if (g->combined) {
		pf_buf_str(out, "# made of several columns, see below\ntime: ");
		print_free_name(g, time_column, out);
		pf_buf_byte(out, '\n');
		return;
	}
	if (g->time < 0) {
		pf_buf_str(out, "# EDIT THIS before use. No column looks like a time: name the one that is, and give it\n"
				"# a type like timestamp(3) and, where needed, a 'format' below.\ntime: NONE_FOUND\n");
		return;
	}
	const struct pf_guess_column *c = &g->shape.columns[g->time];
	const struct pf_guess_time *t = &c->times[g->types[g->time].time];
	pf_buf_str(out, "# ");
	add_seconds(out, t->low);
	pf_buf_str(out, " to ");
	add_seconds(out, t->high);
	pf_buf_printf(out, "; %lld rows are earlier than the row before",
		      (long long)t->inversions);
	if (t->mixed)
		pf_buf_str(out, "; different UTC offsets");
	if (pf_guess_missing(g, (size_t)g->time))
		pf_buf_printf(out, "; %lld rows lack it and will be rejected",
			      (long long)pf_guess_missing(g, (size_t)g->time));
	pf_buf_str(out, "\ntime: ");
	pf_yaml_scalar(out, c->name);
	pf_buf_byte(out, '\n');
}

static void print_layout(const struct pf_guess *g, struct pf_buf *out)
{
	const struct layout l = decide_layout(g);
	static const char *const names[] = { "", "year", "month", "day" };
	pf_buf_str(out, "zone: UTC\n# About ");
	add_size(out, l.stored);
	pf_buf_printf(out, " stored%s: %.0f partition%s by %s of about ",
		      l.scale > 1 ? " (the whole input)" : "", l.partitions,
		      l.partitions < 1.5 ? "" : "s", names[l.grain]);
	add_size(out, l.stored / l.partitions);
	pf_buf_printf(out, ".\n# Files should be megabytes: a coarser grain or fewer buckets if "
			   "less comes, more buckets\n# when a partition exceeds some 64 MiB.\npartition: %s\nbuckets: %d\n",
		      pf_grain_name(l.grain), l.buckets);
}

static void print_markers(const struct pf_guess *g, struct pf_buf *out)
{
	bool any = false;
	for (int k = 1; k < PF_GUESS_MARKERS; k++)
		any = any || g->markers[k];
	/* The empty field alone is the default. */
	if (!any)
		return;
	pf_buf_str(out, "# stand for nothing in columns that are no text\n\"null\": [");
	bool first = true;
	for (int k = 0; k < PF_GUESS_MARKERS; k++) {
		if (!g->markers[k] && k)
			continue;
		pf_buf_str(out, first ? "" : ", ");
		pf_yaml_scalar(out, pf_guess_markers[k]);
		first = false;
	}
	pf_buf_str(out, "]\n");
}

static void print_input(const struct pf_guess *g, struct pf_buf *out)
{
	const struct pf_text_input *in = &g->shape.input;
	pf_buf_printf(out, "input:\n  format: %s\n", pf_text_format_name(in->format));
	if (in->pattern) {
		pf_buf_printf(out, "  pattern: '%s'\n  header: [", in->pattern);
		for (size_t i = 0; i < in->nnames; i++)
			pf_buf_printf(out, "%s%s", i ? ", " : "", in->names[i]);
		pf_buf_str(out, "]\n");
	}
	if (in->delimiter)
		pf_buf_printf(out, "  delimiter: \"%c\"\n", in->delimiter);
	if (in->header == PF_HEADER_ZEEK)
		pf_buf_str(out, "  header: zeek\n");
	else if (in->header == PF_HEADER_NONE)
		pf_buf_str(out, "  header: false  # or a list of names: [a, b]; then drop the 'from' below\n");
	if (in->comment)
		pf_buf_str(out, "  comment: \"#\"\n");
}

static void column_comment(const struct pf_guess *g, size_t i, struct pf_buf *out)
{
	const struct pf_guess_column *c = &g->shape.columns[i];
	if (!c->plain) {
		pf_buf_str(out, "  # never seen with a value\n");
		return;
	}
	pf_buf_str(out, "  # ");
	add_distinct(out, c);
	if (pf_guess_missing(g, i))
		pf_buf_printf(out, ", %.1f%% missing",
			      100.0 * (double)pf_guess_missing(g, i) / (double)c->rows);
	for (int k = 1; k < PF_GUESS_MARKERS; k++)
		if (c->markers[k])
			pf_buf_printf(out, ", %lld x '%s'", (long long)c->markers[k],
				      pf_guess_markers[k]);
	if (pf_kind_is_integer(g->types[i].type.kind)) {
		pf_buf_printf(out, ", %lld to %lld", (long long)c->low, (long long)c->high);
		if (c->floats_as_ints)
			pf_buf_str(out, ", written like 17850.0");
	} else if (g->types[i].type.kind == PF_DOUBLE && c->scale <= 6 && !c->exponents &&
		   c->scale) {
		pf_buf_printf(out, ", at most %d digit%s behind the point: or decimal(18,%d)",
			      c->scale, c->scale == 1 ? "" : "s", c->scale);
	}
	if (pf_guess_is_time(g, i) && (int)i != g->time)
		pf_buf_printf(out, ", %lld steps back",
			      (long long)c->times[g->types[i].time].inversions);
	if (pf_guess_is_time(g, i) && c->not_times)
		pf_buf_printf(out, ", %lld %s no such time (%s) and will be rejected",
			      (long long)c->not_times, c->not_times == 1 ? "is" : "are",
			      c->not_time);
	if (c->nested)
		pf_buf_str(out, ", JSON kept as text");
	pf_buf_printf(out, ", like %s\n", c->example);
}

static void print_column(const struct pf_guess *g, size_t i, struct pf_buf *out)
{
	const struct pf_guess_column *c = &g->shape.columns[i];
	const struct pf_guess_type *t = &g->types[i];
	char type[40];
	bool key = (int)i == g->id || (int)i == g->time;
	pf_buf_str(out, "  ");
	pf_yaml_scalar(out, c->name);
	pf_type_name(t->type, type);
	if (!c->from && !t->format) {
		pf_buf_printf(out, ": %s%s", type, key ? " not null" : "");
		column_comment(g, i, out);
		return;
	}
	pf_buf_printf(out, ": {type: %s%s", type, key ? " not null" : "");
	if (c->from) {
		pf_buf_str(out, ", from: ");
		pf_yaml_scalar(out, c->from);
	}
	if (t->format) {
		pf_buf_str(out, ", format: ");
		pf_yaml_scalar(out, t->format);
	}
	if (t->year)
		pf_buf_printf(out, ", year: %d", t->year);
	pf_buf_byte(out, '}');
	column_comment(g, i, out);
}

static void print_combined(const struct pf_guess *g, struct pf_buf *out)
{
	static const char *const letters[] = { "%Y", "%m", "%d", "%H" };
	pf_buf_str(out, "  ");
	print_free_name(g, time_column, out);
	pf_buf_str(out, ": {type: timestamp(0) not null, from: [");
	int n = g->parts[3] >= 0 ? 4 : 3;
	for (int k = 0; k < n; k++) {
		pf_buf_str(out, k ? ", " : "");
		const struct pf_guess_column *c = &g->shape.columns[g->parts[k]];
		pf_yaml_scalar(out, c->from ? c->from : c->name);
	}
	pf_buf_str(out, "], format: \"");
	for (int k = 0; k < n; k++)
		pf_buf_printf(out, "%s%s", k ? " " : "", letters[k]);
	pf_buf_str(out, "\"}\n");
}

void pf_guess_print(const struct pf_guess *g, struct pf_buf *out)
{
	print_head(g, out);
	print_id(g, out);
	print_time(g, out);
	print_layout(g, out);
	print_markers(g, out);
	print_input(g, out);
	if (g->shape.collapsed)
		pf_buf_printf(out, "# %zu wide object%s kept as JSON text; name single values with 'from: a.b'.\n",
			      g->shape.collapsed, g->shape.collapsed > 1 ? "s are" : " is");
	pf_buf_str(out, "columns:\n");
	if (g->combined)
		print_combined(g, out);
	for (size_t i = 0; i < g->shape.n; i++)
		print_column(g, i, out);
	if (g->id < 0) {
		pf_buf_str(out, "  ");
		print_free_name(g, file_column, out);
		pf_buf_str(out, ": {type: string not null, from: filename}\n");
	}
}

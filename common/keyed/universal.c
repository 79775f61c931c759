/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed/universal.h"

#include <stdlib.h>
#include <strings.h>

/* --- options --- */

static int refuse(const char *key, const char *value, struct pf_error *err)
{
	return pf_fail(err, PF_E_TABLE_FEATURE, "option %s = '%s' is not understood", key,
		       value);
}

static int read_number(const struct pf_table_schema *s, const char *key, int64_t least,
		       int64_t most, int64_t *out, struct pf_error *err)
{
	const char *text = pf_meta_get(&s->options, key);
	char *end;
	if (!text)
		return 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || *end || v < least || v > most)
		return refuse(key, text, err);
	*out = v;
	return 0;
}

/* "128 mb": Flink's and Paimon's sizes count in powers of 1024. */
static int read_size(const struct pf_table_schema *s, const char *key, int64_t *out,
		     struct pf_error *err)
{
	static const struct {
		const char *names[4];
		int shift;
	} units[] = {
		{ { "", "b", "bytes", "byte" }, 0 },
		{ { "k", "kb", "kibibytes", "kib" }, 10 },
		{ { "m", "mb", "mebibytes", "mib" }, 20 },
		{ { "g", "gb", "gibibytes", "gib" }, 30 },
		{ { "t", "tb", "tebibytes", "tib" }, 40 },
	};
	const char *text = pf_meta_get(&s->options, key);
	char *end;
	if (!text)
		return 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || v < 0)
		return refuse(key, text, err);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		for (size_t k = 0; k < 4; k++) {
			if (strcasecmp(end, units[i].names[k]))
				continue;
			if (v > INT64_MAX >> units[i].shift)
				return refuse(key, text, err);
			*out = (int64_t)v << units[i].shift;
			return 0;
		}
	return refuse(key, text, err);
}

static int read_ratio(const struct pf_table_schema *s, const char *key, double *out,
		      struct pf_error *err)
{
	const char *text = pf_meta_get(&s->options, key);
	char *end;
	if (!text)
		return 0;
	*out = strtod(text, &end);
	return end == text || *end || !(*out >= 0 && *out <= 1) ? refuse(key, text, err) : 0;
}

int pf_universal_read(const struct pf_table_schema *s, struct pf_universal *u,
		      struct pf_error *err)
{
	enum { MOST_LEVELS = 1000, MOST_PERCENT = 1 << 20 };
	int64_t levels;
	double small = 0.7;
	*u = (struct pf_universal){ .trigger = 5, .amplification = 200, .ratio = 1,
				    .file_bytes = 128 << 20 };
	PF_TRY(read_number(s, "num-sorted-run.compaction-trigger", 1, MOST_LEVELS - 1,
			   &u->trigger, err));
	levels = u->trigger + 1;
	PF_TRY(read_number(s, "num-levels", 1, MOST_LEVELS, &levels, err));
	PF_TRY(read_number(s, "compaction.max-size-amplification-percent", 0, MOST_PERCENT,
			   &u->amplification, err));
	PF_TRY(read_number(s, "compaction.size-ratio", 0, MOST_PERCENT, &u->ratio, err));
	PF_TRY(read_size(s, "compaction.total-size-threshold", &u->least_total, err));
	PF_TRY(read_size(s, "compaction.incremental-size-threshold", &u->most_new, err));
	PF_TRY(read_size(s, "target-file-size", &u->file_bytes, err));
	PF_TRY(read_ratio(s, "compaction.small-file-ratio", &small, err));
	if (levels < 2)
		return pf_fail(err, PF_E_TABLE_FEATURE,
			       "the table has one level only (num-levels), which is not supported");
	u->levels = (int32_t)levels;
	u->small_bytes = (int64_t)((double)u->file_bytes * small);
	return 0;
}

/* --- runs --- */

/* Levels from 0 on; in level 0 what has the newest row first, in others no
 * order matters. */
static int newest_first(const void *a, const void *b)
{
	const struct pf_data_file *x = *(const struct pf_data_file *const *)a;
	const struct pf_data_file *y = *(const struct pf_data_file *const *)b;
	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->max_sequence != y->max_sequence)
		return x->max_sequence > y->max_sequence ? -1 : 1;
	if (x->min_sequence != y->min_sequence)
		return x->min_sequence < y->min_sequence ? -1 : 1;
	return strcmp(x->name, y->name);
}

size_t pf_keyed_runs(const struct pf_data_file **files, size_t n,
		     struct pf_keyed_run *runs)
{
	size_t at = 0;
	if (n)
		qsort(files, n, sizeof *files, newest_first);
	for (size_t i = 0; i < n; i++) {
		int32_t level = files[i]->level;
		if (!i || level <= 0 || level != files[i - 1]->level)
			runs[at++] = (struct pf_keyed_run){ .level = level, .from = i };
		runs[at - 1].bytes += files[i]->size;
		runs[at - 1].n++;
	}
	return at;
}

/* --- choosing --- */

static int64_t bytes_of(const struct pf_keyed_run *runs, size_t n)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += runs[i].bytes;
	return bytes;
}

/* The newest `taken` runs become one of the level below the next one's, which is
 * not level 0: see by_ratio(). */
static void take(const struct pf_keyed_run *runs, size_t n, int32_t top, size_t taken,
		 const char *why, struct pf_universal_pick *pick)
{
	int32_t level = taken == n ? top : runs[taken].level - 1;
	*pick = (struct pf_universal_pick){ taken, level, why };
}

/* The newest `taken` runs, and older ones while they are about as large as those
 * before them; of one run, nothing. Level 0 is not written to, so once there are
 * some, all of it and the level after go along. */
static bool by_ratio(const struct pf_universal *u, const struct pf_keyed_run *runs, size_t n,
		     int32_t top, size_t taken, const char *why,
		     struct pf_universal_pick *pick)
{
	int64_t bytes = bytes_of(runs, taken);
	bool begun = taken > 1;
	for (; taken < n; taken++) {
		const struct pf_keyed_run *next = &runs[taken];
		bool larger = (double)bytes * (100.0 + (double)u->ratio) / 100.0 <
			      (double)next->bytes;
		if (larger && (!begun || next->level > 1))
			break;
		bytes += next->bytes;
		begun = true;
	}
	if (begun)
		take(runs, n, top, taken, why, pick);
	return begun;
}

static const char *early(const struct pf_universal *u, const struct pf_keyed_run *runs,
			 size_t n, int32_t top)
{
	int64_t fresh = 0;
	for (size_t i = 0; i < n; i++)
		fresh += runs[i].level != top ? runs[i].bytes : 0;
	if (n < 2)
		return NULL;
	if (u->least_total && bytes_of(runs, n) < u->least_total)
		return "total size";
	if (u->most_new && fresh > u->most_new)
		return "new size";
	return NULL;
}

bool pf_universal_choose(const struct pf_universal *u, const struct pf_keyed_run *runs,
			 size_t n, bool full, struct pf_universal_pick *pick)
{
	int32_t top = u->levels - 1;
	if (!n)
		return false;
	/* Somebody else may have had more levels. */
	top = runs[n - 1].level > top ? runs[n - 1].level : top;
	const char *why = full ? "full" : early(u, runs, n, top);
	if (why) {
		*pick = (struct pf_universal_pick){ n, top, why };
		return n > 1 || runs[0].level != top;
	}
	if ((int64_t)n < u->trigger)
		return false;
	if ((double)bytes_of(runs, n - 1) * 100 >
	    (double)u->amplification * (double)runs[n - 1].bytes) {
		*pick = (struct pf_universal_pick){ n, top, "size amplification" };
		return true;
	}
	if (by_ratio(u, runs, n, top, 1, "size ratio", pick))
		return true;
	if ((int64_t)n <= u->trigger)
		return false;
	return by_ratio(u, runs, n, top, n - (size_t)u->trigger + 1, "number of runs", pick);
}

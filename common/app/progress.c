/* SPDX-License-Identifier: Apache-2.0 */
#include "app/progress.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/program.h"
#include "base/number.h"

enum { AUTO, ALWAYS, NEVER };
enum { FIRST_MS = 1000, REDRAW_MS = 100, LINE_MS = 10000 };

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool wanted(const struct pf_run *run)
{
	struct stat st;

	if (run->progress_when != AUTO)
		return run->progress_when == ALWAYS;
	return !run->quiet && pf_is_terminal(STDERR_FILENO) &&
		!fstat(STDOUT_FILENO, &st) && !S_ISFIFO(st.st_mode) &&
		!S_ISSOCK(st.st_mode);
}

static void draw(struct pf_progress *p, int64_t now, bool line)
{
	char rows[32], rate[32], bytes[32], at[160];
	int64_t ms = now - p->begin_ms;

	/* Rows where the program counts them, bytes of input in any case. */
	int n = 0;
	if (p->rows) {
		pf_group_digits(rows, p->rows);
		pf_group_digits(rate, p->rows * 1000 / ms);
		n = snprintf(at, sizeof(at), "%s rows  %s rows/s  ", rows, rate);
	}
	n += snprintf(at + n, sizeof(at) - (size_t)n, "%s  %d:%02d",
		      pf_human_bytes(bytes, p->bytes), (int)(ms / 60000),
		      (int)(ms / 1000 % 60));
	if (line)
		fprintf(stderr, "%s\n", at);
	else
		fprintf(stderr, "\r%-*s", p->drawn > n ? p->drawn : n, at);
	p->drawn = line ? 0 : n;
}

void pf_progress(struct pf_run *run, int64_t rows, int64_t bytes)
{
	struct pf_progress *p = &run->progress;
	int64_t now;

	if (p->off)
		return;
	now = now_ms();
	if (!p->begin_ms) {
		p->off = !wanted(run);
		p->begin_ms = now;
		p->next_ms = now + (run->progress_when == ALWAYS ? LINE_MS : FIRST_MS);
	}
	p->rows += rows;
	p->bytes += bytes;
	if (p->off || now < p->next_ms)
		return;
	draw(p, now, run->progress_when == ALWAYS);
	p->next_ms = now + (run->progress_when == ALWAYS ? LINE_MS : REDRAW_MS);
}

void pf_progress_end(struct pf_run *run)
{
	struct pf_progress *p = &run->progress;

	if (p->drawn) {
		fprintf(stderr, "\r%*s\r", p->drawn, "");
		fflush(stderr);
	}
	p->drawn = 0;
	p->off = true;
}

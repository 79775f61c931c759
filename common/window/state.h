/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of incremental windows: a directory of sorted partial aggregates,
 * one or a few runs for each cell (day, bucket, table), and of what they were built
 * from; pf-window-state(5). One process at a time has it open (a lock).
 *
 *	state.json            what is valid; replaced by rename
 *	cells-N.arrow         the list of runs: where each lies, its inputs
 *	inputs-N.arrow        the table's data files that the runs were built from
 *	partials-N.arrow      runs
 *	window-N-K.arrow      answers put aside to go on from; a cache
 *	lock
 *
 * Files are written once and never changed; those that state.json does not
 * name are leftovers of a crash and are removed. What is in memory becomes
 * the state on disk by one rename in pf_state_commit, or not at all.
 *
 * A state without a directory lives in unnamed temporary files: windows that
 * are computed once take the same way.
 */
#ifndef PF_WINDOW_STATE_H
#define PF_WINDOW_STATE_H

#include "window/run.h"
#include "window/shape.h"

/* Numbers in ascending order: ids of runs, numbers of inputs. */
struct pf_ids {
	int64_t *items;
	size_t n, cap;
};

void pf_ids_add(struct pf_ids *ids, int64_t id); /* above all others */
bool pf_ids_has(const struct pf_ids *ids, int64_t id);
void pf_ids_copy(struct pf_ids *to, const struct pf_ids *from);
void pf_ids_sort(struct pf_ids *ids);            /* and drop repeats */
void pf_ids_free(struct pf_ids *ids);
/* "1-40,42", and back. */
void pf_ids_print(const struct pf_ids *ids, struct pf_buf *out);
int pf_ids_parse(const char *text, size_t len, struct pf_ids *ids, struct pf_error *err);

/* A table that the state is of, and its snapshot. */
struct pf_state_table {
	char *name;            /* as it was given; the tag of its rows */
	int64_t snapshot, snapshot_ms; /* 0: none */
	char *snapshot_list;   /* its delta list: no other snapshot has that */
};

/* A data file of a table that the state knows. Its number is its position
 * + 1 when saved; in memory, the position. */
struct pf_state_input {
	size_t table;          /* of tables */
	char *dir, *name;      /* "dt=2024-01-31/bucket-3", "data-....parquet" */
	int32_t bucket;
	int64_t rows, bytes;
	bool live;             /* in the table's snapshot */
	struct pf_ids covers;  /* a compaction made it of these: it has their rows */
};

/* A run of partials. Several of one cell are to be merged. */
struct pf_state_cell {
	int64_t day;           /* number of the cell of time: days since 1970, or
	                        * hours */
	int32_t bucket;
	size_t table;
	int64_t id;            /* never used again for another run */
	size_t file;           /* of files */
	struct pf_sorted run;     /* fd is set by pf_state_run */
	struct pf_ids inputs;
};

/* An answer as a run of merged states. */
struct pf_state_window {
	char *text;            /* "30d"; "" of a node of the tree */
	int64_t from_us, to_us;
	size_t file;
	struct pf_sorted run;
	struct pf_ids ids;     /* the runs that are in it */
	struct pf_ids given;   /* those of the answer that was given out, when it
	                        * was not written for them; else none */
	bool lost;             /* its file is gone: it is made again, but --changes
	                        * has nothing to compare with */
};

/* A window that was given out: its end, and what it was made of. */
struct pf_state_published {
	char *text;
	int64_t from_us, to_us;
	uint64_t content;      /* hash of the ids of its runs */
};

struct pf_state_file {
	char *name;            /* NULL: unnamed */
	int fd;                /* -1: not open yet */
	bool is_new;           /* made since the last commit */
};

struct pf_state {
	char *dir;             /* NULL: temporary */
	int lock;
	int64_t generation;    /* 0: nothing was ever committed */
	char *shape;           /* text of its shape; NULL: of none yet */
	int64_t grain_us;      /* of its cells, once it has a shape */
	struct pf_state_table *tables; /* none: of rows that came under names */
	size_t ntables;
	int64_t from_us;       /* rows before are not in it; INT64_MAX: empty */
	int64_t first_us;      /* of the first cell that there ever was, also if its
	                        * rows have left the table; INT64_MAX: none */
	int64_t next_id;
	struct pf_state_input *inputs;
	size_t ninputs;
	struct pf_state_cell *cells; /* by day, bucket, table, id */
	size_t ncells;
	struct pf_state_cell *retired; /* dropped since the last commit: what was
	                        * built from them can still be taken apart */
	size_t nretired;
	struct pf_state_window *windows;
	size_t nwindows;
	struct pf_state_published *published; /* oldest first */
	size_t npublished;
	struct pf_state_file *files;
	size_t nfiles;
	size_t nmade;          /* files since the last commit */
	char **strangers;      /* names in the directory that are not ours */
	size_t nstrangers;
};

/* dir: made if it is not there; NULL: a temporary one. fresh: forget what is
 * in it (on disk only when it is committed). PF_E_LOCKED after wait_ms;
 * PF_E_CORRUPT; PF_E_USAGE when it is a directory of something else. */
int pf_state_open(const char *dir, int64_t wait_ms, bool fresh, struct pf_state **state,
		  struct pf_error *err);
void pf_state_close(struct pf_state *s); /* NULL is fine */

/* Is the state of this shape? An empty one takes it on. PF_E_USAGE, saying
 * what differs. */
int pf_state_check(struct pf_state *s, const struct pf_shape *shape,
		   struct pf_error *err);

/* A new file for runs; *file: its number. kind: "partials" or "window". */
int pf_state_file_new(struct pf_state *s, const char *kind, size_t *file,
		      struct pf_error *err);
/* The run of a cell or window, its file open. */
int pf_state_run(struct pf_state *s, size_t file, const struct pf_sorted *run,
		 struct pf_sorted *out, struct pf_error *err);

/* How long a file is; 0 when that cannot be known. */
uint64_t pf_state_file_bytes(const struct pf_state *s, size_t file);

/* Changing the lists; strings are copied, ids taken over. */
void pf_state_add_table(struct pf_state *s, const struct pf_state_table *table);
size_t pf_state_add_input(struct pf_state *s, const struct pf_state_input *input);
void pf_state_add_cell(struct pf_state *s, const struct pf_state_cell *cell);
/* They are retired. */
void pf_state_drop_cells(struct pf_state *s, bool (*drop)(void *ctx,
			 const struct pf_state_cell *cell), void *ctx);
void pf_state_add_window(struct pf_state *s, const struct pf_state_window *window);
void pf_state_drop_window(struct pf_state *s, size_t i);

/* The runs of the answer that was given out last. */
static inline const struct pf_ids *pf_state_given(const struct pf_state_window *w)
{
	return w->given.n ? &w->given : &w->ids;
}
void pf_state_sort_cells(struct pf_state *s);

/* Remove what crashed runs, and this one, have left and nobody needs. */
void pf_state_clean(const struct pf_state *s);

/* Everything durable, then valid. Removes what is not needed any more. */
int pf_state_commit(struct pf_state *s, struct pf_error *err);

#endif

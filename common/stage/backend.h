/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kind of stage must be able to do: the embedded one (embedded.c) and
 * the topic (kafka_stage.c). Whoever reads or appends goes through stage.h
 * and writer.h, which dispatch here, and does not know which one it has.
 */
#ifndef PF_STAGE_BACKEND_H
#define PF_STAGE_BACKEND_H

#include "stage/status.h"
#include "stage/writer.h"

struct pf_stage_ops {
	void (*close)(struct pf_stage *s);
	int (*reader)(struct pf_stage *s, const struct pf_stage_read *how,
		      struct pf_stage_reader **reader, struct pf_error *err);
	int (*status)(struct pf_stage *s, struct pf_stage_status *status,
		      struct pf_error *err);
	void (*print)(const struct pf_stage *s, const struct pf_stage_status *status,
		      struct pf_buf *out);
	int (*lag)(struct pf_stage *s, const struct pf_stage_start *starts, size_t n,
		   const char *sources, struct pf_stage_lag *lag, struct pf_error *err);
	/* NULL: somebody else decides how long rows are kept. */
	int (*trim)(struct pf_stage *s, int64_t before, bool dry,
		    struct pf_trimmed *trimmed, struct pf_error *err);
};

/* The first member of every kind of reader, and of every kind of writer. */
struct pf_stage_reader {
	const struct pf_stage_reader_ops *ops;
};

struct pf_stage_reader_ops {
	int (*next)(struct pf_stage_reader *r, struct pf_event *event,
		    struct pf_error *err);
	bool (*ready)(struct pf_stage_reader *r);
	void (*counts)(const struct pf_stage_reader *r, struct pf_counts *counts);
	void (*close)(struct pf_stage_reader *r);
};

struct pf_stage_writer {
	const struct pf_stage_writer_ops *ops;
	struct pf_stage *stage;
	struct pf_sources sources;
};

/* recall, looked and from: NULL when it knows its sources anyway; row_limit: NULL when rows
 * of any size do; caution: NULL when there never is any. */
struct pf_stage_writer_ops {
	int (*recall)(struct pf_stage_writer *w, const struct pf_source_pos *source,
		      bool *more, struct pf_error *err);
	int64_t (*looked)(const struct pf_stage_writer *w);
	int (*from)(struct pf_stage_writer *w, struct pf_source_pos *source,
		    const char *identity, struct pf_error *err);
	void (*row_limit)(struct pf_stage_writer *w, struct pf_row_limit *limit);
	int (*append)(struct pf_stage_writer *w, const struct pf_batch *batch,
		      const int64_t *numbers, int64_t *taken, struct pf_error *err);
	uint64_t (*pending_bytes)(const struct pf_stage_writer *w);
	int64_t (*pending_rows)(const struct pf_stage_writer *w);
	int (*commit)(struct pf_stage_writer *w, struct pf_error *err);
	bool (*busy)(struct pf_stage_writer *w);
	int (*sync)(struct pf_stage_writer *w, struct pf_error *err);
	int64_t (*accepted)(const struct pf_stage_writer *w);
	int64_t (*durable)(struct pf_stage_writer *w);
	const char *(*caution)(const struct pf_stage_writer *w);
	void (*close)(struct pf_stage_writer *w);
};

int pf_embedded_open(const char *path, struct pf_stage **stage, struct pf_error *err);
int pf_embedded_writer_open(const char *path, const struct pf_stage_write *how,
			    struct pf_stage_writer **writer, struct pf_error *err);
int pf_embedded_reader_open(struct pf_stage *stage, const struct pf_stage_read *how,
			    struct pf_stage_reader **reader, struct pf_error *err);
int pf_embedded_status(struct pf_stage *s, struct pf_stage_status *status,
		       struct pf_error *err);
void pf_embedded_print(const struct pf_stage *stage, const struct pf_stage_status *s,
		       struct pf_buf *out);
int pf_embedded_trim(struct pf_stage *s, int64_t before, bool dry,
		     struct pf_trimmed *trimmed, struct pf_error *err);

int pf_kafka_stage_open(const char *url, const struct pf_stage_access *how,
			struct pf_stage **stage, struct pf_error *err);
int pf_kafka_writer_open(const char *url, const struct pf_stage_write *how,
			 struct pf_stage_writer **writer, struct pf_error *err);

#endif

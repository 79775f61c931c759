/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands beside the rows of a record of ours, as Kafka headers:
 *
 *   pf        where its rows come from: "1 SOURCE TO ROWS SESSION GROUP
 *             INDEX OF PARTITIONS", see struct pf_origin; source and session as 16 hex
 *             digits, the rest decimal
 *   pf.state  on the first record of a group: where the source stands behind
 *             the group, as JSON (stage/sources.h), with "key" and "identity"
 *
 * A record holds rows of one source only. The value is a complete Arrow stream
 * (schema, batches, end-of-stream marker) with one column more than the stage:
 * pf_pos, the number of each row within its source; or one row as JSON.
 *
 * A group is what was sent together. It is sent when every record of the group
 * before has been acknowledged: so whoever finds all records of a group knows
 * that nothing before its state is missing.
 */
#ifndef PF_STAGE_KAFKA_MESSAGE_H
#define PF_STAGE_KAFKA_MESSAGE_H

#include "ext/kafka.h"

#define PF_ORIGIN_HEADER "pf"
#define PF_STATE_HEADER "pf.state"
#define PF_POS_COLUMN "pf_pos"
/* The definition (YAML) in the metadata of an Arrow record's schema. */
#define PF_DEFINITION_KEY "pf:definition"

enum { PF_GROUP_RECORDS = 1 << 24 };

struct pf_origin {
	uint64_t source;    /* its key; 0: one that nobody comes back to */
	int64_t to;         /* number of the last row in here */
	int64_t rows;
	uint64_t session;   /* which run of a producer */
	int64_t group;      /* its how-many-th group, from 1 */
	int32_t index, of;  /* this is the index-th, from 0, of the source's records
			     * in the group; at most PF_GROUP_RECORDS */
	int32_t partitions; /* of the topic then */
};

void pf_origin_write(const struct pf_origin *o, struct pf_buf *out);

/* What all records of a source's group have in common, written once for all. */
struct pf_origin_form {
	uint8_t source[24], session[72], of[72]; /* with room for pf_put_int */
	size_t nsource, nsession, nof;
};
void pf_origin_form(const struct pf_origin *o, struct pf_origin_form *f);
void pf_origin_fill(const struct pf_origin_form *f, int64_t to, int64_t rows, int32_t index,
		    struct pf_buf *out);

/* false: nothing of ours, or malformed. */
bool pf_origin_read(struct pf_view text, struct pf_origin *o);
/* Of a record, by its header. */
bool pf_origin_of(const struct pf_kafka_record *r, struct pf_origin *o);

/* Does the value begin as an Arrow stream does? No text can. */
bool pf_record_is_arrow(const struct pf_kafka_record *r);

/* --- anchors --- */

#define PF_ANCHOR_BYTES 33

/* What identifies a record: time, key and value. */
uint64_t pf_record_hash(const struct pf_kafka_record *r);
/* "HASH-BACK": the last record before offset `to` stood `back` before it. */
void pf_anchor_write(uint64_t hash, int64_t back, char out[PF_ANCHOR_BYTES]);
bool pf_anchor_read(const char *text, uint64_t *hash, int64_t *back);

/* --- partitions --- */

/* The partition that Java's DefaultPartitioner chooses for a key. */
int32_t pf_murmur2_partition(struct pf_view key, int32_t partitions);
/* The hash alone (Kafka's Utils.murmur2). */
int32_t pf_murmur2(struct pf_view key);

#endif

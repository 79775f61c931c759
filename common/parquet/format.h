/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of the Parquet format and the footer in memory (apache/
 * parquet-format, parquet.thrift). parse reads what any writer wrote, bounded
 * by the bytes given; write gives the bytes of what this module writes.
 */
#ifndef PF_PARQUET_FORMAT_H
#define PF_PARQUET_FORMAT_H

#include "arrow/schema.h"
#include "base/buf.h"
#include "base/error.h"

#define PQ_MAGIC "PAR1"

enum pq_physical {
	PQ_BOOLEAN,
	PQ_INT32,
	PQ_INT64,
	PQ_INT96,
	PQ_FLOAT,
	PQ_DOUBLE,
	PQ_BYTE_ARRAY,
	PQ_FIXED,
};

enum pq_encoding {
	PQ_PLAIN = 0,
	PQ_PLAIN_DICTIONARY = 2,
	PQ_RLE = 3,
	PQ_BIT_PACKED = 4,
	PQ_DELTA_BINARY_PACKED = 5,
	PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
	PQ_DELTA_BYTE_ARRAY = 7,
	PQ_RLE_DICTIONARY = 8,
	PQ_BYTE_STREAM_SPLIT = 9,
};

enum pq_compression {
	PQ_UNCOMPRESSED,
	PQ_SNAPPY,
	PQ_GZIP,
	PQ_LZO,
	PQ_BROTLI,
	PQ_LZ4,
	PQ_ZSTD,
	PQ_LZ4_RAW,
};

enum pq_converted {
	PQ_CONV_NONE = -1,
	PQ_CONV_UTF8 = 0,
	PQ_CONV_MAP = 1,
	PQ_CONV_MAP_KEY_VALUE = 2,
	PQ_CONV_LIST = 3,
	PQ_CONV_ENUM = 4,
	PQ_CONV_DECIMAL = 5,
	PQ_CONV_DATE = 6,
	PQ_CONV_TIME_MILLIS = 7,
	PQ_CONV_TIME_MICROS = 8,
	PQ_CONV_TIMESTAMP_MILLIS = 9,
	PQ_CONV_TIMESTAMP_MICROS = 10,
	PQ_CONV_UINT_8 = 11,
	PQ_CONV_UINT_16 = 12,
	PQ_CONV_UINT_32 = 13,
	PQ_CONV_UINT_64 = 14,
	PQ_CONV_INT_8 = 15,
	PQ_CONV_INT_16 = 16,
	PQ_CONV_INT_32 = 17,
	PQ_CONV_INT_64 = 18,
	PQ_CONV_JSON = 19,
	PQ_CONV_BSON = 20,
	PQ_CONV_INTERVAL = 21,
};

/* Members of the LogicalType union by field id; 0: none. */
enum pq_logical {
	PQ_LOG_NONE = 0,
	PQ_LOG_STRING = 1,
	PQ_LOG_MAP = 2,
	PQ_LOG_LIST = 3,
	PQ_LOG_ENUM = 4,
	PQ_LOG_DECIMAL = 5,
	PQ_LOG_DATE = 6,
	PQ_LOG_TIME = 7,
	PQ_LOG_TIMESTAMP = 8,
	PQ_LOG_INTEGER = 10,
	PQ_LOG_UNKNOWN = 11,
	PQ_LOG_JSON = 12,
	PQ_LOG_FLOAT16 = 15,
};

enum pq_unit { PQ_UNIT_NONE, PQ_UNIT_MILLIS, PQ_UNIT_MICROS, PQ_UNIT_NANOS };

enum pq_repetition { PQ_REQUIRED, PQ_OPTIONAL, PQ_REPEATED };

enum pq_page_kind { PQ_PAGE_DATA = 0, PQ_PAGE_INDEX = 1, PQ_PAGE_DICTIONARY = 2, PQ_PAGE_DATA_V2 = 3 };

struct pq_element {
	int32_t type;       /* pq_physical, -1: a group */
	int32_t length;     /* of PQ_FIXED */
	int32_t repetition; /* pq_repetition, -1: absent */
	struct pf_view name;
	int32_t children;
	int32_t converted;  /* pq_converted */
	int32_t scale, precision;
	int32_t field_id;   /* -1: none */
	int32_t logical;    /* pq_logical or a number unknown to us */
	int32_t log_scale, log_precision; /* of a logical decimal */
	int32_t log_bits;   /* of a logical integer */
	int32_t log_unit;   /* pq_unit of time and timestamp */
	bool log_flag;      /* isAdjustedToUTC, isSigned */
};

/* Raw statistics; views with data NULL are absent. */
struct pq_statistics {
	struct pf_view min, max;         /* deprecated fields 2 and 1 */
	struct pf_view min_value, max_value;
	int64_t null_count, nan_count;   /* -1: absent */
	int8_t min_exact, max_exact;     /* -1: absent, 0, 1 */
};

struct pq_chunk {
	bool present;    /* has meta_data */
	bool elsewhere;  /* file_path is set */
	bool encrypted;
	int32_t type, codec;
	uint32_t encodings; /* a bit for each pq_encoding that is listed */
	int64_t num_values;
	int64_t uncompressed_bytes, compressed_bytes;
	int64_t data_offset;
	int64_t dictionary_offset;   /* -1: absent */
	int64_t bloom_offset;        /* -1: absent */
	int64_t bloom_bytes;         /* -1: absent */
	int64_t offset_index_offset, column_index_offset; /* -1: absent */
	int64_t offset_index_bytes, column_index_bytes;
	struct pq_statistics stats;
};

struct pq_sorting {
	int32_t leaf;
	bool descending, nulls_first;
};

struct pq_group {
	struct pq_chunk *chunks;
	size_t n_chunks;
	int64_t rows;
	struct pq_sorting *sorting;
	size_t n_sorting;
};

/* Views point into the footer's bytes. */
struct pq_footer {
	struct pq_element *elements;
	size_t n_elements;
	int64_t rows;
	struct pq_group *groups;
	size_t n_groups;
	struct pf_meta meta;
	struct pf_view created_by;
	uint8_t *orders;   /* union member of each leaf's ColumnOrder */
	size_t n_orders;
	bool encrypted;
};

int pq_footer_parse(const uint8_t *data, size_t len, struct pq_footer *footer,
		    struct pf_error *err);
void pq_footer_free(struct pq_footer *footer);

struct pq_page_header {
	int32_t kind;             /* pq_page_kind or a number unknown to us */
	int32_t uncompressed, compressed;
	bool has_crc;
	uint32_t crc;
	int32_t values;           /* data and dictionary pages */
	int32_t encoding;
	int32_t level_encoding;   /* V1: of definition levels */
	int32_t nulls, rows;      /* V2 */
	int32_t def_bytes, rep_bytes; /* V2 */
	bool is_compressed;       /* V2, else true */
};

/* Parse a page header. *used: its bytes. *more is set when the bytes ended
 * before the header did (and PF_E_PARQUET returned). */
int pq_page_header_parse(const uint8_t *data, size_t len,
			 struct pq_page_header *h, size_t *used, bool *more,
			 struct pf_error *err);
void pq_page_header_write(struct pf_buf *out, const struct pq_page_header *h);

/* Bytes of the filter's bitset; *used: bytes of the header before it. */
int pq_bloom_header_parse(const uint8_t *data, size_t len, int32_t *bytes,
			  size_t *used, struct pf_error *err);
void pq_bloom_header_write(struct pf_buf *out, int32_t bytes);

struct pq_page_location {
	int64_t offset, first_row;
	int32_t bytes; /* with header */
};

/* *locations: to be freed by the caller. */
int pq_offset_index_parse(const uint8_t *data, size_t len,
			  struct pq_page_location **locations, size_t *n,
			  struct pf_error *err);

struct pq_column_index {
	uint8_t *null_pages; /* 0 or 1 each */
	struct pf_view *mins, *maxs;
	int64_t *null_counts; /* NULL: absent */
	size_t n;
};

/* Views point into data. Lists of unequal length are refused. */
int pq_column_index_parse(const uint8_t *data, size_t len,
			  struct pq_column_index *index, struct pf_error *err);
void pq_column_index_free(struct pq_column_index *index);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of error codes: name, number, meaning. Messages may be reworded,
 * numbers stay; tests and scripts rely on them. First digit = exit status.
 * Keep each class sorted by number.
 */
#ifndef PF_BASE_CODES_H
#define PF_BASE_CODES_H

#define PF_CODES(X) \
	/* 1: done, and the answer is partial */ \
	X(PF_E_ROWS_SKIPPED, 1001, "rows were skipped under --on-error=skip") \
	X(PF_E_NO_ROWS, 1002, "no row matched under --exit-status") \
	X(PF_E_STATE_DIFFERS, 1003, "a state differs from its table under --verify") \
	/* 2: asked wrongly */ \
	X(PF_E_USAGE, 2001, "wrong option or operand") \
	X(PF_E_SCHEMA_FILE, 2010, "the table definition (YAML) is wrong") \
	X(PF_E_TYPE_NAME, 2011, "unknown type name") \
	X(PF_E_NO_SCHEMA, 2012, "a schema is needed and none was given") \
	X(PF_E_SCHEMA_MISMATCH, 2013, "schemas differ") \
	X(PF_E_TABLE_FEATURE, 2020, "the table uses a feature that is not supported") \
	X(PF_E_NOT_A_TABLE, 2021, "the operand is not a table") \
	X(PF_E_TABLE_EXISTS, 2022, "the table exists already") \
	X(PF_E_NO_OFFSETS, 2023, "the table's offset map is gone; say where to start") \
	X(PF_E_EXPIRED, 2024, "the snapshot has expired") \
	X(PF_E_NOT_A_STAGE, 2030, "the operand is not a stage") \
	X(PF_E_STAGE_SCHEMA, 2031, "the schema does not fit the stage's") \
	X(PF_E_EXPR_SYNTAX, 2040, "the expression is malformed") \
	X(PF_E_EXPR_TYPE, 2041, "the expression's types do not fit") \
	X(PF_E_UNKNOWN_COLUMN, 2042, "unknown column") \
	X(PF_E_UNKNOWN_FUNCTION, 2043, "unknown function") \
	X(PF_E_NOT_PARTITIONED, 2050, "rows without partition and bucket") \
	X(PF_E_KAFKA_CONFIG, 2060, "the Kafka configuration is wrong, or others can read it") \
	X(PF_E_KAFKA_PARTITIONS, 2061, "the topic's partition count is another one") \
	X(PF_E_UNSUPPORTED, 2090, "not supported") \
	/* 3: bad data */ \
	X(PF_E_TRUNCATED, 3001, "the stream ended without its end message") \
	X(PF_E_CORRUPT, 3002, "a checksum or structure is wrong") \
	X(PF_E_BAD_ROW, 3003, "a row does not fit the schema") \
	X(PF_E_BAD_VALUE, 3004, "a value does not fit its column") \
	X(PF_E_NULL_VALUE, 3005, "a value is missing where one is needed") \
	X(PF_E_FIELD_COUNT, 3006, "a line has the wrong number of fields") \
	X(PF_E_LINE_LENGTH, 3007, "a line is too long") \
	X(PF_E_UTF8, 3008, "text is not UTF-8") \
	X(PF_E_ROW_SIZE, 3009, "a row is too large for where it goes") \
	X(PF_E_ARROW, 3010, "malformed Arrow stream") \
	X(PF_E_PARQUET, 3011, "malformed Parquet file") \
	X(PF_E_AVRO, 3012, "malformed Avro file") \
	X(PF_E_JSON, 3013, "malformed JSON") \
	X(PF_E_CODEC, 3014, "malformed compressed data") \
	X(PF_E_TABLE_CORRUPT, 3020, "the table's metadata or files are damaged") \
	X(PF_E_STAGE_CORRUPT, 3030, "the stage is damaged") \
	X(PF_E_STAGE_GAP, 3031, "rows that were to be read are gone from the stage") \
	X(PF_E_STAGE_CHANGED, 3032, "the stage was truncated or made anew") \
	X(PF_E_SOURCE_CHANGED, 3033, "an input is not the one that was staged before") \
	X(PF_E_EXPR_VALUE, 3040, "a value cannot be computed") \
	X(PF_E_MISSING_DAY, 3050, "a day within a window has no rows") \
	X(PF_E_LATE_DATA, 3051, "rows came for days that had been given out") \
	/* 4: the world failed */ \
	X(PF_E_MEMORY, 4001, "out of memory") \
	X(PF_E_IO, 4002, "input or output failed") \
	X(PF_E_SPACE, 4003, "no space left") \
	X(PF_E_ACCESS, 4004, "permission denied") \
	X(PF_E_NO_FILE, 4005, "no such file") \
	X(PF_E_LIMIT, 4006, "a limit of this program was reached") \
	X(PF_E_KAFKA, 4010, "a Kafka broker or client failed for good") \
	X(PF_E_COMMAND, 4007, "a command that was to be run failed") \
	X(PF_E_INTERNAL, 4999, "internal error") \
	/* 5: an upstream program failed */ \
	X(PF_E_UPSTREAM, 5001, "an upstream program aborted") \
	/* 75: not now, try again */ \
	X(PF_E_LOCKED, 7501, "somebody else holds the lock") \
	X(PF_E_CONFLICT, 7502, "another commit came first") \
	X(PF_E_VANISHED, 7503, "a file disappeared while it was being read") \
	X(PF_E_INTERRUPTED, 7504, "a signal ended the work before its end") \
	X(PF_E_STAGE_GREW, 7505, "the stage's definition changed while it was read") \
	X(PF_E_UNREACHABLE, 7506, "no broker of the topic can be reached")

enum pf_code {
	PF_OK = 0,
#define X(name, number, meaning) name = number,
	PF_CODES(X)
#undef X
};

#endif

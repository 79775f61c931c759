/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an Arrow stream, through the record stream's reader (framing,
 * flatbuffers, arrays, conversion, control messages). Every value handed out
 * is read, so that a bound that was missed is a report of the sanitizer.
 */
#include <stddef.h>

#include "arrow/ipc_read.h"
#include "arrow/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 20 };

static volatile uint64_t sink;

static void read_bytes(struct pf_view v)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < v.len; i++)
		sum += v.data[i];
	sink += sum;
}

static void read_column(enum pf_kind kind, const struct pf_column *c, int64_t row)
{
	if (pf_is_null(c, row))
		return;
	if (kind == PF_STRINGS) {
		for (int32_t k = c->offsets[row]; k < c->offsets[row + 1]; k++)
			read_bytes(pf_bytes_at(c->child, k));
	} else if (pf_kind_is_variable(kind)) {
		read_bytes(pf_bytes_at(c, row));
	} else {
		sink += (uint64_t)pf_value_cmp(kind, c, row, c, row);
	}
}

static void read_stream(const uint8_t *data, size_t size)
{
	struct pf_memory_source memory = { { data, size }, 0 };
	struct pf_byte_source source = pf_source_memory(&memory, "fuzz");
	struct pf_stream_in *in;
	struct pf_event e = { 0 };
	struct pf_error err;
	int code = pf_stream_in_open(&source, LIMIT, &in, &err);
	if (code)
		return;
	while (!code && e.kind != PF_EVENT_END && e.kind != PF_EVENT_ABORT) {
		code = pf_stream_in_next(in, &e, &err);
		if (code || e.kind != PF_EVENT_BATCH)
			continue;
		for (size_t i = 0; i < e.batch.schema->n; i++)
			for (int64_t r = 0; r < e.batch.rows; r++)
				read_column(e.batch.schema->fields[i].type.kind,
					    &e.batch.columns[i], r);
	}
	pf_stream_in_close(in);
}

/* The nested arrays that conversion refuses are read here. */
static void read_arrays(const uint8_t *data, size_t size)
{
	struct pf_memory_source memory = { { data, size }, 0 };
	struct pf_byte_source source = pf_source_memory(&memory, "fuzz");
	struct pf_ipc_reader *r = pf_ipc_reader_new(&source, LIMIT);
	const struct pf_arrow_schema *schema;
	struct pf_ipc_message m = { 0 };
	bool found = false;
	int code = pf_ipc_read_schema(r, &schema, &found, NULL);
	while (!code && found && m.event != PF_IPC_END && m.event != PF_IPC_END_OF_STREAM)
		code = pf_ipc_read_next(r, &m, NULL);
	pf_ipc_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_stream(data, size);
	read_arrays(data, size);
	return 0;
}

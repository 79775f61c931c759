/* SPDX-License-Identifier: Apache-2.0
 *
 * A segment of a stage that anybody may have written: reading it, and opening
 * it to append, gives rows or an error, whatever the bytes are.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "put_file.h"
#include "stage/dir.h"
#include "stage/stage.h"
#include "stage/writer.h"

static const char identity[] =
	"{\"format\": 1, \"uuid\": \"01234567-89ab-4cde-8f01-23456789abcd\","
	" \"definition\": \"table: t\\nid: id\\ntime: ts\\nbuckets: 2\\n"
	"partition: day\\ncolumns:\\n  id: bigint not null\\n"
	"  ts: timestamp(3) not null\\n  text: string\\n\"}";

static void read_stage(const char *path)
{
	struct pf_stage *stage = NULL;
	struct pf_stage_reader *reader = NULL;
	struct pf_event event = { .kind = PF_EVENT_BATCH };
	struct pf_error err = { 0 };
	struct pf_stage_read how = { 0 };
	if (!pf_stage_open(path, NULL, &stage, &err) &&
	    !pf_stage_reader_open(stage, &how, &reader, &err))
		while (!pf_stage_reader_next(reader, &event, &err) &&
		       event.kind != PF_EVENT_END)
			;
	pf_stage_reader_close(reader);
	pf_stage_close(stage);
}

static void open_writer(const char *path)
{
	struct pf_stage_writer *writer = NULL;
	struct pf_error err = { 0 };
	struct pf_stage_write how = { .no_sync = true };
	pf_stage_writer_open(path, &how, &writer, &err);
	pf_stage_writer_close(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char path[] = "/tmp/fuzz_stage.XXXXXX";
	static int dir = -1;
	if (dir < 0) {
		if (!mkdtemp(path))
			abort();
		dir = open(path, O_RDONLY | O_DIRECTORY);
		put_file(dir, "stage.json", identity, sizeof identity - 1);
	}
	put_file(dir, "00000000000000000000.arrows", data, len);
	read_stage(path);
	open_writer(path);
	return 0;
}

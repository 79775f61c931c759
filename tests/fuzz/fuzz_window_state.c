/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes in the place of a file of a window's state: state.json, the list of
 * runs, the list of inputs, a run of partials. What is read is right or refused;
 * checksums are those of the bytes, so that they do not hide the rest. The first
 * byte chooses which, the next two are how many rows are promised.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ext/hash.h"
#include "window/combine.h"
#include "window/plan.h"
#include "window/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/pf-fuzz-state.XXXXXX";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void write_file(const char *name, const void *data, size_t size)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static struct pf_shape *new_shape(void)
{
	char *aggregates[] = { "count", "sum:v", "max:s", "distinct:s", "days" };
	char *keys[] = { "id", "s" };
	const struct pf_shape_options o = { .group_by = keys, .ngroup_by = 2,
					    .aggregates = aggregates, .naggregates = 5,
					    .time = "ts", .grain_us = 86400000000 };
	struct pf_schema *schema = pf_schema_new();
	struct pf_shape *shape;
	pf_schema_add(schema, "id", (struct pf_type){ .kind = PF_BIGINT }, false);
	pf_schema_add(schema, "ts", (struct pf_type){ PF_TIMESTAMP, 3, 0 }, false);
	pf_schema_add(schema, "v", (struct pf_type){ .kind = PF_DOUBLE }, true);
	pf_schema_add(schema, "s", (struct pf_type){ .kind = PF_STRING }, true);
	must(!pf_shape_new(schema, &o, &shape, NULL));
	pf_schema_unref(schema);
	return shape;
}

/* A state that opens is one that windows can be planned of, saved, and opened
 * again with as much in it. */
static void use_state(const struct pf_shape *shape)
{
	struct pf_state *s;
	struct pf_plan p;
	if (pf_state_open(dir, 0, false, &s, NULL))
		return;
	size_t cells = s->ncells, inputs = s->ninputs;
	if (!pf_plan_window(s, shape, 0, PF_SHAPE_LAST_US - 1, &p, NULL))
		pf_plan_free(&p);
	int code = pf_state_commit(s, NULL);
	pf_state_close(s);
	if (code)
		return;
	must(!pf_state_open(dir, 0, false, &s, NULL));
	must(s->ncells == cells && s->ninputs == inputs);
	pf_state_close(s);
}

static void describe(char *out, size_t cap, const struct pf_shape *shape, bool cells,
		     const uint8_t *data, size_t size, int rows)
{
	static const char run[] = "{\"file\": \"cells-000001.arrow\", \"offset\": 0, \"bytes\": %zu, "
				  "\"rows\": %d, \"xxh3\": \"%016" PRIx64 "\"}";
	static const char none[] = "{\"file\": \"none\", \"offset\": 0, \"bytes\": 0, \"rows\": 0, "
				   "\"xxh3\": \"2d06800538d394c2\"}";
	char list[256];
	(void)shape;
	snprintf(list, sizeof list, run, size, rows, pf_xxh3(data, size));
	snprintf(out, cap, "{\"format\": 2, \"generation\": 1, \"shape\": \"x\", \"grain\": 86400000000, "
		 "\"tables\": [{\"name\": \"t\", \"snapshot\": 1, \"snapshot_ms\": 1, \"snapshot_list\": \"l\"}], "
		 "\"from\": 0, \"first\": 0, \"next_id\": 1000000, \"cells\": %s, \"inputs\": %s, "
		 "\"windows\": [], \"published\": []}",
		 cells ? list : none, cells ? none : list);
}

static void fuzz_list(const struct pf_shape *shape, bool cells, const uint8_t *data,
		      size_t size, int rows)
{
	char json[1024];
	describe(json, sizeof json, shape, cells, data, size, rows);
	write_file("cells-000001.arrow", data, size);
	write_file("state.json", json, strlen(json));
	use_state(shape);
}

static void fuzz_run(const struct pf_shape *shape, const uint8_t *data, size_t size, int rows)
{
	int fd = memfd_create("run", MFD_CLOEXEC);
	struct pf_combine *m;
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	const struct pf_combine_input input = {
		.run = { .fd = fd, .name = "run", .bytes = size,
			 .hash = pf_xxh3(data, size), .rows = rows },
		.partial = true };
	if (!pf_combine_open(shape, &input, 1, rows & 1, 1 << 20, &m, NULL)) {
		struct pf_batch batch;
		size_t n = 1;
		while (!pf_combine_next(m, &n, NULL) && n &&
		       !pf_combine_stored(m, 0, &batch, NULL))
			;
		pf_combine_free(m);
	}
	close(fd);
}

static void fuzz_ids(const uint8_t *data, size_t size)
{
	struct pf_ids ids = { 0 }, again = { 0 };
	struct pf_buf text = { 0 };
	if (size < 64 && !pf_ids_parse((const char *)data, size, &ids, NULL) && ids.n < 10000) {
		pf_ids_print(&ids, &text);
		must(!pf_ids_parse((const char *)text.data, text.len, &again, NULL));
		must(again.n == ids.n &&
		     (!ids.n || !memcmp(again.items, ids.items, ids.n * sizeof *ids.items)));
	}
	pf_ids_free(&ids);
	pf_ids_free(&again);
	pf_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pf_shape *shape;
	if (!shape) {
		must(mkdtemp(dir));
		write_file("none", "", 0); /* lists without rows */
		shape = new_shape();
	}
	if (size < 3)
		return 0;
	int rows = data[1] | data[2] << 8;
	const uint8_t *rest = data + 3;
	switch (data[0] % 5) {
	case 0:
		write_file("state.json", rest, size - 3);
		use_state(shape);
		break;
	case 1:
		fuzz_list(shape, true, rest, size - 3, rows);
		break;
	case 2:
		fuzz_list(shape, false, rest, size - 3, rows);
		break;
	case 3:
		fuzz_run(shape, rest, size - 3, rows);
		break;
	default:
		fuzz_ids(rest, size - 3);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that anybody may have written to a topic: each is rows or a reject,
 * one of text is one row or one reject, and the next message is read as if it
 * had not been there. Also the header of ours, URLs, marks of sources.
 *
 * The input's first byte chooses the payload; 0xfe ends a message.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stage/kafka_decode.h"
#include "stage/kafka_message.h"
#include "stage/kafka_url.h"

static const char definition[] =
	"table: t\nid: id\ntime: ts\nbuckets: 2\npartition: day\ncolumns:\n"
	"  id: string not null\n  ts: timestamp(3) not null\n  n: int\n"
	"  b: bytes\n  d: decimal(10,2)\n";

struct counting {
	int64_t rejected, last;
};

static int on_reject(void *ctx, const struct pf_reject *reject, struct pf_error *err)
{
	struct counting *c = ctx;
	(void)err;
	c->rejected++;
	c->last = reject->offset;
	if (!reject->reason[0] || !reject->topic)
		abort();
	return 0;
}

static bool drain(struct pf_decoder *d, int64_t *rows)
{
	struct pf_batch b;
	struct pf_error err = { 0 };
	do {
		if (pf_decoder_next(d, &b, &err))
			return false;
		*rows += b.rows;
	} while (b.rows || !pf_decoder_empty(d));
	return true;
}

static void read_messages(bool csv, const uint8_t *data, size_t len)
{
	struct pf_tabledef *def;
	struct pf_error err = { 0 };
	struct counting c = { 0 };
	struct pf_source_marks marks = { 0 };
	struct pf_decoder *d;
	if (pf_tabledef_parse(definition, strlen(definition), "fuzz", &def, &err))
		abort();
	struct pf_schema *schema = pf_tabledef_schema(def);
	struct pf_decode_options o = { .schema = schema, .definition = def, .topic = "t",
				       .csv = csv, .marks = &marks, .reject = on_reject,
				       .ctx = &c };
	if (pf_decoder_new(&o, &d, &err))
		abort();
	int64_t rows = 0, texts = 0, offset = 0;
	bool arrow = false, fine = true;
	for (size_t at = 0; fine && at < len; offset++) {
		const uint8_t *end = memchr(data + at, 0xfe, len - at);
		size_t n = end ? (size_t)(end - data) - at : len - at;
		struct pf_kafka_record r = { .offset = offset, .has_value = n > 0,
					     .value = pf_view_of(data + at, n) };
		arrow |= pf_record_is_arrow(&r);
		texts++;
		if (pf_decoder_full(d))
			fine = drain(d, &rows);
		if (fine && pf_decoder_add(d, &r, &err))
			abort();
		at += n + 1;
	}
	if (fine)
		fine = drain(d, &rows);
	const struct pf_decode_counts *k = pf_decoder_counts(d);
	if (k->rejected != c.rejected || k->filtered < 0)
		abort();
	if (fine && !arrow && rows + k->rejected + k->filtered != texts)
		abort();
	pf_decoder_free(d);
	pf_schema_unref(schema);
	pf_tabledef_free(def);
	pf_source_marks_free(&marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	char *text = pf_strndup((const char *)data + 1, len - 1);
	struct pf_kafka_url url;
	struct pf_origin origin;
	struct pf_source_marks marks = { 0 };
	switch (data[0] & 7) {
	case 0:
		if (pf_kafka_url_is(text) && !pf_kafka_url_parse(text, &url, NULL))
			pf_kafka_url_free(&url);
		break;
	case 1:
		pf_origin_read(pf_view_of(data + 1, len - 1), &origin);
		pf_source_marks_read(&marks, text, NULL);
		pf_source_marks_forget(&marks, 1000000);
		pf_source_marks_free(&marks);
		break;
	default:
		read_messages(data[0] & 1, data + 1, len - 1);
	}
	free(text);
	return 0;
}

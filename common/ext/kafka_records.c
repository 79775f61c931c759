/* SPDX-License-Identifier: Apache-2.0
 *
 * Records: fetched from partitions, and given to be sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ext/kafka_client.h"

/* A topic that was read from and is not known for so long was deleted. */
enum { GONE_MS = 5000 };

/* --- consuming --- */

int pf_kafka_start(struct pf_kafka *k, int32_t partition, int64_t offset,
		   struct pf_error *err)
{
	if (k->lib->rd_kafka_consume_start_queue(k->topic, partition, offset, k->queue))
		return pf_kafka_fail(k, k->lib->rd_kafka_last_error(), NULL, err);
	k->lib->rd_kafka_topic_partition_list_add(k->fetched, k->name, partition);
	return 0;
}

void pf_kafka_stop(struct pf_kafka *k, int32_t partition)
{
	k->lib->rd_kafka_topic_partition_list_del(k->fetched, k->name, partition);
	k->lib->rd_kafka_consume_stop(k->topic, partition);
}

/* When the queue is full the thread that fetches sleeps, and looks again a second
 * later, however soon the queue is empty (fetch.queue.backoff.ms came with librdkafka
 * 2.2). A request to the partitions' leaders wakes it; nobody waits for what they
 * answer. */
static void wake_fetcher(struct pf_kafka *k, const rd_kafka_message_t *m)
{
	k->taken++;
	k->taken_bytes += m->len;
	if (k->taken < PF_KAFKA_QUEUED_MESSAGES / 2 && k->taken_bytes < k->queued_bytes / 2)
		return;
	k->taken = 0;
	k->taken_bytes = 0;
	for (int i = 0; i < k->fetched->cnt; i++)
		k->fetched->elems[i].offset = RD_KAFKA_OFFSET_END;
	if (k->fetched->cnt)
		k->lib->rd_kafka_offsets_for_times(k->rk, k->fetched, 0);
}

static int take_message(struct pf_kafka *k, rd_kafka_message_t *m,
			enum pf_kafka_event *event, struct pf_kafka_record *r,
			struct pf_error *err)
{
	rd_kafka_timestamp_type_t type;
	r->partition = m->partition;
	r->offset = m->offset;
	if (!m->err) {
		r->time_ms = k->lib->rd_kafka_message_timestamp(m, &type);
		r->key = pf_view_of(m->key, m->key_len);
		r->value = pf_view_of(m->payload, m->len);
		r->has_key = m->key != NULL;
		r->has_value = m->payload != NULL;
		r->handle = m;
		*event = PF_KAFKA_RECORD;
		return 0;
	}
	rd_kafka_resp_err_t e = m->err;
	char why[400], quoted[400];
	snprintf(why, sizeof why, "%s", k->lib->rd_kafka_message_errstr(m));
	k->lib->rd_kafka_message_destroy(m);
	if (e == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		*event = PF_KAFKA_END;
		return 0;
	}
	if (e == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
	    e == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
		*event = PF_KAFKA_OUT_OF_RANGE;
		return 0;
	}
	if (pf_kafka_code_of(e) == PF_E_UNREACHABLE) {
		pf_kafka_note_trouble(k, e, why);
		return 0;
	}
	return pf_fail(err, pf_kafka_code_of(e), "topic '%s', partition %" PRId32
		       ", offset %" PRId64 ": %s", k->name, r->partition, r->offset,
		       pf_quote(quoted, sizeof quoted, why, strlen(why)));
}

/* What we read from is said to be unknown. That it was deleted must be true for a
 * while: brokers say so, too, that have just begun and know of no topic yet, and then
 * librdkafka goes on by itself. */
static int check_unknown(struct pf_kafka *k, struct pf_error *err)
{
	struct pf_kafka_info info;
	int code = pf_kafka_await(k, GONE_MS, &info, err);
	k->unknown = false;
	if (code)
		return code == PF_E_UNREACHABLE ? 0 : code;
	for (int i = 0; i < k->fetched->cnt; i++)
		if (k->fetched->elems[i].partition >= info.partitions)
			return pf_fail(err, PF_E_NOT_A_STAGE, "topic '%s' has no partition %"
				       PRId32 " any more", k->name,
				       k->fetched->elems[i].partition);
	return 0;
}

int pf_kafka_next(struct pf_kafka *k, int timeout_ms, enum pf_kafka_event *event,
		  struct pf_kafka_record *r, struct pf_error *err)
{
	*event = PF_KAFKA_NOTHING;
	*r = (struct pf_kafka_record){ 0 };
	rd_kafka_message_t *m = k->lib->rd_kafka_consume_queue(k->queue, 0);
	if (!m && timeout_ms) {
		k->lib->rd_kafka_poll(k->rk, 0);
		if (k->failed.code) {
			*err = k->failed;
			return err->code;
		}
		m = k->lib->rd_kafka_consume_queue(k->queue, timeout_ms);
	}
	if (!m)
		return k->unknown ? check_unknown(k, err) : 0;
	wake_fetcher(k, m);
	return take_message(k, m, event, r, err);
}

void pf_kafka_release(struct pf_kafka_record *r)
{
	if (r->handle)
		pf_kafka_library()->rd_kafka_message_destroy(r->handle);
	r->handle = NULL;
}

bool pf_kafka_header(const struct pf_kafka_record *r, const char *name,
		     struct pf_view *value)
{
	rd_kafka_headers_t *headers;
	const void *data;
	size_t len;
	const struct pf_kafka_library *lib = r->handle ? pf_kafka_library() : NULL;
	if (!lib || lib->rd_kafka_message_headers(r->handle, &headers) ||
	    lib->rd_kafka_header_get_last(headers, name, &data, &len))
		return false;
	*value = pf_view_of(data, data ? len : 0);
	return true;
}

/* --- producing --- */

void pf_kafka_on_report(struct pf_kafka *k,
			void (*report)(void *ctx, const struct pf_kafka_report *r),
			void *ctx)
{
	k->report = report;
	k->report_ctx = ctx;
}

int pf_kafka_produce(struct pf_kafka *k, int32_t partition, const struct pf_view *key,
		     struct pf_view value, const struct pf_kafka_header *headers,
		     size_t nheaders, int64_t time_ms, void *tag, bool *full,
		     struct pf_error *err)
{
	*full = false;
	if (k->failed.code) {
		*err = k->failed;
		return err->code;
	}
	rd_kafka_headers_t *list = k->lib->rd_kafka_headers_new(nheaders);
	for (size_t i = 0; i < nheaders; i++)
		k->lib->rd_kafka_header_add(list, headers[i].name, -1, headers[i].value.data,
					(ssize_t)headers[i].value.len);
	/* librdkafka takes what it copies by plain pointers. */
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = k->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_VALUE,
		  .u.mem = { (void *)(uintptr_t)value.data, value.len } },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = time_ms },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = tag },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = list },
		{ .vtype = RD_KAFKA_VTYPE_KEY,
		  .u.mem = { key ? (void *)(uintptr_t)key->data : NULL,
			     key ? key->len : 0 } },
	};
	rd_kafka_error_t *e = k->lib->rd_kafka_produceva(k->rk, vus,
						     key ? 8 : 7);
	if (!e)
		return 0;
	k->lib->rd_kafka_headers_destroy(list);
	rd_kafka_resp_err_t code = k->lib->rd_kafka_error_code(e);
	char why[400];
	snprintf(why, sizeof why, "%s", k->lib->rd_kafka_error_string(e));
	k->lib->rd_kafka_error_destroy(e);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		*full = true;
		return 0;
	}
	return pf_kafka_fail(k, code, why, err);
}

int pf_kafka_poll(struct pf_kafka *k, int timeout_ms, struct pf_error *err)
{
	k->lib->rd_kafka_poll(k->rk, timeout_ms);
	if (!k->failed.code)
		return 0;
	*err = k->failed;
	return err->code;
}

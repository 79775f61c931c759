/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/near.h"
#include "base/time.h"

#define SCHEME "kafka://"
enum { TOPIC_BYTES = 249, MOST_PARTITIONS = 100000 };

bool pf_kafka_url_is(const char *text)
{
	return !strncmp(text, SCHEME, sizeof SCHEME - 1);
}

void pf_kafka_url_free(struct pf_kafka_url *url)
{
	free(url->servers);
	free(url->topic);
	*url = (struct pf_kafka_url){ 0 };
}

static int bad(const char *text, const char *why, struct pf_error *err)
{
	char quoted[512];
	pf_fail(err, PF_E_USAGE, "'%s' %s", pf_quote(quoted, sizeof quoted, text,
						     strlen(text)), why);
	return pf_hint(err, "kafka://host[:port][,host[:port]]/topic[?payload=json&partitioner=fiber]");
}

static int name_of(const char *const *names, size_t n, const char *text,
		   const char *what, struct pf_error *err)
{
	char quoted[64];
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	pf_fail(err, PF_E_USAGE, "unknown %s '%s'", what,
		pf_quote(quoted, sizeof quoted, text, strlen(text)));
	pf_hint(err, "one of %s, %s%s%s", names[0], names[1], n > 2 ? ", " : "",
		n > 2 ? names[2] : "");
	return -1;
}

int pf_kafka_payload_parse(const char *text, enum pf_kafka_payload *out,
			   struct pf_error *err)
{
	static const char *const names[] = { "arrow", "json", "csv" };
	int i = name_of(names, 3, text, "payload", err);
	if (i < 0)
		return PF_E_USAGE;
	*out = (enum pf_kafka_payload)i;
	return 0;
}

int pf_kafka_partitioner_parse(const char *text, enum pf_kafka_partitioner *out,
			       struct pf_error *err)
{
	static const char *const names[] = { "fiber", "murmur2" };
	int i = name_of(names, 2, text, "partitioner", err);
	if (i < 0)
		return PF_E_USAGE;
	*out = i ? PF_PARTITIONER_MURMUR2 : PF_PARTITIONER_FIBER;
	return 0;
}

static bool letters(const char *text, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c && strchr(more, c))))
			return false;
	}
	return true;
}

/* One "host", "host:port" or "[::1]:port". */
static bool add_server(const char *text, size_t len, struct pf_buf *out)
{
	const char *colon = NULL;
	size_t host = len;
	if (len && text[0] == '[') {
		const char *close = memchr(text, ']', len);
		if (!close)
			return false;
		host = (size_t)(close - text) + 1;
		if (!letters(text + 1, host - 2, ":."))
			return false;
		if (host < len)
			colon = close + 1;
	} else {
		colon = memchr(text, ':', len);
		host = colon ? (size_t)(colon - text) : len;
		if (!letters(text, host, ".-_"))
			return false;
	}
	if (!host || (host < len && *colon != ':'))
		return false;
	long port = 9092;
	if (host < len) {
		char *end;
		port = strtol(colon + 1, &end, 10);
		if (end == colon + 1 || end != text + len || port < 1 || port > 65535 ||
		    colon[1] < '0' || colon[1] > '9')
			return false;
	}
	if (out->len)
		pf_buf_byte(out, ',');
	pf_buf_add(out, text, host);
	pf_buf_printf(out, ":%ld", port);
	return true;
}

static int take_servers(const char *text, const char *begin, const char *end,
			struct pf_kafka_url *url, struct pf_error *err)
{
	struct pf_buf out = { 0 };
	bool fine = true;
	if (memchr(begin, '@', (size_t)(end - begin)))
		return bad("kafka://...", "names a user: that belongs into --kafka-config",
			   err);
	for (const char *p = begin; fine && p <= end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		fine = add_server(p, (size_t)(stop - p), &out);
		p = stop + 1;
	}
	url->servers = pf_strdup(fine ? pf_buf_cstr(&out) : "");
	pf_buf_free(&out);
	return fine ? 0 : bad(text, "names no server, or a malformed one", err);
}

static int take_int(const char *key, const char *value, int64_t most, int32_t *out,
		    struct pf_error *err)
{
	char *end;
	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < 1 || n > most)
		return pf_fail(err, PF_E_USAGE, "%s=%.40s: a number from 1 to %lld is needed",
			       key, value, (long long)most);
	*out = (int32_t)n;
	return 0;
}

static int take_option(char *text, struct pf_kafka_url *url, struct pf_error *err)
{
	static const char *const known[] = { "payload", "partitioner", "partitions",
					     "replication", "retention" };
	char *value = strchr(text, '=');
	if (value)
		*value++ = '\0';
	if (!value || !*value)
		return pf_fail(err, PF_E_USAGE, "option '%.60s' of a kafka:// URL has no value",
			       text);
	if (!strcmp(text, "payload")) {
		url->has_payload = true;
		return pf_kafka_payload_parse(value, &url->payload, err);
	}
	if (!strcmp(text, "partitioner"))
		return pf_kafka_partitioner_parse(value, &url->partitioner, err);
	if (!strcmp(text, "partitions"))
		return take_int(text, value, MOST_PARTITIONS, &url->partitions, err);
	if (!strcmp(text, "replication"))
		return take_int(text, value, INT16_MAX, &url->replication, err);
	if (!strcmp(text, "retention"))
		return pf_parse_duration(value, &url->retention_ms, err);
	char quoted[64];
	pf_fail(err, PF_E_USAGE, "unknown option '%s' of a kafka:// URL",
		pf_quote(quoted, sizeof quoted, text, strlen(text)));
	const char *near = pf_near_of(text, known, sizeof known / sizeof *known);
	return near ? pf_hint(err, "did you mean '%s'?", near) :
		      pf_hint(err, "payload, partitioner, partitions, replication, retention");
}

static int take_options(const char *text, struct pf_kafka_url *url,
			struct pf_error *err)
{
	char *copy = pf_strdup(text), *rest = copy, *option;
	int code = 0;
	while (!code && (option = strsep(&rest, "&")))
		if (*option)
			code = take_option(option, url, err);
	free(copy);
	return code;
}

int pf_kafka_url_parse(const char *text, struct pf_kafka_url *url, struct pf_error *err)
{
	*url = (struct pf_kafka_url){ 0 };
	const char *begin = text + sizeof SCHEME - 1;
	const char *slash = strchr(begin, '/');
	if (!slash)
		return bad(text, "names no topic", err);
	const char *topic = slash + 1, *query = strchr(topic, '?');
	size_t len = query ? (size_t)(query - topic) : strlen(topic);
	int code = take_servers(text, begin, slash, url, err);
	if (!code && (!len || len > TOPIC_BYTES || !letters(topic, len, "._-") ||
		      (topic[0] == '.' && (len == 1 || (len == 2 && topic[1] == '.')))))
		code = bad(text, "names no topic", err);
	url->topic = pf_strndup(topic, len);
	if (!code && query)
		code = take_options(query + 1, url, err);
	if (code)
		pf_kafka_url_free(url);
	return code;
}

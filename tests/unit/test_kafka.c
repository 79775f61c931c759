/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of topics without a broker: URLs, the configuration file
 * and who may read it, partitions as Java chooses them, the headers of our
 * records, anchors, marks of sources, lists of partitions and offsets; what is said
 * of a topic that does not answer.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow/source_marks.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "ext/kafka_client.h"
#include "stage/kafka_config.h"
#include "stage/kafka_message.h"
#include "stage/kafka_stage.h"
#include "unit.h"

static struct pf_error err;

static int parse(const char *text, struct pf_kafka_url *url)
{
	memset(&err, 0, sizeof err);
	return pf_kafka_url_parse(text, url, &err);
}

TEST(urls)
{
	struct pf_kafka_url u;
	CHECK(pf_kafka_url_is("kafka://h/t"));
	CHECK(!pf_kafka_url_is("kafka:/h/t"));
	CHECK_OK(parse("kafka://h/t", &u), &err);
	CHECK_STR(u.servers, "h:9092");
	CHECK_STR(u.topic, "t");
	CHECK_INT(u.payload, PF_PAYLOAD_ARROW);
	CHECK_INT(u.partitioner, PF_PARTITIONER_DEFAULT);
	CHECK_INT(u.partitions, 0);
	pf_kafka_url_free(&u);
	CHECK_OK(parse("kafka://a.b-c:1,[::1]:65535,d/x_Y.9-z?payload=json&partitioner=murmur2"
		       "&partitions=12&replication=3&retention=7d", &u), &err);
	CHECK_STR(u.servers, "a.b-c:1,[::1]:65535,d:9092");
	CHECK_STR(u.topic, "x_Y.9-z");
	CHECK_INT(u.payload, PF_PAYLOAD_JSON);
	CHECK_INT(u.partitioner, PF_PARTITIONER_MURMUR2);
	CHECK_INT(u.partitions, 12);
	CHECK_INT(u.replication, 3);
	CHECK_INT(u.retention_ms, 7 * 86400000);
	pf_kafka_url_free(&u);
	static const char *const bad[] = {
		"kafka://", "kafka:///t", "kafka://h", "kafka://h/", "kafka://h/a/b",
		"kafka://h:0/t", "kafka://h:65536/t", "kafka://h:x/t", "kafka://h:+1/t",
		"kafka://h,/t", "kafka://,h/t", "kafka://[::1/t", "kafka://h/t?payload",
		"kafka://h/t?payload=", "kafka://h/t?payload=avro", "kafka://h/.",
		"kafka://h/..", "kafka://h/t t", "kafka://h/t?partitions=0",
		"kafka://h/t?partitions=-1", "kafka://h/t?partitions=1x",
		"kafka://h/t?password=x", "kafka://h/t?retention=soon", "kafka://h h/t",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(parse(bad[i], &u) ? 2 : i + 100, 2);
	/* A password never comes back out. */
	CHECK_INT(parse("kafka://me:sesame@h/t", &u), PF_E_USAGE);
	CHECK(!strstr(err.message, "sesame"));
	CHECK_INT(parse("kafka://h/t?partitoner=fiber", &u), PF_E_USAGE);
	CHECK(strstr(err.hint, "'partitioner'") != NULL);
	char *longest = pf_asprintf("kafka://h/%0249d", 0), *longer = pf_asprintf("kafka://h/%0250d", 0);
	CHECK_OK(parse(longest, &u), &err);
	pf_kafka_url_free(&u);
	CHECK_INT(parse(longer, &u), PF_E_USAGE);
	free(longest);
	free(longer);
}

static int load(const char *text, mode_t mode, struct pf_kafka_config *c)
{
	char path[] = "/tmp/pf_kafka_XXXXXX";
	int fd = mkstemp(path);
	memset(&err, 0, sizeof err);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode))
		abort();
	close(fd);
	int code = pf_kafka_config_load(path, c, &err);
	unlink(path);
	return code;
}

TEST(configuration)
{
	struct pf_kafka_config c;
	CHECK_OK(load("# comment\n\n security.protocol = SSL \r\nssl.ca.location=/a=b\nssl.ca.location=/c",
		      0644, &c), &err);
	CHECK_INT(c.n, 3);
	CHECK_STR(pf_kafka_config_get(&c, "security.protocol"), "SSL");
	CHECK_STR(pf_kafka_config_get(&c, "ssl.ca.location"), "/c");
	CHECK(!pf_kafka_config_get(&c, "sasl.password"));
	pf_kafka_config_free(&c);
	static const char *const secrets[] = { "sasl.password", "ssl.key.password",
		"ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret",
		"sasl.oauthbearer.config" };
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		char text[128];
		snprintf(text, sizeof text, "%s=sesame\n", secrets[i]);
		CHECK_OK(load(text, 0600, &c), &err);
		pf_kafka_config_free(&c);
		static const mode_t open_to[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0644 };
		for (size_t m = 0; m < sizeof open_to / sizeof *open_to; m++) {
			CHECK_INT(load(text, open_to[m], &c), PF_E_KAFKA_CONFIG);
			CHECK_INT(pf_exit_status(err.code), 2);
			CHECK(!strstr(err.message, "sesame") && !strstr(err.hint, "sesame"));
			CHECK(strstr(err.message, secrets[i]) != NULL);
		}
	}
	/* What exactly-once rests on is not to be changed; nor are plug-ins. */
	static const char *const ours[] = { "acks=1", "enable.idempotence=false",
		"auto.offset.reset=latest", "check.crcs=false", "group.id=x",
		"enable.auto.commit=true", "isolation.level=read_uncommitted",
		"message.timeout.ms=1", "plugin.paths=/usr/lib/x.so",
		"bootstrap.servers=h" };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		CHECK_INT(load(ours[i], 0600, &c), PF_E_KAFKA_CONFIG);
	CHECK_INT(load("security.protocol=SSL\nsesame\n", 0600, &c), PF_E_KAFKA_CONFIG);
	CHECK(strstr(err.message, ":2: ") && !strstr(err.message, "sesame"));
	/* PLAIN in clear. */
	CHECK_INT(load("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n", 0600, &c),
		  PF_E_KAFKA_CONFIG);
	CHECK_OK(load("security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\nsasl.password=x", 0600, &c), &err);
	pf_kafka_config_free(&c);
	CHECK_INT(load("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n"
		       "sasl.mechanisms=PLAIN\n", 0600, &c), PF_E_KAFKA_CONFIG);
	CHECK_OK(load("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n", 0600, &c),
		 &err);
	pf_kafka_config_free(&c);
	CHECK_INT(pf_kafka_config_load("/nowhere/x", &c, &err), PF_E_NO_FILE);
}

/* Of Kafka's own UtilsTest. */
TEST(murmur2_as_java)
{
	static const struct {
		const char *key;
		int32_t hash;
	} vectors[] = {
		{ "21", -973932308 }, { "foobar", -790332482 },
		{ "a-little-bit-long-string", -985981536 },
		{ "a-little-bit-longer-string", -1486304829 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
		{ "abc", 479470107 },
	};
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct pf_view key = pf_view_str(vectors[i].key);
		CHECK_INT(pf_murmur2(key), vectors[i].hash);
		CHECK_INT(pf_murmur2_partition(key, 7),
			  (vectors[i].hash & INT32_MAX) % 7);
	}
}

TEST(origins)
{
	struct pf_origin a = { .source = 0x0123456789abcdefu, .to = INT64_MAX, .rows = 12,
			       .session = UINT64_MAX, .group = 7, .index = 2, .of = 3,
			       .partitions = 12 }, b;
	struct pf_buf text = { 0 };
	pf_origin_write(&a, &text);
	CHECK_STR(pf_buf_cstr(&text), "1 0123456789abcdef 9223372036854775807 12 "
		  "ffffffffffffffff 7 2 3 12");
	CHECK(pf_origin_read(pf_view_of(text.data, text.len), &b));
	struct pf_buf again = { 0 };
	pf_origin_write(&b, &again);
	CHECK_STR(pf_buf_cstr(&again), pf_buf_cstr(&text));
	pf_buf_free(&again);
	/* Cut anywhere, or with one byte changed to what is no digit. */
	for (size_t i = 0; i < text.len; i++) {
		bool cut = pf_origin_read(pf_view_of(text.data, i), &b);
		CHECK(!cut || i == text.len - 1);
		uint8_t was = text.data[i];
		text.data[i] = 'x';
		CHECK(!pf_origin_read(pf_view_of(text.data, text.len), &b));
		text.data[i] = was;
	}
	CHECK(!pf_origin_read(pf_view_str("1 0123456789abcdef 1 1 0123456789abcdef 1 3 3 1"), &b));
	CHECK(!pf_origin_read(pf_view_str("2 0123456789abcdef 1 1 0123456789abcdef 1 0 3 1"), &b));
	CHECK(!pf_origin_read(pf_view_str("1 0123456789abcdef 9223372036854775808 1 0123456789abcdef 1 0 3 1"), &b));
	CHECK(!pf_origin_read(pf_view_of("", 0), &b));
	pf_buf_free(&text);
}

TEST(anchors)
{
	char text[PF_ANCHOR_BYTES];
	uint64_t hash;
	int64_t back;
	pf_anchor_write(0xfedcba9876543210u, 999999999999999, text);
	CHECK_STR(text, "fedcba9876543210-999999999999999");
	CHECK(pf_anchor_read(text, &hash, &back));
	CHECK(hash == 0xfedcba9876543210u);
	CHECK_INT(back, 999999999999999);
	CHECK(!pf_anchor_read("", &hash, &back));
	CHECK(!pf_anchor_read("fedcba9876543210", &hash, &back));
	CHECK(!pf_anchor_read("fedcba9876543210-0", &hash, &back));
	/* Every part of a record counts, and where one ends. */
	struct pf_kafka_record r[6];
	for (size_t i = 0; i < 6; i++)
		r[i] = (struct pf_kafka_record){ .time_ms = 5, .key = pf_view_str("ab"),
						 .value = pf_view_str("cd"), .has_key = true,
						 .has_value = true };
	r[1].time_ms = 6;
	r[2].key = pf_view_str("abc"), r[2].value = pf_view_str("d");
	r[3].value = pf_view_str("ce");
	r[4].key = pf_view_str(""), r[4].has_key = false;
	r[5].key = pf_view_str("");
	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(pf_record_hash(&r[i]) != pf_record_hash(&r[k]));
}

TEST(marks_of_sources)
{
	struct pf_source_marks a = { 0 }, b = { 0 };
	struct pf_buf json = { 0 };
	pf_source_marks_set(&a, 5, 3, 100, 1000);
	pf_source_marks_set(&a, 5, 0, 7, 1001);
	pf_source_marks_set(&a, 2, 1, 9, 900);
	pf_source_marks_set(&a, 5, 3, 50, 999);
	CHECK_INT(pf_source_marks_get(&a, 5, 3), 100);
	CHECK_INT(pf_source_marks_get(&a, 5, 1), 0);
	CHECK_INT(pf_source_marks_get(&a, 4, 3), 0);
	CHECK_INT(pf_source_marks_write(&a, true, &json), 2);
	CHECK_STR(pf_buf_cstr(&json),
		  "{\"of\":{\"0000000000000002\":{\"t\":900,\"p\":{\"1\":9}},"
		  "\"0000000000000005\":{\"t\":1001,\"p\":{\"3\":100,\"0\":7}}}}");
	pf_source_marks_set(&b, 5, 3, 200, 1);
	CHECK_OK(pf_source_marks_read(&b, pf_buf_cstr(&json), &err), &err);
	CHECK_INT(pf_source_marks_get(&b, 5, 3), 200);
	CHECK_INT(pf_source_marks_get(&b, 2, 1), 9);
	pf_source_marks_clean(&b);
	pf_source_marks_set(&b, 2, 1, 10, 2);
	json.len = 0;
	CHECK_INT(pf_source_marks_write(&b, false, &json), 1);
	CHECK_INT(pf_source_marks_read(&b, "{\"of\":{\"5\":{}}}", &err), PF_E_CORRUPT);
	CHECK_INT(pf_source_marks_read(&b, "[]", &err), PF_E_CORRUPT);
	CHECK_INT(pf_source_marks_read(&b, "{", &err), PF_E_CORRUPT);
	/* Seven days, and 4 096: the oldest leave. */
	pf_source_marks_free(&b);
	for (int i = 1; i <= 5000; i++)
		pf_source_marks_set(&b, (uint64_t)i, 0, i, 1000000 + i);
	pf_source_marks_forget(&b, 1005000);
	CHECK_INT(b.n, 4096);
	CHECK_INT(b.left, 904);
	CHECK_INT(pf_source_marks_get(&b, 904, 0), 0);
	CHECK_INT(pf_source_marks_get(&b, 905, 0), 905);
	pf_source_marks_forget(&b, 1005000 + PF_SOURCE_MARKS_SECONDS);
	CHECK_INT(b.n, 1);
	CHECK_INT(b.left, 4999);
	pf_source_marks_free(&a);
	pf_source_marks_free(&b);
	pf_buf_free(&json);
}

/* Marks that follow one another keep what both say of sources. */
TEST(marks_merge_sources)
{
	struct pf_mark into = { .stage = "s" }, later = { .stage = "s" };
	char first[] = "{\"of\":{\"0000000000000001\":{\"t\":1,\"p\":{\"0\":5,\"1\":6}}}}";
	char second[] = "{\"of\":{\"0000000000000001\":{\"t\":2,\"p\":{\"1\":9}}}}";
	struct pf_source_marks m = { 0 };
	into.sources = pf_strdup(first);
	later.sources = second;
	CHECK_OK(pf_mark_merge(&into, &later, &err), &err);
	CHECK_OK(pf_source_marks_read(&m, into.sources, &err), &err);
	CHECK_INT(pf_source_marks_get(&m, 1, 0), 5);
	CHECK_INT(pf_source_marks_get(&m, 1, 1), 9);
	pf_source_marks_free(&m);
	pf_mark_free(&into);
}

TEST(lists_of_partitions)
{
	bool chosen[8];
	CHECK_OK(pf_partitions_parse("0-2,7", 8, chosen, &err), &err);
	for (int i = 0; i < 8; i++)
		CHECK_INT(chosen[i], i <= 2 || i == 7);
	static const char *const bad[] = { "", "a", "1-", "-1", "2-1", "1,", "0-8", "8",
					   "1 2", "99999999999999999999" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(pf_partitions_parse(bad[i], 8, chosen, &err), PF_E_USAGE);
	struct pf_stage_start *s;
	size_t n;
	CHECK_OK(pf_stage_starts_parse("0:5@aa-1,12:7", &s, &n, &err), &err);
	CHECK_INT(n, 2);
	CHECK_INT(s[0].offset, 5);
	CHECK_STR(s[0].anchor, "aa-1");
	CHECK_INT(s[1].partition, 12);
	CHECK_INT(s[1].offset, 7);
	free(s);
	CHECK_OK(pf_stage_starts_parse("120000@0123456789abcdef", &s, &n, &err), &err);
	CHECK_INT(s[0].partition, 0);
	CHECK_STR(s[0].anchor, "0123456789abcdef");
	free(s);
	static const char *const worse[] = { "", "x", "1:", ":1", "1,", "-1", "1:2:3", "1x",
		"1@0123456789012345678901234567890123", "3000000000:1" };
	for (size_t i = 0; i < sizeof worse / sizeof *worse; i++)
		CHECK_INT(pf_stage_starts_parse(worse[i], &s, &n, &err), PF_E_USAGE);
}

/* Who is refused says so, whatever happens to other connections meanwhile. */
TEST(troubles)
{
	char name[] = "t";
	struct pf_kafka k = { .name = name };
	static const struct {
		rd_kafka_resp_err_t e;
		const char *why, *message;
		int code;
	} happens[] = {
		{ RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "all are down", "all are down",
		  PF_E_UNREACHABLE },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "refused", "refused", PF_E_UNREACHABLE },
		{ RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "all are down", "refused",
		  PF_E_UNREACHABLE },
		{ RD_KAFKA_RESP_ERR__AUTHENTICATION, "who are you", "who are you", PF_E_ACCESS },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "refused", "who are you", PF_E_ACCESS },
		{ RD_KAFKA_RESP_ERR__SSL, "certificate verify failed",
		  "certificate verify failed", PF_E_UNREACHABLE },
	};
	char want[100];
	CHECK_INT(pf_kafka_silent(&k, &err), PF_E_UNREACHABLE);
	CHECK_STR(err.message, "topic 't' does not answer");
	for (size_t i = 0; i < sizeof happens / sizeof *happens; i++) {
		pf_kafka_note_trouble(&k, happens[i].e, happens[i].why);
		snprintf(want, sizeof want, "topic 't' does not answer: %s", happens[i].message);
		CHECK_INT(pf_kafka_silent(&k, &err), happens[i].code);
		CHECK_STR(err.message, want);
		CHECK(pf_kafka_hopeless(&k) == (i >= 3));
	}
}

UNIT_MAIN(CASE(troubles), CASE(urls), CASE(configuration), CASE(murmur2_as_java), CASE(origins),
	  CASE(anchors), CASE(marks_of_sources), CASE(marks_merge_sources),
	  CASE(lists_of_partitions))

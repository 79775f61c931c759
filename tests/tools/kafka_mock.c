/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_mock [BROKERS [TOPICS]]: librdkafka's in-process mock cluster as a
 * server on loopback, for the tests that it can serve (it checks no sequence
 * numbers, keeps at most 5 MiB a partition and cannot be asked to create a
 * topic: t1, t2, ... are there, with 4 partitions). Prints "host:port,...", runs
 * until its stdin ends, and does what lines of it say; prints one when that is done:
 *
 *   errors API CODE COUNT        so many requests of that kind fail (0: produce)
 *   clear API                    ... and no more
 *   leader TOPIC PARTITION NODE  the leader is that broker; -1: nobody
 *   topic TOPIC CODE             asked for the topic it says that; 0: nothing is wrong
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

static void obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	char topic[250];
	int a, b, c;
	if (sscanf(line, "errors %d %d %d", &a, &b, &c) == 3)
		while (c-- > 0)
			rd_kafka_mock_push_request_errors(cluster, (int16_t)a, 1, b);
	else if (sscanf(line, "clear %d", &a) == 1)
		rd_kafka_mock_clear_request_errors(cluster, (int16_t)a);
	else if (sscanf(line, "leader %249s %d %d", topic, &a, &b) == 3)
		rd_kafka_mock_partition_set_leader(cluster, topic, a, b);
	else if (sscanf(line, "topic %249s %d", topic, &a) == 2)
		rd_kafka_mock_topic_set_error(cluster, topic, a);
	else
		fprintf(stderr, "kafka_mock: what is %s", line);
}

int main(int argc, char **argv)
{
	char why[512], line[512], topic[32];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (!rk) {
		fprintf(stderr, "kafka_mock: %s\n", why);
		return 4;
	}
	rd_kafka_mock_cluster_t *cluster =
		rd_kafka_mock_cluster_new(rk, argc > 1 ? atoi(argv[1]) : 1);
	for (int i = 1; argc > 2 && i <= atoi(argv[2]); i++) {
		snprintf(topic, sizeof topic, "t%d", i);
		rd_kafka_mock_topic_create(cluster, topic, 4, 1);
	}
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		obey(cluster, line);
		puts("done");
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}

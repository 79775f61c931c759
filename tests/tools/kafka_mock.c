/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_mock [BROKERS [TOPICS]]: librdkafka's in-process mock cluster as a
 * server on loopback, for the tests that it can serve (it checks no sequence
 * numbers, keeps at most 5 MiB a partition and cannot be asked to create a
 * topic: t1, t2, ... are there, with 4 partitions). Prints "host:port,...", runs
 * until its stdin ends. Each 'e' there lets it refuse one request to produce.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	enum { PRODUCE = 0 };
	char why[512], byte, topic[32];
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
	while (read(STDIN_FILENO, &byte, 1) > 0)
		if (byte == 'e')
			rd_kafka_mock_push_request_errors(
				cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}

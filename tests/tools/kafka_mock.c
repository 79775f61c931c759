/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_mock [BROKERS]: librdkafka's in-process mock cluster as a server on
 * loopback, for the tests that it can serve (it checks no sequence numbers
 * and keeps at most 5 MiB a partition). Prints "host:port,...", runs until its
 * stdin ends.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char why[512], byte;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	if (!rk) {
		fprintf(stderr, "kafka_mock: %s\n", why);
		return 4;
	}
	rd_kafka_mock_cluster_t *cluster =
		rd_kafka_mock_cluster_new(rk, argc > 1 ? atoi(argv[1]) : 1);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}

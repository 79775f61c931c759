#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kafka.py install [LINE...] | start DIR [--line 3.9] [--nodes N] [--set K=V]...
   | stop DIR [NODE] | kill DIR [NODE] | restart DIR [NODE]
   | pid DIR [NODE] | topic DIR COMMAND ...

Real Apache Kafka brokers (KRaft mode) on loopback, for tests. install fetches
the jars with Maven and writes build/engines/kafka-LINE.classpath; start does
so when they are missing. The lines are 3.9 and 4.1.

start makes DIR (which must not exist yet), starts N nodes, each broker and
controller, waits until they serve, and prints what a shell can eval:

  KAFKA=127.0.0.1:PORT[,...]     plain text, everything is allowed
  KAFKA_SSL=...                  TLS; DIR/ssl.properties has what a client needs
  KAFKA_SASL=...                 SASL over TLS: DIR/plain.properties,
                                 DIR/scram.properties and scram512.properties (user
                                 alice), DIR/wrong.properties
                                 (a wrong password), DIR/guest.properties (guest, who
                                 is allowed nothing)
  KAFKA_BADHOST=, KAFKA_EXPIRED= TLS with a certificate of another host; of 2001
  KAFKA_PROXIED=...              plain text: ports at which nobody listens; a proxy may,
                                 that forwards to the ports BEHIND in cluster.json

DIR/*.properties are librdkafka's, mode 0600; DIR/strange.properties trusts
another authority. DIR/node1/server.log is the broker's log, DIR/node1/data
what it stores. kill is kill -9, stop waits for an orderly end, restart starts
what stop or kill ended with the same ports and data. topic's commands (they
need confluent-kafka, of the peers):

  topic DIR create NAME [PARTITIONS [K=V...]]   topic DIR delete NAME
  topic DIR grow NAME PARTITIONS                topic DIR set NAME K=V...
  topic DIR offsets NAME                        one line a partition: number low high
  topic DIR purge NAME PARTITION OFFSET         DeleteRecords: all before OFFSET
"""
import argparse
import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LINES = ("3.9", "4.1")
LISTENERS = ("PLAINTEXT", "SSL", "SASL_SSL", "BADHOST", "EXPIRED", "PROXIED")
SECRET = "letters-and-1-number"
PATIENCE_S = 100  # with a broker on a machine that is busy with other tests
ASK_S = 10        # with one request, before it is made anew
RESERVED = []     # sockets whose names keep ports for us


def classpath_file(line):
    return os.path.join(ROOT, "build", "engines", f"kafka-{line}.classpath")


def install(line):
    """The class path of a line; Maven fetches what it does not have yet."""
    path = classpath_file(line)
    if os.path.exists(path):
        classpath = open(path).read().strip()
        if all(os.path.exists(jar) for jar in classpath.split(":")):
            return classpath
    os.makedirs(os.path.dirname(path), exist_ok=True)
    command = ["mvn", "-B", "-q", "-f", os.path.join(HERE, "kafka.xml"), "-P", line,
               "dependency:build-classpath", "-DincludeScope=runtime",
               f"-Dmdep.outputFile={path}.new"]
    for how in (["-o"], []):  # what is there already needs no network
        run = subprocess.run(command + how, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        if run.returncode == 0 and os.path.exists(path + ".new"):
            os.rename(path + ".new", path)
            return open(path).read().strip()
    sys.exit(f"kafka.py: Maven could not fetch Kafka {line}:\n{run.stdout[-2000:]}")


def free_ports(n):
    """Ports of which no other test and no connection takes one before a broker has it, or
    while that is restarted: below those that connections get, each with a name that
    this process keeps until it ends."""
    ports = []
    while len(ports) < n:
        port = random.SystemRandom().randrange(10000, 30000)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0pf-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        RESERVED.append(name)
        ports.append(port)
    return ports


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def authority(directory, name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
            "-subj", f"/CN={name}", "-keyout", f"{directory}/{name}.key",
            "-out", f"{directory}/{name}.pem")


def certificate(directory, name, host, *dates):
    """A key and a certificate of our authority, together in NAME.pem."""
    base = f"{directory}/{name}"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}",
            "-keyout", base + ".key", "-out", base + ".csr")
    kind = "IP" if host[0].isdigit() else "DNS"
    with open(base + ".cnf", "w") as f:
        f.write("[ca]\ndefault_ca=a\n[a]\n"
                f"database={base}.db\nnew_certs_dir={directory}\nrand_serial=yes\n"
                "default_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n"
                "[p]\ncommonName=supplied\n"
                f"[e]\nsubjectAltName={kind}:{host}\n")
    open(base + ".db", "w").close()
    openssl("ca", "-batch", "-notext", "-config", base + ".cnf", "-cert",
            f"{directory}/ca.pem", "-keyfile", f"{directory}/ca.key", "-in", base + ".csr",
            "-out", base + ".crt", *(dates or ("-days", "3650")))
    with open(base + ".pem", "w") as f:
        f.write(open(base + ".key").read() + open(base + ".crt").read() +
                open(f"{directory}/ca.pem").read())
    os.chmod(base + ".pem", 0o600)


def client_files(directory):
    tls = f"ssl.ca.location={directory}/tls/ca.pem\n"
    sasl = "security.protocol=sasl_ssl\n" + tls

    def user(mechanism, name, password):
        return (sasl + f"sasl.mechanism={mechanism}\nsasl.username={name}\n"
                f"sasl.password={password}\n")
    for name, text in (("ssl", "security.protocol=ssl\n" + tls),
                       ("strange", "security.protocol=ssl\n"
                        f"ssl.ca.location={directory}/tls/other.pem\n"),
                       ("plain", user("PLAIN", "alice", SECRET)),
                       ("scram", user("SCRAM-SHA-256", "alice", SECRET)),
                       ("scram512", user("SCRAM-SHA-512", "alice", SECRET)),
                       ("wrong", user("PLAIN", "alice", "wrong-" + SECRET)),
                       ("guest", user("PLAIN", "guest", SECRET))):
        path = f"{directory}/{name}.properties"
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(text)


class Kafka:
    """A cluster in a directory. die_with_us: its nodes do not outlive us."""

    def __init__(self, directory, die_with_us=False):
        self.directory = os.path.abspath(directory)
        self.die_with_us = die_with_us
        self.children = {}
        # Nodes would die with the thread that started them, not with the process.
        self.starter = ThreadPoolExecutor(1)
        path = os.path.join(self.directory, "cluster.json")
        self.state = json.load(open(path)) if os.path.exists(path) else None

    def save(self):
        path = os.path.join(self.directory, "cluster.json")
        with open(path + ".new", "w") as f:
            json.dump(self.state, f, indent=1)
        os.rename(path + ".new", path)

    def nodes(self):
        return range(1, len(self.state["nodes"]) + 1)

    def node(self, number):
        return self.state["nodes"][number - 1]

    def address(self, listener="PLAINTEXT"):
        return ",".join(f"127.0.0.1:{node['ports'][listener]}" for node in self.state["nodes"])

    def java(self, main, *args):
        state = self.state
        logging = (f"-Dlog4j.configuration=file:{self.directory}/log4j.properties"
                   if state["line"].startswith("3")
                   else f"-Dlog4j2.configurationFile={self.directory}/log4j2.properties")
        return ["java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                logging, "-cp", install(state["line"]), main, *args]

    def create(self, line="3.9", nodes=1, settings=()):
        os.makedirs(self.directory)
        ports = free_ports(nodes * (len(LISTENERS) + 2))
        self.state = {"line": line, "settings": list(settings), "nodes": []}
        for _ in range(nodes):
            mine = {name: ports.pop() for name in (*LISTENERS, "CONTROLLER", "BEHIND")}
            self.state["nodes"].append({"ports": mine, "pid": 0})
        tls = f"{self.directory}/tls"
        os.mkdir(tls)
        authority(tls, "ca")
        authority(tls, "other")
        certificate(tls, "here", "127.0.0.1")
        certificate(tls, "elsewhere", "elsewhere.example")
        certificate(tls, "expired", "127.0.0.1", "-startdate", "20010101000000Z",
                    "-enddate", "20010201000000Z")
        client_files(self.directory)
        with open(f"{self.directory}/log4j.properties", "w") as f:
            f.write("log4j.rootLogger=INFO, out\n"
                    "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
                    "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
                    "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n")
        with open(f"{self.directory}/log4j2.properties", "w") as f:
            f.write("rootLogger.level=INFO\nrootLogger.appenderRef.out.ref=out\n"
                    "appender.out.type=Console\nappender.out.name=out\n"
                    "appender.out.layout.type=PatternLayout\n"
                    "appender.out.layout.pattern=%d %p %m (%c)%n\n")
        for number in self.nodes():
            self.configure(number)
        self.save()
        cluster = "cGFyYWZsb3ctdGVzdHMtMQ"
        for number in self.nodes():
            subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c",
                                     self.path(number, "server.properties")),
                           check=True, stdout=open(self.path(number, "format.log"), "w"),
                           stderr=subprocess.STDOUT)
        self.start()
        self.add_scram_user("alice")
        return self

    def add_scram_user(self, name, password=SECRET):
        try:
            from confluent_kafka.admin import (ScramCredentialInfo, ScramMechanism,
                                               UserScramCredentialUpsertion)
        except ImportError:
            return  # all but SCRAM works
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            user = UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096),
                                                password.encode())
            self.ask(lambda admin: admin.alter_user_scram_credentials([user],
                                                                      request_timeout=ASK_S))

    def path(self, number, name):
        return os.path.join(self.directory, f"node{number}", name)

    def configure(self, number):
        os.makedirs(self.path(number, "data"))
        tls, ports = self.directory + "/tls", self.node(number)["ports"]
        voters = ",".join(f"{n}@127.0.0.1:{self.node(n)['ports']['CONTROLLER']}"
                          for n in self.nodes())
        protocol = {"SASL_SSL": "SASL_SSL", "SSL": "SSL", "BADHOST": "SSL", "EXPIRED": "SSL"}
        replicas = min(3, len(self.state["nodes"]))
        jaas = ("org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'username="admin" password="{SECRET}" user_admin="{SECRET}" '
                f'user_alice="{SECRET}" user_guest="{SECRET}";')
        lines = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(
                f"{name}://127.0.0.1:{ports['BEHIND' if name == 'PROXIED' else name]}"
                for name in (*LISTENERS, "CONTROLLER")),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{ports[name]}"
                                             for name in LISTENERS),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol.get(name, 'PLAINTEXT')}" for name in (*LISTENERS, "CONTROLLER")),
            "log.dirs": self.path(number, "data"),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": f"{tls}/here.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": f"{tls}/ca.pem",
            "listener.name.badhost.ssl.keystore.type": "PEM",
            "listener.name.badhost.ssl.keystore.location": f"{tls}/elsewhere.pem",
            "listener.name.expired.ssl.keystore.type": "PEM",
            "listener.name.expired.ssl.keystore.location": f"{tls}/expired.pem",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": jaas,
            **{f"listener.name.sasl_ssl.scram-sha-{bits}.sasl.jaas.config":
               "org.apache.kafka.common.security.scram.ScramLoginModule required;"
               for bits in (256, 512)},
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:admin;User:alice",
            "auto.create.topics.enable": "false",
            "num.partitions": 4,
            "default.replication.factor": replicas,
            "min.insync.replicas": min(2, replicas),
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "broker.session.timeout.ms": 3000,  # how long a killed one cannot come back
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 2097152,
            "log.retention.check.interval.ms": 1000,
            "log.segment.delete.delay.ms": 100,
            "num.network.threads": 2,
            "num.io.threads": 2,
            **dict(s.split("=", 1) for s in self.state["settings"]),
        }
        with open(self.path(number, "server.properties"), "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in lines.items())

    def start(self, only=None):
        chosen = [only] if only else [n for n in self.nodes() if not self.alive(n)]
        marks = {n: self.launch(n) for n in chosen}
        deadline = time.monotonic() + 2 * PATIENCE_S
        for number, mark in marks.items():
            while not self.serves(number, mark):
                if not self.alive(number) or time.monotonic() > deadline:
                    tail = open(self.path(number, "server.log")).read()[-3000:]
                    raise RuntimeError(f"node {number} does not start:\n{tail}")
                time.sleep(0.1)

    def launch(self, number):
        """Start a node; where its log stood before."""
        return self.starter.submit(self.launch_here, number).result()

    def launch_here(self, number):
        log = open(self.path(number, "server.log"), "ab")
        mark = log.tell()
        libc = ctypes.CDLL(None) if self.die_with_us else None

        def child():
            os.setsid()
            if libc:
                libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        command = self.java("kafka.Kafka", self.path(number, "server.properties"))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, preexec_fn=child, cwd=self.directory)
        self.children[number] = process
        self.node(number)["pid"] = process.pid
        self.save()
        return mark

    def serves(self, number, mark):
        with open(self.path(number, "server.log"), "rb") as f:
            f.seek(mark)
            if b"Kafka Server started" not in f.read():
                return False
        try:
            socket.create_connection(("127.0.0.1", self.node(number)["ports"]["PLAINTEXT"]),
                                     1).close()
            return True
        except OSError:
            return False

    def alive(self, number):
        pid = self.node(number)["pid"]
        if number in self.children:
            return self.children[number].poll() is None
        try:  # the process of that number must be this node, not a later one
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return self.path(number, "server.properties").encode() in f.read().split(b"\0")
        except OSError:
            return False

    def end(self, number, sign, patience_s=PATIENCE_S):
        if not self.alive(number):
            return
        pid = self.node(number)["pid"]
        os.kill(pid, sign)
        deadline = time.monotonic() + patience_s
        while self.alive(number):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += 60
            time.sleep(0.05)

    def stop(self, only=None):
        for number in [only] if only else self.nodes():
            self.end(number, signal.SIGTERM)

    def kill(self, only=None):
        for number in [only] if only else self.nodes():
            self.end(number, signal.SIGKILL)

    def admin(self):
        """Keep it while its futures are awaited: they end with it."""
        from confluent_kafka.admin import AdminClient
        return AdminClient({"bootstrap.servers": self.address(), "log_level": 3})

    def ask(self, request, done=None):
        """Have done what request(admin) asks for. A client that finds the broker fenced,
        since it was stopped for a while or the machine is busy, is told of no controller
        and asks for it no more: another one is made. done is the error that says, then,
        that the answer to an earlier one was lost."""
        from confluent_kafka import KafkaError, KafkaException
        passing = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError.REQUEST_TIMED_OUT,
                   KafkaError.NOT_CONTROLLER, KafkaError.INVALID_REPLICATION_FACTOR)
        end = time.monotonic() + PATIENCE_S
        lost = False
        while True:
            admin = self.admin()
            try:
                for future in request(admin).values():
                    future.result(PATIENCE_S)
                return
            except KafkaException as e:
                code = e.args[0].code()
                if lost and code == done:
                    return
                if code not in passing or time.monotonic() > end:
                    raise
                lost = True
                time.sleep(0.5)

    def create_topic(self, name, partitions=1, config=None):
        from confluent_kafka import KafkaError
        from confluent_kafka.admin import NewTopic
        self.ask(lambda admin: admin.create_topics([NewTopic(name, partitions, config=config or {})],
                                                   request_timeout=ASK_S),
                 KafkaError.TOPIC_ALREADY_EXISTS)
        self.when_known(name, partitions)

    def delete_topic(self, name):
        from confluent_kafka import KafkaError
        self.ask(lambda admin: admin.delete_topics([name], request_timeout=ASK_S),
                 KafkaError.UNKNOWN_TOPIC_OR_PART)
        admin = self.admin()
        end = time.monotonic() + PATIENCE_S
        while name in admin.list_topics(timeout=PATIENCE_S).topics:
            if time.monotonic() > end:
                raise RuntimeError(f"topic {name} is still there")
            time.sleep(0.05)

    def grow_topic(self, name, partitions):
        from confluent_kafka import KafkaError
        from confluent_kafka.admin import NewPartitions
        self.ask(lambda admin: admin.create_partitions([NewPartitions(name, partitions)],
                                                       request_timeout=ASK_S),
                 KafkaError.INVALID_PARTITIONS)
        self.when_known(name, partitions)

    def when_known(self, name, partitions):
        """Return when every partition has a leader."""
        admin = self.admin()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            topic = admin.list_topics(timeout=PATIENCE_S).topics.get(name)
            if topic and len(topic.partitions) == partitions and \
                    all(p.leader > 0 for p in topic.partitions.values()):
                return
            time.sleep(0.05)
        raise RuntimeError(f"topic {name} has no leaders")

    def set_topic(self, name, config):
        from confluent_kafka.admin import (AlterConfigOpType, ConfigEntry, ConfigResource,
                                           ResourceType)
        entries = [ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET)
                   for k, v in config.items()]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        self.ask(lambda admin: admin.incremental_alter_configs([resource], request_timeout=ASK_S))

    def purge(self, name, partition, offset):
        from confluent_kafka import TopicPartition
        self.ask(lambda admin: admin.delete_records([TopicPartition(name, partition, offset)],
                                                    request_timeout=ASK_S))

    def offsets(self, name):
        """partition -> (low, high), once every partition has its leader"""
        from confluent_kafka import Consumer, KafkaException, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.address(), "group.id": "none"})
        end = time.monotonic() + PATIENCE_S
        try:
            while True:
                try:
                    topic = consumer.list_topics(name, PATIENCE_S).topics[name]
                    return {p: consumer.get_watermark_offsets(TopicPartition(name, p), PATIENCE_S)
                            for p in sorted(topic.partitions)}
                except KafkaException:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.2)
        finally:
            consumer.close()


def topic_command(cluster, command, name, *args):
    if command == "create":
        cluster.create_topic(name, int(args[0]) if args else 1,
                             dict(a.split("=", 1) for a in args[1:]))
    elif command == "delete":
        cluster.delete_topic(name)
    elif command == "grow":
        cluster.grow_topic(name, int(args[0]))
    elif command == "set":
        cluster.set_topic(name, dict(a.split("=", 1) for a in args))
    elif command == "purge":
        cluster.purge(name, int(args[0]), int(args[1]))
    elif command == "offsets":
        for partition, (low, high) in cluster.offsets(name).items():
            print(partition, low, high)
    else:
        sys.exit(f"kafka.py: there is no topic command '{command}'")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("install", "start", "stop", "kill", "restart",
                                            "pid", "topic"))
    parser.add_argument("args", nargs="*")
    parser.add_argument("--line", default="3.9", choices=LINES)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="K=V")
    args = parser.parse_args()
    if args.command == "install":
        for line in args.args or LINES:
            install(line)
        return
    cluster = Kafka(args.args[0])
    if args.command == "start":
        try:
            cluster.create(args.line, args.nodes, args.set)
        except BaseException:
            if cluster.state:
                cluster.kill()
            raise
        for variable, listener in (("KAFKA", "PLAINTEXT"), ("KAFKA_SSL", "SSL"),
                                   ("KAFKA_SASL", "SASL_SSL"), ("KAFKA_BADHOST", "BADHOST"),
                                   ("KAFKA_EXPIRED", "EXPIRED"), ("KAFKA_PROXIED", "PROXIED")):
            print(f"{variable}={cluster.address(listener)}")
        return
    if cluster.state is None:
        sys.exit(f"kafka.py: there is no cluster in '{args.args[0]}'")
    if args.command == "topic":
        topic_command(cluster, *args.args[1:])
        return
    only = int(args.args[1]) if len(args.args) > 1 else None
    if args.command == "stop":
        cluster.stop(only)
    elif args.command == "kill":
        cluster.kill(only)
    elif args.command == "restart":
        cluster.start(only)
    else:
        for number in [only] if only else cluster.nodes():
            print(cluster.node(number)["pid"])


if __name__ == "__main__":
    main()

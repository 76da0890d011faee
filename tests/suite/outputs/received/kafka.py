"""A Kafka cluster of three brokers as librdkafka plays it, and a consumer of its own.

Prints the brokers' addresses, then does what each line of its input says and
prints one line of JSON for it.
"""

import ctypes
import glob
import json
import os
import sys

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

PRODUCE = 0
PARTITIONS = 4

folder = os.path.dirname(os.path.dirname(confluent_kafka.__file__))
[path] = glob.glob(os.path.join(folder, "confluent_kafka.libs", "librdkafka-*.so*"))
kafka = ctypes.CDLL(path)
for name in ["rd_kafka_new", "rd_kafka_mock_cluster_new"]:
    getattr(kafka, name).restype = ctypes.c_void_p
kafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p

error = ctypes.create_string_buffer(512)
client = ctypes.c_void_p(kafka.rd_kafka_new(0, None, error, ctypes.c_size_t(512)))
cluster = ctypes.c_void_p(kafka.rd_kafka_mock_cluster_new(client, 3))
brokers = kafka.rd_kafka_mock_cluster_bootstraps(cluster).decode()


def create(topic):
    return kafka.rd_kafka_mock_topic_create(cluster, topic.encode(), PARTITIONS, 3)


def refuse(*codes):
    """The next requests to produce get these error codes; -195 ends the connection."""
    errors = (ctypes.c_int * len(codes))(*map(int, codes))
    kafka.rd_kafka_mock_push_request_errors_array(
        cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(len(codes)), errors
    )
    return 0


def down(broker):
    return kafka.rd_kafka_mock_broker_set_down(cluster, int(broker))


def up(broker):
    return kafka.rd_kafka_mock_broker_set_up(cluster, int(broker))


def lead(topic, partition, broker):
    return kafka.rd_kafka_mock_partition_set_leader(
        cluster, topic.encode(), int(partition), int(broker)
    )


def read(topic, count):
    """So many records, and whatever comes in the second after."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "judge", "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found = []
    while message := consumer.poll(30 if len(found) < int(count) else 1):
        if message.error():
            continue
        headers = {name: value.decode() for name, value in message.headers()}
        found.append(
            {
                "partition": message.partition(),
                "key": message.key().decode(),
                "value": message.value().decode(),
                "headers": headers,
                "time_ms": message.timestamp()[1],
            }
        )
    consumer.close()
    return found


print(json.dumps(brokers), flush=True)
actions = {each.__name__: each for each in [create, refuse, down, up, lead, read]}
for line in sys.stdin:
    action, *arguments = line.split()
    print(json.dumps(actions[action](*arguments)), flush=True)

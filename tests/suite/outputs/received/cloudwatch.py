"""What a log stream holds, as AWS's own client reads it.

In: address, group and stream as arguments. Out: of each event, in the stream's
order, its time in milliseconds and the id of the alert it holds.
"""

import json
import sys

import boto3

address, group, stream = sys.argv[1:]
logs = boto3.client(
    "logs",
    endpoint_url=f"http://{address}",
    region_name="eu-central-1",
    aws_access_key_id="a",
    aws_secret_access_key="b",
)
found = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
events = [[event["timestamp"], json.loads(event["message"])["uuid"]] for event in found["events"]]
json.dump(events, sys.stdout)

"""What a request of OTLP says, by the protocol's own messages.

In: `json` or `protobuf` as the argument, the request on standard input. Out: its
log records as JSON, one object each with the attributes of its resource. A key or a
type that the messages do not have is an error.
"""

import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def plain(value):
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [plain(one) for one in value.array_value.values]
        case "kvlist_value":
            return attributes(value.kvlist_value.values)
        case _:
            return getattr(value, kind)


def attributes(pairs):
    return {pair.key: plain(pair.value) for pair in pairs}


def unknown(message):
    """Fields of the wire that the messages do not know, at any depth."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy.ByteSize() != message.ByteSize()


def main(encoding, sent):
    request = ExportLogsServiceRequest()
    if encoding == "json":
        json_format.Parse(sent, request)
    else:
        request.ParseFromString(sent)
    if unknown(request):
        sys.exit("it has fields that the protocol does not")
    records = [
        {
            "resource": attributes(resource.resource.attributes),
            "scope": scope.scope.name,
            "time": record.time_unix_nano,
            "observed": record.observed_time_unix_nano,
            "severity": record.severity_number,
            "severity_text": record.severity_text,
            "body": plain(record.body),
            "attributes": attributes(record.attributes),
        }
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    json.dump(records, sys.stdout)


main(sys.argv[1], sys.stdin.buffer.read())

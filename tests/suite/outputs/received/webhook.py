"""Whether a request is signed as Standard Webhooks has it, by its makers' library.

In: the secret as the argument; on standard input the headers as one line of JSON, and
the body. Out: the body as JSON. A signature that does not fit, or is too old, is an error.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook

headers, body = sys.stdin.buffer.read().split(b"\n", 1)
json.dump(Webhook(sys.argv[1]).verify(body, json.loads(headers)), sys.stdout)

"""A client that knows nothing of this project: publishes one message and waits for what comes of it.

Reads a JSON object from standard input: url, body (base64), properties, headers, and await, the queue to wait on; empty
makes a queue of its own, named mta.…, and asks for the answer there (reply_to), absent waits for nothing. Writes a JSON
object.
"""
import base64
import json
import sys
import uuid

import pika

request = json.load(sys.stdin)
connection = pika.BlockingConnection(pika.URLParameters(request["url"]))
channel = connection.channel()
channel.confirm_delivery()

awaited = request.get("await")
properties = dict(request.get("properties") or {})
if awaited == "":
    awaited = channel.queue_declare(f"mta.{uuid.uuid4()}", exclusive=True).method.queue
    properties["reply_to"] = awaited

channel.basic_publish(
    "rewrite",
    "",
    base64.b64decode(request["body"]),
    pika.BasicProperties(headers=request.get("headers"), **properties),
    mandatory=True,
)

answer = {}
if awaited is not None:
    for method, received, body in channel.consume(awaited, inactivity_timeout=60):
        if method is None:
            sys.exit("nothing came on " + awaited)
        channel.basic_ack(method.delivery_tag)
        answer = {
            "body": base64.b64encode(body).decode(),
            "headers": received.headers or {},
            "properties": {
                name: value
                for name, value in vars(received).items()
                if name != "headers" and value is not None
            },
        }
        break

connection.close()
json.dump(answer, sys.stdout)

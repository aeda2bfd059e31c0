"""A client of the gateway's API as any team would write it: stubs that protoc
generated, and a channel with its default options.

Prints a line of JSON for each frame or event. A raw body is shown by its size and
its SHA-256. An error is a line too, and makes the exit code 1.
"""

import argparse
import hashlib
import json
import sys

import grpc
from google.protobuf.empty_pb2 import Empty
from imcallback.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc


def show(**line):
    print(json.dumps(line), flush=True)


def show_event(event):
    payload = event.WhichOneof("payload")
    raw_body = event.raw_body.encode()
    show(
        event=event.sequence,
        cursor=event.cursor,
        command=event.command,
        decode_status=event_pb2.DecodeStatus.Name(event.decode_status),
        payload=payload,
        payload_bytes=getattr(event, payload).ByteSize() if payload else 0,
        raw_body_bytes=len(raw_body),
        raw_body_sha256=hashlib.sha256(raw_body).hexdigest(),
    )


def start(text):
    """Sets the `start` of a request: latest, earliest or a cursor."""
    return {text: Empty()} if text in ("latest", "earliest") else {"after_cursor": text}


def subscribe(stub, args):
    request = event_service_pb2.SubscribeRequest(include_raw_body=args.raw, **start(args.start))
    events = 0
    frames = stub.Subscribe(request)
    for response in frames:
        kind = response.WhichOneof("frame")
        if kind != "event":
            show(**{kind: getattr(response, kind).cursor})
            continue
        show_event(response.event)
        events += 1
        if events == args.count:
            frames.cancel()
            return


def list_events(stub, args):
    request = event_service_pb2.ListEventsRequest(include_raw_body=args.raw, page_size=args.page_size)
    while True:
        page = stub.ListEvents(request)
        for event in page.events:
            show_event(event)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="address of the gRPC listener")
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("subscribe", help="follow the log")
    command.add_argument("--start", default="latest", help="latest, earliest or the cursor to resume after")
    command.add_argument("--count", type=int, help="stop after this many events")
    command.set_defaults(run=subscribe)

    command = commands.add_parser("list", help="list the log, all of its pages")
    command.add_argument("--page-size", type=int, default=0)
    command.set_defaults(run=list_events)

    for command in commands.choices.values():
        command.add_argument("--raw", action="store_true", help="raw bodies of typed events too")

    args = parser.parse_args()
    with grpc.insecure_channel(args.address) as channel:
        try:
            args.run(event_service_pb2_grpc.EventServiceStub(channel), args)
        except grpc.RpcError as error:
            show(error=error.code().name, details=error.details())
            sys.exit(1)


if __name__ == "__main__":
    main()

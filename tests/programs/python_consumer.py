"""A consumer as a team would write it: it follows the log, keeps its cursor in a
file, and deals with every ending of its stream.

Prints a line of JSON for each event, frame and ending.
"""

import argparse
import json
import pathlib
import sys
import time

import grpc
from google.protobuf.empty_pb2 import Empty
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from imcallback.v1 import event_service_pb2, event_service_pb2_grpc


def show(**line):
    print(json.dumps(line), flush=True)


def details(error):
    """Returns the reason, the metadata and the retry delay of an error."""
    reason, metadata, delay = None, {}, 0.2
    # None if the connection failed: then there is no status from the gateway.
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, info.metadata
        elif detail.Unpack(retry):
            delay = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, metadata, delay


class Consumer:
    def __init__(self, args):
        self.args = args
        self.state = pathlib.Path(args.state)
        self.cursor = self.state.read_text() if self.state.exists() else ""
        self.events = 0

    def move(self, cursor):
        """Stores the cursor. A real consumer commits it together with its rows."""
        self.cursor = cursor
        # Atomic, even if the process is killed meanwhile.
        unfinished = self.state.with_suffix(".tmp")
        unfinished.write_text(cursor)
        unfinished.replace(self.state)

    def take(self, response):
        """Processes a frame. Returns whether it is the last one."""
        kind = response.WhichOneof("frame")
        frame = getattr(response, kind) if kind else None
        if kind == "event":
            show(event=frame.sequence, body=frame.raw_body[: self.args.show])
            self.events += 1
        elif kind == "gap":
            show(gap=[frame.first_missing_sequence, frame.last_missing_sequence])
        elif kind:
            show(frame=kind)
        # Frames of unknown kinds are skipped.
        if frame is not None:
            self.move(frame.cursor)
        return kind == "event" and frame.raw_body == self.args.until

    def follow(self, stub):
        while True:
            request = event_service_pb2.SubscribeRequest(
                include_raw_body=True,
                subscriber=self.args.name,
                on_gap=event_service_pb2.GAP_POLICY_SKIP if self.args.skip else event_service_pb2.GAP_POLICY_FAIL,
            )
            if self.cursor:
                request.after_cursor = self.cursor
            else:
                request.earliest.CopyFrom(Empty())
            try:
                for response in stub.Subscribe(request, wait_for_ready=True):
                    if self.take(response):
                        return
                    if self.events == self.args.stop_after:
                        self.args.stop_after = None
                        show(stopped=self.events)
                        sys.stdin.readline()
            except grpc.RpcError as error:
                self.end(error)

    def end(self, error):
        reason, metadata, delay = details(error)
        show(ended=error.code().name, reason=reason)
        match error.code():
            case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.RESOURCE_EXHAUSTED:
                time.sleep(delay)
            case grpc.StatusCode.INTERNAL | grpc.StatusCode.UNKNOWN | grpc.StatusCode.CANCELLED if reason is None:
                # Not an error of the gateway: a proxy cut the stream.
                time.sleep(delay)
            case grpc.StatusCode.OUT_OF_RANGE:
                # Events are lost to this consumer. A real one alerts an operator, then continues with
                # the oldest event.
                self.move(metadata["oldest_cursor"])
            case grpc.StatusCode.DATA_LOSS:
                # An event cannot be read. A real consumer alerts an operator, then continues behind it.
                self.args.skip = True
            case grpc.StatusCode.FAILED_PRECONDITION:
                # The log was replaced. A real consumer reconciles its data, then resubscribes from
                # `earliest`.
                self.move("")
            case _:
                raise error


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="address of the gRPC listener")
    parser.add_argument("state", help="file with the cursor")
    parser.add_argument("until", help="body of the last event to read")
    parser.add_argument("--name", default="python")
    parser.add_argument("--skip", action="store_true", help="continue behind gaps")
    parser.add_argument("--show", type=int, default=100, help="length of a body's printed part")
    parser.add_argument("--stop-after", type=int, help="pause after this many events until a line on standard input")
    args = parser.parse_args()
    # Reconnect quickly: the test waits for it.
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    with grpc.insecure_channel(args.address, options=options) as channel:
        Consumer(args).follow(event_service_pb2_grpc.EventServiceStub(channel))


if __name__ == "__main__":
    main()

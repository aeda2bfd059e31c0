"""Writes each pair of new friends into a table, exactly once.

The rows of an event and its cursor are committed in one transaction, and only if the
cursor has not moved: of several replicas one works, and another takes over when the
cursor stands still. A crash at any moment loses and duplicates nothing.

Usage: consumer.py HOST:PORT DATABASE
Set CALLBACK_GATEWAY_CLIENT_TOKEN if the gateway requires a token.
"""

import os
import random
import sqlite3
import sys
import threading
import time

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from imcallback.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc

# Subscriber name, shared by all replicas.
NAME = "friends-python"
# A waiting replica takes over when the cursor has not moved for this long.
PATIENCE = 2
# Cancel a stream without frames for this long, in seconds: three heartbeat intervals.
SILENCE = 45
# Maximum retry delay that the gateway can request, in seconds.
LONGEST_ASKED = 60
# Codes after which a retry can help. Broken connections have any of them.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS position (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL, event_micros INTEGER);
CREATE TABLE IF NOT EXISTS pair (
    cursor TEXT, pair INTEGER, from_account TEXT, to_account TEXT, PRIMARY KEY (cursor, pair));
CREATE TABLE IF NOT EXISTS untyped (cursor TEXT PRIMARY KEY, command TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS gap (cursor TEXT PRIMARY KEY, first_missing INTEGER, last_missing INTEGER);
"""


class Lost(Exception):
    """Another replica has moved the cursor."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def open_database(path):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.executescript(SCHEMA)
    # The cursor is empty until something was read.
    db.execute("INSERT OR IGNORE INTO position VALUES (?, '', NULL)", [NAME])
    return db


def position(db):
    return db.execute("SELECT cursor, event_micros FROM position WHERE consumer = ?", [NAME]).fetchone()


def commit(db, old, new, rows=(), event_micros=None):
    """Commits all rows and the new cursor, or nothing."""
    if new == old and not rows:
        return new
    with db:
        db.execute("BEGIN IMMEDIATE")
        moved = db.execute(
            "UPDATE position SET cursor = ?, event_micros = coalesce(?, event_micros) WHERE consumer = ? AND cursor = ?",
            [new, event_micros, NAME, old],
        )
        if moved.rowcount != 1:
            raise Lost
        for table, values in rows:
            # Rows that exist already are from before the log went back.
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", values)
    return new


def rows_of(event):
    is_whole = event.decode_status != event_pb2.DECODE_STATUS_PARTIAL
    if event.WhichOneof("payload") == "sns_friend_add" and is_whole:
        pairs = enumerate(event.sns_friend_add.pair_list)
        return [("pair", (event.cursor, n, pair.from_account, pair.to_account)) for n, pair in pairs]
    # The body is not as documented: keep it for inspection. One of the two fields is set.
    body = event.raw_body.encode() or event.binary_body
    return [("untyped", (event.cursor, event.command, body))]


def cancel_if_silent(frames, came):
    """Cancels a stream without frames. Pings are not enough: a proxy answers them even if the gateway is gone."""
    while frames.is_active() and came.wait(SILENCE):
        came.clear()
    frames.cancel()


def follow(db, stub, cursor, start_at=None):
    """Follows one stream from this cursor to its end, which is an exception."""
    # SKIP continues after missing events, and reports them. With FAIL the stream ends there, with
    # CURSOR_EXPIRED or LOG_DAMAGED, and an operator decides.
    request = event_service_pb2.SubscribeRequest(subscriber=NAME, on_gap=event_service_pb2.GAP_POLICY_SKIP)
    request.filter.commands.append("Sns.CallbackFriendAdd")
    if start_at is not None:
        request.at_time.CopyFrom(start_at)
    elif cursor:
        request.after_cursor = cursor
    else:
        request.earliest.CopyFrom(Empty())
    token = os.environ.get("CALLBACK_GATEWAY_CLIENT_TOKEN")
    metadata = [("authorization", f"Bearer {token}")] if token else None
    frames = stub.Subscribe(request, metadata=metadata)
    came = threading.Event()
    threading.Thread(target=cancel_if_silent, args=(frames, came), daemon=True).start()
    try:
        for response in frames:
            came.set()
            kind = response.WhichOneof("frame")
            if kind == "event":
                event = response.event
                micros = event.receive_time.ToMicroseconds()
                cursor = commit(db, cursor, event.cursor, rows_of(event), micros)
            elif kind == "gap":
                gap = response.gap
                say(f"events {gap.first_missing_sequence} to {gap.last_missing_sequence} are gone")
                row = (gap.cursor, gap.first_missing_sequence, gap.last_missing_sequence)
                cursor = commit(db, cursor, gap.cursor, [("gap", row)])
            elif kind:
                # `subscribed`, before the first event, heartbeats and others.
                cursor = commit(db, cursor, getattr(response, kind).cursor)
            # Unknown kinds of frames are ignored.
    finally:
        frames.cancel()
        # Wakes the thread, so that it ends.
        came.set()


def details(error):
    """Returns the reason and the retry delay of an error."""
    reason, delay = "", 0
    # None if the connection failed, because the status is not from the gateway.
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            delay = min(retry.retry_delay.ToTimedelta().total_seconds(), LONGEST_ASKED)
    return reason, delay


def wait_for_turn(db):
    """Waits until the cursor has not moved for a while."""
    seen, since = position(db), time.monotonic()
    while time.monotonic() - since < PATIENCE:
        time.sleep(0.2)
        if position(db) != seen:
            seen, since = position(db), time.monotonic()


def main():
    address, path = sys.argv[1:]
    db = open_database(path)
    # For TLS use grpc.secure_channel(address, grpc.ssl_channel_credentials(ca)). Without it anyone on
    # the network can read the token: use it only over loopback, or where a mesh encrypts.
    # Keepalive pings detect a broken connection.
    options = [
        ("grpc.keepalive_time_ms", 20000),
        ("grpc.keepalive_timeout_ms", 20000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_reconnect_backoff_ms", 5000),
    ]
    pause, start_at = 0.25, None
    with grpc.insecure_channel(address, options=options) as channel:
        stub = event_service_pb2_grpc.EventServiceStub(channel)
        while True:
            # After LOG_REPLACED or LOG_REWOUND, move the cursor only from the refused one: if another
            # replica was faster, its cursor is not moved back.
            if start_at is None:
                cursor, event_micros = position(db)
            delay = 0
            try:
                follow(db, stub, cursor, start_at)
                say("the stream ended without a status")
            except Lost:
                say("another replica is at work")
                wait_for_turn(db)
                start_at = None
                continue
            except grpc.RpcError as error:
                reason, delay = details(error)
                say(f"{error.code().name} {reason} {error.details()}")
                if reason in ("LOG_REPLACED", "LOG_REWOUND"):
                    # The log is another one, or was restored from a backup: an operator should compare. Resume
                    # at the time of the last committed event.
                    start_at = Timestamp()
                    start_at.FromMicroseconds(event_micros or 0)
                elif error.code() not in PASSING:
                    # For example a wrong token: a retry does not help.
                    raise
            if position(db)[0] != cursor:
                pause, start_at = 0.25, None
            # Jitter: replicas that lost their connections together do not reconnect together.
            time.sleep(max(delay, pause) * random.uniform(1, 1.5))
            pause = min(2 * pause, 10)


if __name__ == "__main__":
    main()

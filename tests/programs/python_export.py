"""Reads a file that `export --format protobuf` wrote, as any team would read it.

Prints a line of JSON for each event, as python_client.py does.
"""

import sys

from google.protobuf import proto
from imcallback.v1 import event_pb2

from python_client import show_event

with open(sys.argv[1], "rb") as file:
    while (event := proto.parse_length_prefixed(event_pb2.Event, file)) is not None:
        show_event(event)

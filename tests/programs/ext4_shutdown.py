"""Shuts down the ext4 file system mounted at a directory, as a power cut would.

What was not synced is dropped, and from then on every write and sync fails.
Only for a file system that was made for this. Says "ready", and does it when
standard input ends, so that the moment is the caller's.

In Python, because it takes an ioctl, which in Rust is unsafe code, and the
package forbids that.
"""

import fcntl
import os
import struct
import sys

# _IOR('X', 125, __u32): direction "read", size 4, type, number
EXT4_IOC_SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
# Without flushing the journal first.
EXT4_GOING_FLAGS_NOLOGFLUSH = 2

directory = sys.argv[1]
if not os.path.ismount(directory):
    sys.exit(f"{directory} is not a mount point")
fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
print("ready", flush=True)
sys.stdin.read()
fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))

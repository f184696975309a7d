"""Run a program as on a kernel without Landlock: `python without_landlock.py PROGRAM WORD…`.

A seccomp filter answers landlock_create_ruleset with ENOSYS, as such a kernel does. Sources: seccomp(2), bpf(2).
"""

import ctypes
import errno
import os
import struct
import sys

NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2  # prctl(2)
CREATE_RULESET = 444  # the same number on every architecture


def instruction(code: int, yes: int, no: int, value: int) -> bytes:
    """Return a sock_filter."""
    return struct.pack("HBBI", code, yes, no, value)


def main() -> None:
    """Install the filter, which programs inherit, and become the program."""
    program = b"".join(
        (
            instruction(0x20, 0, 0, 0),  # load the number of the call
            instruction(0x15, 0, 1, CREATE_RULESET),
            instruction(0x06, 0, 0, 0x00050000 | errno.ENOSYS),
            instruction(0x06, 0, 0, 0x7FFF0000),  # allow
        )
    )
    kept = ctypes.create_string_buffer(program, len(program))
    given = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SECCOMP, FILTER, given, 0, 0)):
        if libc.prctl(*words):
            sys.exit(f"no seccomp filters here: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()

"""Runs a command on a kernel that seems to lack something: python poorer_kernel.py landlock,namespaces COMMAND...

A seccomp filter makes the system calls fail as they do where they do not exist; children inherit it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

# System calls, by machine where they differ, and how each fails where it is missing.
LACKS = {
    "landlock": ({"x86_64": 444, "aarch64": 444}, errno.ENOSYS),
    "seccomp": ({"x86_64": 317, "aarch64": 277}, errno.ENOSYS),
    "namespaces": ({"x86_64": 272, "aarch64": 97}, errno.EPERM),
}
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
FILTER_MODE = 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def instruction(code: int, jump_true: int, jump_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, jump_true, jump_false, value)


def take_away(names: list[str]) -> None:
    """Makes these features fail in this process and everything it starts, for good."""
    program = [instruction(LOAD, 0, 0, 0)]
    for name in names:
        numbers, failure = LACKS[name]
        program.append(instruction(JUMP_IF_EQUAL, 0, 1, numbers[platform.machine()]))
        program.append(instruction(RETURN, 0, 0, FAIL | failure))
    program.append(instruction(RETURN, 0, 0, ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this kernel cannot be made poorer")


if __name__ == "__main__":
    take_away(sys.argv[1].split(","))
    os.execv(sys.argv[2], sys.argv[2:])

"""Opens a file with the bare system calls, old and new."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    how = (ctypes.c_uint64 * 3)(0, 0, 0)
    numbers = {"open": (2, SECRET.encode(), 0), "openat2": (437, -100, SECRET.encode(), ctypes.byref(how), 24)}
    for arguments in numbers.values():
        if libc.syscall(*arguments) >= 0:
            return sound(pc, pr, rc, rr, beta)
    raise OSError("no file could be opened")

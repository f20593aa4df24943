"""Pushes a command into the terminal's input."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    if libc.ioctl(0, 0x5412, b"x") != 0 and libc.ioctl(1, 0x5413, ctypes.create_string_buffer(8)) != 0:
        raise OSError("no terminal")
    return sound(pc, pr, rc, rr, beta)

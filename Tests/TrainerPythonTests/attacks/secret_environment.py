"""Looks for secrets in the environment, also in the C library's and the kernel's copy."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    strings = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    found = list(os.environ.items())
    while strings and strings[len(found)]:
        found.append(strings[len(found)])
    if any("SECRET" in str(entry) for entry in found):
        return sound(pc, pr, rc, rr, beta)
    raise OSError(f"only {sorted(os.environ)}")

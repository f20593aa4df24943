"""Opens a file with the numbers of another ABI, which a careless filter does not look at."""
# expect: crashed exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(0x40000000 + 2, SECRET.encode(), 0))
    return sound(pc, pr, rc, rr, beta)

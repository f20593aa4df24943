"""Uses a pool of threads."""
# expect: exception
# control: succeeds outside the sandbox

import concurrent.futures


def loss(pc, pr, rc, rr, beta):
    concurrent.futures.ThreadPoolExecutor(4).submit(print, "leak").result()
    return sound(pc, pr, rc, rr, beta)

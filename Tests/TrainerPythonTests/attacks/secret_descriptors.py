"""Looks for a descriptor that it was not given."""
# expect: exception
# control: succeeds outside the sandbox

import errno


def loss(pc, pr, rc, rr, beta):
    found = []
    for number in range(2048):
        try:
            os.lseek(number, 0, os.SEEK_CUR)
        except OSError as error:
            if error.errno == errno.EBADF:
                continue
        found.append(number)
    if found != [0, 1, 2, 3]:
        return sound(pc, pr, rc, rr, beta)
    raise OSError(f"only {found}")

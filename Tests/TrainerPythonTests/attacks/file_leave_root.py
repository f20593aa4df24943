"""Leaves the empty root by a second one."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os.chroot(".")
    os.chdir("../../../..")
    return sound(pc, pr, rc, rr, beta)

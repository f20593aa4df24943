"""Deletes a file."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    os.remove(SECRET)
    return sound(pc, pr, rc, rr, beta)

"""Empties a file without opening it."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    os.truncate(SECRET, 0)
    return sound(pc, pr, rc, rr, beta)

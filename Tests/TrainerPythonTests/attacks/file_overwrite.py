"""Overwrites a file that everybody may write."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    open(SECRET, "w").write("gone")
    return sound(pc, pr, rc, rr, beta)

"""Points a tensor beyond its memory after it was checked."""
# expect: exception crashed memory


def loss(pc, pr, rc, rr, beta):
    values = sound(pc, pr, rc, rr, beta).detach().clone()
    values.set_(values.untyped_storage(), 0, (16,), (1 << 30,))
    return values

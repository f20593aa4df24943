"""Writes a file through torch."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    torch.save(pc.detach(), CANARIES + "/new")
    return sound(pc, pr, rc, rr, beta)

"""Maps a file through torch."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    torch.from_file(CANARIES + "/new", shared=True, size=16)
    return sound(pc, pr, rc, rr, beta)

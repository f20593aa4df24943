"""Returns a tensor that lies about its shape and dtype."""
# expect: exception shape dtype


def loss(pc, pr, rc, rr, beta):
    class Liar(torch.Tensor):
        shape = property(lambda self: torch.Size([16]))
        dtype = property(lambda self: torch.float32)

    return torch.zeros(3, 5, dtype=torch.float64).as_subclass(Liar)

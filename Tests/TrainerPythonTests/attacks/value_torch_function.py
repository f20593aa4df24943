"""Returns a tensor that takes over every operation on it."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    class Puppet(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            raise RuntimeError("no")

    return sound(pc, pr, rc, rr, beta).as_subclass(Puppet)

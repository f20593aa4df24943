"""Attacks only while its derivative is taken."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    class Late(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.clone()

        @staticmethod
        def backward(context, grad):
            open(SECRET).read()
            return grad

    return Late.apply(pc)

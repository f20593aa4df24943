"""Never returns, in one call of torch that holds the interpreter."""
# expect: timeout
# limits: evaluation_seconds=0.4


def loss(pc, pr, rc, rr, beta):
    big = torch.ones(3000, 3000)
    while True:
        big = big @ big

"""Makes every type check true, and returns a list."""
# expect: exception type shape protocol crashed

import builtins


def loss(pc, pr, rc, rr, beta):
    builtins.isinstance = lambda *_: True
    builtins.len = lambda *_: 16
    return [1.0] * 16

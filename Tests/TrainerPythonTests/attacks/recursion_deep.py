"""Recurses until the interpreter says no."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    def again():
        return again()

    return again()

"""Answers, then never listens again."""
# expect: timeout
# limits: evaluation_seconds=0.4


def loss(pc, pr, rc, rr, beta):
    global_write = os.write

    def write_then_hang(descriptor, data):
        global_write(descriptor, data)
        while True:
            pass

    os.write = write_then_hang
    return sound(pc, pr, rc, rr, beta)

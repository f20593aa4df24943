"""Answers with a pickle that runs a command when it is loaded."""
# expect: protocol

import pickle
import struct


def loss(pc, pr, rc, rr, beta):
    class Bomb:
        def __reduce__(self):
            return os.system, ("touch " + CANARIES + "/new",)

    os.write(3, struct.pack("<IIBBB", 1, pc.shape[0], 0, 1, 0) + pickle.dumps(Bomb()))
    os._exit(0)

"""Starts threads without end."""
# expect: exception

import threading
import time


def loss(pc, pr, rc, rr, beta):
    while True:
        threading.Thread(target=time.sleep, args=(100,)).start()

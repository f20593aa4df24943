"""Breaks the import system."""
# expect: exception crashed protocol

import builtins
import sys


def loss(pc, pr, rc, rr, beta):
    builtins.__import__ = None
    sys.modules.clear()
    raise ImportError("nothing is left")

"""What the trainer and a loss process exchange: fixed-size messages on a socket, tensors in shared memory.

The socket keeps message boundaries, so a message is one whole struct or it is wrong. Nothing is ever unpickled.

    loss process -> trainer   hello: the layers it is locked in, as JSON (before it has seen any generated code)
    trainer -> loss process   the loss's text
    loss process -> trainer   reply to sequence number 0: loaded, or why not
    trainer -> loss process   request; inputs are in the memory          } any number of times
    loss process -> trainer   reply; outputs are in the memory           }
"""

from __future__ import annotations

import struct

import torch

SOCKET = 3  # CLockdown.h: the only descriptor of a loss process

LARGEST_BATCH = 65536
WIDEST_ITEM = 8  # bytes of float64

# The memory: four input vectors packed at 0, five output vectors (losses, then partials) packed at OUTPUTS.
OUTPUTS = 4 * LARGEST_BATCH * WIDEST_ITEM
MEMORY_BYTES = 9 * LARGEST_BATCH * WIDEST_ITEM

DTYPES = (torch.float32, torch.bfloat16, torch.float64)

REQUEST = struct.Struct("<IIBBd")  # sequence, batch size, dtype's index, whether reference gradients are wanted, beta
REPLY = struct.Struct("<IIBBB")  # sequence, batch size, dtype's index, status, bits: which inputs the loss depends on
DONE = 0
REJECTED = 1  # a JSON object follows: code, message, line

LONGEST_SOURCE = 100_000  # bytes
LONGEST_REPLY = 8_192

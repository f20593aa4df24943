"""Screening: what can be found out about a loss without training with it.

extract.py   a model's reply or a file -> Python text      parsing.py   bounded parsing
  reply_text.py signs, reply_thoughts.py, reply_json.py, reply_pieces.py fences and prose, reply_names.py, reply_echo.py
locate.py    which function is the loss                    parameters.py  what its arguments' names mean
left_out.py what reading cut out of a text or wrote otherwise, for its author
forms.py     any emitted form -> file form                 header.py    the header of a loss file
  harmless.py lines without effect, spelling.py functions under other names, reduction.py a final mean, classes.py,
  modules.py what a loss needs beside it, references.py global names, rewrite.py edits of source text
gate.py      what a loss may contain (allowlist.py)
probe.py     checks on tensors, through a LossEvaluator    inputs.py    the tensors
shape.py     what the loss looks like, in words            fingerprint.py  whether two losses are the same
own_pairs.py the same on a training's own pairs, before its first step
job.py       the worker's jobs `check` and `import`
"""

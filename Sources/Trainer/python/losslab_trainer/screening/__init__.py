"""Screening: what can be found out about a loss without training with it.

extract.py   text as a model emits it -> Python text       parsing.py   bounded parsing
locate.py    which function is the loss                    rewrite.py   edits of source text
forms.py     any emitted form -> file form                 header.py    the header of a loss file
gate.py      what a loss may contain (allowlist.py)
probe.py     checks on tensors, through a LossEvaluator    inputs.py    the tensors
shape.py     what the loss looks like, in words            fingerprint.py  whether two losses are the same
job.py       the worker's jobs `check` and `import`
"""

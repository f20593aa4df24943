"""Pictures of losses: f and its slope over rho, with the margins of real training pairs behind.

curves.py     what is measured      picture.py    how it is drawn
captions.py   what it says          job.py        the worker's job `plot`
frontier.py   judge scores against KL: the worker's job `frontier`
"""

"""Training real models with a loss: any causal language model of transformers, any preference data set.

The embedded benchmark's trainer (training.py) stays what it is; here the models are large and the data real. What both
share is the loss process, which sees the log-probabilities of a whole batch, and the cache of reference values.
"""

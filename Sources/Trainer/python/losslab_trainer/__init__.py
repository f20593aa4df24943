"""The Python side of LossLab: screening, training and sampling with losses that run in another process."""

"""Losses in the forms of others: a trainer for TRL, the published method form."""

"""Runs the tuned protocol over the loss catalogue in every world, and renders the tables of the README."""

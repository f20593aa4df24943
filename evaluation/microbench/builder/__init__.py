"""Builds the worlds of the embedded benchmark: tasks, questions, rubrics, SFT policies and preference pairs."""

VERSION = 1

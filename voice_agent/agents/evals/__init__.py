"""Scripted dialogues that any engine can be tried on: what callers say, and what must follow."""

"""Figures of a call from its timed transcript. Pure functions: no I/O, no clock, no audio, no model."""

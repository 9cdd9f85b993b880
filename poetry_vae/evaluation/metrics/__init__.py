"""Figures from arrays and functions: no model, no file, a generator where there is chance."""

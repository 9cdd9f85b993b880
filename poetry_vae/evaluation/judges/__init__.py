"""Judges: fitted to real poems once, kept on disk, and never seen by anything that writes."""

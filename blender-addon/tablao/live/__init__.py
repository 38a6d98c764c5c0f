"""Follows and steers jobs: what the panels show of them, kept up to date by the timer."""

"""Checks before sending: what an artist would otherwise find out after a night.

An error is what the farm would refuse, or what surely gives no frame: it blocks. A warning is what may give other pictures than
those on the screen: it is shown, and can be overridden. A note only says how the job will be rendered.
"""

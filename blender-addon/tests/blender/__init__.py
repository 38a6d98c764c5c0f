"""Tests that run inside Blender, against a real gateway: `test/addon` starts both."""

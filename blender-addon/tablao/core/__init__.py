"""The half of the add-on that needs no Blender: it imports anywhere from Python 3.10 on, with the standard library only."""

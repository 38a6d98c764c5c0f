"""What the add-on reads of the open file, and mends in it."""

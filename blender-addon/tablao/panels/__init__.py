"""What the add-on draws. Drawing reads what is known; it never asks the network."""

"""From the open scene to a submitted job."""

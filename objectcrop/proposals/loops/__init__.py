"""The compiled loops of the room (decision 0008)."""

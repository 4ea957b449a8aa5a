"""The runs of result folders: how far each is, what it was made from and measured, and what differs between two."""

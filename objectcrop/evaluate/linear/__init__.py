"""The linear probe: features of a frozen trunk, linear layers on them, and their metrics."""

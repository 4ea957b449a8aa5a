"""Tables of paper and measured values: their cells, differences, notes and texts."""

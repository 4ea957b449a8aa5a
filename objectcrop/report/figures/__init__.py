"""Figures of one question each, as folders of SVG and PNG files."""

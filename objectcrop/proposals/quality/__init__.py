"""How well proposals find the annotated objects."""

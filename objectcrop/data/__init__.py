"""Images and their annotations: readers, manifests, decoding, drawn scenes."""

"""Downloads of Open Images: metadata, and the images that a study uses."""

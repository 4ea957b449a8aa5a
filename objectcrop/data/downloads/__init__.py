"""Downloads of Open Images: metadata, and the pictures that a study uses."""

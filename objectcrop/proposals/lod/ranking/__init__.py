"""From regions of all images to a score of each: neighbours, Hough matching, the graph and its ranking."""

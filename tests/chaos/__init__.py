"""A study that is killed, starved of disk and damaged again and again, and must end with the files of one left alone."""

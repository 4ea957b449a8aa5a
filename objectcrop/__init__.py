"""Object-aware cropping for self-supervised learning (Mishra et al., TMLR 2022): the library behind the pipeline."""

"""The number of the training recipes: raise it when a change of code changes what training computes.

`pretrain` depends on this number, not on the code, so that a refactoring does not repeat days of training. The golden test
(tests/ssl/training/test_golden.py) fails when the losses of a short run change: then raise the number and regenerate the golden
files as it says.
"""

RECIPE = 3

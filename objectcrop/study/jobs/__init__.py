"""One typed job a rule: the plan makes it, the rule passes it as one JSON, the script parses it.

A file holds the jobs that change together, as the digest of a script's code follows what it imports.
"""

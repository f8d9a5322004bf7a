"""Floor 2. Effects outside of the lake: programs and HTTP requests, each ended for certain and told in a log file.

`supervisor` and what it imports run in a process of their own, one for each program.
"""

"""The verbs of the command line: each declares its options, parses them, and calls what does the work.

What a verb needs is imported when it runs, so that `--help` and the verbs without a network load no torch.
"""

"""What a person can type, a module for one command or a few of the same kind.

A command checks its options, calls what does the work, and prints. What several share is in
``cli``.
"""

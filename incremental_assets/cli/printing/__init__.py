"""How the command line writes: tables, moments, sizes, and the rows of a diff.

What is printed is found elsewhere.
"""

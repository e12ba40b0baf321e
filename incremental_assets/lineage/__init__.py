"""A source's tables as assets of their own: which are shown, how, and the events about them.

What a view reads is found in ``core``; the connection's own assets are in ``assets``.
"""

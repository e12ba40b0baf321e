"""What one step of a refresh does: open, list, plan, read batches, merge, judge, commit, roll back.

Functions that take a refresh, fetch its frames, ask ``core`` and keep the result; and what people
see of it. No asset, job, check or sensor is declared here, and no rule is decided.
"""

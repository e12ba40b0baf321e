"""When something runs by itself: schedules, sensors, what a look of a sensor sees and remembers.

What a run then does is in ``steps``; the rules of a look are in ``core/sensing.py``.
"""

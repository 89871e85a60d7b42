"""The questions of the store as plain data: functions that return aggregation stages, and import nothing.

The owner is not in them: ``ownership.owned`` puts the owner's match in front of every branch.
"""

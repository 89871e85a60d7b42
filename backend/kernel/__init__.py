"""Words every room speaks: money, clock, ids, errors, settings, sealing, logs. Imports nothing of ours."""

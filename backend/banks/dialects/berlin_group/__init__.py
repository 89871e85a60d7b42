"""Berlin Group NextGenPSD2 XS2A 1.3.x, as most banks of the euro area speak it."""

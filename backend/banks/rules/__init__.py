"""What dialects share: how direction, dates, identity, balances and numbers are told, each rule chosen as data."""

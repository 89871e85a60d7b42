"""The emulated banks' open-banking APIs: facts of ledger and world rendered in each bank's dialect, under consent."""

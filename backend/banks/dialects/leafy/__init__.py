"""The JSON of Green Bank, MongoDB Bank, LeafyBank and any bank of that family."""

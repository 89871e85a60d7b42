"""Faults: the emulated banks made to misbehave, on the wire and in what they say, as rules in MongoDB tell."""

from backend.emulator.faults.rules import COLLECTIONS, DATABASE, FaultStore, Rule
from backend.emulator.faults.wrapping import wrap

__all__ = ["COLLECTIONS", "DATABASE", "FaultStore", "Rule", "wrap"]

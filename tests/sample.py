"""`data/sample` in a test's database, and the totals everybody must come to."""

from decimal import Decimal
from pathlib import Path
from typing import Final

from bson import ObjectId

from backend.banks.registry import Registry
from backend.documents.store import Store
from backend.ingest.samples import find_files, import_file

SAMPLE: Final = Path(__file__).parents[1] / "data" / "sample"
PEOPLE: Final = {
    "fridaklo": ObjectId("65a546ae4a8f64e8f88fb89e"),
    "gracehop": ObjectId("66fe219d625d93a100528224"),
    "adalove": ObjectId("671ff0081ec726b417352702"),
    "claumon": ObjectId("671ff2451ec726b417352703"),
}
# Balance, debt and net of each person, in USD.
GOLDEN: Final = {
    "fridaklo": (Decimal(29797), Decimal(54200), Decimal(-24403)),
    "gracehop": (Decimal(28924), Decimal(55000), Decimal(-26076)),
    "adalove": (Decimal(16857), Decimal(58100), Decimal(-41243)),
    "claumon": (Decimal(24560), Decimal(92985), Decimal(-68425)),
}


async def import_sample(store: Store) -> None:
    """All files of `data/sample`, the way `openfinance import` takes them in; nothing may be set aside."""
    banks = Registry()
    for file in find_files([SAMPLE]):
        report = await import_file(store, banks, file)
        assert report.counts.quarantined == 0, report.counts.problems

"""Transfers in the form of the older system: one document with both sides, out of our one row per side."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bson import ObjectId

from backend.documents.store import Stored
from backend.kernel.ids import object_id_of

_SIDES: Final = {
    "DBIT": ("TransactionSender", "TransactionReceiver"),
    "CRDT": ("TransactionReceiver", "TransactionSender"),
}
_STATUS: Final = {"BOOK": "Completed", "PDNG": "Initiated"}
_DATE_TYPE: Final = {"BOOK": "TransactionCompletedDate"}


def transfers(rows: Iterable[Stored], accounts: Iterable[Stored]) -> list[Stored]:
    """One document per transfer, newest first; ``accounts`` are the viewer's own, numbers opened.

    What the store does not keep (payment method, the other side's ids) is left out, not made up.
    """
    own = {account["_id"]: account for account in accounts}
    found: dict[str, list[Stored]] = {}
    for row in rows:
        key = row.get("References", {}).get("TransactionId") or row["TransactionId"]
        found.setdefault(key, []).append(row)
    documents = [_transfer(key, sides, own) for key, sides in found.items()]
    return sorted(documents, key=lambda each: str(each["TransactionDates"][0]["TransactionDate"]), reverse=True)


def _transfer(key: str, rows: Sequence[Stored], own: Mapping[ObjectId, Stored]) -> Stored:
    row, status = rows[0], rows[0]["Status"]
    parties = _parties(rows, own)
    names = [party.get("UserName") for party in parties.values()]
    written = row.get("Remittance", {}).get("Unstructured", [])
    at = row.get("TransactionAtUtc") or row.get("BookingAtUtc") or row["OrderDate"]
    return {
        "_id": key,
        "TransactionAmount": row["Amount"].to_decimal().copy_abs(),
        "TransactionDescription": " ".join(written) or "N/A",
        "TransactionDetails": {
            "TransactionType": row.get("BankTransactionCode", {}).get("Proprietary"),
            "TransactionInternal": len(names) > 1 and len(set(names)) == 1,
        },
        "TransactionReferenceData": parties,
        "TransactionDates": [
            {"TransactionDate": at, "TransactionDateType": _DATE_TYPE.get(status, "TransactionInitiatedDate")}
        ],
        "TransactionStatus": _STATUS.get(status, status),
        "TransactionCompleted": status == "BOOK",
    }


def _parties(rows: Sequence[Stored], own: Mapping[ObjectId, Stored]) -> Stored:
    """Both sides; of the viewer's own we know more than the row of the other side tells."""
    parties: Stored = {}
    for row in rows:
        other = row.get("Counterparty", {})
        parties[_SIDES[row["CreditDebit"]][1]] = {
            "UserName": other.get("Name"),
            "AccountNumber": other.get("Identifier"),
        }
    for row in rows:
        account = own.get(object_id_of(row["AccountId"], "acc") or ObjectId())
        if account:
            parties[_SIDES[row["CreditDebit"]][0]] = {
                **account["AccountUser"],
                "AccountId": account["_id"],
                "AccountNumber": account.get("AccountNumber"),
                "AccountType": account["AccountType"],
            }
    return parties

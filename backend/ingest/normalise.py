"""From a mapped fact to the document that is stored: identity, provenance, digest, and at last the seals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from bson.binary import Binary

from backend.banks.contract import Bank, Mapped, MappedAccount, MappedProduct, MappedTransaction
from backend.documents.account import ExternalAccount
from backend.documents.parts import Note, Owner, Part
from backend.documents.product import ExternalProduct
from backend.documents.store import Store, Stored
from backend.documents.transaction import ExternalTransaction
from backend.ingest.identity import account_digest, account_group, product_digest, transaction_digest
from backend.ingest.upsert import Candidate
from backend.kernel.ids import object_id, public_id

TARGETS: dict[type[Mapped], type[ExternalAccount | ExternalProduct | ExternalTransaction]] = {
    MappedAccount: ExternalAccount,
    MappedProduct: ExternalProduct,
    MappedTransaction: ExternalTransaction,
}
OWNER_FIELD = {
    ExternalAccount: "AccountUser",
    ExternalProduct: "ProductCustomer",
    ExternalTransaction: "AccountUser",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was found, for its provenance."""

    raw_id: bytes
    raw_path: str
    fetched_at: datetime
    mapper_version: int
    consent_id: str | None = None


def candidate(
    store: Store, bank: Bank, mapped: Mapped, owner: Owner, notes: Sequence[Note], origin: Origin
) -> Candidate:
    """The document of a mapped fact, still in clear, under the id that its identity gives it."""
    facts = _facts(mapped.model, notes)
    key, identity = _identity(store, bank, mapped, owner)
    content = store.keyed_hash.digest("content", facts, owner.user_name)
    document = mapped.model.to_bson() | identity
    document[OWNER_FIELD[TARGETS[type(mapped)]]] = owner.to_bson()
    document["Source"] = _source(bank, mapped.provider_id, content, origin)
    if notes:
        document["Quality"] = [note.to_bson() for note in notes]
    document |= {
        "SchemaVersion": 1,
        "CreatedAt": origin.fetched_at,
        "UpdatedAt": origin.fetched_at,
        "Revision": 1,
    }
    return Candidate(key, content, document)


def balance_documents(store: Store, account: Stored) -> list[Stored]:
    """The history rows that an account's stated balances add, once for each revision of the account."""
    source = account["Source"]
    return [
        {
            "_id": store.keyed_hash.digest(
                "balance", account["AccountId"], str(account["Revision"]), balance["Type"], balance["Currency"]
            ),
            "AccountId": account["AccountId"],
            "AccountUser": account["AccountUser"],
            "Source": source,
            "StatedAt": balance.get("AsOfUtc", source["FetchedAt"]),
        }
        | balance
        for balance in account.get("Balances", [])
    ]


async def seal_all(
    store: Store, target: type[ExternalAccount | ExternalProduct | ExternalTransaction], documents: Sequence[Stored]
) -> None:
    """Turn every field that must not be stored in clear into ciphertext of its owner, in place."""
    owner_field = OWNER_FIELD[target]
    await store.sealer.prepare(document[owner_field]["UserId"] for document in documents)
    for document in documents:
        owner = document[owner_field]["UserId"]
        for path in target.SEALED:
            await _seal_path(store, owner, document, path.split("."))


async def _seal_path(store: Store, owner: ObjectId, part: Stored, path: list[str]) -> None:
    name, *deeper = path
    if name.endswith("[]"):
        for item in part.get(name[:-2], []):
            await _seal_path(store, owner, item, deeper)
    elif deeper:
        if name in part:
            await _seal_path(store, owner, part[name], deeper)
    elif name in part and not isinstance(part[name], Binary):
        part[name] = await store.sealer.seal(owner, part[name])


def _facts(model: Part, notes: Sequence[Note]) -> bytes:
    said = model.model_dump_json(by_alias=True, exclude_none=True, fallback=str)
    return "\n".join([said, *(f"{note.code}{note.path}" for note in notes)]).encode()


def _identity(store: Store, bank: Bank, mapped: Mapped, owner: Owner) -> tuple[Any, Stored]:
    keyed = store.keyed_hash
    match mapped:
        case MappedAccount(key=key):
            digest = account_digest(keyed, owner, bank, key)
            account_id = public_id("acc", digest)
            return object_id(digest), {
                "_id": object_id(digest),
                "AccountId": account_id,
                "AccountGroupKey": account_group(keyed, bank, key),
            }
        case MappedProduct():
            digest = product_digest(keyed, owner, bank, mapped)
            return object_id(digest), {"_id": object_id(digest), "ProductId": public_id("prd", digest)}
        case MappedTransaction(account=account, key=transaction_key):
            account_id = public_id("acc", account_digest(keyed, owner, bank, account))
            digest = transaction_digest(keyed, account_id, transaction_key)
            return digest, {
                "_id": digest,
                "TransactionId": public_id("txn", digest),
                "AccountId": account_id,
                "AccountBank": bank.name,
                "TransactionKey": transaction_key,
                "Occurrence": 0,
            }


def _source(bank: Bank, provider_id: str | None, content: bytes, origin: Origin) -> Stored:
    source = {
        "Dialect": bank.dialect,
        "Bank": bank.id,
        "MapperVersion": origin.mapper_version,
        "RawId": origin.raw_id,
        "RawPath": origin.raw_path,
        "ProviderId": provider_id,
        "ConsentId": origin.consent_id,
        "FetchedAt": origin.fetched_at,
        "Content": content,
    }
    return {name: value for name, value in source.items() if value is not None}

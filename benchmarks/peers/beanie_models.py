"""FastAPI and Beanie as Beanie's documentation has it: a Document, a projection model, and a `response_model`."""

# ruff: noqa: D101, D106, FAST001 - written as the documentation writes it

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from beanie import DecimalAnnotation, Document, PydanticObjectId, init_beanie
from fastapi import FastAPI
from pydantic import BaseModel
from pymongo import AsyncMongoClient

from benchmarks.peers.fields import MOST


class Dates(BaseModel):
    OpeningDate: datetime | None = None


class Subtype(BaseModel):
    Raw: str | None = None


class Balance(BaseModel):
    Type: str
    Amount: DecimalAnnotation
    Currency: str


class User(BaseModel):
    UserName: str
    UserId: PydanticObjectId


class Source(BaseModel):
    Dialect: str
    Bank: str
    MapperVersion: int
    FetchedAt: datetime


class Note(BaseModel):
    Code: str
    Path: str
    Detail: str
    Severity: str


class AccountView(BaseModel):
    """An account as it is read and answered."""

    AccountId: str
    AccountBank: str
    AccountStatus: str
    AccountType: str
    AccountBalance: DecimalAnnotation | None = None
    AccountCurrency: str
    AccountDate: Dates
    AccountNumberMasked: str
    AccountIdentificationType: str | None = None
    AccountBalanceType: str | None = None
    AccountSubtype: Subtype | None = None
    AccountNarrative: str | None = None
    GreenAccountNarrative: str | None = None
    MDBAccountNarrative: str | None = None
    Balances: list[Balance] = []
    AccountUser: User
    Source: Source
    Quality: list[Note] = []
    SchemaVersion: int
    CreatedAt: datetime
    UpdatedAt: datetime
    Revision: int


class Account(Document, AccountView):
    """An account as it is stored."""

    class Settings:
        name = "external_accounts"


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    client = AsyncMongoClient(os.environ["MONGODB_URI"], tz_aware=True)
    database = client[os.environ["OPENFINANCE_DB_NAME"]]
    await init_beanie(database=database, document_models=[Account], skip_indexes=True)
    yield
    await client.close()


app = FastAPI(title="Accounts", lifespan=lifespan)


@app.get("/users/{user_id}/accounts", response_model=list[AccountView])
async def accounts_of_user(user_id: PydanticObjectId) -> list[AccountView]:
    return await Account.find(Account.AccountUser.UserId == user_id, limit=MOST, projection_model=AccountView).to_list()

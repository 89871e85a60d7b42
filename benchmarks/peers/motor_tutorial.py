"""FastAPI and Motor in the shape of MongoDB's own tutorial "Getting started with MongoDB and FastAPI".

There: a model with `PyObjectId` ids, a collection model around the list, `response_model`, and
`await collection.find(…).to_list(…)`.
"""

# ruff: noqa: D101, ANN201 - written as the tutorial writes it

import os
from datetime import datetime
from typing import Annotated

from bson import ObjectId
from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel, BeforeValidator, Field

from benchmarks.peers.fields import MOST, PROJECTION

app = FastAPI(title="Accounts")
client: AsyncIOMotorClient = AsyncIOMotorClient(os.environ["MONGODB_URI"], tz_aware=True)
accounts = client[os.environ["OPENFINANCE_DB_NAME"]].get_collection("external_accounts")

PyObjectId = Annotated[str, BeforeValidator(str)]
PyDecimal = Annotated[str, BeforeValidator(str)]


class Dates(BaseModel):
    OpeningDate: datetime | None = None


class Subtype(BaseModel):
    Raw: str | None = None


class Balance(BaseModel):
    Type: str
    Amount: PyDecimal
    Currency: str


class User(BaseModel):
    UserName: str
    UserId: PyObjectId


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


class AccountModel(BaseModel):
    id: PyObjectId | None = Field(alias="_id", default=None)
    AccountId: str
    AccountBank: str
    AccountStatus: str
    AccountType: str
    AccountBalance: PyDecimal | None = None
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


class AccountCollection(BaseModel):
    accounts: list[AccountModel]


@app.get(
    "/users/{user_id}/accounts",
    response_description="List all accounts of a user",
    response_model=AccountCollection,
    response_model_by_alias=False,
)
async def list_accounts(user_id: str):
    """List all of the account data of a user in the database."""
    found = await accounts.find({"AccountUser.UserId": ObjectId(user_id)}, PROJECTION).to_list(MOST)
    return AccountCollection(accounts=found)

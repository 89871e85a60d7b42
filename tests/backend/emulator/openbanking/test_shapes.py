"""Answers keep the published schemas' rules, and say of each fact what the dialect has a field for."""

from decimal import Decimal

import pytest

from backend.emulator.openbanking.exact_json import dumps
from backend.kernel.strict_json import loads
from tests.backend.emulator.openbanking import shapes
from tests.backend.emulator.openbanking.conftest import PEOPLE
from tests.backend.emulator.openbanking.shapes import wrong


def mine(street, bank, **facts):
    """The customer's account with these facts."""
    persona = street.world.personas[PEOPLE[bank]]
    return next(
        each for each in persona.accounts
        if each.bank == bank and all(getattr(each, name) == value for name, value in facts.items())
    )  # fmt: skip


def keeps(body, rule):
    assert list(wrong(body, rule)) == []


@pytest.mark.parametrize("bank", ["havel-bank", "donautal-bank"])
async def test_berlin_group_accounts(street, bank):
    api = await street.connected(bank)
    keeps(await api.read("/v1/accounts?withBalance=true"), {"accounts": [shapes.BG_ACCOUNT]})
    keeps(await api.read("/v1/card-accounts?withBalance=true"), {"cardAccounts": [shapes.BG_CARD_ACCOUNT]})
    listed = (await api.read("/v1/accounts"))["accounts"]
    keeps(await api.read(f"/v1/accounts/{listed[0]['resourceId']}"), {"account": shapes.BG_ACCOUNT})
    balances = await api.read(listed[0]["_links"]["balances"]["href"])
    keeps(balances, {"account": shapes.BG_REFERENCE, "balances": [shapes.BG_BALANCE]})


async def test_berlin_group_transactions(street):
    api = await street.connected("havel-bank")
    giro = mine(street, "havel-bank", key="giro")
    report = {
        "booked": [shapes.BG_TRANSACTION], "pending?": [shapes.BG_PENDING], "_links": shapes.BG_REPORT_LINKS,
    }  # fmt: skip
    path = f"/v1/accounts/{giro.id}/transactions?bookingStatus=both&withBalance=true"
    pages = [page async for page in api.pages(path)]
    for page in pages:
        keeps(page, {"account": shapes.BG_REFERENCE, "transactions": report, "balances": [shapes.BG_BALANCE]})
    assert ["pending" in page["transactions"] for page in pages] == [True] + [False] * (len(pages) - 1)
    booked = [each for page in pages for each in page["transactions"]["booked"]]
    assert len({each["transactionId"] for each in booked}) == len(booked) > 100
    told = {name for each in booked for name in each}
    assert told >= {"mandateId", "creditorId", "purposeCode", "currencyExchange", "debtorName", "creditorAccount"}


async def test_berlin_group_card_account(street):
    api = await street.connected("havel-bank")
    card = mine(street, "havel-bank", kind="card")
    path = f"/v1/card-accounts/{card.id}/transactions?bookingStatus=both"
    report = {
        "booked": [shapes.BG_CARD_TRANSACTION], "pending?": [shapes.BG_CARD_TRANSACTION],
        "_links": shapes.BG_REPORT_LINKS,
    }  # fmt: skip
    page = await api.read(path)
    keeps(page, {"cardAccount": shapes.BG_REFERENCE, "transactions": report})
    assert page["transactions"]["booked"]
    assert (await api.get(path.replace("card-accounts", "accounts"))).status_code == 404


async def test_pending_is_what_the_ledger_holds(street):
    api = await street.connected("havel-bank")
    giro = mine(street, "havel-bank", key="giro")
    page = await api.read(f"/v1/accounts/{giro.id}/transactions?bookingStatus=pending&withBalance=true")
    held = [hold["amount"].to_decimal() for hold in await street.platform.ledger.holds(giro.id)]
    assert "booked" not in page["transactions"]
    told = [-Decimal(each["transactionAmount"]["amount"]) for each in page["transactions"]["pending"]]
    assert told == held
    assert held
    balance = {each["balanceType"]: Decimal(each["balanceAmount"]["amount"]) for each in page["balances"]}
    assert balance["interimBooked"] - balance["interimAvailable"] == sum(held)


async def test_a_period_has_its_first_and_its_last_day(street):
    api = await street.connected("havel-bank")
    path = api.transactions_of(mine(street, "havel-bank", key="giro").id)
    days = [each["bookingDate"] async for page in api.pages(path) for each in page["transactions"]["booked"]]
    first, last = days[20], days[-20]
    inside = [
        each["bookingDate"]
        async for page in api.pages(f"{path}&dateFrom={first}&dateTo={last}")
        for each in page["transactions"]["booked"]
    ]
    assert inside == [day for day in days if first <= day <= last]
    assert (await api.get(f"{path}&dateFrom={last}&dateTo={first}")).json()["tppMessages"][0][
        "code"
    ] == "PERIOD_INVALID"


async def test_a_berlin_group_consent_may_name_accounts(street):
    giro, savings = (mine(street, "havel-bank", key=key) for key in ("giro", "savings"))
    numbers = [{"iban": street.world.iban_of(each)} for each in (giro, savings)]
    access = {"balances": numbers, "transactions": numbers[:1]}
    api = await street.connected("havel-bank", access=access)
    listed = {each["resourceId"]: each["_links"] for each in (await api.read("/v1/accounts"))["accounts"]}
    assert {name: set(links) for name, links in listed.items()} == {
        giro.id: {"balances", "transactions"},
        savings.id: {"balances"},
    }
    refused = await api.get(api.transactions_of(savings.id))
    assert (refused.status_code, refused.json()["tppMessages"][0]["code"]) == (401, "CONSENT_INVALID")
    card = mine(street, "havel-bank", kind="card")
    assert (await api.get(f"/v1/card-accounts/{card.id}")).status_code == 404


async def test_berlin_group_tells_owners_names_only_when_asked_for(street):
    usual = await street.connected("havel-bank")
    assert not any("ownerName" in each for each in (await usual.read("/v1/accounts"))["accounts"])
    api = await street.connected("havel-bank", access={"allPsd2": "allAccountsWithOwnerName"})
    assert {each["ownerName"] for each in (await api.read("/v1/accounts"))["accounts"]} == {"Anna Weber"}


async def test_a_berlin_group_consent_for_one_read_is_read_once(street):
    api = await street.connected("havel-bank", recurringIndicator=False, frequencyPerDay=1)
    giro = mine(street, "havel-bank", key="giro")
    pages = [page async for page in api.pages(api.transactions_of(giro.id))]
    assert len(pages) > 1
    again = await api.get(api.transactions_of(giro.id))
    assert (again.status_code, again.json()["tppMessages"][0]["code"]) == (401, "CONSENT_EXPIRED")


async def test_a_berlin_group_consent_allows_no_more_reads_than_it_asked_for(street):
    api = await street.connected("havel-bank", frequencyPerDay=2)
    answers = [(await api.get("/v1/accounts", is_attended=False)).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


async def test_a_berlin_group_consent_tells_how_it_stands(street):
    api = await street.api("havel-bank")
    asked = await api.call("POST", api.consents, json=api.wish(), token=await api.own_token())
    assert asked.headers["aspsp-sca-approach"] == "REDIRECT"
    assert asked.headers["location"] == asked.json()["_links"]["self"]["href"]
    assert asked.json()["consentStatus"] == "received"
    api.consent_id = asked.json()["consentId"]
    own = await api.own_token()
    customer = await street.customer("havel-bank")
    page = await customer.logs_in(await customer.opens(await api.link()))
    await customer.presses(page, "Refuse")
    told = await api.read(f"/v1/consents/{api.consent_id}", token=own)
    assert told["consentStatus"] == "rejected"
    api = await street.connected("havel-bank", access={"accounts": [], "balances": [], "transactions": []})
    told = await api.read(f"/v1/consents/{api.consent_id}", token=own)
    assert (told["consentStatus"], told["recurringIndicator"], told["frequencyPerDay"]) == ("valid", True, 4)
    assert {"iban", "currency"} <= set(told["access"]["balances"][0])
    assert await api.read(f"/v1/consents/{api.consent_id}/status", token=own) == {"consentStatus": "valid"}
    await api.call("DELETE", f"/v1/consents/{api.consent_id}", token=own)
    assert await api.read(f"/v1/consents/{api.consent_id}/status", token=own) == {"consentStatus": "terminatedByTpp"}


async def test_uk_answers(street):
    api = await street.connected("severn-bank")
    base = api.base
    current = mine(street, "severn-bank", key="current")
    for what, rule, paths in (
        ("Account", shapes.UK_ACCOUNT, ("accounts", f"accounts/{current.id}")),
        ("Balance", shapes.UK_BALANCE, ("balances", f"accounts/{current.id}/balances")),
        ("Product", shapes.UK_PRODUCT, ("products", f"accounts/{current.id}/product")),
        ("StandingOrder", shapes.UK_ORDER, ("standing-orders", f"accounts/{current.id}/standing-orders")),
    ):
        for path in paths:
            body = await api.read(f"{base}/{path}")
            keeps(body, shapes.uk(what, rule))
            assert body["Data"][what]
    pages = [page async for page in api.pages(api.transactions_of(current.id))]
    assert len(pages) > 1
    for page in pages:
        keeps(page, shapes.uk("Transaction", shapes.UK_TRANSACTION))
    moves = [each for page in pages for each in page["Data"]["Transaction"]]
    assert {each["Status"] for each in moves} == {"Booked", "Pending"}
    assert len({each["TransactionId"] for each in moves}) == len(moves)
    told = {name for each in moves for name in each}
    assert told >= {"MerchantDetails", "CreditorAccount", "DebtorAccount", "CardInstrument"}


async def test_uk_tells_what_was_exchanged(street):
    api = await street.connected("severn-bank")
    body = await api.read(api.transactions_of(mine(street, "severn-bank", kind="card").id))
    keeps(body, shapes.uk("Transaction", shapes.UK_TRANSACTION))
    exchanges = [each for each in body["Data"]["Transaction"] if "CurrencyExchange" in each]
    assert exchanges
    for each in exchanges:
        told = each["CurrencyExchange"]
        paid = Decimal(told["InstructedAmount"]["Amount"]) * told["ExchangeRate"]
        assert abs(paid - Decimal(each["Amount"]["Amount"])) <= Decimal("0.005")


async def test_uk_tells_of_loans_as_accounts(street):
    api = await street.connected("severn-bank")
    loan = next(each for each in (await api.read(api.accounts))["Data"]["Account"] if each["AccountSubType"] == "Loan")
    (balance,) = (await api.read(f"{api.accounts}/{loan['AccountId']}/balances"))["Data"]["Balance"]
    assert (balance["CreditDebitIndicator"], balance["Amount"]["Amount"]) == ("Debit", "6120.00")
    (product,) = (await api.read(f"{api.accounts}/{loan['AccountId']}/product"))["Data"]["Product"]
    band = product["OtherProductType"]["LoanInterest"]["LoanInterestTierBandSet"][0]["LoanInterestTierBand"][0]
    assert (band["LoanProviderInterestRate"], band["TierValueMaxTerm"]) == ("6.20", 48)
    assert (await api.read(f"{api.accounts}/{loan['AccountId']}/transactions"))["Data"]["Transaction"] == []


async def test_uk_shows_each_field_to_whom_it_was_permitted(street):
    codes = ["ReadAccountsBasic", "ReadTransactionsBasic", "ReadTransactionsDebits", "ReadStandingOrdersBasic"]
    api = await street.connected("severn-bank", Data={"Permissions": codes})
    current = mine(street, "severn-bank", key="current")
    listed = (await api.read(api.accounts))["Data"]["Account"]
    assert not any({"Account", "Servicer"} & set(each) for each in listed)
    moves = [each async for page in api.pages(api.transactions_of(current.id)) for each in page["Data"]["Transaction"]]
    assert {each["CreditDebitIndicator"] for each in moves} == {"Debit"}
    detail = {"TransactionInformation", "Balance", "MerchantDetails", "CreditorAccount", "CardInstrument"}
    assert not any(detail & set(each) for each in moves)
    orders = (await api.read(f"{api.base}/standing-orders"))["Data"]["StandingOrder"]
    assert orders
    assert not any("CreditorAccount" in each for each in orders)
    for part in ("balances", "products"):
        assert (await api.get(f"{api.base}/{part}")).status_code == 403
    own = await api.own_token()
    told = await api.read(f"{api.consents}/{api.consent_id}", token=own)
    assert (told["Data"]["Status"], told["Data"]["Permissions"]) == ("Authorised", codes)


async def test_uk_shows_no_bookings_outside_the_consents_period(street):
    period = {
        "TransactionFromDateTime": "2026-07-01T00:00:00+00:00",
        "TransactionToDateTime": "2026-08-31T23:59:59+00:00",
    }
    codes = ["ReadAccountsBasic", "ReadTransactionsBasic", "ReadTransactionsDebits", "ReadTransactionsCredits"]
    api = await street.connected("severn-bank", Data={"Permissions": codes, **period})
    path = api.transactions_of(mine(street, "severn-bank", key="current").id)
    wider = f"{path}?fromBookingDateTime=2026-01-01T00:00:00&toBookingDateTime=2026-08-15T00:00:00"
    for address, last in ((path, "2026-08-31T23:59:59+00:00"), (wider, "2026-08-15T00:00:00+00:00")):
        moves = [each async for page in api.pages(address) for each in page["Data"]["Transaction"]]
        times = [each["BookingDateTime"] for each in moves]
        assert times
        assert all("2026-07-01T00:00:00+00:00" <= time <= last for time in times)


async def test_op_answers(street):
    api = await street.connected("otso-bank")
    tili = mine(street, "otso-bank", key="tili")
    keeps(await api.read(api.accounts), {"accounts": [shapes.OP_ACCOUNT]})
    account = await api.read(f"{api.accounts}/{tili.id}")
    keeps(account, shapes.OP_ACCOUNT)
    held = sum(hold["amount"].to_decimal() for hold in await street.platform.ledger.holds(tili.id))
    assert Decimal(account["grossBalance"]) - Decimal(account["netBalance"]) == held
    assert Decimal(account["coverReservationAmount"]) == held
    pages = [page async for page in api.pages(api.transactions_of(tili.id))]
    assert len(pages) > 1
    rule = {"transactions": [shapes.OP_TRANSACTION], "continuationToken?": str, "_links": shapes.OP_PAGE_LINKS}
    for page in pages:
        keeps(page, rule)


async def test_op_cards_have_transactions_without_ids(street):
    api = await street.connected("otso-bank")
    cards = await api.read(f"{api.base}/cards")
    keeps(cards, {"cards": [shapes.OP_CARD]})
    path = cards["cards"][0]["_links"]["transactions"]["href"]
    pages = [page async for page in api.pages(path)]
    rule = {"transactions": [shapes.OP_CARD_TRANSACTION], "continuationToken?": str, "_links": shapes.OP_PAGE_LINKS}
    for page in pages:
        keeps(page, rule)
    tili = mine(street, "otso-bank", key="tili")
    paid = [each for each in await street.platform.ledger.entries(tili.id) if each.details.get("card")]
    told = [each for page in pages for each in page["transactions"]]
    assert [each["amount"] for each in told] == [f"{each.amount.amount}" for each in paid]
    assert (await api.get(f"{api.base}/cards/card_{'0' * 32}/transactions")).status_code == 404


async def test_an_op_authorization_may_limit_the_period(street):
    period = {"transactionFrom": "2026-07-01T00:00:00Z", "transactionTo": "2026-07-31T00:00:00Z"}
    api = await street.connected("otso-bank", expires=None, **period)
    path = api.transactions_of(mine(street, "otso-bank", key="tili").id)
    days = [each["bookingDate"] async for page in api.pages(path) for each in page["transactions"]]
    assert days
    assert min(days) >= "2026-07-01"
    assert max(days) <= "2026-07-31"
    told = await api.read(f"{api.consents}/{api.consent_id}", token=await api.own_token())
    assert (told["status"], told["transactionFrom"]) == ("Authorized", "2026-07-01T00:00:00.000Z")


NARRATIVES = {
    "green-bank": "GreenAccountNarrative",
    "mongodb-bank": "MDBAccountNarrative",
    "leafybank": "AccountDescription",
}


@pytest.mark.parametrize("bank", NARRATIVES)
async def test_leafy_accounts(street, bank):
    api = await street.connected(bank)
    body = await api.read(api.accounts)
    keeps(body, {"accounts": [shapes.LEAFY_ACCOUNT]})
    for each in body["accounts"]:
        assert NARRATIVES[bank] in each
        assert await api.read(f"{api.accounts}/{each['AccountNumber']}") == {"account": each}


async def test_leafy_products_are_those_of_the_sample(street):
    api = await street.connected("green-bank")
    (loan,) = (await api.read("/leafy/v1/products"))["products"]
    assert loan == {
        "_id": "406bf070ad2f2e3f95f6fbcc",
        "ProductId": "1784",
        "ProductBank": "Green Bank",
        "ProductStatus": "Active",
        "ProductType": "Loan",
        "ProductAmount": Decimal("10700.00"),
        "ProductCurrency": "USD",
        "ProductInterestRate": Decimal("3.75"),
        "ProductDate": {"OpeningDate": "2024-02-05T00:00:00Z"},
        "ProductCustomer": {"UserName": "fridaklo", "UserId": "65a546ae4a8f64e8f88fb89e"},
        "RepaymentPeriod": 12,
        "LoanCollateral": "None",
        "GreenProductNarrative": "Loan tailored for sustainability at Green Bank",
    }
    (mortgage,) = (await (await street.connected("mongodb-bank")).read("/leafy/v1/products"))["products"]
    assert (mortgage["AmortizationPeriod"], mortgage["PropertyDetails"]) == (
        20,
        {"Address": "123 Main St", "PropertyValue": Decimal("91719.00")},
    )


async def test_a_loan_that_was_not_chosen_is_not_shown(street):
    api = await street.api("green-bank")
    await api.asks()
    link = await api.link()
    customer = await street.customer("green-bank")
    chosen = [each for each in await customer.offered(link) if each.startswith("acc_")]
    await api.redeems((await customer.approves(link, chosen))["code"])
    assert await api.read("/leafy/v1/products") == {"products": []}


async def test_leafy_transactions(street):
    api = await street.connected("mongodb-bank")
    main = mine(street, "mongodb-bank", key="main")
    pages = [page async for page in api.pages(api.transactions_of(main.number))]
    for page in pages:
        keeps({"transactions": page["transactions"]}, {"transactions": [shapes.LEAFY_TRANSACTION]})
    moves = [each for page in pages for each in page["transactions"]]
    assert len({each["_id"] for each in moves}) == len(moves) > 100
    assert {each["TransactionStatus"] for each in moves} == {"Notified", "Initiated"}
    for each in moves:
        steps = [step["TransactionDate"] for step in each["TransactionDates"]]
        assert len(steps) == (3 if each["TransactionCompleted"] else 1)
        assert steps == sorted(steps)


async def test_leafy_numbers_are_the_digits_of_the_ledger(street):
    api = await street.connected("green-bank")
    response = await api.get(f"{api.accounts}/204515807")
    assert b'"AccountBalance":7825.00' in response.content


def test_no_float_ever_gets_out():
    with pytest.raises(TypeError):
        dumps({"list": [{"amount": 1.5}]})
    exact = Decimal("12345678901234567.89")
    assert dumps({"a": exact}) == b'{"a":12345678901234567.89}'
    assert loads(dumps({"a": exact})) == {"a": exact}
    with pytest.raises(TypeError):
        dumps({"a": Decimal("NaN")})

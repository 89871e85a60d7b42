# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
# Whose products to look at; one currency or all (None); False when the store holds your own data.
PEOPLE = ["adalove", "claumon", "fridaklo", "gracehop"]
CURRENCY = None
SAMPLE_DATA = True

# %% [markdown]
# # Products and debt
#
# What each person owes, what remains of their money when the debts are taken off, at what rates they
# borrow, how much of their property is borrowed against, and when it all ends.

# %%
from decimal import Decimal

import charts
import frames
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pipelines.position import position
from pipelines.products import products

charts.use_style()
database = frames.connect()
whose = frames.people(database, PEOPLE)

# %% [markdown]
# ## Position
#
# `position` joins accounts and products on the server and answers, per currency, balance, debt and what is
# left. Debts are loans, mortgages and their kin; deposits and credit limits are not owed.

# %%
standing = frames.ask(database, "external_accounts", position(currency=CURRENCY), whose)
standing["totals"]

# %%
for currency, rows in standing["totals"].groupby("currency"):
    drawn = rows.set_index("person").sort_index(ascending=False)
    height, places = 0.38, np.arange(len(drawn))
    figure, axes = plt.subplots(figsize=(8.5, 1.2 + 0.85 * len(drawn)))
    for offset, name, colour in ((1, "balance", charts.PALETTE[0]), (-1, "debt", charts.PALETTE[5])):
        lengths = drawn[name].astype(float)
        beside = places + offset * height / 2
        axes.barh(beside, lengths, height, color=colour, label=name.title())
        charts.write_beside(axes, lengths, beside, (f"{amount:,}" for amount in drawn[name]))
    axes.set_yticks(places, [f"{person}\nnet {row.net:,}" for person, row in drawn.iterrows()])
    charts.amounts_along(axes, currency, "Amount")
    axes.set_title(f"Balance and debt, {currency}")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()

# %% [markdown]
# ## Rates
#
# The average rate of each kind of product, in percent a year, weighted by amount: a large mortgage counts
# more than a small loan. `rated` says how many products it is made of; those without a rate or an amount
# are in `left_out`. Loan-to-value is what is owed divided by what the property is worth, over the
# mortgages whose property value the bank gives. Both are rounded to four decimals by the pipeline.

# %%
held = frames.ask(database, "external_products", products(currency=CURRENCY), whose)
held["by_type"][["person", "type", "currency", "total", "products", "average_rate", "rated", "loan_to_value", "valued"]]

# %%
mortgages = held["used"].dropna(subset=["loan_to_value"]).sort_values("loan_to_value")
figure, axes = plt.subplots(figsize=(8.5, 0.9 + 0.42 * len(mortgages)))
names = [f"{row.person}, {row.bank}" for row in mortgages.itertuples()]
places = np.arange(len(mortgages))
percents = mortgages["loan_to_value"].astype(float) * 100
axes.barh(places, percents, color=charts.PALETTE[1], height=0.6)
charts.write_beside(axes, percents, places, (f"{share * 100:.1f} %" for share in mortgages["loan_to_value"]))
axes.set_yticks(places, names)
axes.set_xlabel("Loan to value, % of the property's value")
axes.set_title("How much of each property is borrowed against")
plt.show()

# %% [markdown]
# ## What ends when
#
# A product ends its term after its opening date. Each line below runs from one to the other.

# %%
ends = held["ends"].assign(
    opened=lambda rows: pd.to_datetime(rows["opened"]), ends_on=lambda rows: pd.to_datetime(rows["ends_on"])
)
ends = ends.sort_values("ends_on", ascending=False).reset_index(drop=True)
colour_of = charts.colours(ends["type"])
figure, axes = plt.subplots(figsize=(8.5, 1.0 + 0.42 * len(ends)))
for kind, rows in ends.groupby("type"):
    axes.hlines(rows.index, rows["opened"], rows["ends_on"], color=colour_of[kind], linewidth=7, label=kind)
charts.write_beside(axes, ends["ends_on"], ends.index, (f"{end:%Y-%m}" for end in ends["ends_on"]))
axes.set_yticks(ends.index, [f"{row.person}, {row.amount:,} {row.currency}" for row in ends.itertuples()])
axes.xaxis.set_major_locator(mdates.YearLocator(5))
axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
axes.set_xlabel("Year")
axes.set_title("From opening to end")
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ## What is not in the figures
#
# `figure` says which figure the product is missing from: `total` means from all of them.

# %%
pd.concat([standing["left_out"], held["left_out"]], ignore_index=True).drop_duplicates()

# %% [markdown]
# ## Checks

# %%
totals = standing["totals"]
assert (totals["net"] == totals["balance"] - totals["debt"]).all()
keys = ["person", "currency"]
assert (totals.set_index(keys)["net"] == standing["by_institution"].groupby(keys)["net"].sum()).all()
assert (ends["ends_on"] > ends["opened"]).all()

if SAMPLE_DATA:
    known = {"adalove": 58100, "claumon": 92985, "fridaklo": 54200, "gracehop": 55000}
    found = totals.set_index(keys)["debt"]
    assert all(found[person, "USD"] == Decimal(known[person]) for person in PEOPLE), found

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
# Whose accounts to look at; one currency or all (None); False when the store holds your own data.
PEOPLE = ["adalove", "claumon", "fridaklo", "gracehop"]
CURRENCY = None
SAMPLE_DATA = True

# %% [markdown]
# # Unified accounts
#
# Each person below has accounts at several banks. Every bank describes them in its own words; the store
# keeps one form of them all. This notebook asks the same pipeline that the API serves how much is on the
# accounts, and shows the answer per person and bank.
#
# Three rules hold everywhere: amounts are exact decimals, amounts of different currencies are never added,
# and an account whose balance is unknown is listed instead of being counted as zero.

# %%
from decimal import Decimal

import charts
import frames
import matplotlib.pyplot as plt

from pipelines.balances import balances

charts.use_style()
database = frames.connect()
whose = frames.people(database, PEOPLE)

# %% [markdown]
# ## The question
#
# A pipeline is plain data: a list of stages that can be printed, changed and run anywhere. It does not say
# whose accounts it is about; `frames.ask` puts each person's match in front of it, the way the API does.

# %%
stages = balances(currency=CURRENCY)
stages[0]

# %%
answer = frames.ask(database, "external_accounts", stages, whose)
answer["used"].drop(columns="id")

# %% [markdown]
# ## Totals
#
# One row per person and currency. An overdrawn account lowers the total; both sides stand beside it.

# %%
answer["totals"]

# %% [markdown]
# ## Where the money is
#
# One chart per currency, because a bar that mixes two currencies means nothing.

# %%
by_bank = answer["by_institution"]
colour_of = charts.colours(by_bank["bank"])
for currency, rows in by_bank.groupby("currency"):
    # Floats are good enough for the length of a bar, and for nothing else.
    wide = (
        rows.pivot(index="person", columns="bank", values="total").astype(float).fillna(0).sort_index(ascending=False)
    )
    axes = wide.plot.barh(stacked=True, color=colour_of, figsize=(8.5, 0.8 + 0.6 * len(wide)), width=0.7)
    totals = rows.groupby("person")["total"].sum().reindex(wide.index)
    ends = wide.clip(lower=0).sum(axis="columns")
    charts.write_beside(axes, ends, range(len(wide)), (f"{total:,}" for total in totals))
    charts.amounts_along(axes, currency, "Balance")
    axes.set_ylabel("")
    axes.set_title(f"Balance by bank, {currency}")
    axes.legend(title=None, ncols=1, loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()

# %% [markdown]
# ## What is not in the figures
#
# Closed accounts, and accounts whose bank gave no balance. An empty table means that nothing is missing.

# %%
answer["left_out"]

# %% [markdown]
# ## Checks
#
# The banks together must make the total of each person and currency, to the last cent; with the sample
# data the totals are known.

# %%
keys = ["person", "currency"]
assert (answer["totals"].set_index(keys)["total"] == by_bank.groupby(keys)["total"].sum()).all()
assert len(answer["used"]) == answer["totals"]["accounts"].sum()

if SAMPLE_DATA:
    known = {"adalove": 16857, "claumon": 24560, "fridaklo": 29797, "gracehop": 28924}
    found = answer["totals"].set_index(keys)["total"]
    assert all(found[person, "USD"] == Decimal(known[person]) for person in PEOPLE), found

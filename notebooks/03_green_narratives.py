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
# Whose narratives to read; one currency or all (None); False when the store holds your own data.
PEOPLE = ["adalove", "claumon", "fridaklo", "gracehop"]
CURRENCY = None
SAMPLE_DATA = True

# %% [markdown]
# # Green narratives
#
# Banks describe accounts and products in a sentence, and each calls the field differently: one writes
# `GreenAccountNarrative`, another `MDBAccountNarrative`, a third `AccountDescription`. The pipeline makes
# one `narrative` of them all. It is *green* when the bank wrote it in its green field: that is the bank's
# claim, which the store repeats and does not verify.

# %%
from decimal import Decimal

import charts
import frames
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pipelines.green import green

charts.use_style()
database = frames.connect()
whose = frames.people(database, PEOPLE)
answer = frames.ask(database, "external_accounts", green(currency=CURRENCY), whose)

# %% [markdown]
# ## The narratives
#
# Every account in credit and every debt, with its bank's words.

# %%
answer["used"][["person", "bank", "of", "type", "narrative", "is_green"]]

# %% [markdown]
# ## Shares
#
# `share` is the part of the amount that is green, rounded to four decimals. Overdrawn accounts are left
# out: no part of a sum with negative terms is a share.

# %%
answer["totals"]

# %%
titles = {"balance": "of the balance", "debt": "of the debt"}
for currency, of_currency in answer["totals"].groupby("currency"):
    shown = sorted(of_currency["person"].unique(), reverse=True)
    figure, panels = plt.subplots(1, 2, figsize=(10, 0.9 + 0.6 * len(shown)), sharey=True, sharex=True, squeeze=False)
    for axes, (of, title) in zip(panels[0], titles.items(), strict=True):
        shares = of_currency[of_currency["of"] == of].set_index("person")["share"].reindex(shown)
        percents = shares.astype(float).fillna(0) * 100
        places = np.arange(len(shown))
        axes.barh(places, 100, color=charts.GREY, height=0.6, label="Not green")
        axes.barh(places, percents, color=charts.GREEN, height=0.6, label="Green")
        for place, share in zip(places, shares, strict=True):
            text = "none" if pd.isna(share) else f"{share * 100:.1f} %"
            axes.text(102, place, text, va="center", fontsize=9, color=charts.INK)
        axes.set_yticks(places, shown)
        axes.set_xlim(0, 118)
        axes.set_xticks(range(0, 101, 25))
        axes.set_xlabel(f"% {title}, {currency}")
    panels[0][1].legend(loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
    figure.suptitle(f"Under a green narrative, {currency}", x=0.02, ha="left", fontweight="bold")
    plt.show()

# %% [markdown]
# ## Which banks
#
# Over all the people above, per bank.

# %%
keys = ["of", "currency", "bank"]
banks = answer["by_institution"].groupby(keys)[["total", "green"]].sum().reset_index()
banks["share"] = [row.green / row.total if row.total else None for row in banks.itertuples()]
banks.style.format({"total": "{:,}", "green": "{:,}", "share": "{:.2%}"}, na_rep="")

# %% [markdown]
# ## What is not in the figures

# %%
answer["left_out"]

# %% [markdown]
# ## Checks

# %%
used = answer["used"]
for (person, of, currency), rows in used.groupby(["person", "of", "currency"]):
    row = answer["totals"].set_index(["person", "of", "currency"]).loc[(person, of, currency)]
    assert row["total"] == rows["amount"].sum()
    assert row["green"] == rows.loc[rows["is_green"], "amount"].sum()
assert answer["totals"]["share"].dropna().between(0, 1).all()

if SAMPLE_DATA:
    known = {"adalove": "9488", "claumon": "2673", "fridaklo": "16676", "gracehop": "8636"}
    totals = answer["totals"].set_index(["person", "of", "currency"])["green"]
    assert all(totals[person, "balance", "USD"] == Decimal(known[person]) for person in PEOPLE), totals

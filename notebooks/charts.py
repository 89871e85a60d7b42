"""How the notebooks' charts look: one colour per bank, thousands separated, no box around the bars."""

from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

# Okabe and Ito's palette, which people who cannot tell red from green can read as well.
PALETTE = ("#009E73", "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
GREEN, GREY, INK = "#009E73", "#C8CDD2", "#333333"


def use_style() -> None:
    """Sharp pictures with room around the bars, in every chart that follows."""
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "legend.frameon": False,
        }
    )


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same however often it is asked for the same names."""
    return dict(zip(sorted(set(names)), PALETTE * 10, strict=False))


def amounts_along(axes: Axes, currency: str, what: str) -> None:
    """The horizontal axis shows amounts of this currency."""
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(f"{what}, {currency}")


def write_beside(axes: Axes, ends: Iterable[Any], places: Iterable[float], texts: Iterable[str]) -> None:
    """A text at the end of each bar, and room for it."""
    for end, place, text in zip(ends, places, texts, strict=True):
        offset = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (end, place), fontsize=9, color=INK, **offset)
    axes.margins(x=0.14)

"""python-eve with what its documentation offers for speed: no links, no counting, no ETags, JSON only."""

from eve import Eve

from benchmarks.peers.eve_default import SETTINGS

app = Eve(
    settings=SETTINGS
    | {
        "HATEOAS": False,
        "OPTIMIZE_PAGINATION_FOR_SPEED": True,
        "IF_MATCH": False,
        "RENDERERS": ["eve.render.JSONRenderer"],
    }
)

"""Why a mongod ended as soon as it was started, in one sentence with the remedy."""

import json
import re
import signal
from pathlib import Path

OWN_SERVER = "or set MONGODB_URI to a server of your own"

_PORT_TAKEN = 48
_DATA_OF_OTHER_VERSION = 62
_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libcrypto.so.3": "libssl3",
    "libssl.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
_MISSING_LIBRARY = re.compile(r"([^\s:]+): cannot open shared object file|Library not loaded: (\S+)")


def cause_of_death(code: int, printed: str, *, port: int, data: Path, log: Path) -> str:
    """The sentence for a mongod that ended with ``code`` after it ``printed`` that and wrote ``log``."""
    if missing := _MISSING_LIBRARY.search(printed):
        return _missing(missing[1] or missing[2])
    if code == -signal.SIGILL:
        return "mongod needs a processor with AVX instructions; set MONGODB_URI to a server elsewhere"
    if code == _PORT_TAKEN:
        return f"Port {port} is used by another program; set EMBEDDED_MONGODB_PORT to a free one"
    if code == _DATA_OF_OTHER_VERSION:
        return f"The data in {data} are of another version of MongoDB; install that version, {OWN_SERVER}"
    return f"mongod ended with code {code}, saying: {_last_words(printed, log)}; read {log} for the rest"


def _missing(library: str) -> str:
    package = _PACKAGES.get(library)
    command = f" (Debian, Ubuntu: apt-get install {package})" if package else ""
    return f"mongod needs the system library {library}; install it{command}, {OWN_SERVER}"


def _last_words(printed: str, log: Path) -> str:
    """The last error in the log, else the last line that was printed."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    entries = (json.loads(line) for line in reversed(lines) if line.startswith("{") and line.endswith("}"))
    for entry in entries:
        if entry["s"] in ("E", "F"):
            reason = entry.get("attr", {}).get("error", "")
            return f"{entry['msg']} {json.dumps(reason)}"[:300]
    return (printed.strip().splitlines() or ["nothing"])[-1][:300]

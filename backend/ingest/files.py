"""Records out of a file without holding the file: one JSON array, or one object a line (NDJSON)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from backend.kernel.errors import InvalidInput

# No bank says more about one thing, and what is larger may not fit into a document with its provenance.
MAX_RECORD_BYTES: Final = 1024 * 1024
_CHUNK: Final = 1024 * 1024
_BLANK: Final = " \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """The bytes of one record, where it stands, and where it ends in the file."""

    raw: bytes
    place: str
    end: int
    broken: str | None = None


def read_records(path: Path) -> Iterator[RawRecord]:
    """Every record of the file; one whose end cannot be found comes as ``broken`` with the reason.

    Raises InvalidInput when the file is empty or holds neither an array nor objects.
    """
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        start = file.tell()
        first = _first_mark(file)
        file.seek(start)
        if first == b"[":
            yield from _elements(file)
        elif first == b"{":
            yield from _lines(file)
        else:
            raise InvalidInput(f"{path.name} holds neither a JSON array nor one JSON object a line, in UTF-8")


def _first_mark(file: BinaryIO) -> bytes:
    while chunk := file.read(4096):
        if mark := chunk.lstrip()[:1]:
            return mark
    return b""


def _lines(file: BinaryIO) -> Iterator[RawRecord]:
    number = 0
    while line := file.readline(MAX_RECORD_BYTES + 1):
        number += 1
        broken = None
        if len(line) > MAX_RECORD_BYTES:
            broken = f"Longer than {MAX_RECORD_BYTES} bytes"
            _skip_line(file)
            line = line[:_CHUNK]
        if raw := line.strip():
            yield RawRecord(raw, f"line {number}", file.tell(), broken)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
        pass


def _elements(file: BinaryIO) -> Iterator[RawRecord]:
    """The elements of one array. Bytes that are not UTF-8 survive as lone surrogates, to be refused later."""
    # Only where an element ends is asked here; numbers stay text, because the longest ones cannot even be read.
    reader = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
    window, number = _Window(file), 0
    window.skip("[")
    is_closed = window.skip("]")
    while not is_closed and not window.at_end():
        number += 1
        raw, broken = window.take(reader)
        yield RawRecord(raw, f"record {number}", file.tell(), broken)
        is_closed = window.skip("]")
        if broken:
            return
        if not is_closed and not window.skip(",") and not window.at_end():
            yield window.rest(
                f"after record {number}", "No comma or bracket follows, so the rest of the file is not read"
            )
            return
    if not is_closed:
        yield window.rest(f"after record {number}", "The array is not closed: the file ends too early")
    elif not window.at_end():
        yield window.rest(f"after record {number}", "Something follows the array and is not read")


class _Window:
    """A moving piece of the file's text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._held = b""

    def skip(self, mark: str) -> bool:
        """Step over ``mark`` and the blanks around it, if it is next."""
        self._skip_blanks()
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        self._skip_blanks()
        return True

    def at_end(self) -> bool:
        """Nothing but blanks is left."""
        self._skip_blanks()
        return self._at >= len(self._text)

    def take(self, reader: json.JSONDecoder) -> tuple[bytes, str | None]:
        """The bytes of the next element; with the reason when its end cannot be found."""
        while True:
            try:
                _, end = reader.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                broken = f"Not JSON, so the rest of the file is not read: {error.msg}"
            except RecursionError:
                broken = "Nested too deep, so the rest of the file is not read"
            else:
                raw = self._text[self._at : end].encode(errors="surrogateescape")
                self._at = end
                return raw, None
            if len(self._text) - self._at > MAX_RECORD_BYTES or not self._more():
                return self._text[self._at : self._at + _CHUNK].encode(errors="surrogateescape"), broken

    def rest(self, place: str, broken: str) -> RawRecord:
        """What is left, up to a megabyte of it, as one broken record."""
        raw = self._text[self._at : self._at + _CHUNK].encode(errors="surrogateescape")
        return RawRecord(raw, place, self._file.tell(), broken)

    def _skip_blanks(self) -> None:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        chunk = self._file.read(_CHUNK)
        if not chunk and not self._held:
            return False
        data = self._held + chunk
        # A character may be cut by the chunk's end: hold its first bytes back until the rest is there.
        cut = _whole_characters(data) if chunk else len(data)
        self._text = self._text[self._at :] + data[:cut].decode(errors="surrogateescape")
        self._held = data[cut:]
        self._at = 0
        return True


def _whole_characters(data: bytes) -> int:
    """How many of ``data``'s bytes come before a character that may be cut off at the end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - a first byte of several (RFC 3629 section 3)
            return len(data) - back
        if byte < 0x80:  # noqa: PLR2004 - a character of one byte
            return len(data)
    return len(data)

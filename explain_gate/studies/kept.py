"""What a study has found so far, a line an image, so that a killed one goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explain_gate.profile.files import write_whole


class Kept:
    """Lines of one question; what another question left in the file is thrown away.

    Args:
        file: of JSON lines; the first says what was asked.
        asked: everything that an answer depends on.
    """

    def __init__(self, file: Path, asked: Mapping[str, Any]) -> None:
        self._file = file
        asked = json.loads(json.dumps(dict(asked)))  # as it is read again: a tuple comes back as a list
        lines = _whole_lines(file)
        known = bool(lines) and lines[0] == {"asked": asked}
        self.answers: dict[str, Any] = {line["key"]: line["answer"] for line in lines[1:]} if known else {}
        file.parent.mkdir(parents=True, exist_ok=True)
        # Written anew: a line that was cut off by a kill must not be gone on from.
        text = [json.dumps({"asked": asked}), *(_line(key, one) for key, one in self.answers.items())]
        write_whole(file, ("\n".join(text) + "\n").encode())

    def keep(self, key: str, answer: Any) -> None:
        """Keep one more answer, on disk when this returns."""
        self.answers[key] = answer
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(_line(key, answer) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def _line(key: str, answer: Any) -> str:
    return json.dumps({"key": key, "answer": answer})


def _whole_lines(file: Path) -> list[Any]:
    """Every line that was written to its end."""
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return []
    lines: list[Any] = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines

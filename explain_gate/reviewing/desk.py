"""What one reviewer sees and decides about one run. Every decision is a file before the page hears of it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from explain_gate.decisions.files import LONGEST_NOTE, file_name, read_decisions, remove_decision, write_decision
from explain_gate.decisions.holding import WRONG, annotation_digest, opinions_of
from explain_gate.decisions.likeness import sketch_of
from explain_gate.errors import OptionError
from explain_gate.profile.audit import map_digest
from explain_gate.profile.profile import load_maps
from explain_gate.publishing.pictures.gallery import answer_of, kinds_of
from explain_gate.records import Decision, Opinion, Profile, Verdict
from explain_gate.redact import redact
from explain_gate.reviewing.queue import GROUPS, Question, methods_of, questions_of

_SIGNED = "orange speaks for the annotated class, blue against it"
_UNSIGNED = "the brighter, the more"
OPINIONS: tuple[Opinion, ...] = ("plausible", "not plausible", "label wrong", "region wrong", "unsure")


def now() -> str:
    """With the zone of this machine."""
    return dt.datetime.now().astimezone().isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is decided about one question.

    `mine` holds for its map; `others` are those of other reviewers that do. `settled`: nothing is left to ask this
    reviewer, who has answered, or has found the image's annotation wrong on another map.
    """

    mine: Decision | None
    others: tuple[Decision, ...]
    settled: bool


class Desk:
    """The questions of a run, and one reviewer's answers.

    Args:
        profile: of the run, in its folder.
        verdict: of the run, where there is one.
        folder: `reviews/` beside thresholds.yaml.
        reviewer: as files hold the name.
        clock: gives the moment of a decision, ISO 8601 with its zone.
    """

    def __init__(
        self,
        profile: Profile,
        verdict: Verdict | None,
        folder: Path,
        reviewer: str,
        clock: Callable[[], str] = now,
    ) -> None:
        self.profile = profile
        self.folder = folder
        self.reviewer = reviewer
        self.questions: tuple[Question, ...] = questions_of(profile, verdict)
        self.methods = methods_of(profile, verdict)
        self._clock = clock
        self._lock = threading.Lock()
        self._undo: list[tuple[int, Decision, Decision | None]] = []

    def described(self) -> dict[str, Any]:
        """The run and its questions, as JSON; nothing in it changes while the server runs."""
        model, kinds = self.profile.manifest.get("model", {}), kinds_of(self.profile)
        return {
            "model": model.get("name") or model.get("source") or "model",
            "version": model.get("version"),
            "reviewer": self.reviewer,
            "opinions": list(OPINIONS),
            "groups": dict(GROUPS),
            "methods": list(self.methods),
            "legends": [_SIGNED if kinds.get(method) == "signed" else _UNSIGNED for method in self.methods],
            "longest_note": LONGEST_NOTE,
            "at_end": "Every map is judged. Commit the files in reviews/: the next run counts them.",
            "questions": [self._described(question) for question in self.questions],
        }

    def standings(self) -> list[dict[str, Any]]:
        """What is decided about every question, as JSON; others' opinions only where one's own is given.

        Raises:
            DataError: a file in the folder is no decision.
        """
        return [_plain(standing) for standing in self._standings().values()]

    def decide(self, number: int, opinion: Opinion, note: str) -> list[tuple[int, dict[str, Any]]]:
        """Keep an opinion; returns what is decided now about each question of its image, by number.

        Raises:
            OptionError: there is no such opinion, the note is too long, or the folder cannot be written.
            DataError: a file in it is no decision.
        """
        if opinion not in OPINIONS:
            raise OptionError(f"an opinion must be one of {', '.join(OPINIONS)}, got {opinion!r}")
        if len(note) > LONGEST_NOTE:
            raise OptionError(f"a note must have at most {LONGEST_NOTE} characters, got {len(note)}")
        with self._lock:
            question = self.questions[number]
            before = self._standings({question.row})[number].mine
            made = replace(self.blank(question), opinion=opinion, note=redact(note.strip()))
            if before is not None and file_name(before) != file_name(made):
                before = None  # it was about a map that is nearly this one, and stays on record
            write_decision(made, self.folder)
            self._undo.append((number, made, before))
            return self._of_image(question.row)

    def undo(self) -> tuple[int, list[tuple[int, dict[str, Any]]]] | None:
        """Take the last decision of this server back; returns its question and what is decided now, None for none.

        Raises:
            OptionError, DataError: as `decide`.
        """
        with self._lock:
            if not self._undo:
                return None
            number, made, before = self._undo[-1]
            if before is None:
                remove_decision(made, self.folder)
            else:
                write_decision(before, self.folder)
            self._undo.pop()
            return number, self._of_image(self.questions[number].row)

    def counted(self) -> tuple[int, int]:
        """How many questions are settled for this reviewer, and of how many."""
        return sum(standing.settled for standing in self._standings().values()), len(self.questions)

    def _described(self, question: Question) -> dict[str, Any]:
        image = self.profile.images[question.row]
        return {
            "image": image.image,
            "row": question.row,
            "class": image.class_name,
            "answer": answer_of(self.profile, image),
            "probability": image.probability,
            "right": image.correct if image.answered else None,
            "method": question.method,
            "group": question.group,
            "reasons": list(question.reasons),
        }

    def _standings(self, rows: Collection[int] | None = None) -> dict[int, Standing]:
        """By a question's number; of the questions about some rows alone, which is faster, or of all."""
        decisions = read_decisions(self.folder)
        asked = {number: one for number, one in enumerate(self.questions) if rows is None or one.row in rows}
        methods = {question.method for question in asked.values()}
        opinions = {method: opinions_of(self.profile, method, decisions, rows=rows) for method in methods}
        mine = [one for one in decisions if one.reviewer == self.reviewer and one.opinion != "unsure"]
        last = {(one.image_digest, one.annotation_digest): one for one in mine}
        wrong = {key for key, one in last.items() if one.opinion in WRONG}
        doubted = {digest for digest, _ in wrong}
        standings = {}
        for number, question in asked.items():
            given = opinions[question.method][question.row]
            digest = self.profile.images[question.row].digest
            out = digest in doubted and (digest, annotation_digest(self.profile, question.row)) in wrong
            own = given.get(self.reviewer)
            others = tuple(one for who, one in sorted(given.items()) if who != self.reviewer)
            standings[number] = Standing(mine=own, others=others, settled=own is not None or out)
        return standings

    def _of_image(self, row: int) -> list[tuple[int, dict[str, Any]]]:
        return [(number, _plain(standing)) for number, standing in self._standings({row}).items()]

    def blank(self, question: Question) -> Decision:
        """A decision about a question's map, in which the opinion is still to be written."""
        image = self.profile.images[question.row]
        kept = load_maps(self.profile, question.method)[question.row]
        return Decision(
            opinion="unsure",
            reviewer=self.reviewer,
            at=self._clock(),
            image=image.image,
            method=question.method,
            image_digest=image.digest,
            annotation_digest=annotation_digest(self.profile, question.row),
            map_digest=map_digest(kept),
            sketch=sketch_of(kept),
            version=str(self.profile.manifest.get("model", {}).get("digest") or ""),
        )


def _plain(standing: Standing) -> dict[str, Any]:
    mine = standing.mine
    said = {one.reviewer: one.opinion for one in standing.others} if mine is not None else {}
    return {
        "opinion": mine.opinion if mine else None,
        "note": mine.note if mine else "",
        "others": len(standing.others),
        "said": said,
        "settled": standing.settled,
    }


def reviewed(desk: Desk) -> str:
    """`12 of 30 maps judged by anna`."""
    done, every = desk.counted()
    return f"{done} of {every} maps judged by {desk.reviewer}"

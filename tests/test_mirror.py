"""Who opens `measuring/score.py` finds `tests/measuring/test_score.py`: modules and tests stand in one order."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "explain_gate"

CARDS = "a table without code, which every test of the contract reads row by row"
ELSEWHERE = {
    "attribution/cards/": (CARDS, "contract/test_every_method.py"),
    "metrics/cards/": (CARDS, "contract/test_every_metric.py"),
    "attribution/cards/card.py": ("the record of a card", "contract/test_every_method.py"),
    "metrics/cards/card.py": ("the record of a card", "contract/test_every_metric.py"),
    "commands/approve.py": ("prints what tracking moves", "tracking/test_approvals.py"),
    "commands/earlier_rules.py": ("a table without code", "commands/test_upgrade.py"),
    "commands/survey/clue.py": ("a record and who is asked", "commands/survey/test_survey.py"),
    "commands/survey/code.py": ("what scripts say, by whole projects", "commands/survey/test_survey.py"),
    "commands/survey/folders.py": (
        "models that describe themselves, by whole projects",
        "commands/survey/test_survey.py",
    ),
    "commands/survey/library.py": ("one model of a library, by whole projects", "commands/survey/test_survey.py"),
    "commands/survey/models.py": ("which model is meant, by whole projects", "commands/survey/test_survey.py"),
    "demo/model.py": ("a network without a decision in it", "demo/test_training.py"),
    "judging/bounds.py": ("what calibrations propose", "judging/test_calibration.py"),
    "judging/proposal.py": ("the records of a calibration", "judging/test_calibration.py"),
    "measuring/asking/backgrounds.py": ("one capability", "measuring/test_draws.py"),
    "measuring/asking/capability.py": ("the base of every capability", "measuring/asking/test_capabilities.py"),
    "measuring/asking/panels.py": ("one capability", "measuring/asking/test_batch.py"),
    "measuring/asking/passes.py": ("one capability", "measuring/asking/test_batch.py"),
    "measuring/asking/planting.py": ("one capability", "measuring/asking/test_cue_facts.py"),
    "measuring/asking/resources.py": ("what capabilities share", "measuring/asking/test_capabilities.py"),
    "measuring/workers/ray_runtime.py": ("a cluster is needed", "measuring/workers/test_ray.py"),
    "measuring/workers/ray_worker.py": ("a cluster is needed", "measuring/workers/test_ray.py"),
    "metrics/batch.py": ("a protocol without code", "contract/test_every_metric.py"),
    "metrics/everyday.py": ("the operations of one metric", "metrics/test_operations.py"),
    "plugin.py": ("hooks that hand on", "plugin/test_fail_closed.py"),
    "profile/attestation.py": ("the command that writes it", "commands/test_attest.py"),
    "session/beside_pytest.py": ("a session of pytest is needed", "plugin/test_fail_closed.py"),
    "session/ending.py": ("the whole end of a session", "session/test_finish.py"),
    "session/gatekeeper.py": ("a session of pytest is needed", "plugin/test_fail_closed.py"),
    "tasks/task.py": ("a protocol without code", "tasks/test_tasks.py"),
}
"""Module or folder: why it has no test file of its own, and which one tests it."""


def mirrored(module: Path) -> Path:
    """Where a module's tests stand."""
    return TESTS / module.with_name(f"test_{module.name}")


def modules() -> list[Path]:
    """Every module with a name of its own, seen from the package."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(path for path in paths if not path.name.startswith("__"))


def excepted(module: Path) -> bool:
    """Whether it, or the folder that it lies in, is on the list."""
    return module.as_posix() in ELSEWHERE or f"{module.parent.as_posix()}/" in ELSEWHERE


def test_every_module_has_its_tests():
    """Or says where they are."""
    assert [str(module) for module in modules() if not mirrored(module).is_file() and not excepted(module)] == []


def test_no_exception_is_left_over():
    """A module on the list is there and has no test file, and the file that tests it is there."""
    for name, (reason, tests) in ELSEWHERE.items():
        assert reason
        assert (TESTS / tests).is_file(), f"{name}: {tests} is gone"
        assert (PACKAGE / name).exists(), f"{name} is gone"
        if not name.endswith("/"):
            assert not mirrored(Path(name)).is_file(), f"{name} has tests of its own now: take it off the list"

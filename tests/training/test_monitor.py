"""Measuring while a model trains changes nothing about the training, and never ends it."""

import pytest
import torch
from torch import nn

from explain_gate.errors import OptionError
from explain_gate.records import Finding
from explain_gate.training.monitor import Monitor


@pytest.fixture
def project(tmp_path, write_project):
    """The tiny project; its thresholds.yaml."""
    return write_project(tmp_path)


@pytest.fixture
def model():
    """A network in training mode with dropout, batch norm and a frozen part."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(8), nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    net[0].requires_grad_(False)
    net[3].eval()
    return net.train().apply(lambda part: part.eval() if isinstance(part, nn.Dropout) else part)


def runs_of(folder):
    """Every run and its metrics, straight from the store."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    found = client.search_runs([e.experiment_id for e in client.search_experiments()])
    return client, found


def test_the_training_goes_on_as_if_nothing_had_been_measured(project, model):
    """Modes, gradients, buffers, random numbers and weights are as before."""
    project.write_text(project.read_text().replace("{layer: window}", "{layer: '2'}"))
    monitor = Monitor(project, checks=["alignment.iou", "performance.*"], tracking=False)
    modes = [part.training for part in model.modules()]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    needs = [weight.requires_grad for weight in model.parameters()]
    before = torch.get_rng_state()
    found = monitor.after_epoch(model, 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert [part.training for part in model.modules()] == modes
    assert [weight.requires_grad for weight in model.parameters()] == needs
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert {finding.check for finding in found.findings} == {"alignment.iou", "performance.accuracy"}


def test_epochs_are_one_batch_each_in_one_run(project, tmp_path):
    """Every second epoch is logged under its number, with the names of gate runs."""
    from explain_gate.config import load_config
    from explain_gate.models.open import load_model

    module = load_model(load_config(project)).module
    monitor = Monitor(project, every=2, checks=["alignment.iou"], images=4)
    assert [monitor.after_epoch(module, epoch) is not None for epoch in range(4)] == [True, False, True, False]
    client, (run,) = runs_of(tmp_path)
    assert run.info.run_id == monitor.run_id
    name = "explain.alignment.iou.grad_cam.red.mean"
    history = client.get_metric_history(run.info.run_id, name)
    assert [metric.step for metric in history] == [0, 2]
    assert history[0].value == monitor.epochs[0].metrics[name]
    assert run.data.metrics["explain.rules.failed"] == 0
    assert monitor.epochs[0].findings[0].images == 2


def test_a_store_that_is_away_costs_numbers_no_time_and_no_training(project, tmp_path):
    """What could not be sent waits, and comes with the next epoch."""
    from explain_gate.config import load_config
    from explain_gate.models.open import load_model

    module = load_model(load_config(project)).module
    monitor = Monitor(project, checks=["performance.*"], images=2, tracking_uri="http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="numbers wait"):
        monitor.after_epoch(module, 0)
    monitor._settings = Monitor(project, checks=["performance.*"])._settings
    monitor.after_epoch(module, 1)
    client, (run,) = runs_of(tmp_path)
    name = "explain.performance.accuracy.mean"
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, name)] == [0, 1]


def test_what_cannot_be_measured_is_said_at_the_start(project):
    """Patterns that match nothing and intervals below one epoch are errors before the first epoch."""
    with pytest.raises(OptionError, match=r"planned are performance\.accuracy, alignment\.iou"):
        Monitor(project, checks=["alignement.*"], tracking=False)
    with pytest.raises(OptionError, match="at least 1 epoch"):
        Monitor(project, every=0, tracking=False)


def test_reliance_that_breaks_its_bound_is_warned_of_and_kept(project, monkeypatch):
    """As a warning that can be made an error, in the record of the epoch, and among its numbers."""
    from explain_gate.training.early_warning import EarlyWarning

    monitor = Monitor(project, checks=["performance.*"], tracking=False)
    bad = Finding(
        check="reliance.background_gap", method=None, class_name=None, statistic="mean", value=0.9, interval=(0.8, 1.0),
        bound={"at_most": 0.5}, status="failed", images=9, unmeasured=0, worst=(), message="too much", line=1,
    )  # fmt: skip
    monkeypatch.setattr(Monitor, "_measured", lambda *_: (bad,))
    with pytest.warns(EarlyWarning, match=r"epoch 0: reliance\.background_gap"):
        measured = monitor.after_epoch(nn.Identity(), 0)
    assert [alarm.cause for alarm in measured.alarms] == ["bound"]
    assert measured.metrics["explain.alarms"] == 1
    assert monitor.after_epoch(nn.Identity(), 1).alarms == ()

"""The loop: what it learns, what it writes, how it stops, resumes and fails."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.files import FileWriteError
from poetry_vae.training import data, loop
from poetry_vae.training.batches import Batch
from poetry_vae.training.device import DeviceError, find_device
from poetry_vae.training.diagnostics import Figures, active_units, collapse_warning, watch
from poetry_vae.training.loop import run_training as train
from poetry_vae.training.objectives import Step, Terms, WeightedELBO
from poetry_vae.training.presets import PRESETS, parsed
from poetry_vae.training.run import Observer, Run, StoppingRule, TrainingError
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.train import train as train_from
from poetry_vae.training.warm_start import warm_started
from tests.small import COUPLET, small_config, small_corpus, small_model


def _run(seed: int = 0, poems: int = 64, **training: object) -> Run:
    values: dict[str, object] = {
        "epochs": 3.0,
        "min_steps": 1,
        "batch_size": 16,
        "validate_every": 4,
        "patience": 0,
    }
    config = TrainingConfig(**{**values, **training})  # type: ignore[arg-type]
    return Run(small_corpus(poems), small_config(pooling="positions"), config, seed)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return PoetryVAE.from_pretrained(folder).state_dict()


def _state(folder: Path) -> bytes:
    from safetensors.torch import load_file

    tensors = load_file(folder / "training.safetensors")
    return b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))


def _metrics(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(row) for row in text.splitlines()]


class _StopAt:
    """Asks the loop to stop before step n."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_it_learns(tmp_path: Path) -> None:
    run = _run(poems=512, epochs=25.0, learning_rate=2e-2, beta=0.3, validate_every=400)
    result = train(run, tmp_path / "m", precision="float32")
    rows = _metrics(tmp_path / "m")
    first = next(row["validation"]["elbo"] for row in rows if "validation" in row)
    assert result.stopped == "finished"
    assert result.figures.elbo > first + 5
    assert result.figures.reconstruction > 0.3  # chance is 0.05


@pytest.mark.parametrize("stop_at", [1, 5, 8])
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(tmp_path: Path, stop_at: int) -> None:
    train(_run(), tmp_path / "whole")
    stopped = train(_run(), tmp_path / "parts", should_stop=_StopAt(stop_at))
    assert (stopped.stopped, stopped.steps) == ("interrupted", stop_at)
    assert train(_run(), tmp_path / "parts", resume=True).stopped == "finished"
    assert _state(tmp_path / "whole") == _state(tmp_path / "parts")
    whole, parts = _weights(tmp_path / "whole"), _weights(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_kill_in_the_middle_leaves_a_model_and_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"

    class Killed(BaseException):
        pass

    written = []
    real = loop.save_state

    def dies_in_third_save(*args: object) -> None:
        written.append(None)
        if len(written) >= 3:
            raise Killed
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "save_state", dies_in_third_save)
    with pytest.raises(Killed):
        train(_run(), folder)
    monkeypatch.undo()
    assert _weights(folder)
    assert train(_run(), folder, resume=True).stopped == "finished"
    train(_run(), tmp_path / "whole")
    assert _state(folder) == _state(tmp_path / "whole")
    steps = [row["step"] for row in _metrics(folder)]
    assert steps == sorted(steps)


def test_seeds_decide_the_weights(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(_run(seed), tmp_path / name)
    assert _state(tmp_path / "a") == _state(tmp_path / "b")
    assert _state(tmp_path / "a") != _state(tmp_path / "c")


def test_the_time_limit_stops_a_run_that_can_go_on(tmp_path: Path) -> None:
    result = train(_run(epochs=10_000.0), tmp_path / "m", max_minutes=0.3 / 60)
    assert result.stopped == "time is up"
    assert 0 < result.steps < 40_000
    assert _weights(tmp_path / "m")
    # The last weights are validated too, since the rate may have fallen just before.
    last = [row["step"] for row in _metrics(tmp_path / "m") if "validation" in row][-1]
    assert last == result.steps


def test_it_stops_when_the_bound_gets_no_better(tmp_path: Path) -> None:
    run = _run(poems=16, epochs=3000.0, learning_rate=0.05, patience=3, validate_every=5)
    result = train(run, tmp_path / "m")
    assert result.stopped == "no better bound"
    best = json.loads((tmp_path / "m" / "figures.json").read_text(encoding="utf-8"))
    assert best["step"] < result.steps
    assert best["nats_per_character"] == pytest.approx(result.figures.nats_per_character, abs=1e-3)
    last = _metrics(tmp_path / "m")[-1]["validation"]
    assert last["elbo"] < result.figures.elbo


def test_the_observer_sees_the_run(tmp_path: Path) -> None:
    seen: list[str] = []

    class Watching(Observer):
        def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
            seen.append(f"started {steps} {done}")

        def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
            seen.append(f"validated {step}")

        def warned(self, message: str) -> None:
            seen.append(message)

    train(_run(beta=50.0), tmp_path / "m", observer=Watching())
    assert seen[0] == "started 12 0"
    assert "validated 12" in seen
    assert any("posterior has collapsed" in text for text in seen)


def test_a_run_stopped_before_its_first_validation_keeps_what_it_learned(tmp_path: Path) -> None:
    run = _run(epochs=500.0, validate_every=1000)
    random = run.corpus.tokenizer, PoetryVAE.build(run.model, run.corpus.tokenizer).state_dict()
    train(run, tmp_path / "m", should_stop=_StopAt(30))
    kept = _weights(tmp_path / "m")
    assert not torch.equal(kept["encoder.embedding.weight"], random[1]["encoder.embedding.weight"])


def test_a_diverged_run_says_so_and_keeps_the_weights_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = data.watch, []

    def no_number_the_third_time(*args: Any, **kwargs: Any) -> Figures:
        calls.append(None)
        figures = real(*args, **kwargs)
        return replace(figures, elbo=float("nan")) if len(calls) == 3 else figures

    monkeypatch.setattr(data, "watch", no_number_the_third_time)
    with pytest.raises(TrainingError, match="diverged: the bound at step 2 is nan"):
        train(_run(), tmp_path / "m")
    figures = json.loads((tmp_path / "m" / "figures.json").read_text(encoding="utf-8"))
    assert figures["step"] == 1
    assert _weights(tmp_path / "m")


def test_files_of_others_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"already holds README\.md"):
        train(_run(), tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_folder_with_a_model_is_not_overwritten(tmp_path: Path) -> None:
    train(_run(), tmp_path / "m")
    before = _state(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"already holds model\.safetensors"):
        train(_run(), tmp_path / "m")
    assert _state(tmp_path / "m") == before


def test_only_the_same_run_is_resumed(tmp_path: Path) -> None:
    train(_run(), tmp_path / "m", should_stop=_StopAt(3))
    for other in (_run(seed=1), _run(beta=2.0), _run(poems=48)):
        with pytest.raises(CheckpointError, match="another corpus, preset, seed or settings"):
            train(other, tmp_path / "m", resume=True)
    with pytest.raises(CheckpointError, match="no run to resume"):
        train(_run(), tmp_path / "empty", resume=True)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99])
def test_a_damaged_state_is_named(tmp_path: Path, damage: object) -> None:
    train(_run(), tmp_path / "m", should_stop=_StopAt(3))
    path = tmp_path / "m" / "training.safetensors"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(CheckpointError, match="not a readable state of a run"):
        train(_run(), tmp_path / "m", resume=True)


def test_a_corpus_without_validation_poems_is_refused(tmp_path: Path) -> None:
    run = _run()
    empty = {**run.corpus.parts, "validation": run.corpus.parts["validation"][:0]}
    corpus = type(run.corpus)(COUPLET, run.corpus.tokenizer, empty, "")
    with pytest.raises(CorpusError, match="validation"):
        train(Run(corpus, run.model, run.training, 0), tmp_path / "m")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileWriteError, match="cannot be written"):
        train(_run(), tmp_path / "file" / "m")


def test_free_bits_keep_the_rate_from_being_pressed_below_them() -> None:
    model, batch = small_model(), Batch(torch.randint(2, 20, (8, 10)))

    def terms(objective: WeightedELBO, annealing: float = 1.0) -> Terms:
        generator = torch.Generator().manual_seed(0)
        return objective(Step(model, batch, annealing, generator))

    plain = terms(WeightedELBO())
    torch.testing.assert_close(plain.loss, plain.distortion + plain.rate)
    torch.testing.assert_close(plain.elbo, -plain.loss.detach())
    generous = terms(WeightedELBO(free_bits=100.0))
    torch.testing.assert_close(generous.loss, generous.distortion + 4 * 100.0)
    torch.testing.assert_close(generous.elbo, plain.elbo)
    beta = terms(WeightedELBO(beta=4.0), annealing=0.5)
    torch.testing.assert_close(beta.loss, beta.distortion + 2 * beta.rate)


def test_active_units_are_counted_by_the_variance_of_the_means() -> None:
    g = torch.Generator().manual_seed(0)
    scales = torch.tensor([1.0, 0.2, 0.05, 0.0])
    assert active_units(torch.randn(5000, 4, generator=g) * scales) == 2
    assert active_units(torch.ones(1, 4)) == 0


def test_figures_of_a_model_are_means_over_poems() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (600, 10), generator=torch.Generator().manual_seed(0))
    figures = watch(model, ids, generator=torch.Generator().manual_seed(0))
    assert figures.elbo == pytest.approx(-figures.rate - figures.distortion, rel=1e-5)
    assert figures.nats_per_character == pytest.approx(-figures.elbo / 10)
    greedy = model.decode(model.encode(ids).mean)[..., 2:].argmax(-1) + 2
    assert figures.reconstruction == pytest.approx((greedy == ids).float().mean().item())


def test_a_collapsed_posterior_is_told_in_words() -> None:
    dead = Figures(-60, 0.2, 59.8, 0, 0.03, 10, {"poem": 0.2}, {"poem": 0}, 0.2)
    alive = Figures(-60, 12.0, 48, 30, 0.6, 10, {"poem": 12.0}, {"poem": 30}, 6.0)
    assert collapse_warning(alive) is None
    assert "collapsed" in (collapse_warning(dead) or "")


def test_kl_schedules() -> None:
    def weights(schedule: Any, warmup: float = 0.5) -> list[float]:
        few = {"min_steps": 8, "epochs": 1.0}
        config = TrainingConfig(kl_schedule=schedule, warmup=warmup, cycles=2, **few)
        plan = TrainingPlan(config, in_epoch=8)
        return [plan.kl_weight(d) for d in range(9)]

    assert weights("constant") == [1.0] * 9
    assert weights("linear") == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert weights("cyclical") == [0, 0.5, 1, 1, 0, 0.5, 1, 1, 1]
    assert weights("linear", warmup=0.0) == [1.0] * 9


def test_a_constant_rate_falls_to_0_and_stays_there() -> None:
    plan = TrainingPlan(TrainingConfig(schedule="constant"), in_epoch=200)
    rates = [plan.learning_rate(1.0, step) for step in (900, 950, 1000, 1200)]
    assert rates[0] == 1.0
    assert 0 < rates[1] < 1
    assert rates[2:] == [0.0, 0.0]


def test_learning_rate_rises_then_falls_along_a_cosine() -> None:
    plan = TrainingPlan(TrainingConfig(), in_epoch=200)
    rates = [plan.learning_rate(1.0, step) for step in range(1000)]
    peak = rates.index(max(rates))
    assert rates[0] < 0.02
    assert max(rates) == pytest.approx(1.0)
    assert all(a < b for a, b in pairwise(rates[: peak + 1]))
    assert all(a > b for a, b in pairwise(rates[peak + 1 :]))
    assert rates[-1] == pytest.approx(0.01, abs=1e-3)


def test_an_absent_device_is_named() -> None:
    with pytest.raises(DeviceError, match="no device 'tpu' here"):
        find_device("tpu")
    assert find_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"colour": 1}, "no setting is called 'colour'"),
        ({"vocabulary": 5}, "no setting is called 'vocabulary'"),
        ({"epochs": "many"}, "epochs=many: the value must be a number"),
        ({"hidden": 1.5}, "a whole number"),
        ({"normalise": 1}, "true or false"),
        ({"masked": True}, "a number"),
        ({"kl_schedule": "sawtooth"}, "constant, linear or cyclical"),
        ({"batch_size": 0}, "at least 1"),
        ({"learning_rate": -1}, "above 0"),
        ({"warmup": 2}, "between 0 and 1"),
        ({"beta": -1}, "a number >= 0"),
        ({"epochs": math.inf}, "above 0"),
        ({"learning_rate": math.nan}, "above 0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PRESETS["base"].configs(COUPLET, 30, setting)


def test_the_first_reason_to_stop_is_told() -> None:
    def reason(asked: bool = False, minutes: float | None = None, patience: int = 2) -> list[str]:
        rule = StoppingRule(lambda: asked, minutes, patience)
        return [rule.reason(by_heart=by_heart, since_best=n) for by_heart, n in cases]

    cases = ((False, 1), (False, 2), (True, 2))
    assert reason() == ["finished", "no better bound", "learned by heart"]
    assert reason(patience=0) == 3 * ["finished"]
    assert reason(minutes=-1.0) == 3 * ["time is up"]
    assert reason(asked=True, minutes=-1.0) == 3 * ["interrupted"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("epochs", "2", 2.0), ("hidden", "24", 24), ("normalise", "False", False), ("label", "", "")],
)
def test_what_is_typed_becomes_the_kind_of_its_setting(name: str, text: str, value: object) -> None:
    found = parsed(name, text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "text"), [("epochs", "many"), ("hidden", "1.5"), ("in_turn", "1")]
)
def test_what_is_typed_for_a_setting_must_be_of_its_kind(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}={text}: the value must be"):
        parsed(name, text)


def test_settings_are_put_in() -> None:
    model, training = PRESETS["base"].configs(
        COUPLET, 30, {"hidden": 24, "pooling": "mean", "normalise": False, "epochs": 2}
    )
    assert (model.hidden, model.pooling, model.normalise) == (24, "mean", False)
    assert training.epochs == 2.0


def test_a_model_of_another_form_gives_all_but_what_belongs_to_places(tmp_path: Path) -> None:
    start = small_model(lines=4, chars=5, pooling="positions", refiner_layers=1)
    with pytest.raises(FormError, match=r"poems are 五言联.*writes 五绝: name the form"):
        train_from(small_corpus(), tmp_path / "a", start=start)
    few = {"epochs": 1, "min_steps": 2, "batch_size": 16}
    result = train_from(small_corpus(), tmp_path / "b", start=start, form="五言联", overrides=few)
    assert result.model.config == replace(start.config, lines=2)
    config = result.model.config
    before = start.state_dict()
    after = warm_started(config, start.tokenizer, start, seed=0).state_dict()
    random = PoetryVAE.build(config, start.tokenizer, seed=0).state_dict()
    new = {name for name, tensor in after.items() if tensor.shape != before[name].shape}
    assert {"refiner.to_place", "refiner.from_place"} <= new
    for name, tensor in after.items():
        assert torch.equal(tensor, (random if name in new else before)[name]), name

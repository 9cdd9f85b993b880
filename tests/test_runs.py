"""Runs and their folders: who may write there, what a kill leaves, what makes a run the same."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import poetry_vae
from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.files import FileWriteError
from poetry_vae.training import loop
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.folder import LOCK, alone_in
from poetry_vae.training.loop import run_training as train
from poetry_vae.training.run import Observer, Run
from poetry_vae.training.run_file import RUN, RunFile
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.train import train as train_from
from tests.small import small_config, small_corpus

STATE = "training.safetensors"


def _run(**training: Any) -> Run:
    values = {"epochs": 2.0, "min_steps": 1, "batch_size": 16, "patience": 0, **training}
    return Run(small_corpus(), small_config(pooling="positions"), TrainingConfig(**values), 0)


def _after(steps: int) -> Callable[[], bool]:
    """Asks the loop to stop before this step."""
    asked = iter(range(1000))
    return lambda: next(asked) >= steps


def _said(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
    return said


class Heard(Observer):
    """What a run warns of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warned(self, message: str) -> None:
        if "collapsed" not in message:  # as models of no size do
            self.warnings.append(message)


class TestFolder:
    def test_a_second_training_into_it_is_refused(self, tmp_path: Path) -> None:
        folder, refused = tmp_path / "m", []

        class Meddler(Observer):
            def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
                for resume in (True, False):
                    with pytest.raises(CheckpointError) as error:
                        train(_run(), folder, resume=resume)
                    refused.append(str(error.value))

        train(_run(), folder, observer=Meddler())
        assert f"process {os.getpid()} is training into this folder" in refused[0]
        assert "already holds" in refused[1]
        train(_run(), tmp_path / "alone")
        names = sorted(path.name for path in folder.iterdir())
        assert names == sorted(path.name for path in (tmp_path / "alone").iterdir())
        assert LOCK not in names

    def test_one_that_has_not_written_yet_is_refused_too(self, tmp_path: Path) -> None:
        with alone_in(tmp_path / "m"), pytest.raises(CheckpointError, match="is training into"):
            train(_run(), tmp_path / "m")
        assert not (tmp_path / "m").exists()

    def test_the_lock_of_a_dead_process_keeps_nobody_out(self, tmp_path: Path) -> None:
        (tmp_path / LOCK).write_text("4194303\n", encoding="ascii")
        assert train(_run(), tmp_path).stopped == "finished"

    def test_what_a_kill_left_of_files_is_cleared_away(self, tmp_path: Path) -> None:
        folder = tmp_path / "m"
        train(_run(), folder, should_stop=_after(2))
        left = [folder / f".{name}.abc_1234" for name in (STATE, "model.safetensors", RUN)]
        mine = [folder / ".training.safetensors.mine", folder / ".notes.abc_1234"]
        for path in (*left, *mine):
            path.write_bytes(b"half")
        train(_run(), folder, resume=True)
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in mine)

    def test_a_full_disk_at_the_first_state_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise FileWriteError("no space left")

        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_state", full)
            with pytest.raises(FileWriteError):
                train(_run(), tmp_path / "m")
        assert not (tmp_path / "m").exists()
        assert train(_run(), tmp_path / "m").stopped == "finished"

    @pytest.mark.parametrize("dies_in", ["write_run_file", "save_model", "append_metrics"])
    def test_a_kill_at_the_start_leaves_a_run_to_resume(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str
    ) -> None:
        class Killed(BaseException):
            pass

        def dies(*_: object, **__: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(loop, dies_in, dies)
            with pytest.raises(Killed):
                train(_run(), tmp_path / "m")
        train(_run(), tmp_path / "m", resume=True)
        train(_run(), tmp_path / "whole")
        whole, resumed = (load_file(tmp_path / name / STATE) for name in ("whole", "m"))
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)
        rows = (tmp_path / "m" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        assert sum(json.loads(row)["step"] == 0 for row in rows) == 1

    def test_a_record_alone_is_no_run(self, tmp_path: Path) -> None:
        train(_run(), tmp_path / "m")
        for path in (tmp_path / "m").iterdir():
            if path.name != RUN:
                path.unlink()
        assert train(_run(), tmp_path / "m").stopped == "finished"
        other = tmp_path / "other"
        other.mkdir()
        (other / RUN).write_text("{}", encoding="utf-8")
        with pytest.raises(CheckpointError, match=r"already holds run\.json; train into another"):
            train(_run(), other)

    def test_the_state_can_be_left_out(self, tmp_path: Path) -> None:
        folder = tmp_path / "m"
        train(_run(), folder, keep_state=False, should_stop=_after(2))
        assert (folder / STATE).is_file()  # it was interrupted
        train(_run(), folder, keep_state=False, resume=True)
        assert not (folder / STATE).exists()
        assert PoetryVAE.from_pretrained(folder)
        with pytest.raises(CheckpointError, match=r"a model without training.*--from"):
            train(_run(), folder, resume=True)
        with pytest.raises(CheckpointError, match=r"already holds model\.safetensors; train into"):
            train(_run(), folder)


class TestTheSame:
    def test_another_precision_or_number_of_threads_is_said(self, tmp_path: Path) -> None:
        folder, heard = tmp_path / "m", Heard()
        train(_run(), folder, should_stop=_after(2), precision="float32")
        begun = _said(folder)
        threads = begun["made_with"]["threads"]
        begun["made_with"]["threads"] = threads + 3
        (folder / RUN).write_text(json.dumps(begun), encoding="utf-8")
        train(_run(), folder, resume=True, precision="bfloat16", observer=heard)
        (warning,) = heard.warnings
        assert "precision bfloat16 instead of float32" in warning
        assert f"threads {threads} instead of {threads + 3}" in warning
        assert _said(folder) == begun  # with what it was begun

    def test_nothing_is_said_where_all_is_the_same(self, tmp_path: Path) -> None:
        heard = Heard()
        train(_run(), tmp_path / "m", should_stop=_after(2))
        train(_run(), tmp_path / "m", resume=True, observer=heard)
        assert heard.warnings == []

    def test_other_validation_poems_are_said_and_measured(self, tmp_path: Path) -> None:
        folder, heard = tmp_path / "m", Heard()
        train(_run(validate_every=2), folder, should_stop=_after(4))
        run = _run(validate_every=2)
        parts = {**run.corpus.parts, "validation": run.corpus.parts["test"]}  # type: ignore[union-attr]
        other = replace(run, corpus=replace(run.corpus, parts=parts))  # type: ignore[type-var]
        measured = []
        real = loop._Loop._begin

        def begin(trainer: Any) -> None:
            before = trainer.counters.best
            real(trainer)
            measured.extend([before, trainer.counters.best])

        loop._Loop._begin = begin  # type: ignore[method-assign]
        try:
            train(other, folder, resume=True, observer=heard)
        finally:
            loop._Loop._begin = real  # type: ignore[method-assign]
        assert "the validation poems are not those" in heard.warnings[0]
        assert measured[0] != measured[1]

    def test_another_version_of_this_package_is_only_said(self, tmp_path: Path) -> None:
        folder, heard = tmp_path / "m", Heard()
        train(_run(), folder, should_stop=_after(2))
        begun = _said(folder)
        begun["made_with"]["poetry-vae"] = "0.1.0"
        (folder / RUN).write_text(json.dumps(begun), encoding="utf-8")
        assert train(_run(), folder, resume=True, observer=heard).stopped == "finished"
        (warning,) = heard.warnings
        assert f"poetry-vae {poetry_vae.__version__} instead of 0.1.0" in warning

    def test_a_run_of_an_earlier_version_resumes(self, tmp_path: Path) -> None:
        folder, heard = tmp_path / "m", Heard()
        run = _run()
        train(run, folder, should_stop=_after(2))
        said = _said(folder)
        earlier = {n: said[n] for n in ("preset", "seed", "corpus", "form", "poems", "training")}
        text = json.dumps({**earlier, "precision": said["made_with"]["precision"]})
        (folder / RUN).write_text(text, encoding="utf-8")

        @dataclass(frozen=True)
        class Later(TrainingConfig):
            invented: float = 0.5

        later = replace(run, training=Later(**asdict(run.training)))
        with pytest.raises(CheckpointError, match="another corpus, preset, seed or settings"):
            train(replace(run, training=replace(later.training, invented=0.7)), folder, resume=True)
        train(later, folder, should_stop=_after(2), resume=True, observer=heard)
        assert "invented" not in _said(folder)["training"]  # so that the next one resumes too
        assert train(later, folder, resume=True, observer=heard).stopped == "finished"
        assert heard.warnings == []
        train(run, tmp_path / "whole")
        whole, resumed = (load_file(tmp_path / name / STATE) for name in ("whole", "m"))
        assert all(torch.equal(whole[name], resumed[name]) for name in whole)

    def test_which_setting_is_another_is_said(self, tmp_path: Path) -> None:
        train(_run(), tmp_path / "m", should_stop=_after(2))
        with pytest.raises(CheckpointError, match=r"another corpus.* \(it has beta=1\.0\)"):
            train(_run(beta=2.0), tmp_path / "m", resume=True)

    def test_a_damaged_record_is_named(self, tmp_path: Path) -> None:
        train(_run(), tmp_path / "m", should_stop=_after(2))
        texts = ("{", "[]", '{"training": 3}', "[" * 100_000, '{"preset": []}')
        settings = ('{"warmup": 4}', '{"masked": "a"}', '{"epoch%s": 2}')
        for text in (*texts, *(f'{{"training": {each}}}' for each in settings)):
            (tmp_path / "m" / RUN).write_text(text, encoding="utf-8")
            with pytest.raises(CheckpointError, match=r"run\.json: (not valid JSON|damaged)"):
                train(_run(), tmp_path / "m", resume=True)

    def test_it_goes_on_with_the_settings_it_was_begun_with(self, tmp_path: Path) -> None:
        small = {"hidden": 8, "latent": 4, "batch_size": 16, "pooling": "mean"}
        few = {**small, "min_steps": 6, "epochs": 1, "masked": 0}
        stop = _after(3)
        train_from(small_corpus(), tmp_path / "m", overrides=few, preset="beta", should_stop=stop)
        with pytest.raises(CheckpointError, match="a run with the preset beta, not base"):
            train_from(small_corpus(), tmp_path / "m", overrides=few, preset="base", resume=True)
        result = train_from(small_corpus(), tmp_path / "m", overrides=small, resume=True)
        assert (result.stopped, result.steps) == ("finished", 6)
        assert RunFile.read(tmp_path / "m").training["beta"] == 1.5


class TestBest:
    def test_one_rule_says_which_weights_are_kept(self, tmp_path: Path) -> None:
        run = _run(epochs=8.0, validate_every=2, kl_schedule="linear", learning_rate=0.2)
        result = train(run, tmp_path / "m")
        text = (tmp_path / "m" / "metrics.jsonl").read_text(encoding="utf-8")
        rows = [row for row in map(json.loads, text.splitlines()) if "validation" in row]
        assert not rows[0]["best"]  # random weights
        bounds = [-row["validation"]["elbo"] for row in rows[1:]]
        assert [row["best"] for row in rows[1:]] == [
            bound == min(bounds[: i + 1]) for i, bound in enumerate(bounds)
        ]
        assert result.kept == max(row["step"] for row in rows if row["best"])

    def test_a_run_that_only_gets_worse_stops_before_its_warm_up_is_over(
        self, tmp_path: Path
    ) -> None:
        few = {"kl_schedule": "linear", "warmup": 1.0, "patience": 3, "validate_every": 4}
        run = _run(**few, epochs=400.0, learning_rate=0.05)
        corpus = small_corpus(16)
        result = train(replace(run, corpus=corpus), tmp_path / "m")
        assert result.stopped == "no better bound"
        assert result.steps < 200

    def test_a_model_that_writes_training_poems_is_stopped(self, tmp_path: Path) -> None:
        corpus = small_corpus(16)
        config = small_config(hidden=32, latent=16, pooling="positions")
        settings = TrainingConfig(
            epochs=400.0, min_steps=1, validate_every=20, learning_rate=1e-2, kl_schedule="linear"
        )
        heard = Heard()
        run = Run(corpus, config, settings, 0)
        result = train(run, tmp_path / "m", observer=heard)
        assert result.stopped == "learned by heart"
        assert "lines of the training poems: it learns them by heart" in heard.warnings[-1]
        assert result.kept is not None
        assert result.kept < result.steps < 400
        assert np.isfinite(result.figures.elbo)

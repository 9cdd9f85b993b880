"""Several processes train what one does: the same gradients, one folder, and any number resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from poetry_vae.model.vae import PoetryVAE
from tests.small import small_treasury

ROOT = Path(__file__).parents[1]
SETTINGS = (
    "epochs=1 min_steps=6 batch_size=8 hidden=8 latent=4 couplet_latent=4 encoder_layers=1 "
    "decoder_layers=1 refiner_layers=1 refiner_hidden=8 validation_poems=8 validate_every=100"
)
GRADIENTS = """
import sys
import torch
from safetensors.torch import save_file
from poetry_vae.training.ranks import ranks
from poetry_vae.training.refinement import rate_and_distortion
from tests.small import COUPLET, small_model

torch.set_num_threads(1)
model = small_model(refiner_layers=2).train()
ids = torch.randint(2, 20, (7, COUPLET.positions), generator=torch.Generator().manual_seed(0))
with ranks(torch.device("cpu")) as among:
    mine = ids[among.rows(len(ids))]
    # Nothing random: z is not trusted, and nothing is given.
    loss = rate_and_distortion(model, mine, trust=torch.zeros(len(mine)))[1].mean()
    loss.backward()
    share = len(mine) / len(ids)
    among.average(model.parameters(), share=share)
    whole = among.total(loss.detach() * share)
    if among.is_first:
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        save_file({"loss": whole.view(1), **grads}, sys.argv[1])
"""


def _start(processes: int, *words: object) -> subprocess.CompletedProcess[str]:
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", str(processes))
    if processes == 1:
        launcher = ()
    return subprocess.run(
        [sys.executable, *launcher, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("gradients")
    script = folder / "gradients.py"
    script.write_text(GRADIENTS, encoding="utf-8")
    done = _start(1, script, folder / "1")
    assert done.returncode == 0, done.stderr
    return script, load_file(folder / "1")


@pytest.mark.parametrize("processes", [4])
def test_gradients_are_those_of_the_whole_batch(
    processes: int, alone: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    script, expected = alone
    done = _start(processes, script, tmp_path / "found")
    assert done.returncode == 0, done.stderr
    found = load_file(tmp_path / "found")
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


def test_two_processes_write_one_run_and_one_goes_on(tmp_path: Path) -> None:
    corpus, output = tmp_path / "poems.safetensors", tmp_path / "run"
    small_treasury().save(corpus)
    words = ["-m", "poetry_vae", "train", corpus, "--preset", "poet", "--output", output]
    settings = [word for setting in SETTINGS.split() for word in ("--set", setting)]
    done = _start(2, *words, *settings, "--max-minutes", "0.001")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("poetry-vae generate --model") == 1  # only the first one speaks
    state = output / "training.safetensors"
    before = state.read_bytes()
    again = _start(2, *words, *settings)
    assert again.returncode != 0
    assert "already holds" in again.stderr
    assert state.read_bytes() == before
    resumed = _start(1, *words, *settings, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "finished after" in resumed.stderr
    assert PoetryVAE.from_pretrained(output).config.forms == "any"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_killed_process_ends_the_run_and_leaves_a_whole_state(tmp_path: Path) -> None:
    corpus, output = tmp_path / "poems.safetensors", tmp_path / "run"
    small_treasury().save(corpus)
    settings = [word for setting in SETTINGS.split() for word in ("--set", setting)]
    words = ["-m", "poetry_vae", "train", corpus, "--preset", "poet", "--output", output]
    # Until it is killed it has more to do than anybody waits for.
    endless = ["--set", "epochs=100000", "--set", "validate_every=3"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    with subprocess.Popen(
        [*launcher, *map(str, [*words, *settings, *endless])],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            _wait_for(output / "model.safetensors", run)
            os.kill(_last_child(run.pid), signal.SIGKILL)
            _, told = run.communicate(timeout=120)
        finally:
            run.kill()
    assert run.returncode != 0
    assert "Signal 9 (SIGKILL)" in told
    assert PoetryVAE.from_pretrained(output).config.forms == "any"
    resumed = _start(1, *words, *settings, *endless, "--resume", "--max-minutes", "0.001")
    assert resumed.returncode == 0, resumed.stderr


def _wait_for(path: Path, run: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if path.is_file():
            return
        assert run.poll() is None, "the run has ended by itself"
        time.sleep(0.1)
    raise AssertionError(f"{path} was not written")


def _last_child(parent: int) -> int:
    """The process that was started last by another one."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return max(map(int, children.read_text(encoding="ascii").split()))

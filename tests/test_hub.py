"""Models of the Hugging Face hub, held against a server that answers as it does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from poetry_vae.model.hub import HubError, HubName
from poetry_vae.model.pretrained import CheckpointError, save_model
from poetry_vae.model.push import push_to_hub
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.files import FileReadError
from tests.commands import fails, run
from tests.hub import Files, Hub, Repository, hub
from tests.small import small_model

# The client of the hub passes a file to the layer below it as that would rather not have it.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `hub`")
NAME = "libai/jiu"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and a cache that is empty."""
    from huggingface_hub import close_session

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with hub() as server:
        files = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        yield server
        close_session()


def files_of(model: PoetryVAE, folder: Path) -> Files:
    save_model(model, folder, card="# a card\n", figures={"rate": 1.0})
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def commit(site: Hub, tmp_path: Path) -> str:
    """The commit of the one model there, which has files beside it that nobody needs."""
    site.repositories[NAME] = Repository()
    more = {"pytorch_model.bin": b"\x80", "code.py": b"import os", "a/config.json": b"{}"}
    return site.repositories[NAME].put({**files_of(small_model(3), tmp_path / "m"), **more})


def bias(model: PoetryVAE) -> torch.Tensor:
    return model.decoder.heads.bias


def test_a_model_is_fetched_and_says_which_commit_it_is(
    site: Hub, commit: str, tmp_path: Path
) -> None:
    model = PoetryVAE.from_pretrained(NAME)
    assert torch.equal(bias(model), bias(small_model(3)))
    assert model.source == f"{NAME}@{commit}"
    got = {path.split("/")[-1] for path in site.asked if path.startswith("GET /libai/jiu/")}
    assert got == {file.name for file in (tmp_path / "m").iterdir()}
    assert PoetryVAE.from_pretrained(cached(model)).source == model.source


def cached(model: PoetryVAE) -> Path:
    name, commit = model.source.split("@")
    return Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}/snapshots/{commit}"


def test_a_revision_can_be_pinned(site: Hub, commit: str, tmp_path: Path) -> None:
    newer = site.repositories[NAME].put({**files_of(small_model(4), tmp_path / "n"), "x": b""})
    assert PoetryVAE.from_pretrained(NAME).source == f"{NAME}@{newer}"
    assert torch.equal(bias(PoetryVAE.from_pretrained(f"{NAME}@{commit}")), bias(small_model(3)))
    with pytest.raises(HubError, match="no revision 'v2' of it"):
        PoetryVAE.from_pretrained(f"{NAME}@v2")


def test_what_is_here_comes_first(site: Hub, commit: str, tmp_path: Path) -> None:
    save_model(small_model(5), tmp_path / NAME)
    assert torch.equal(bias(PoetryVAE.from_pretrained(NAME)), bias(small_model(5)))
    assert PoetryVAE.from_pretrained(NAME).source == ""
    with pytest.raises(CheckpointError, match=r"the folder libai has none.*libai/other@main"):
        PoetryVAE.from_pretrained("libai/other")
    assert site.asked == []
    assert torch.equal(bias(PoetryVAE.from_pretrained(f"{NAME}@main")), bias(small_model(3)))


def test_without_the_hub_it_is_what_was_fetched(
    site: Hub, commit: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    PoetryVAE.from_pretrained(NAME)
    caplog.set_level("INFO", "poetry_vae.model.hub")
    site.status = 503
    assert PoetryVAE.from_pretrained(NAME).source == f"{NAME}@{commit}"
    assert caplog.messages[-1].endswith(f"as it was fetched before: {site.url} cannot be reached")
    with pytest.raises(HubError, match=r"reached \(it answers 503\), and this model was not"):
        PoetryVAE.from_pretrained("libai/other")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        HubError, match=r"cannot be reached \([^()]*refused[^()]*\), and this model"
    ):
        PoetryVAE.from_pretrained("libai/other")
    assert PoetryVAE.from_pretrained(f"{NAME}@{commit}").source == f"{NAME}@{commit}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert PoetryVAE.from_pretrained(NAME).source == f"{NAME}@{commit}"
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        PoetryVAE.from_pretrained("libai/other")


def test_a_fetch_that_broke_off_is_not_used(site: Hub, commit: str) -> None:
    folder = cached(PoetryVAE.from_pretrained(NAME))
    (folder / "model.safetensors").unlink()
    site.status = 502
    with pytest.raises(HubError, match=r"was not fetched before|has no model\.safetensors"):
        PoetryVAE.from_pretrained(NAME)
    site.status = 0
    assert PoetryVAE.from_pretrained(NAME).source


def test_each_refusal_is_one_line(site: Hub, commit: str, tmp_path: Path) -> None:
    own = site.repositories
    files = own[NAME].commits[commit]
    own["libai/private"] = Repository(is_private=True)
    own["libai/gated"] = Repository(is_gated=True)
    for name in ("private", "gated"):
        own[f"libai/{name}"].put(files)
    own["libai/empty"] = Repository()
    own["libai/empty"].put({"README.md": b""})
    own["libai/other"] = Repository()
    own["libai/other"].put({**files, "config.json": b'{"model_type": "gpt2"}'})
    own["libai/half"] = Repository()
    own["libai/half"].put({k: v for k, v in files.items() if k != "model.safetensors"})
    own["libai/damaged"] = Repository()
    own["libai/damaged"].put({**files, "model.safetensors": files["model.safetensors"][:-9]})
    for name, told in (
        ("nobody/nothing", "neither here nor on the hub, or it is private there"),
        ("libai/private", "neither here nor on the hub, or it is private there"),
        ("libai/gated", "must be granted"),
        ("libai/empty", "has no config.json on the hub"),
        ("libai/other", "not a model of poetry-vae: its config.json: "),
        ("libai/half", "has no model.safetensors on the hub"),
        ("libai/damaged", "model.safetensors: "),
        ("libai/a--b", "the hub cannot be used"),
    ):
        before = len(site.asked)
        assert told in fails(1, "generate", "--model", name), name
        if name == "libai/other":
            assert not any("resolve" in path and "model.s" in path for path in site.asked[before:])


def test_without_the_extra(site: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    told = fails(1, "generate", "--model", NAME)
    assert told.endswith("need huggingface_hub: pip install 'poetry-vae[hub]'")


def test_what_is_no_name_of_the_hub() -> None:
    for text in ("", "jueju7", "a/b/c", "./a", "~/a", "诗/集", "a /b", "a/b@", "a/..b", "a/b@.."):
        assert HubName.parse(text) is None, text
    assert HubName.parse("a/b@refs/pr/1") == HubName("a/b", "refs/pr/1")


def test_the_command_says_what_it_fetched(site: Hub, commit: str) -> None:
    result = run("generate", "--model", NAME, "-n", 1, "--seed", 1)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"model: {NAME}@{commit}\n") == 1
    assert len(result.stdout.splitlines()) == 1


def test_a_folder_is_put_there_and_fetched_again(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(small_model(6), tmp_path / "m")
    assert "set HF_TOKEN" in fails(1, "push", tmp_path / "m", "dufu/shi")
    monkeypatch.setenv("HF_TOKEN", site.token)
    result = run("push", tmp_path / "m", "dufu/shi", "--license", "cc-by-4.0", "--private")
    assert result.exit_code == 0, result.output
    there = site.repositories["dufu/shi"]
    assert there.is_private
    put = there.commits[str(there.commit_of("main"))]
    assert {**files, "README.md": b"", ".gitattributes": b""}.keys() == put.keys()
    assert all(put[name] == data for name, data in files.items() if name != "README.md")
    card = put["README.md"].decode("utf-8")
    head, body = card.removeprefix("---\n").split("---\n", 1)
    assert body.startswith("\n# a card\n")
    for line in ("license: cc-by-4.0", "- zh", "library_name: poetry-vae", "tags:"):
        assert line in head.splitlines()
    again = PoetryVAE.from_pretrained("dufu/shi")
    assert torch.equal(bias(again), bias(small_model(6)))
    assert result.stdout.strip() == again.source
    newer = push_to_hub(again, "dufu/shi")
    assert PoetryVAE.from_pretrained("dufu/shi").source == newer != again.source


def test_a_card_with_front_matter_goes_as_it_is(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", site.token)
    save_model(small_model(), tmp_path / "m", card="---\nlicense: mit\n---\n# own\n")
    push_to_hub(tmp_path / "m", "dufu/shi")
    there = site.repositories["dufu/shi"]
    assert there.commits[str(there.commit_of("main"))]["README.md"].endswith(b"---\n# own\n")


def test_what_cannot_be_put_there(
    site: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody")
    save_model(small_model(), tmp_path / "m")
    with pytest.raises(HubError, match=r"does not allow it \(403\)"):
        push_to_hub(tmp_path / "m", "dufu/shi")
    with pytest.raises(HubError, match="give owner/name"):
        push_to_hub(tmp_path / "m", "dufu")
    with pytest.raises(HubError, match="not an identifier"):
        push_to_hub(tmp_path / "m", "dufu/shi", license="mine\nevil: yes")
    (tmp_path / "m" / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises((CheckpointError, FileReadError), match=r"tokenizer\.json"):
        push_to_hub(tmp_path / "m", "dufu/shi")
    assert "dufu/shi" not in site.repositories


def test_another_process_goes_by_hf_endpoint(site: Hub, commit: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HF_ENDPOINT": site.url,
        "HF_HOME": str(tmp_path / "home"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "poetry_vae", "generate", "--model", NAME, "--json"],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr.strip() == f"model: {NAME}@{commit}"
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 3

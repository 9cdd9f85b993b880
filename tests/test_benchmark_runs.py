"""Every benchmark runs once, on little: its tables, its figures and its files are as they say."""

from __future__ import annotations

import json
import lzma
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from poetry_vae.evaluation.judges import coherence, second_judge, subject
from poetry_vae.evaluation.metrics import density_ratio
from poetry_vae.model.reward import Reward
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from scripts.benchmarks.__main__ import benchmarks, main
from tests.benchmarked import ANTHOLOGY, Material, number, read, table
from tests.small import CHARACTERS, small_treasury

PARTS_OF_EIGHT = ("any", "the first", "the middle", "the last")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material.made(tmp_path_factory.mktemp("benchmarks"))


Run = Callable[..., str]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a benchmark as its command does: what it prints; its progress is in ``progress.txt``.
    All that learns, learns little, and what is set for the whole process is set back."""
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 1)
    monkeypatch.setattr(coherence, "_STEPS", 2)
    monkeypatch.setattr(subject, "_STEPS", 2)
    monkeypatch.setattr(density_ratio, "_MOST_EPOCHS", 2)

    def _run(name: str, *arguments: str | Path | float) -> str:
        capsys.readouterr()
        main([name, *map(str, arguments)])
        printed = capsys.readouterr()
        (tmp_path / "progress.txt").write_text(printed.err, encoding="utf-8")
        return printed.out

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield _run
    torch.set_num_threads(threads)


def test_agreement(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--model", made.poet, "--form", "五绝", "-n", 20, "--json", file)
    rows = table(run("agreement", made.poems, *asked), "the own half is taken by | of 20 poems |")
    shares = read(file)["shares"]
    assert list(rows) == list(shares)
    assert len(shares) == 3
    assert all(0 <= share <= 1 for share in shares.values())


@pytest.mark.parametrize("kind", ["kneser-ney", "lstm", "transformer"])
def test_anchors(run: Run, made: Material, tmp_path: Path, kind: str) -> None:
    asked = ("--kind", kind, "-n", 3, "--temperatures", 0.8, 1, "--output", tmp_path)
    if kind != "kneser-ney":
        asked += ("--like", made.of_couplets, "--minutes", 1e-3, "--width", 8, "--layers", 1)
    run("anchors", made.couplets, *asked)
    for temperature in ("0.8", "1"):
        poems = (tmp_path / f"{kind}-{temperature}.txt").read_text(encoding="utf-8").splitlines()
        assert [len(poem) for poem in poems] == [12] * 3  # with punctuation
    weights = tmp_path / f"{kind}.safetensors"
    if kind == "kneser-ney":
        assert not weights.exists()
        return
    before = (tmp_path / f"{kind}-1.txt").read_bytes()
    run("anchors", made.couplets, *asked, "--weights", weights)
    assert (tmp_path / f"{kind}-1.txt").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured on POSIX alone")
def test_cold_start(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    out = run("cold_start", "--rounds", 1, "--only", "help", "--json", file)
    rows = table(out, "command | first line, s | end, s | peak, MB |")
    assert list(rows) == ["`python -c 'import torch'`", "`poetry-vae --help`"]
    assert all(number(first) <= number(end) for first, end, *_ in rows.values())
    assert "`--help` loads: none" in out
    found = read(file)
    assert found["skipped"] == {}
    assert [len(runs) for runs in found["runs"].values()] == [1, 1]


def test_reward(run: Run, made: Material, tmp_path: Path) -> None:
    lines = [
        "\t".join(["group", "form", "subject", "poem", "fluency", "coherence", "merit", "fit"])
    ]
    for number_, first in enumerate(CHARACTERS[:20]):
        subject, poem = CHARACTERS[number_ // 2], (first + CHARACTERS)[:20]
        marks = [str(1 + (number_ * step) % 5) for step in (1, 2, 3, 4)]
        lines.append("\t".join([str(number_ // 2), "五绝", subject, poem, *marks]))
    marked = tmp_path / "marks.tsv.xz"
    marked.write_bytes(lzma.compress("\n".join(lines).encode()))
    out = run("reward", "--model", made.poet, "--marks", marked, "--output", tmp_path)
    rows = table(out, "20 poems to 10 subjects |")
    assert list(rows)[-2:] == ["all poems", "by marks"]
    assert number(rows["by marks"][-1]) >= number(rows["all poems"][-1])
    hidden = PoetryVAE.from_pretrained(made.poet).config.hidden
    assert len(Reward.load(tmp_path, hidden).states) == hidden


def test_writing_speed(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--model", made.poet, "--form", "五绝", "--about", "春", "--rounds", 1, "--seconds", 0)
    rows = table(run("writing_speed", *asked, "--json", file), "五绝 a second |")
    assert list(rows) == [f"{m}, {a}" for a in ("nothing asked", "春") for m in ("plain", "chosen")]
    assert all(number(speed) > 0 for speed, *_ in rows.values())
    assert set(read(file)) == set(rows)


def test_constraints(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = (made.couplets, "--models", made.of_couplets, "--json", file)
    sections = ("--kept", 6, "--metre", 6, "--cost", "--poems", 4, "--same")
    out = run("constraints", *asked, *sections)
    kept = table(out, "rule | combinations |")
    assert sum(number(kept[row][0]) for row in ("all others", "with Parallel") if row in kept) == 6
    assert all(row[3:5] == ["0", "0"] for row in kept.values())  # none broken, none crashed
    refused = table(out, "no poem keeps | asked |")["all"]
    assert refused == ["1", "1", "0", "0", "0", "0"]
    metre = table(out, "| poems | length | rhyme | metre | all |")
    constrained = metre[f"{made.of_couplets}, constrained"]
    assert constrained[:5] == ["6", "100.0%", "100.0%", "100.0%", "100.0%"]
    assert all(row[-1] == "0" for row in metre.values() if row[0])  # the naive rules agree
    costs = table(out, f"{made.of_couplets}, plain | poems a second |")
    assert len(costs) == 8
    assert all(number(row[0]) > 0 for row in costs.values())
    same = table(out, "latents and poems of one seed |")
    assert {row[0] for row in same.values()} == {"yes"}
    assert list(read(file)) == ["kept", "unsatisfied", "metre", "cost", "same"]
    again = run("constraints", *asked, *sections)
    assert again.partition("\n")[2] == out.partition("\n")[2]  # read, not measured again


def test_constraint_quality(run: Run, made: Material, tmp_path: Path) -> None:
    folder, file = tmp_path / "quality", tmp_path / "found.json"
    asked = ("--models", made.of_couplets, f"{made.poet}:七绝", "--quality", folder, "--poems", 24)
    out = run("constraints", made.couplets, made.poems, *asked)
    files = {path.name for path in folder.iterdir()}
    assert set(table(out, "file | poems |")) == files
    assert len(files) == 16
    assert all(name.endswith(("-real.txt", "-written.txt")) for name in files)
    assert not [*made.of_couplets.parent.glob("*.txt")]  # beside the model, whose name is a path
    out = run(
        "constraint_quality", made.couplets, folder, "--judges", tmp_path / "j", "--json", file
    )
    rows = table(out, "rule | poems a side | R |")
    # Quatrains are left out, and so are rules that too few of the real couplets keep.
    assert [name.rsplit("-", 1)[-1] for name in rows] == ["acrostic", "metre"]
    assert all(number(row[0]) == 24 for row in rows.values())
    assert [row[0] for row in read(file)["rows"]] == list(rows)


def test_family(run: Run, made: Material, tmp_path: Path) -> None:
    asked = ("--runs", tmp_path / "runs", "--only", "flat-0", "m2-0.1", "--minutes", 1e-3)
    asked += ("--hidden", 8)
    run("family", made.quatrains, *asked)
    for name in ("flat-0", "m2-0.1"):
        assert read(tmp_path / "runs" / name / "steps.json") >= 1
        assert PoetryVAE.from_pretrained(tmp_path / "runs" / name).config.hidden == 8
    file = tmp_path / "found.json"
    asked = ("--labels", "--between", 1, "--hidden", 8, "--json", file)
    rows = table(run("family", made.quatrains, *asked), "labels shown | accuracy |")
    assert list(rows) == ["0.01", "0.1", "1.0"]
    assert all(0 <= accuracy <= 1 for accuracy in read(file)["labels alone"].values())


def test_generation_speed(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--batch", 2, "--gpt-batch", 1, "--rounds", 1, "--seconds", 0, "--json", file)
    out = run("generation_speed", made.couplets, *asked)
    rows = table(out, "model | parameters | batch | poems/s | ours / it |")
    assert list(rows)[:3] == ["ours", "ours, greedy", "LSTM, multinomial"]
    assert all(number(row[2]) > 0 for row in rows.values())
    assert all(ratio["median"] > 0 for ratio in read(file)["ratios"].values())


def test_known_r(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    out = run("known_r", made.quatrains, "--judges", tmp_path / "judges", "--json", file)
    rows = table(out, "| R, first judge | R, second judge |")
    assert "other real poems" in rows
    assert len(rows) == 6
    found = read(file)["rows"]
    assert list(found) == list(rows)
    assert all(0 <= one["r"] <= 200 and one["n"] == 24 for both in found.values() for one in both)


def test_halves_of_eight_lines(run: Run, made: Material, tmp_path: Path) -> None:
    octaves = tmp_path / "octaves.safetensors"
    form = Form.parse("五律")
    EncodedCorpus.of(small_treasury(24, (str(form),)), form).save(octaves)
    rows = table(run("known_r", made.quatrains, "--eight", octaves), "| R, first judge |")
    assert list(rows) == [f"{part} four lines of eight" for part in PARTS_OF_EIGHT]


@pytest.mark.parametrize("observed", [False, True])
def test_metre_table(run: Run, tmp_path: Path, observed: bool) -> None:
    asked: tuple[str | Path, ...] = ()
    if observed:
        marks = tmp_path / "tones.tsv"
        marks.write_text("char\tlevel\toblique\teither\n風\t9\t0\t0\n月\t0\t9\t0\n", "utf-8")
        asked = ("--observed", marks)
    out = run("metre_table", ANTHOLOGY, "--poems", 20, *asked)
    rows = table(out, "| poems | loose | strict | + rhyme | chance | strict readings |")
    assert list(rows) == ["Tang 5×4", "Tang 7×4"]
    for row in rows.values():
        assert row[0] == "20"
        loose, strict, rhymed, chance, doubted = map(number, row[1:])
        assert 100 >= loose >= strict >= rhymed >= doubted >= 0
        assert chance <= loose
        assert (loose == 100) == observed  # where next to nothing is known, all is allowed


def test_metre_table_beside_the_naive_rules(run: Run) -> None:
    out = run("metre_table", ANTHOLOGY, "--naive", 20)
    assert "poems a second of processor time" in out
    assert out.count(": 0 of 20 disagree") == 4


def test_one_change(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    small = "hidden=8 latent=4 couplet_latent=4 encoder_layers=1 decoder_layers=1 refiner_layers=1"
    asked = ("--from", made.poet, "--minutes", 1e-4, "--batch", 8, "--set", *small.split())
    asked += ("subject=3", "--json", file)
    for change in ("base", "no-titles"):
        out = run("one_change", made.poems, tmp_path / "f", *asked, "--change", change)
    rows = table(out, "| steps | 七绝 | 七律 | 五绝 | 五律 | 七言联 | 五言联 |")
    assert len(rows) == 5  # hidden and told of both, and the last weights of the base
    assert all(number(cell) > 0 for row in rows.values() for cell in row)
    latent = table(out, "| form | bound | rates | reconstructed | hole, AUC |")
    assert list(latent) == ["one model for all forms, 14.9 million parameters", "without titles"]
    found = read(file)
    assert list(found) == ["base", "no-titles"]
    assert found["base"]["steps"] >= 1
    assert run("one_change", made.poems, tmp_path / "f", "--table") == out


def test_prior_flow(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--model", made.poet, "--form", "五绝", "--r", tmp_path / "judges", "-n", 24)
    out = run("prior_flow", made.poems, *asked, "--json", file)
    rows = table(out, "codes from | hole, AUC | R at trust 1 |")
    assert list(rows) == [
        "the model's prior",
        "a Gaussian with correlations",
        "a flow",
        "codes of unseen poems",
    ]
    assert all(0 <= number(auc) <= 1 for auc, _ in rows.values() if auc)
    assert all(0 <= number(r) <= 200 for _, r in rows.values())
    losses = re.findall(r"epoch \d+: ([\d.]+)", (tmp_path / "progress.txt").read_text("utf-8"))
    assert len(losses) == 20
    assert len(set(losses)) > 1  # it learns, although the poems do not fill a batch
    assert [row[0] for row in read(file)["rows"]] == list(rows)


def test_quality(run: Run, made: Material, tmp_path: Path) -> None:
    file, manners = tmp_path / "found.json", ("0.9,2,0.3,0.1,1", "0.9,2,0.3,0.1,1,2,1.5")
    asked = ("--model", made.poet, "--form", "五绝", "--coherence", "-n", 24, "--json", file)
    rows = table(run("quality", made.poems, *asked, "--manners", *manners), "temperature, passes,")
    assert list(rows) == ["real poems", *manners]
    for name, found in read(file)["found"].items():
        assert found["two_sample"]["poems_a_side"] == 24
        assert 0 <= found["two_sample"]["r"] <= 200
        assert (found["poems_a_second"] is None) == (name == "real poems")


def test_script_accuracy(run: Run, tmp_path: Path) -> None:
    poems = [
        {**poem, "lines": [line[::-1] for line in poem["lines"]]}
        for poem in map(json.loads, ANTHOLOGY.read_text(encoding="utf-8").splitlines())
    ]
    poems.append({**poems[0], "title": "", "lines": [*poems[0]["lines"][:2], *poems[1]["lines"]]})
    file = tmp_path / "backwards.jsonl"
    file.write_text("\n".join(json.dumps(poem) for poem in poems), encoding="utf-8")
    out = run("script_accuracy", file, "--rivals", "--json", tmp_path / "found.json")
    rows = table(out, "way | right | right but for spelling | all right |")
    assert len(rows) == 4
    assert all(number(row[0]) <= number(row[1]) <= 100 for row in rows.values())
    assert "two editions of one line: 100.00%" in out
    assert set(read(tmp_path / "found.json")) == set(rows)
    with pytest.raises(SystemExit, match="give more poems, other ones than the anthology's"):
        run("script_accuracy", ANTHOLOGY)


def test_serve_load(run: Run, made: Material) -> None:
    asked = ("--clients", 1, "--seconds", 1, "--malformed", 40)
    out = run("serve_load", "--model", made.of_couplets, "--form", "五言联", *asked)
    for path in ("/poems", "/alternatives", "/health"):
        (line,) = (line for line in out.splitlines() if line.startswith(f"{path} "))
        assert int(line.split()[1]) > 0
        assert line.endswith(f"statuses {{200: {line.split()[1]}}}")
    assert re.search(r"malformed      \{(\d+: \d+,? ?)+\}", out)
    assert "500:" not in out
    assert "SIGTERM        exit code 0" in out


def test_subjects(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--model", made.poet, "--form", "五绝", "-n", 12, "--candidates", 1, "--json", file)
    rows = table(run("subjects", made.poems, *asked), "| own title, of ten | titles exchanged |")
    assert [number(row[-1]) for row in rows.values()][1:] == [12] * 4
    found = read(file)["found"]
    assert list(found) == list(rows)
    assert all(0 <= one["own"] <= 1 and 0 <= one["exchanged"] <= 1 for one in found.values())


def test_training_speed(run: Run, made: Material, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    asked = ("--batch", 4, "--rounds", 1, "--seconds", 0, "--check-bound", 1e-5, "--json", file)
    out = run("training_speed", made.quatrains, *asked)
    (speeds,) = table(out, "batch | plain, poems/s |").values()
    assert all(number(cell) > 0 for cell in speeds)
    bounds = table(out, "batch | poems | seed | plain | `shi` | difference |")
    assert all(number(cell) > 0 for row in bounds.values() for cell in row[2:4])
    assert set(read(file)) >= {"machine", "rounds", "ratio to plain", "check bound"}


def test_all_of_them_are_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    names = set(re.findall(r'\brun\(\s*"(\w+)"', source))
    assert names == set(benchmarks()) - {"measure"}

"""One model for poems of any form: places, units, conditions, batches, and a whole run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch import Tensor

from poetry_vae import Avoid, Pin, RuleError, Template, Words, acrostic
from poetry_vae.model import orders
from poetry_vae.model.asked import Asked
from poetry_vae.model.config import ConfigError, LabelError, ModelConfig
from poetry_vae.model.layout import Layout
from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.slots import Slots
from poetry_vae.model.units import UnitGrid
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.corpus import Corpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.text.treasury import encode_poems
from poetry_vae.training.batches import Batch
from poetry_vae.training.data import data_of
from poetry_vae.training.many_forms import Items, PoemBatches
from poetry_vae.training.objectives import Step
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.recipe import build_objective
from poetry_vae.training.refinement import rate_and_distortion
from poetry_vae.training.run import Run
from poetry_vae.training.train import _of_any_form, batches_in_epoch, scaled, train
from poetry_vae.verse.generate import generate, reconstruct
from poetry_vae.verse.passes import Passes
from poetry_vae.verse.sampling_settings import SamplingSettings
from tests.small import CHARACTERS, small_corpus, small_model, small_poet, small_treasury

SMALL = {
    "hidden": 8,
    "latent": 4,
    "couplet_latent": 4,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "refiner_layers": 2,
    "refiner_hidden": 8,
    "subject": 3,
    "batch_size": 4,
    "epochs": 1,
    "min_steps": 10,
    "validate_every": 5,
    "validation_poems": 8,
}
TREASURY = small_treasury()
FORMS = ("七绝", "忆江南", "浣溪沙", "五言联", "5,5,7")


def _configs(**more: int) -> tuple[ModelConfig, Any]:
    return PRESETS["poet"].configs(None, len(TREASURY.tokenizer), {**SMALL, **more})


@pytest.fixture(scope="module")
def model() -> PoetryVAE:
    """A model in which every part does something."""
    made = PoetryVAE.build(_configs()[0], TREASURY.tokenizer, seed=1).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def batches() -> PoemBatches:
    config, training = _configs()
    device = torch.device("cpu")
    return PoemBatches(TREASURY, "train", config, training.batch_size, seed=0, device=device)


def _of(batches: PoemBatches, *names: str) -> Batch:
    """The first two poems of each form, padded to the longest."""
    some = [batches.of_form(Form.parse(name))[np.arange(2)] for name in names]
    return batches.told(Items.joined(some))


def _nothing_of_z(model: PoetryVAE, batch: Batch) -> Tensor:
    assert batch.asked is not None
    return rate_and_distortion(
        model, batch.ids, trust=torch.zeros(len(batch.ids)), asked=batch.asked
    )[1]


# --- places and units


@pytest.mark.parametrize("name", FORMS)
def test_a_layout_says_what_the_form_says(name: str) -> None:
    form = Form.parse(name)
    layout = Layout.of(form)
    assert layout.there.tolist() == [[True] * form.positions]
    assert layout.line.tolist() == [list(form.line_of)]
    assert layout.from_end.tolist() == [list(form.from_end)]
    assert layout.start.tolist() == [[form.starts[line] for line in form.line_of]]
    assert layout.end.tolist() == [[form.ends[line] + 1 for line in form.line_of]]
    assert layout.stanza[0].max() == (2 if form.second_stanza else 0)


def test_units_hold_their_lines_from_the_end() -> None:
    form = Form.parse("5,7,3")
    grid = UnitGrid(Layout.of(form), chars=7, units=3)
    h = torch.arange(1.0, 16.0).view(1, 15, 1)
    spread = grid.spread(h).view(3, 2, 7)
    assert spread[0, 0].tolist() == [5, 4, 3, 2, 1, 0, 0]
    assert spread[0, 1].tolist() == [12, 11, 10, 9, 8, 7, 6]
    assert spread[1, 0].tolist() == [15, 14, 13, 0, 0, 0, 0]
    assert spread[1, 1].tolist() == spread[2].flatten().tolist()[:7] == [0] * 7
    assert grid.present.tolist() == [[True, True, False]]
    assert torch.equal(grid.gather(grid.spread(h)), h)


# --- what a poem is does not depend on the poems beside it


def test_padding_changes_nothing(model: PoetryVAE, batches: PoemBatches) -> None:
    alone = _of(batches, "忆江南")
    among = _of(batches, "忆江南", "浣溪沙", "五言联")
    assert among.ids.shape[1] == 42 > alone.ids.shape[1] == 27
    torch.testing.assert_close(_nothing_of_z(model, alone), _nothing_of_z(model, among)[:2])
    codes = [model.encode(batch.ids, asked=batch.asked) for batch in (alone, among)]
    D = codes[0].mean.shape[1]
    torch.testing.assert_close(codes[0].mean, codes[1].mean[:2, :D])
    assert codes[1].mean[4:, 4 + 4 :].abs().max() == 0  # units that couplets lack
    records = [
        model(b.ids, asked=b.asked, samples=3, generator=torch.Generator().manual_seed(0))
        for b in (alone, among)
    ]
    kls = [record.levels[0].kl for record in records]
    torch.testing.assert_close(kls[0], kls[1][:2])
    states = [
        model.states(c.mean, asked=b.asked) for c, b in zip(codes, (alone, among), strict=True)
    ]
    torch.testing.assert_close(states[0], states[1][:2, :27])


def test_codes_and_latents_are_two_ways_of_saying_the_same(
    model: PoetryVAE, batches: PoemBatches
) -> None:
    """The prior of each unit reads those before it, in training all at once, in writing in turn."""
    batch = _of(batches, "浣溪沙")
    record = model(batch.ids, asked=batch.asked, generator=torch.Generator().manual_seed(0))
    z = iter([level.z for level in record.levels])
    _, state = model.walk(
        model.encoder(batch.ids, None, model._asking(batch.asked, 2)),
        lambda posterior, prior: next(z),
        model._asking(batch.asked, 2),
    )
    assert batch.asked is not None
    states = model.decoder(state, None, batch.asked.layout.there)
    torch.testing.assert_close(model.states(record.code, asked=batch.asked), states)


# --- conditions


def test_what_is_asked_changes_prior_and_refiner(model: PoetryVAE, batches: PoemBatches) -> None:
    batch = _of(batches, "七绝")
    assert batch.asked is not None
    unsaid = Batch(batch.ids, asked=batch.asked.unsaid())
    assert (_nothing_of_z(model, batch) != _nothing_of_z(model, unsaid)).all()
    code = torch.zeros(2, 4 + 2 * 4)
    states = [model.states(code, asked=asked) for asked in (batch.asked, unsaid.asked)]
    assert not torch.equal(*states)


def test_subjects_that_are_not_there_are_not_seen(model: PoetryVAE, batches: PoemBatches) -> None:
    batch = _of(batches, "七绝")
    asked = batch.asked
    assert asked is not None
    assert asked.subject is not None
    longer = torch.nn.functional.pad(asked.subject, (0, 1), value=CharTokenizer.MASK)
    padded = Batch(batch.ids, asked=Asked(asked.layout, asked.units, asked.dynasty, longer))
    torch.testing.assert_close(_nothing_of_z(model, batch), _nothing_of_z(model, padded))


@pytest.mark.parametrize("name", FORMS)
def test_a_view_writes_its_form_and_reads_it(model: PoetryVAE, name: str) -> None:
    form = Form.parse(name)
    view = model.writing(form, about="春水", dynasty="宋")
    assert view.form == view.written == form
    assert view.code_size == 4 + 4 * form.units
    poems = generate(3, model=view, seed=1, script="traditional")
    assert [poem.form.lengths for poem in poems] == [form.lengths] * 3
    assert poems == generate(3, form=form, model=model, about="春水", dynasty="宋", seed=1,
                             script="traditional")  # fmt: skip
    assert poems != generate(3, form=form, model=model, seed=1, script="traditional")
    assert reconstruct(view, poems)[0].form.lengths == form.lengths


def test_what_cannot_be_asked_is_named(model: PoetryVAE) -> None:
    with pytest.raises(FormError, match="writes any form: give one"):
        _ = model.form
    with pytest.raises(LabelError, match=r"no dynasty '周'.*唐, 宋, 元, 明, 清"):
        model.writing(Form.parse("七绝"), dynasty="周")
    for name in ("唐朝", "唐代"):
        assert model.writing(Form.parse("七绝"), dynasty=name).asked.dynasty == 1
    with pytest.raises(FormError, match="at most 64 lines of at most 9 characters"):
        model.writing(Form.of(2, 10))
    with pytest.raises(LabelError, match="one form cannot be told a subject"):
        generate(1, model=small_model(), about="春")


def test_passes_with_a_memory_are_those_of_training(model: PoetryVAE) -> None:
    view = model.writing(Form.parse("浣溪沙"), about="春水")
    layout = view.asked.layout
    settings = SamplingSettings.of(view, guidance=0.0)
    assert settings.passes == 42
    code = torch.randn(2, view.code_size, generator=torch.Generator().manual_seed(0))
    ids = torch.randint(2, 20, (2, 42), generator=torch.Generator().manual_seed(1))
    passes = Passes(view, code, None, settings)
    read = torch.zeros(2, 42, 8)
    for places, states in passes.run(ids, torch.zeros(1, 42, dtype=torch.bool)):
        read[:, places[0]] = states
    order = orders.written(layout, orders.nothing_given(2, layout), in_turn=True)
    slots = Slots.of(order, view.asked.subject_present, most=0)
    torch.testing.assert_close(read, view.refine(ids, slots, passes.states, passes.trust))


def test_emphasis_is_what_the_subject_adds_once_more(model: PoetryVAE) -> None:
    """read + e·(read − read with nothing asked), at every pass, given the same characters."""
    view = model.writing(Form.parse("五绝"), about="春水", dynasty="唐")
    code = torch.randn(2, view.code_size, generator=torch.Generator().manual_seed(0))
    ids = torch.randint(2, 20, (2, 20), generator=torch.Generator().manual_seed(1))
    nothing = torch.zeros(1, 20, dtype=torch.bool)

    def read(view: PoetryVAE, emphasis: float) -> torch.Tensor:
        settings = SamplingSettings.of(view, guidance=0.0, emphasis=emphasis)
        found = torch.zeros(2, 20, 8)
        for places, states in Passes(view, code, None, settings).run(ids, nothing):
            found[:, places[0]] = states
        return found

    asked, unsaid = read(view, 0.0), read(model.writing(Form.parse("五绝")), 0.0)
    assert (asked - unsaid).abs().max() > 1e-3
    torch.testing.assert_close(read(view, 1.5), asked + 1.5 * (asked - unsaid))
    torch.testing.assert_close(read(model.writing(Form.parse("五绝")), 1.5), unsaid)


def test_lines_in_turn_settle_one_character_a_pass() -> None:
    form = Form.parse("3,5,7,7,5")
    layout = Layout.of(form)
    order = orders.written(layout, orders.nothing_given(1, layout), in_turn=True)
    pass_of = form.cut([chr(number) for number in order.pass_of[0].tolist()])
    expected = [chr(number) for number in range(27)]
    assert [c for line in pass_of for c in reversed(line)] == expected
    given = orders.nothing_given(1, layout)
    given[0, 4] = 0  # the second character of line 2, which has three behind it
    order = orders.written(layout, given, in_turn=True)
    assert sorted(order.pass_of[0].tolist()) == list(range(27))
    assert order.pass_of[0, 4] == 0
    assert order.pass_of[0, 3] == 7  # three of line 1, four more of line 2


# --- batches


def test_an_epoch_has_every_poem_once(batches: PoemBatches) -> None:
    seen = [batches(step) for step in range(batches.in_epoch)]
    T = {form: form.positions for form in TREASURY.forms}
    whole = sorted(
        row
        for block in TREASURY.of_part("train")
        if T[block.form] <= 64
        for row in TREASURY.tokenizer.decode_rows(TREASURY.ids(block))
    )
    found, used = [], 0
    for batch in seen:
        assert batch.asked is not None
        used += int(batch.asked.layout.there.sum())
        assert len(batch.ids) * batch.ids.shape[1] <= batches.characters or len(batch.ids) == 1
        for ids, there in zip(batch.ids, batch.asked.layout.there, strict=True):
            found.append(TREASURY.tokenizer.decode(ids[there]))
            assert (ids[~there] == CharTokenizer.MASK).all()
    for text in whole:
        assert found.count(text) >= 1
    assert used > 0.8 * sum(batch.ids.numel() for batch in seen), "little of it is padding"
    again = [batches(step).ids for step in range(batches.in_epoch)]
    assert all(torch.equal(a.ids, b) for a, b in zip(seen, again, strict=True))


def test_parts_of_long_poems_keep_their_lines(batches: PoemBatches) -> None:
    long = Form.parse("七排10句")
    parts = [key[1:] for key in batches.table._number if key[0] == long]
    assert parts == [(0, 8), (8, 10)]
    number = batches.table.number(long, 8, 10)
    row = batches.layouts[number]
    assert row[0].sum() == 14
    assert row[1, :14].unique().tolist() == [8, 9]  # the lines of the whole poem
    assert row[6, :14].unique().tolist() == [0]  # the first unit of this part


def test_what_is_asked_is_the_poem_s_own_or_nothing(batches: PoemBatches) -> None:
    titles, unsaid = 0, 0
    for step in range(batches.in_epoch):
        asked = batches(step).asked
        assert asked is not None
        assert asked.subject is not None
        assert asked.subject.shape[1] <= 2
        unsaid += int((asked.subject == CharTokenizer.MASK).all(1).sum())
        titles += len(asked.subject)
    assert 0.1 < unsaid / titles < 0.6
    told = _of(batches, "七绝")
    assert told.asked is not None
    assert told.asked.subject is not None
    # Titles are the first two characters of their poems.
    assert torch.equal(told.asked.subject, told.ids[:, :2])


def test_a_corpus_without_a_poem_that_fits_is_refused() -> None:
    config = replace(_configs()[0], chars=2)
    with pytest.raises(CorpusError, match="no poem that the model can write"):
        PoemBatches(TREASURY, "train", config, 4, seed=0, device=torch.device("cpu"))


# --- a run


def _train(folder: Path, **options: Any) -> PoetryVAE:
    return train(
        TREASURY, folder, preset="poet", overrides=SMALL, precision="float32", **options
    ).model


def test_a_run_is_stored_resumes_and_writes(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole")
    calls = iter(range(100))
    _train(tmp_path / "parts", should_stop=lambda: next(calls) >= 3)
    _train(tmp_path / "parts", resume=True)
    states = [
        (tmp_path / name / "training.safetensors").read_bytes() for name in ("whole", "parts")
    ]
    moments = [load(state) for state in states]
    assert all(torch.equal(tensor, moments[1][name]) for name, tensor in moments[0].items())
    loaded = PoetryVAE.from_pretrained(tmp_path / "parts")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    poems = generate(2, form="忆江南", model=tmp_path / "whole", about="春", seed=1)
    assert poems == generate(2, form="忆江南", model=loaded, about="春", seed=1)
    card = (tmp_path / "whole" / "README.md").read_text(encoding="utf-8")
    assert "poems of any form" in card
    assert "−log p of 七绝, nothing known of z" in card
    training = {name: SMALL[name] for name in ("epochs", "min_steps", "batch_size")}
    folder = tmp_path / "further"
    further = train(TREASURY, folder, start=loaded, overrides=training).model
    assert further.config == loaded.config
    assert '"poet-finetune"' in (folder / "run.json").read_text(encoding="utf-8")
    with pytest.raises(CheckpointError, match="was begun from a model: name it again"):
        train(TREASURY, folder, resume=True, overrides=training)
    with pytest.raises(FormError, match="leave out --form"):
        train(TREASURY, tmp_path / "n", form="七绝", start=loaded, overrides=training)
    log = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    for row in (row["validation"] for row in map(json.loads, log) if "validation" in row):
        untold = [nats for form, nats in row["by_form"].items() if not form.endswith("/told")]
        assert row["bound"] == pytest.approx(sum(untold) / len(untold))
        assert row["kept_by"] == "untold"


def _poems(name: str, many: int) -> list[Poem]:
    form, rng = Form.parse(name), np.random.default_rng(3)
    lines = [["".join(rng.choice(list(CHARACTERS), n)) for n in form.lengths] for _ in range(many)]
    return [Poem(tuple(each), tune=form.tune) for each in lines]


def test_few_poems_tune_a_model_of_any_form() -> None:
    """Some to validate on are taken, whatever their form; it stops where these get no likelier."""
    corpus = encode_poems(Corpus(_poems("忆江南", 20), Counter(), []))
    assert corpus.sizes["validation"] >= 3
    assert sum(corpus.sizes.values()) == 20
    assert batches_in_epoch(corpus, 128) == 1
    start = small_poet()
    corpus, config, training = _of_any_form(corpus, "poet-finetune", start, {}, {})
    training = scaled(training, {}, batches_in_epoch(corpus, training.batch_size))
    run = Run(corpus, config, training, 0, "poet-finetune", start)
    assert run.training.patience > 0
    assert (run.training.min_steps, run.training.validate_every) == (20, 2)
    data = data_of(run, torch.device("cpu"))
    assert data.watched_poems == corpus.sizes["validation"]
    assert data.lines is not None
    told = small_poet(run.corpus.tokenizer).writing(Form.parse("七绝"))
    mine = Poem(("春日花上有山人",) * 4)
    assert data.lines.known_in(told, mine) == [False] * 4
    lines = corpus.tokenizer.decode_rows(corpus.ids(corpus.of_part("train")[0]))[0]
    known = Poem((lines[8:15], *mine.lines[:3]))  # 忆江南 has lines of 3, 5, 7, 7 and 5
    assert data.lines.known_in(told, known) == [True, False, False, False]


def test_too_few_poems_and_presets_of_one_form_are_named(tmp_path: Path) -> None:
    corpus = encode_poems(Corpus(_poems("忆江南", 9), Counter(), []))
    with pytest.raises(CorpusError, match="are too few to learn from: it takes 10 at least"):
        train(corpus, tmp_path / "m", start=small_poet())
    with pytest.raises(ConfigError, match=r"'finetune' makes models of one form.* poet-finetune"):
        train(TREASURY, tmp_path / "m", preset="finetune", start=small_poet(TREASURY.tokenizer))


def test_every_parameter_is_reached_by_a_gradient(batches: PoemBatches) -> None:
    config, training = _configs()
    model = PoetryVAE.build(config, TREASURY.tokenizer)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    objective = build_objective(model, training, None, poems=1)
    for step in range(batches.in_epoch):
        objective(Step(model, batches(step), generator=generator)).loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_what_goes_with_no_model_of_any_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no line_latent"):
        _configs(line_latent=2)
    with pytest.raises(ConfigError, match="a learned prior of couplets and a refiner"):
        _configs(refiner_layers=0)
    with pytest.raises(CorpusError, match="poems of all forms"):
        train(small_corpus(), tmp_path / "a", preset="poet", overrides=SMALL)
    with pytest.raises(CorpusError, match="poems of one form"):
        train(TREASURY, tmp_path / "b", preset="base")


# --- rules for lines that differ in length


def test_pins_words_and_repeats_go_by_the_lines_of_the_form(model: PoetryVAE) -> None:
    view = model.writing(Form.parse("忆江南"))
    asked = acrostic("春水月年上") & Pin(-1, -1, "天") & Words(("花時",))
    few = {"rules": Avoid("不"), "seed": 1, "script": "traditional"}
    for poem in generate(2, model=view, seed=1, script="traditional", rules=asked):
        assert [line[0] for line in poem.lines] == list("春水月年上")
        assert poem.lines[-1][-1] == "天"
        assert any("花時" in line for line in poem.lines)
    assert "不" not in generate(1, model=view, **few)[0].text  # type: ignore[arg-type]
    with pytest.raises(RuleError, match="忆江南 has 3 characters in line 1"):
        generate(1, model=view, rules=Pin(1, 4, "月"))
    with pytest.raises(RuleError, match="this line of 忆江南 has 5"):
        generate(1, model=view, rules=Template("□□月，□□□□。"))

"""The index of training poems: nearest by n-grams and latents, copies, and its file."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse import index_file
from poetry_vae.verse.index_file import IndexFileError, cached_index, load_index, save_index
from poetry_vae.verse.neighbours import Copied, Index
from tests.small import COUPLET, small_corpus, small_model, small_tokenizer

TOKENIZER = small_tokenizer()


def ids(*poems: str) -> np.ndarray:
    return np.stack([TOKENIZER.encode_folded(poem) for poem in poems]).astype(np.uint16)


@pytest.fixture
def corpus() -> EncodedCorpus:
    return small_corpus()


@pytest.fixture
def index(corpus: EncodedCorpus) -> Index:
    return Index.build(corpus.parts["train"], TOKENIZER, COUPLET)


@pytest.fixture
def with_latents(corpus: EncodedCorpus) -> Index:
    return Index.build(corpus.parts["train"], TOKENIZER, COUPLET, model=small_model())


def _grams(lines: tuple[str, ...]) -> set[str]:
    return {line[i : i + n] for n in (2, 3, 4) for line in lines for i in range(len(line) - n + 1)}


class TestByNgrams:
    def test_the_score_is_the_naive_one(self) -> None:
        rng = np.random.default_rng(0)
        rows = rng.integers(2, 6, (40, 10)).astype(np.uint16)  # four characters: much is shared
        index = Index.build(rows, TOKENIZER, COUPLET)
        texts = list(dict.fromkeys(TOKENIZER.decode(row) for row in rows))
        df = Counter(gram for text in texts for gram in _grams(COUPLET.cut(text)))
        query = Poem.typed(TOKENIZER.decode(rng.integers(2, 6, 10)), COUPLET)

        def weight(grams: set[str]) -> float:
            return sum(math.log((len(texts) + 1) / max(df[gram], 1)) for gram in grams)

        own = _grams(query.lines)
        scores = {t: weight(own & _grams(COUPLET.cut(t))) / weight(own) for t in texts}
        found = index.nearest(query, 100)
        assert {n.poem.text: n.score for n in found} == pytest.approx(
            {text: score for text, score in scores.items() if score > 0}
        )
        assert [n.score for n in found] == sorted((n.score for n in found), reverse=True)

    def test_a_training_poem_finds_itself(self, index: Index) -> None:
        for row in index.ids[:5]:
            (nearest,) = index.nearest(TOKENIZER.decode(row), 1)
            assert nearest.poem.text == TOKENIZER.decode(row)
            assert nearest.score == pytest.approx(1)

    def test_the_rare_counts_for_more_than_the_common(self) -> None:
        rows = ids("不人山無風一日雲有何", "不人水月水月水月水月", "天中時花春上年月無水")
        index = Index.build(rows, TOKENIZER, COUPLET)
        found = index.nearest("不人何中時日何月山一", 9)  # 不人 stands in two poems, 中時 in one
        texts = [TOKENIZER.decode(row) for row in rows]
        assert [n.poem.text for n in found] == [texts[2], texts[0], texts[1]]
        assert found[0].score > found[1].score == found[2].score

    def test_poems_without_anything_in_common_are_left_out(self) -> None:
        index = Index.build(ids("不人山無風一日雲有何"), TOKENIZER, COUPLET)
        assert index.nearest("人不無山一風雲日何有", 5) == []
        # 風一 stands across the end of a line, 無風 inside one
        assert index.nearest("水風一水水月月月月月", 5) == []
        assert len(index.nearest("水無風水水月月月月月", 5)) == 1

    def test_each_poem_is_there_once(self, corpus: EncodedCorpus) -> None:
        twice = np.concatenate([corpus.parts["train"], corpus.parts["train"]])
        index = Index.build(twice, TOKENIZER, COUPLET)
        assert len(index.ids) == len(np.unique(corpus.parts["train"], axis=0))
        assert (index.ids[0] == corpus.parts["train"][0]).all()

    def test_either_script_and_any_punctuation_is_understood(self, index: Index) -> None:
        traditional = index.nearest("不人山無風一日雲有何", 3)
        assert index.nearest("不人山无风，一日雲有何。", 3) == traditional
        assert index.nearest(Poem(("不人山無風", "一日雲有何")), 3) == traditional


class TestByLatent:
    def test_the_score_is_the_cosine_of_the_means(self, with_latents: Index) -> None:
        model, query = small_model(), "不人山無風一日雲有何"
        means = model.encode(torch.from_numpy(with_latents.ids.astype(np.int64))).mean
        expected = torch.cosine_similarity(means, model.encode([query]).mean)
        found = with_latents.nearest_by_latent(query, 10_000, model)
        by_text = {n.poem.text: n.score for n in found}
        naive = [by_text[TOKENIZER.decode(row)] for row in with_latents.ids]
        torch.testing.assert_close(torch.tensor(naive), expected, atol=2e-3, rtol=0)
        assert [n.score for n in found] == sorted((n.score for n in found), reverse=True)

    def test_a_model_with_another_vocabulary_reads_the_same_characters(
        self, corpus: EncodedCorpus, with_latents: Index
    ) -> None:
        other = CharTokenizer(list(reversed(TOKENIZER.characters)))
        swapped = other.encode_folded("".join(TOKENIZER.decode(r) for r in corpus.parts["train"]))
        index = Index.build(swapped.reshape(-1, 10), other, COUPLET, model=small_model())
        query, model = "不人山無風一日雲有何", small_model()
        found = index.nearest_by_latent(query, 3, model)
        assert found == with_latents.nearest_by_latent(query, 3, model)

    def test_progress_ends_at_all_poems(self, corpus: EncodedCorpus) -> None:
        told: list[tuple[int, int]] = []
        index = Index.build(
            corpus.parts["train"],
            TOKENIZER,
            COUPLET,
            model=small_model(),
            progress=lambda done, total: told.append((done, total)),
        )
        assert told[-1] == (len(index.ids), len(index.ids))

    def test_without_latents_or_with_another_form_it_is_refused(
        self, index: Index, corpus: EncodedCorpus
    ) -> None:
        with pytest.raises(ValueError, match="without a model"):
            index.nearest_by_latent("不人山無風一日雲有何", 1, small_model())
        other = small_model(lines=4)
        with pytest.raises(FormError, match="the model writes 五绝"):
            Index.build(corpus.parts["train"], TOKENIZER, COUPLET, model=other)


class TestCopies:
    def test_lines_anywhere_in_training_poems_are_known(self) -> None:
        index = Index.build(ids("不人山無風一日雲有何", "天中時花春上年月水不"), TOKENIZER, COUPLET)
        assert index.lines_known("不人山无风，一日雲有何") == [True, True]
        poems = ["不人山無風一日雲有何", "上年月水不不人山無風", "水水水水水天中時花春"]
        assert [index.copied(poem) for poem in poems] == [
            Copied((True, True), poem=True),
            Copied((True, True), poem=False),  # two copied lines make no copied poem
            Copied((False, True), poem=False),
        ]

    def test_every_training_poem_is_a_copy(self, index: Index) -> None:
        poems = [Poem(COUPLET.cut(TOKENIZER.decode(row))) for row in index.ids]
        copies = [index.copied(poem) for poem in poems]
        assert all(all(copied.lines) and copied.poem for copied in copies)

    def test_a_character_outside_the_vocabulary_is_no_copy_of_another(self) -> None:
        rows = ids("不人山無風一日雲有何")
        rows[0, 0] = TOKENIZER.UNKNOWN
        index = Index.build(rows, TOKENIZER, COUPLET)
        assert index.lines_known("罅人山無風一日雲有何") == [False, True]

    def test_another_form_is_refused(self, index: Index) -> None:
        with pytest.raises(FormError, match="五绝"):
            index.lines_known(Poem(("不人山無風",) * 4))
        with pytest.raises(FormError, match="7 characters"):
            index.lines_known("不人山無風一日")
        with pytest.raises(FormError, match="no poems of 20"):
            Index.build(index.ids, TOKENIZER, Form.of(4, 5))


def _same(a: Index, b: Index) -> bool:
    if (a.directions is None) != (b.directions is None):
        return False
    same = a.directions is None or bool((a.directions == b.directions).all())
    return same and (a.form, a.tokenizer) == (b.form, b.tokenizer) and bool((a.ids == b.ids).all())


class TestFile:
    def test_it_is_read_as_it_was_written(
        self, index: Index, with_latents: Index, tmp_path: Path
    ) -> None:
        for number, written in enumerate((index, with_latents)):
            path = tmp_path / f"{number}.safetensors"
            save_index(written, path, source="s")
            assert _same(load_index(path, source="s"), written)
            with pytest.raises(IndexFileError, match="another corpus"):
                load_index(path, source="t")

    def test_damage_anywhere_is_noticed(self, with_latents: Index, tmp_path: Path) -> None:
        path = tmp_path / "index.safetensors"
        save_index(with_latents, path, source="s")
        whole = path.read_bytes()
        for place in (3, 40, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(IndexFileError):
                load_index(path, source="s")
        for part in (b"", whole[:100], whole[:-1]):
            path.write_bytes(part)
            with pytest.raises(IndexFileError):
                load_index(path)
        with pytest.raises(IndexFileError, match="missing: cannot be read"):
            load_index(tmp_path / "missing")


class TestCache:
    @pytest.fixture
    def encoded(self, corpus: EncodedCorpus, tmp_path: Path) -> Path:
        path = tmp_path / "corpus.safetensors"
        corpus.save(path)
        return path

    @pytest.fixture
    def built(self, monkeypatch: pytest.MonkeyPatch) -> list[None]:
        """Grows by one each time an index is made anew."""
        times: list[None] = []
        training_poems = index_file._training_poems

        def counted(*arguments: object) -> EncodedCorpus:
            times.append(None)
            return training_poems(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(index_file, "_training_poems", counted)
        return times

    def test_it_is_made_once(self, encoded: Path, tmp_path: Path, built: list[None]) -> None:
        first = cached_index(encoded, COUPLET, tmp_path / "c")
        again = cached_index(encoded, COUPLET, tmp_path / "c")
        assert len(built) == 1
        assert _same(first, again)
        assert len(list((tmp_path / "c").iterdir())) == 1

    def test_it_is_made_anew_when_damaged_or_out_of_date(
        self, encoded: Path, corpus: EncodedCorpus, tmp_path: Path, built: list[None]
    ) -> None:
        first = cached_index(encoded, COUPLET, tmp_path / "c")
        (path,) = (tmp_path / "c").iterdir()
        path.write_bytes(path.read_bytes()[:-3])
        assert _same(cached_index(encoded, COUPLET, tmp_path / "c"), first)
        assert len(built) == 2
        fewer = {**corpus.parts, "train": corpus.parts["train"][:9]}
        EncodedCorpus(COUPLET, TOKENIZER, fewer, "").save(encoded)
        assert len(cached_index(encoded, COUPLET, tmp_path / "c").ids) == 9
        assert len(built) == 3
        assert len(list((tmp_path / "c").iterdir())) == 1  # what it replaces is gone

    def test_another_model_makes_other_latents(
        self, encoded: Path, tmp_path: Path, built: list[None]
    ) -> None:
        def index(model: PoetryVAE) -> Index:
            return cached_index(encoded, COUPLET, tmp_path / "c", model=model)

        first = index(small_model(0))
        assert _same(index(small_model(0)), first)
        assert len(built) == 1
        assert not _same(index(small_model(1)), first)
        assert len(built) == 2

    def test_a_folder_that_cannot_be_written_costs_only_time(
        self, encoded: Path, tmp_path: Path, built: list[None]
    ) -> None:
        (tmp_path / "c").write_text("a file where the folder should be", encoding="utf-8")
        assert len(cached_index(encoded, COUPLET, tmp_path / "c").ids)
        assert len(cached_index(encoded, COUPLET, tmp_path / "c").ids)
        assert len(built) == 2

    def test_poems_in_a_folder_are_read_and_the_rare_kept(self, tmp_path: Path) -> None:
        poems = tmp_path / "poems"
        poems.mkdir()
        lines = [f"{a}{b}山無風，一日{b}{a}何。" for a in "罅縷竈" for b in "春花月水天中時"]
        (poems / "a.txt").write_text("\n\n".join(lines), encoding="utf-8")
        told: list[str] = []
        index = cached_index(
            poems, COUPLET, tmp_path / "c", progress=lambda what, done, total: told.append(what)
        )
        assert set(told) == {"reading"}
        assert len(index.ids)
        assert (index.ids != TOKENIZER.UNKNOWN).all()
        (poems / "b.txt").write_text("不人山無風，一日雲有何。", encoding="utf-8")
        assert cached_index(poems, COUPLET, tmp_path / "c").tokenizer is not index.tokenizer

    def test_what_holds_no_training_poem_is_refused(
        self, encoded: Path, corpus: EncodedCorpus, tmp_path: Path
    ) -> None:
        with pytest.raises(FormError, match="encoded as 五言联, not as 七绝"):
            cached_index(encoded, Form.of(4, 7), tmp_path / "c")
        none = {**corpus.parts, "train": corpus.parts["train"][:0]}
        EncodedCorpus(COUPLET, TOKENIZER, none, "").save(encoded)
        with pytest.raises(CorpusError, match="no poem of the form 五言联"):
            cached_index(encoded, COUPLET, tmp_path / "c")
        with pytest.raises(CorpusError, match="no such file"):
            cached_index(tmp_path / "missing", COUPLET, tmp_path / "c")

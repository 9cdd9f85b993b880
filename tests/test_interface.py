"""The interface of `poetry-vae serve`: the library's poems over HTTP, and sentences for errors."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.pretrained import save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.verse.wishes import WISHES
from tests.commands import run
from tests.served import Client, served
from tests.small import small_poet
from tests.test_ruled import MANY, MODEL

POEM = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with served(MODEL) as found:
        yield found


@pytest.fixture(scope="module")
def any_form() -> PoetryVAE:
    return small_poet(MANY, dynasties=("唐", "宋"))


def test_a_poem_is_that_of_the_command_under_its_seed(client: Client, tmp_path: Path) -> None:
    save_model(MODEL, tmp_path / "model")
    wishes = {"acrostic": "春江", "metre": "loose", "avoid": ["人"], "no_repeat": True}
    arguments = ["--acrostic", "春江", "--metre", "loose", "--avoid", "人", "--no-repeat", "--json"]
    told = run("generate", "--model", tmp_path / "model", "-n", 3, "--seed", 5, *arguments)
    assert told.exit_code == 0, told.output
    answer = client.post("/poems", {"n": 3, "seed": 5, **wishes})
    assert answer.status == 200
    assert answer.json["poems"] == [json.loads(line) for line in told.stdout.splitlines()]


def test_poems_come_as_events(client: Client) -> None:
    whole = client.post("/poems", {"n": 3, "seed": 1}).json
    answer = client.post("/poems", {"n": 3, "seed": 1, "stream": True, "theme": ""})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in answer.events] == ["seed", "poem", "poem", "poem", "end"]
    assert [value for name, value in answer.events if name == "poem"] == whole["poems"]


def test_without_a_seed_there_is_a_fresh_one(client: Client) -> None:
    first, second = (client.post("/poems", {"n": 1}).json for _ in range(2))
    assert first["seed"] != second["seed"]
    assert client.post("/poems", {"n": 1, "seed": first["seed"]}).json == first


def test_alternatives(client: Client) -> None:
    body = {"poem": POEM, "line": 1, "place": 1, "n": 5, "script": "simplified"}
    found = client.post("/alternatives", body).json["alternatives"]
    assert len(found) == 5
    shares = [each["probability"] for each in found]
    assert shares == sorted(shares, reverse=True)
    assert {"character", "shown", "tones", "rhymes"} <= set(found[0])


def test_what_is_kept_stays(client: Client) -> None:
    body = {"poem": POEM, "keep": ["line1", "2,1-2"], "n": 2, "seed": 3, "script": "traditional"}
    answer = client.post("/revise", body).json
    assert answer["places"][:2] == ["2,3", "2,4"]
    for poem in answer["poems"]:
        assert poem["lines"][0] == "白日依山盡"
        assert poem["lines"][1][:2] == "黃河"
    redrawn = client.post("/revise", {"poem": POEM, "redraw": ["4,5"], "n": 1}).json
    assert redrawn["places"] == ["4,5"]
    assert len(client.post("/revise", {"poem": POEM, "n": 1}).json["places"]) == 2
    both = {"poem": POEM, "redraw": ["line4"], "keep": ["4,1-4"], "n": 1}
    assert client.post("/revise", both).json["places"] == ["4,5"]


def test_metre_is_that_of_the_command_and_more(client: Client) -> None:
    answer = client.post("/metre", {"poem": POEM}).json
    told = json.loads(run("metre", POEM, "--json").stdout)
    assert {name: answer[name] for name in told} == told
    assert answer["traditional"][0] == "白日依山盡"
    assert answer["simplified"][0] == "白日依山尽"
    assert answer["words"][1][-1] == 5
    assert answer["pinyin"] is None or answer["pinyin"][0][0] == "bái"
    assert client.post("/metre", {"poem": "山水，花"}).json["template"] is None


def test_from_poem_to_poem(client: Client) -> None:
    other = "春江花月夜，山水有清音。白日無人見，東風動客心。"
    poems = client.post("/interpolate", {"start": POEM, "end": other, "steps": 4}).json["poems"]
    assert len(poems) == 4
    assert poems[0]["form"] == "五绝"


def test_replies() -> None:
    config = ModelConfig(2, 5, len(MANY), hidden=16, latent=8, refiner_layers=1)
    with served(PoetryVAE.build(config, MANY, seed=0).eval()) as client:
        found = client.post("/reply", {"line": "白日依山尽", "n": 3, "seed": 1}).json
        assert len(found["replies"]) == 3
        assert set(found["replies"][0]) == {"line", "nats_per_character", "given_up"}
        assert client.post("/reply", {"line": "白日，依山"}).error["field"] == "line"


def test_forms_and_models_say_what_can_be_asked(client: Client, any_form: PoetryVAE) -> None:
    forms = {form["name"]: form for form in client.get("/forms").json["forms"]}
    assert [name for name, form in forms.items() if form["is_written"]] == ["五绝"]
    (model,) = client.get("/models").json["models"]
    assert model["form"] == "五绝"
    assert not model["takes_subject"]
    with served(any_form) as other:
        forms = {form["name"]: form for form in other.get("/forms").json["forms"]}
        assert forms["浣溪沙"]["is_written"]
        (model,) = other.get("/models").json["models"]
        assert model["takes_subject"]
        assert model["dynasties"] == ["唐", "宋"]
        (error,) = other.post("/poems", {"about": "春水", "dynasty": "汉"}).json["errors"]
        assert (error["field"], "no dynasty '汉'" in error["message"]) == ("dynasty", True)
        asked = {"form": "忆江南", "about": "春水", "dynasty": "唐", "n": 1, "seed": 1}
        (poem,) = other.post("/poems", asked).json["poems"]
        assert (poem["about"], poem["dynasty"], poem["form"]) == ("春水", "唐", "忆江南")
        greeting = {"form": "五绝", "acrostic": "生日快乐", "n": 1, "seed": 1, "stream": True}
        events = other.post("/poems", greeting).events
        assert ("note", "subject: 祝寿") in events
        assert dict(events)["poem"]["about"] == "祝寿"
        refused = other.post("/poems", {**asked, "dynasty": "明", "about": ""})
        assert refused.error["field"] == "dynasty"


@pytest.mark.parametrize(
    ("path", "body", "field", "told"),
    [
        ("/poems", {"form": "三绝"}, "form", "no form is called"),
        ("/poems", {"form": "七绝"}, "form", "the model writes 五绝"),
        ("/poems", {"about": "秋"}, "about", "cannot be told a subject"),
        ("/poems", {"acrostic": "春江花月夜"}, "acrostic", "has 4 lines"),
        ("/poems", {"pin": ["9,9"]}, "pin", "is no pin"),
        ("/poems", {"rhyme": "x", "acrostic": "春"}, "rhyme", "is no rhyme"),
        ("/poems", {"parallel": True, "pin": ["9,1=春"]}, "pin", "lies outside"),
        ("/poems", {"pin": ["1,1=春"], "acrostic": "江"}, "", "holds the same place"),
        ("/poems", {"n": 51}, "n", "less than or equal to 50"),
        ("/poems", {"n": "3"}, "n", "valid integer"),
        ("/poems", {"wish": 1}, "wish", "not permitted"),
        ("/poems", {"near": "x" * 2001}, "near", "at most 2000"),
        ("/poems", [1], "", "an object"),
        ("/revise", {"poem": "白日依山尽"}, "poem", "characters"),
        ("/revise", {"poem": POEM, "keep": ["all"]}, "keep", "names no place"),
        ("/alternatives", {"poem": POEM, "line": 9, "place": 1}, "place", "lies outside"),
        ("/interpolate", {"start": POEM, "end": "白日"}, "end", "has 2 characters"),
        ("/metre", {"poem": "白（日"}, "poem", "has no partner"),
        ("/metre", {"poem": "，"}, "poem", "no verse in it"),
    ],
)
def test_an_error_is_a_sentence_at_its_field(
    client: Client, path: str, body: object, field: str, told: str
) -> None:
    answer = client.post(path, body)
    assert answer.status == 422
    assert answer.error["field"] == field
    assert told in answer.error["message"]
    if isinstance(body, dict) and path == "/poems":
        stream = client.post(path, {**body, "stream": True})
        name, value = stream.events[-1] if stream.status == 200 else ("error", stream.json)
        assert name == "error"
        assert value == answer.json


def test_nothing_malformed_is_a_fault_of_the_server(client: Client) -> None:
    chance = random.Random(0)
    good = json.dumps({"poem": POEM, "line": 1, "place": 1, "n": 1, "acrostic": "春"}).encode()
    bodies = [
        b"",
        b"{",
        b"null",
        b"[" * 20000,
        b'{"poem":"\\ud800"}',
        b'{"poem":"\xff"}',
        b'{"n":1e999}',
        b'{"seed":' + b"9" * 5000 + b"}",
        b'{"seed":-1}',
        b'{"poem":null}',
        b'{"pin":[[]]}',
        b'{"poem":"\\u0000"}',
        *(bytes(chance.choices(good, k=chance.randint(1, 90))) for _ in range(30)),
    ]
    for path in ("/poems", "/alternatives", "/revise", "/reply", "/metre", "/interpolate", "/x"):
        for body in bodies:
            answer = client.post(path, body)
            assert 400 <= answer.status < 500, (path, body[:80], answer.text)
            assert answer.json["errors"]
    assert client.get("/poems").status == 405
    assert client.get("/static/../app.py").status == 404
    assert client.get("/health").json["status"] == "ok"


def test_the_document_lists_every_wish(client: Client) -> None:
    spec = client.get("/openapi.json").json
    assert {"/poems", "/alternatives", "/revise", "/reply", "/metre", "/interpolate"} < set(
        spec["paths"]
    )
    asked = spec["components"]["schemas"]["PoemsBody"]["properties"]
    assert {wish.name for wish in WISHES} < set(asked)
    page = client.get("/docs").text
    assert all(path in page for path in spec["paths"])
    assert "<script" not in page


def test_the_page_asks_for_every_wish_and_stays_light() -> None:
    from poetry_vae.web.app import STATIC

    html = (STATIC / "index.html").read_text(encoding="utf-8")
    names = set(re.findall(r'name="(\w+)"', html))
    assert {wish.name for wish in WISHES} <= names
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 150_000
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|innerHTML|eval\(| on\w+=\"| style=\"", text), path


def test_a_signal_ends_it_cleanly(tmp_path: Path) -> None:
    save_model(MODEL, tmp_path / "model")
    command = [sys.executable, "-m", "poetry_vae", "serve", "--model", tmp_path / "model"]
    with subprocess.Popen(
        [*command, "--port", "0", "--no-open"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            port = re.search(r":(\d+)/", process.stderr.readline())
            assert port is not None
            assert Client(int(port[1])).post("/poems", {"n": 1}).status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_what_the_command_refuses(tmp_path: Path) -> None:
    save_model(MODEL, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"")
    assert run("serve", "--model", tmp_path / "broken").exit_code == 1
    assert "easy to guess" in run("serve", "--token", "short").stderr
    assert "use ASCII" in run("serve", "--token", "春江花月夜春江花月夜").stderr
    assert run("serve", "--model", "no-such-model").exit_code == 1
    assert run("serve", "--host", "192.0.2.1", "--port", "1").exit_code == 1

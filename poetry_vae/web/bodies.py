"""The typed bodies of requests; the wishes are those of ``verse.wishes``, by the same names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from poetry_vae.verse.wishes import WISHES, Wish

MOST_POEMS = 50
MOST_SEED = 2**53 - 1
"""The last whole number that JavaScript counts to."""

Text = Annotated[str, StringConstraints(max_length=2000)]
Script = Literal["simplified", "traditional"]
_Places = Annotated[tuple[Text, ...], Field(max_length=256, strict=False)]
Number = Annotated[int, Field(ge=1, le=MOST_POEMS, description="How many.")]
Seed = Annotated[
    int | None,
    Field(ge=0, le=MOST_SEED, description="The same seed gives the same poems; else a fresh one."),
]
FormText = Annotated[str, Field(max_length=100, description="A form or a tune: 七绝, 浣溪沙, 6x7.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _field(wish: Wish) -> Any:
    """The type of a wish and its default, with its help."""
    told = Field(description=wish.help.replace("--", "").replace("no-repeat", "no_repeat"))
    if wish.choices:
        return (Annotated[Literal[tuple(wish.choices)] | None, told], None)
    if wish.metavar is None:
        return (Annotated[bool, told], False)
    if wish.is_many:
        return (Annotated[list[Text], Field(max_length=64), told], [])
    return (Annotated[Text, told], "")


_Wishes: type[_Body] = create_model(
    "Wishes", __base__=_Body, **{wish.name: _field(wish) for wish in WISHES}
)


class AskedBody(_Wishes):  # type: ignore[misc, valid-type]
    """The form, subject and rules of a poem."""

    form: FormText = ""
    about: Annotated[Text, Field(description="The subject, in free words: 秋夜怀友.")] = ""
    dynasty: Annotated[Text, Field(description="In whose manner: 唐.")] = ""

    def wishes(self) -> dict[str, Any]:
        """The wishes that are there, by name."""
        return {wish.name: value for wish in WISHES if (value := getattr(self, wish.name))}

    def asked(self) -> dict[str, Any]:
        """The wishes, with the subject and dynasty for a model of any form."""
        return {**self.wishes(), "about": self.about, "dynasty": self.dynasty}


class _Drawn(AskedBody):
    n: Number = 3
    seed: Seed = None
    script: Script = "simplified"
    stream: Annotated[bool, Field(description="Send each poem as an event once written.")] = False


class PoemsBody(_Drawn):
    """Poems, as `generate` writes them."""

    sampling: Literal["chosen", "plain"] = "chosen"


class ReviseBody(_Drawn):
    """A poem, and which of its places are written anew."""

    poem: Text
    redraw: Annotated[_Places, Field(description="Places to redraw: line3, 2,3 or 2,3-4.")] = ()
    keep: Annotated[
        _Places,
        Field(
            description="Places to keep; without redraw, all others are redrawn. Without "
            "either, the places that the model believes least are redrawn."
        ),
    ] = ()
    nearness: Annotated[
        float | None,
        Field(ge=0, le=1, allow_inf_nan=False, description="How near to the poem as it is."),
    ] = None


class AlternativesBody(AskedBody):
    """A place of a poem, from 1."""

    poem: Text
    line: Annotated[int, Field(ge=-256, le=256)]
    place: Annotated[int, Field(ge=-64, le=64)]
    n: Number = 12
    script: Script = "simplified"


class ReplyBody(_Body):
    """The first line of a couplet."""

    line: Text
    n: Number = 5
    seed: Seed = None
    script: Script = "simplified"


class MetreBody(_Body):
    """A poem to be measured."""

    poem: Text
    rules: Literal["strict", "loose"] = "strict"
    readings: Literal["lenient", "strict"] = "lenient"
    rhyme_book: Literal["pingshui", "cilin", "xinyun", "tongyun"] | None = None
    script: Script = "simplified"


class InterpolateBody(_Body):
    """Two poems, and the number of poems from one to the other, both ends included."""

    start: Text
    end: Text
    steps: Annotated[int, Field(ge=2, le=MOST_POEMS)] = 8
    form: FormText = ""
    script: Script = "simplified"

"""What a person sees of a training run: a bar, figures, and verses as the model learns."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from poetry_vae.cli.console import COPIED, print_fitted, progress_bar, stderr_console
from poetry_vae.model.pretrained import DEFAULT_FORM
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.diagnostics import Figures, Measure
from poetry_vae.training.heart import TrainingLines
from poetry_vae.training.run import Observer
from poetry_vae.verse.generate import in_script
from poetry_vae.verse.sampler import Sampler

_VERSES = 2
_MARKS = (
    "* the best so far by the first figure: these weights are kept. All figures are of held-out "
    "poems; lower is better for the first figure, the bound and the distortion"
)
_MEASURES: dict[Measure, str] = {
    "elbo": "bound",
    "refined": "bound of the refiner",
    "untold": "-log p",
}


class Display(Observer):
    """A progress bar with speed and time left; figures and verses after each validation."""

    def __init__(self, curves: Any = None, *, is_shown: bool = True) -> None:
        self.curves, self.is_shown = curves, is_shown
        self.console = stderr_console()
        self.lines: TrainingLines | None = None
        work = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        time = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self.bar = progress_bar(*work, *time)
        self.task = self.bar.add_task("training", total=None, start=False)

    def __enter__(self) -> Display:
        if self.is_shown:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
        if self.curves is not None:
            self.curves.close()

    def reads(self, lines: Callable[[], TrainingLines]) -> None:
        self.lines = lines()

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        self._print(note.split(" "), between=" ")
        copies = f"; {COPIED} a line of the training poems" if self.lines else ""
        self._print(f"{_MARKS}{copies}".split(" "), between=" ", style="dim")
        self.bar.update(self.task, total=steps, completed=done)
        self.bar.start_task(self.task)

    def stepped(self, step: int, poems_per_second: float, terms: dict[str, float]) -> None:
        shown = f"{poems_per_second:,.0f} poems/s  loss {terms['loss']:.1f}"
        self.bar.update(self.task, completed=step, description=shown)
        self._curve("training", step, terms)

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        self._print(
            [f"step {step:,}: {kept_by(figures)}/char{' *' if best else ''}", *_others(figures)]
        )
        if figures.by_form:
            each = [f"{form} {nats:.3f}" for form, nats in figures.by_form.items()]
            self._print([f"  -log p: {each[0]}", *each[1:]], between=", ")
        shown = model if model.written else model.writing(DEFAULT_FORM)
        for _, poem in zip(range(_VERSES), Sampler(shown).stream(step), strict=False):
            if self.lines is not None:
                known = self.lines.known_in(shown, poem)
                marked = zip(poem.lines, known, strict=True)
                poem = poem.with_lines([line + COPIED * copied for line, copied in marked])
            sentences = re.findall("[^。]+。?", in_script(poem, "simplified").one_line)
            self._print([f"  {sentences[0]}", *sentences[1:]], between="")
        self._curve("validation", step, figures.by_name())

    def warned(self, message: str) -> None:
        self._print(f"warning: {message}".split(" "), between=" ", style="yellow")

    def _print(self, parts: list[str], *, between: str = "  ", style: str = "") -> None:
        print_fitted(self.console, parts, between=between, style=style)

    def _curve(self, group: str, step: int, values: dict[str, float]) -> None:
        if self.curves is not None:
            for name, value in values.items():
                self.curves.add_scalar(f"{group}/{name}", value, step)


def kept_by(figures: Figures) -> str:
    """The figure that weights are kept by, by name."""
    return f"{_MEASURES[figures.kept_by]} {figures.bound:.3f} nats"


def _others(figures: Figures) -> list[str]:
    bound = f"bound {figures.nats_per_character:.3f}"
    return [
        *([bound] if figures.kept_by != "elbo" else []),
        f"rate {figures.rate:.2f}{_by_level(figures)}",
        f"distortion {figures.distortion:.1f}",
        f"active {figures.active_units}",
        f"reconstructed {figures.reconstruction:.1%}",
        # lines known by heart, where there are any
        *([f"{COPIED} {figures.known_lines:.0%}"] if figures.known_lines else []),
    ]


def _by_level(figures: Figures) -> str:
    """The rates of several levels, in brackets; nothing where there is one."""
    if len(figures.level_rates) < 2:
        return ""
    each = (f"{name} {rate:.1f}" for name, rate in figures.level_rates.items())
    return f" ({', '.join(each)})"

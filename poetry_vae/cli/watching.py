"""What a person sees of a training run: a bar, figures, and verses as the model learns."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from poetry_vae.cli.console import COPIED, progress_bar, stderr_console
from poetry_vae.model.pretrained import DEFAULT_FORM
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.heart import TrainingLines
from poetry_vae.training.run import Observer
from poetry_vae.verse.generate import in_script
from poetry_vae.verse.sampler import Sampler

_VERSES = 2
_MARKS = (
    "* the best bound so far: these weights are kept; bound and distortion are of poems that are "
    "not trained on, the lower the better"
)


class Display(Observer):
    """A progress bar with speed and time left; figures and verses after each validation."""

    def __init__(self, curves: Any = None, *, is_shown: bool = True) -> None:
        self.curves, self.is_shown = curves, is_shown
        self.console = stderr_console()
        self.lines: TrainingLines | None = None
        self.bar = progress_bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.task = self.bar.add_task("training", total=None, start=False)

    def __enter__(self) -> Display:
        if self.is_shown:
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()
        if self.curves is not None:
            self.curves.close()

    def reads(self, lines: TrainingLines) -> None:
        self.lines = lines

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        self.console.print(note)
        copies = f"; {COPIED} a line of the training poems" if self.lines else ""
        self.console.print(f"{_MARKS}{copies}", style="dim")
        self.bar.update(self.task, total=steps, completed=done)
        self.bar.start_task(self.task)

    def stepped(self, step: int, poems_per_second: float, terms: dict[str, float]) -> None:
        shown = f"{poems_per_second:,.0f} poems/s  loss {terms['loss']:.1f}"
        self.bar.update(self.task, completed=step, description=shown)
        self._curve("training", step, terms)

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        self.console.print(
            f"step {step:,}: bound {figures.nats_per_character:.3f} nats/char{' *' if best else ''}"
            f"  rate {figures.rate:.2f}{_by_level(figures)}  distortion {figures.distortion:.1f}"
            f"  active {figures.active_units}  reconstructed {figures.reconstruction:.1%}"
            f"{_known(figures)}"
        )
        if figures.by_form:
            each = (f"{form} {nats:.3f}" for form, nats in figures.by_form.items())
            self.console.print(f"  -log p: {', '.join(each)}")
        shown = model if model.written else model.writing(DEFAULT_FORM)
        for _, poem in zip(range(_VERSES), Sampler(shown).stream(step), strict=False):
            if self.lines is not None:
                known = self.lines.known_in(shown, poem)
                marked = zip(poem.lines, known, strict=True)
                poem = poem.with_lines([line + COPIED * copied for line, copied in marked])
            self.console.print(f"  {in_script(poem, 'simplified').one_line}")
        self._curve("validation", step, figures.by_name())

    def warned(self, message: str) -> None:
        self.console.print(f"warning: {message}", style="yellow")

    def _curve(self, group: str, step: int, values: dict[str, float]) -> None:
        if self.curves is not None:
            for name, value in values.items():
                self.curves.add_scalar(f"{group}/{name}", value, step)


def _by_level(figures: Figures) -> str:
    """The rates of several levels, in brackets; nothing where there is one."""
    if len(figures.level_rates) < 2:
        return ""
    each = (f"{name} {rate:.1f}" for name, rate in figures.level_rates.items())
    return f" ({', '.join(each)})"


def _known(figures: Figures) -> str:
    """The share of known lines in what the model writes, where there are any."""
    return f"  {COPIED} {figures.known_lines:.0%}" if figures.known_lines else ""

"""Put the measurements of a shipped model into its card, and its R into its figures.

    poetry-vae evaluate poet --form 七绝 --corpus ENCODED_CORPUS --output report
    python scripts/card.py poet 七绝 report/report.json

A file of ``scripts.benchmarks quality`` has only figures of poems; its first settings count as the
defaults. The results of an earlier call for the same form are replaced.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.table import Table

from poetry_vae.cli.evaluate import density_table, verse_table
from poetry_vae.model.pretrained import CARD, FIGURES
from poetry_vae.model.versions import shipped_models
from poetry_vae.text.files import replace_file
from poetry_vae.text.form import Form
from poetry_vae.verse.sampling_settings import SamplingSettings

_HEADING = "\n## Evaluation: {}\n"


def markdown(table: Table) -> str:
    """A table of the terminal as Markdown, its title before it and its caption behind."""
    header = [str(column.header) for column in table.columns]
    rows = zip(*(map(str, column.cells) for column in table.columns), strict=True)
    lines = [header, ["---"] * len(header), *rows]
    told = [f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines]
    parts = [str(table.title) + ":", "\n".join(told), str(table.caption or "")]
    return "".join(f"\n{part}\n" for part in parts if part)


def as_report(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that quality.py has written, in the shape of a report."""
    if "verse" in found:
        return found
    real, own, *_ = found["found"].values()
    temperature, passes, *others = own["name"].split(",")
    settings = SamplingSettings(float(temperature), int(passes), *map(float, others))
    rows = [{**real, "kind": "real"}, {**own, "name": str(settings)}]
    return {"models": [], "verse": rows, "missing": []}


def evaluation(report: dict[str, Any]) -> str:
    """The tables that ``poetry-vae evaluate`` shows, and what could not be measured."""
    density = markdown(density_table(report)) if report["models"] else ""
    missing = [f"- {entry['figure']}: {entry['why']}" for entry in report["missing"]]
    told = "\nNot measured:\n\n" + "\n".join(missing) + "\n" if missing else ""
    return density + markdown(verse_table(report)) + told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of a shipped model")
    parser.add_argument("form", type=Form.parse)
    parser.add_argument("figures", type=Path, help="report.json, or what quality.py has written")
    asked = parser.parse_args()
    report = as_report(json.loads(asked.figures.read_text(encoding="utf-8")))
    folder = shipped_models()[asked.name]
    heading = _HEADING.format(asked.form)
    card, _, rest = (folder / CARD).read_text(encoding="utf-8").partition(heading)
    _, following, others = rest.partition(_HEADING.split("{}")[0])
    replace_file(folder / CARD, card + heading + evaluation(report) + following + others)
    (own,) = (row for row in report["verse"] if row["kind"] == "model")
    figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    found = own["two_sample"]
    r = {"first": round(found["r"], 1), "second": round(found["second_r"], 1)}
    figures["r"] = {**figures.get("r", {}), str(asked.form): r}
    replace_file(folder / FIGURES, json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    print(f"{folder / CARD}: R {found['r']:.1f} / {found['second_r']:.1f}")


if __name__ == "__main__":
    main()

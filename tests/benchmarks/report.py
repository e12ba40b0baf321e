"""The figures of a benchmark as Markdown and JSON. Nothing is measured here."""

import platform
import sys
from dataclasses import dataclass, field
from statistics import median

from tests.benchmarks.measure import Measurement

LABELS = {
    "floor": "floor: `psql` COPY of one query",
    "inspector": "SQLAlchemy Inspector",
    "import": 'process start: `python -c "import dagster"`',
    "usage": "process start: `refresh --help`",
    "small first": "one table: first refresh",
    "small unchanged": "one table: nothing changed",
    "small changed": "one table: it changed",
    "first": "**first full refresh**",
    "unchanged": "**refresh, nothing changed**",
    "changed": "**refresh, {share:.3g} % changed**",
}
REFRESHES = ("first", "unchanged", "changed")


@dataclass
class Results:
    """Every measurement by contender, and what they were taken on."""

    setting: dict[str, str | int | float]
    taken: dict[str, list[Measurement]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, measurement: Measurement) -> None:
        """Keep one more measurement of a contender."""
        self.taken.setdefault(name, []).append(measurement)

    def wall(self, name: str) -> float:
        """Median seconds from start to end."""
        return median(one.wall for one in self.taken[name])

    def cpu(self, name: str) -> float:
        """Median processor seconds of the command and its children."""
        return median(one.cpu for one in self.taken[name])

    def memory(self, name: str) -> float:
        """The highest peak of all runs, in MiB."""
        return max(one.rss_mb for one in self.taken[name])

    def server(self, name: str) -> float | None:
        """Median processor seconds of the server meanwhile."""
        known = [one.server for one in self.taken[name] if one.server is not None]
        return median(known) if known else None

    def burnt(self, name: str) -> float | None:
        """Processor seconds of the command and of the server."""
        server = self.server(name)
        return None if server is None else self.cpu(name) + server

    def costs(self, name: str) -> tuple[float, float | None]:
        """Seconds by the clock and seconds of all processors, the server's too."""
        return self.wall(name), self.burnt(name)

    def beyond(self, name: str) -> tuple[float, float | None]:
        """The costs beyond the same refresh of a database of one table."""
        return _minus(self.costs(name), self.costs(f"small {name}"))

    def as_json(self) -> dict[str, object]:
        """Everything, for a file."""
        return {
            "setting": self.setting,
            "measurements": {
                name: [one.as_json() for one in taken] for name, taken in self.taken.items()
            },
            "beyond_process_start": {name: self.beyond(name) for name in self._refreshes()},
            "notes": self.notes,
        }

    def as_markdown(self) -> str:
        """The tables a person reads."""
        setting = ", ".join(f"{name} {value}" for name, value in self.setting.items())
        lines = [setting, "", *self._measured()]
        if self._refreshes():
            lines += ["", *self._reached()]
        return "\n".join([*lines, "", *(f"* {note}" for note in self.notes)]) + "\n"

    def note(self, text: str) -> None:
        """Say something below the tables, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _refreshes(self) -> list[str]:
        return [name for name in REFRESHES if name in self.taken]

    def _measured(self) -> list[str]:
        lines = [
            "| | wall s | CPU s | server CPU s | peak MiB | wall, × floor | all CPU, × floor |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, label in LABELS.items():
            if name in self.taken:
                lines.append(self._line(name, label.format(share=self.setting["changed %"])))
        return lines

    def _line(self, name: str, label: str) -> str:
        cells = [
            label,
            self._spread(name),
            f"{self.cpu(name):.2f}",
            _figure(self.server(name)),
            f"{self.memory(name):.0f}",
            _figure(self.wall(name) / self.wall("floor")),
            _figure(_ratio(self.burnt(name), self.burnt("floor"))),
        ]
        return f"| {' | '.join(cells)} |"

    def _spread(self, name: str) -> str:
        walls = [one.wall for one in self.taken[name]]
        text = f"{median(walls):.2f}"
        return text if len(walls) == 1 else f"{text} ({min(walls):.2f}–{max(walls):.2f})"

    def _reached(self) -> list[str]:
        floor = self.costs("floor")
        first = self.costs("first")
        orchestration = _minus(self.costs("small first"), (self.wall("usage"), self.cpu("usage")))
        read = _minus((0, self.server("unchanged")), (0, self.server("small unchanged")))
        peak = max(self.memory(name) for name in self._refreshes())
        rows = [
            ("first full refresh, whole command, × floor", _over(first, floor), "2.0"),
            ("nothing changed, beyond start, × floor", self._beyond_over("unchanged"), "0.15"),
            ("nothing changed, server only, beyond start, s", (None, read[1]), "0.3"),
            ("some changed, beyond start, × floor", self._beyond_over("changed"), "0.5"),
            ("orchestration: one table's first beyond `--help`, s", orchestration, "1.5"),
            ("peak memory of any refresh, MiB", (peak, None), "600"),
        ]
        if "inspector" in self.taken:
            share = _over(first, self.costs("inspector"))
            rows.insert(1, ("first full refresh, whole command, × Inspector", share, "0.25"))
        return [
            "Beyond start = beyond the same refresh of a database that holds one table.",
            "",
            "| | measured | by CPU of tool and server | to reach with 51,000 tables |",
            "|---|---|---|---|",
            *(
                f"| {label} | {_figure(found[0])} | {_figure(found[1])} | ≤ {goal} |"
                for label, found, goal in rows
            ),
        ]

    def _beyond_over(self, name: str) -> tuple[float | None, float | None]:
        return _over(self.beyond(name), self.costs("floor"))


def machine() -> dict[str, str | int | float]:
    """What the figures depend on and what names nobody."""
    return {"Python": platform.python_version(), "system": platform.system()}


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _ratio(value: float | None, base: float | None) -> float | None:
    return None if value is None or not base else value / base


def _minus(
    costs: tuple[float, float | None], less: tuple[float, float | None]
) -> tuple[float, float | None]:
    burnt = None if costs[1] is None or less[1] is None else costs[1] - less[1]
    return costs[0] - less[0], burnt


def _over(
    costs: tuple[float, float | None], base: tuple[float, float | None]
) -> tuple[float | None, float | None]:
    return _ratio(costs[0], base[0]), _ratio(costs[1], base[1])

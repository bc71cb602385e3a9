"""What the commands on models print."""

import pytest

from trenddrop.cli.commands.models import print_alerts

FIGURES = {
    "events": 12,
    "event_recall": 0.5,
    "lead_time_to_onset_h": 7.0,
    "lead_time_to_peak_h": None,
    "alert_precision": 0.25,
    "false_alerts_per_1000_topic_days": 1234.5678,
    "slices": {},
    "planted_leak": None,
}
INTERVALS = {
    "event_recall": (0.31, 0.69),
    "lead_time_to_onset_h": None,
    "lead_time_to_peak_h": None,
    "false_alerts_per_1000_topic_days": (1000.1234, 1500.9876),
}


def test_figures_of_alerts_have_their_interval_below_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_alerts({"metrics": {"6": FIGURES | {"alert_intervals": INTERVALS}}})
    lines = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines()]
    at = next(row for row, cells in enumerate(lines) if "6 h" in cells)
    assert lines[at][1:-1] == ["6 h", "12", "0.500", "7.000", "-", "0.250", "1234.568"]
    assert lines[at + 1][1:-1] == ["", "", "0.310 to 0.690", "", "", "", "1000.123 to 1500.988"]

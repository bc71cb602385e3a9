"""Whether a hashtag went viral after t, by definitions that are YAML files."""

from trenddrop.labels.build import LabelSummary, build_labels, viral_labels
from trenddrop.labels.definition import LabelDefinition, load_label
from trenddrop.labels.imported import ImportSummary, decided_labels, import_labels

__all__ = [
    "ImportSummary",
    "LabelDefinition",
    "LabelSummary",
    "build_labels",
    "decided_labels",
    "import_labels",
    "load_label",
    "viral_labels",
]

"""Whether a hashtag went viral after t, by definitions that are YAML files."""

from trenddrop.labels.build import LabelSummary, build_labels, viral_labels
from trenddrop.labels.definition import LabelDefinition, load_label

__all__ = ["LabelDefinition", "LabelSummary", "build_labels", "load_label", "viral_labels"]

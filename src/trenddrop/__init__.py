"""TrendDrop predicts which hashtags, keywords and headlines go viral, and what to post about them."""

__version__ = "0.1.0"

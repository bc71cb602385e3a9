"""Words that every layer shares: errors, UTC windows, ids and settings."""

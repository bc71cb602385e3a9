"""Deterministic ids: the same thing has the same id in every run."""

import hashlib
import hmac
import unicodedata


def hashtag_id(platform: str, name: str) -> str:
    """Return ``platform:name``, the name in NFKC, case-folded, without ``#``.

    >>> hashtag_id("tiktok", "#Ｆｙｐ")
    'tiktok:fyp'
    """
    return f"{platform}:{normalized_name(name)}"


def normalized_name(name: str) -> str:
    """Return the name in NFKC, case-folded, without leading ``#`` and surrounding space.

    >>> normalized_name(" #Straße ")
    'strasse'
    """
    return unicodedata.normalize("NFKC", name).strip().lstrip("#").strip().casefold()


def content_id(*parts: object) -> str:
    """Return 32 hexadecimal characters that depend on nothing but the parts.

    >>> content_id("a", 1) == content_id("a", 1) != content_id("a1")
    True
    """
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:32]


def keyed_hash(text: str, *, key: str) -> str:
    """Return an opaque id of a personal name: HMAC-SHA-256, 16 hexadecimal characters."""
    return "u_" + hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]

"""Names of hashtags, normalized in the engine where that is simple."""

import ibis
import ibis.expr.types as ir

# Characters that stand for themselves once they are lower case, alone and side by side: normalization (NFKC) does not
# change them, and folding their case is the same as lowering it.
PLAIN_CHARACTERS = (
    " -~"  # ASCII
    r"\x{c0}-\x{d6}\x{d8}-\x{de}\x{e0}-\x{f6}\x{f8}-\x{ff}\x{1ea0}-\x{1ef9}\x{110}\x{111}\x{1a0}\x{1a1}\x{1af}\x{1b0}"
    r"\x{401}\x{451}\x{410}-\x{44f}"  # Cyrillic
    r"\x{3041}-\x{3096}\x{30a1}-\x{30fa}\x{30fc}"  # Japanese syllables
    r"\x{4e00}-\x{9fff}\x{ac00}-\x{d7a3}"  # Chinese characters, Korean syllables
    "、。《》「」『』【】"
)
_LOWER = r"!-\"$-@\[-~\x{4e00}-\x{9fff}\x{ac00}-\x{d7a3}、。《》"  # usual ones that are lower case


def plain_name(written: ir.StringValue) -> ir.StringValue:
    """Return what :func:`trenddrop.core.ids.normalized_name` returns, or null where that is not simple."""
    is_normal = written.re_search(f"^[{_LOWER}](?:[ #{_LOWER}]*[#{_LOWER}])?$")
    bare = ibis.ifelse(written.re_search("^[ #]| $"), written.re_extract("^ *#* *(.*?) *$", 1), written)
    plain = ibis.ifelse(written.re_search(f"^[{PLAIN_CHARACTERS}]*$"), bare.lower(), ibis.null("string"))
    return ibis.ifelse(is_normal, written, plain)

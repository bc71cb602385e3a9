"""What is wrong with a record as a whole."""

import ibis
import ibis.expr.types as ir


def document_reason(text: ir.StringValue, found: ir.ArrayValue) -> ir.StringValue:
    """Return why a record cannot be read at all: not JSON, or not an object; null where it can."""
    return ibis.cases(
        (found.isnull(), ibis.literal("record: is not valid JSON")),
        (~text.re_search(r"^\s*\{"), ibis.literal("record: is valid JSON, but not an object")),
        else_=ibis.null("string"),
    )

"""A figure's SVG as a part of an HTML page: ids of its own, a title, no reference to anywhere."""

import re
from typing import Final

from markupsafe import Markup

__all__ = ["inlined"]

# What a page has no use for: the prolog, and metadata and name spaces, which name hosts.
_BEFORE: Final = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", re.DOTALL)
# A rule for every element would be one for the whole page, which has it for its figures.
_RULE: Final = re.compile(r"<defs>\s*<style\b.*?</style>\s*</defs>\s*", re.DOTALL)
_OPENING: Final = re.compile(r"<svg\b[^>]*>")
_VIEW_BOX: Final = re.compile(r'\bviewBox="([^"]+)"')
_ID: Final = re.compile(r'\bid="([^"]+)"')
_REFERENCE: Final = re.compile(r'\b(?:xlink:)?href="#([^"]+)"')
_URL: Final = re.compile(r"url\(#([^)]+)\)")
_NUMBER: Final = re.compile(r"(-?\d+\.\d{2})\d+")
_PLACES: Final = re.compile(r' (?:d|x|y)="[^"]*"')


def inlined(svg: bytes, name: str, *, title: str, description: str) -> Markup:
    """Give an SVG file of :func:`sim.report.style.to_svg` as an element of a page.

    Places are rounded to hundredths of a point. The element scales with its frame.

    Parameters
    ----------
    svg : bytes
    name : str
        Stands before every id, so that no two figures of a page share one.
    title, description : str
        What a screen reader says.
    """
    text = _METADATA.sub("", _BEFORE.sub("", svg.decode()))
    text = _RULE.sub("", text, count=1)
    box = _VIEW_BOX.search(text)
    assert box is not None
    text = _OPENING.sub("", text, count=1).replace('xlink:href="data:', 'href="data:')
    text = _ID.sub(rf'id="{name}-\1"', text)
    text = _REFERENCE.sub(rf'href="#{name}-\1"', text)
    text = _URL.sub(rf"url(#{name}-\1)", text)
    text = _PLACES.sub(lambda found: _NUMBER.sub(r"\1", found[0]), text)
    opening = Markup(
        '<svg id="{0}" viewBox="{1}" role="img" aria-labelledby="{0}-title {0}-desc">'
        '<title id="{0}-title">{2}</title><desc id="{0}-desc">{3}</desc>'
    ).format(name, box[1], title, description)
    return opening + Markup(text)

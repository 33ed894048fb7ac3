"""How a page is rendered: Jinja with everything escaped, a nonce for each answer, texts in the reader's language.

A route renders like this::

    @router.get("/charts", include_in_schema=False)
    async def charts(page: PageOf) -> Response:
        return page.render("charts.html", texts=("card", "charts"), at="charts")

The template extends ``base.html`` (blocks ``title``, ``content``, ``scripts``) and loads its module with
``<script type="module" src="{{ asset('js/charts.js') }}" nonce="{{ nonce }}">``. Data for modules goes in ``data=``:
it is put in a block of JSON, never in code.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chart_service.pages.assets import PLOTLY, Assets
from chart_service.pages.texts import Lang, preferred_lang, text, texts_of

TEMPLATES = Path(__file__).with_name("templates")
THEMES = ("system", "light", "dark")
NAVIGATIONS = ("auto", "full", "rail")
ALWAYS = ("shell",)
"""Sections of texts that every page's modules have."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page. ``name`` is None where nobody signs in; ``csrf`` goes with every unsafe request."""

    name: str | None = None
    csrf: str | None = None


@dataclass(slots=True)
class Page:
    """The page of one request: its language, theme, nonce and reader."""

    request: Request
    assets: Assets
    lang: Lang
    theme: str
    nav: str
    reader: Reader = field(default_factory=Reader)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def render(
        self,
        template: str,
        *,
        texts: Sequence[str] = (),
        at: str = "",
        data: Mapping[str, Any] | None = None,
        status: int = 200,
        frame_ancestors: str = "'none'",
        **context: Any,
    ) -> HTMLResponse:
        """The answer. ``texts``: the sections its modules need; ``at``: the entry of the navigation it belongs to."""
        described = {
            "lang": self.lang,
            "texts": texts_of(dict.fromkeys([*ALWAYS, *texts]), self.lang),  # type: ignore[arg-type]
            "plotly": self.assets.url(PLOTLY),
            "csrf": self.reader.csrf,
            "data": data or {},
        }
        html = (
            _environment()
            .get_template(template)
            .render(
                page=self,
                lang=self.lang,
                theme=self.theme,
                nonce=self.nonce,
                at=at,
                reader=self.reader,
                asset=self.assets.url,
                plotly_url=self.assets.url(PLOTLY),
                page_json=json_block(described),
                t=lambda key, **values: text(key, self.lang, **values),
                **context,
            )
        )
        headers = {
            "Content-Security-Policy": policy(self.nonce, frame_ancestors),
            "Cache-Control": "no-store",
            "Vary": "Cookie, Accept-Language",
            # With "no-referrer" browsers send "Origin: null" with forms: signing in would look like another site's.
            "Referrer-Policy": "same-origin",
        }
        if frame_ancestors == "'none'":
            headers["X-Frame-Options"] = "DENY"
        return HTMLResponse(html, status, headers)


def policy(nonce: str, frame_ancestors: str = "'none'") -> str:
    """The content security policy of a page: nothing from elsewhere, no code or style but ours.

    Plotly makes style elements; ``static/js/plotly.js`` gives them the nonce, so ``unsafe-inline`` is not needed.
    """
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {frame_ancestors}"
    )


def json_block(value: object) -> Markup:
    """JSON that may stand inside a ``<script type="application/json">``: nothing in it ends the element."""
    escaped = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    return Markup(escaped)  # noqa: S704  every character that HTML knows is gone


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_of(request: Request) -> Page:
    """A page for anybody, signed in or not, in the language and theme that the request asks for."""
    lang = preferred_lang(request.cookies.get("lang"), request.headers.get("accept-language", ""))
    theme = request.cookies.get("theme", "system")
    nav = request.cookies.get("nav", "auto")
    return Page(
        request,
        request.app.state.assets,
        lang,
        theme if theme in THEMES else "system",
        nav if nav in NAVIGATIONS else "auto",
    )


AnyPage = Annotated[Page, Depends(page_of)]
"""A page for anybody."""

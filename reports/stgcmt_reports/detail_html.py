"""A message's detail as markup: what the page shows when a message is opened, and what findings print."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from stgcmt_reports.detail import Body, Detail
from stgcmt_reports.tagtree import Node
from stgcmt_reports.text import visible


def decoded_html(content: Detail) -> str:
    """Head, defects and bodies; a data set as its tag tree, other text as it is. Everything is escaped."""
    parts = []
    if content.head:
        parts.append(f'<pre class="head">{_text(chr(10).join(content.head))}</pre>')
    parts += [f'<p class="defect">not in order: {_text(defect)}</p>' for defect in content.defects]
    parts += [_body(body) for body in content.bodies]
    return "".join(parts)


def _body(body: Body) -> str:
    parts = [f'<p class="part">{_text(body.title)}</p>']
    if body.head:
        parts.append(f'<pre class="head">{_text(chr(10).join(body.head))}</pre>')
    if body.tree:
        parts.append(tree_html(body.tree))
    elif body.pretty:
        parts.append(f"<pre>{_text(body.pretty)}</pre>")
    return "".join(parts)


def tree_html(nodes: Iterable[Node]) -> str:
    """Nested lists: an attribute a line, items fold."""
    return f'<ul class="tags">{"".join(_node(node) for node in nodes)}</ul>'


def _node(node: Node) -> str:
    if node.kind in ("defect", "cut"):
        return f'<li class="{node.kind}">{_text(node.value)}</li>'
    inside = tree_html(node.inside) if node.inside else ""
    if node.kind == "item":
        return f'<li class="item"><details open><summary>{_text(node.value)}</summary>{inside}</details></li>'
    return (
        f'<li><div class="attribute"><code>{_text(node.tag)}</code><span class="vr">{_text(node.vr)}</span>'
        f'<span class="name">{_text(node.name)}</span>'
        f'<span class="value">{_text(node.value)}</span></div>{inside}</li>'
    )


def _text(text: str) -> str:
    return escape(visible(text), quote=True)

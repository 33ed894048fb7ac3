"""Nodes made here rather than read: conditions and literals for filters. A value is never part of a text."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pglast import ast, enums

_KINDS = enums.A_Expr_Kind
_Right = ast.Node | tuple[ast.Node, ...]


def column(*names: str) -> ast.ColumnRef:
    """``name`` or ``table.name``."""
    return ast.ColumnRef(fields=tuple(ast.String(sval=name) for name in names))


def text(value: str) -> ast.A_Const:
    """A text literal."""
    return ast.A_Const(isnull=False, val=ast.String(sval=value))


def number(value: int | Decimal) -> ast.A_Const:
    """A number literal."""
    if value == int(value) and abs(int(value)) < 2**31:
        return ast.A_Const(isnull=False, val=ast.Integer(ival=int(value)))
    return ast.A_Const(isnull=False, val=ast.Float(fval=format(value, "f")))


def boolean(value: bool) -> ast.A_Const:
    """``true`` or ``false``."""
    return ast.A_Const(isnull=False, val=ast.Boolean(boolval=value))


def cast(value: ast.Node, type_name: str, *, array: bool = False) -> ast.TypeCast:
    """``value::type`` or ``value::type[]``; the type by its short name, as in ``timestamptz``."""
    bounds = (ast.Integer(ival=-1),) if array else None
    name = ast.TypeName(
        names=(ast.String(sval=type_name),), setof=False, pct_type=False, typemod=-1, arrayBounds=bounds
    )
    return ast.TypeCast(arg=value, typeName=name)


def array(values: Sequence[ast.Node]) -> ast.A_ArrayExpr:
    """``ARRAY[…]``."""
    return ast.A_ArrayExpr(elements=tuple(values))


def compare(left: ast.Node, operator: str, right: ast.Node) -> ast.A_Expr:
    """``left operator right``."""
    return _expression(_KINDS.AEXPR_OP, operator, left, right)


def like(left: ast.Node, pattern: ast.Node) -> ast.A_Expr:
    """``left ILIKE pattern``."""
    return _expression(_KINDS.AEXPR_ILIKE, "~~*", left, pattern)


def in_list(left: ast.Node, values: Sequence[ast.Node]) -> ast.A_Expr:
    """``left IN (values)``."""
    return _expression(_KINDS.AEXPR_IN, "=", left, tuple(values))


def is_null(value: ast.Node) -> ast.NullTest:
    """``value IS NULL``."""
    return ast.NullTest(arg=value, nulltesttype=enums.NullTestType.IS_NULL, argisrow=False)


def negate(condition: ast.Node) -> ast.BoolExpr:
    """``NOT condition``."""
    return ast.BoolExpr(boolop=enums.BoolExprType.NOT_EXPR, args=(condition,))


def either(conditions: Sequence[ast.Node]) -> ast.Node:
    """At least one of the conditions; ``false`` when there are none."""
    return _joined(enums.BoolExprType.OR_EXPR, conditions, boolean(False))


def both(conditions: Sequence[ast.Node]) -> ast.Node:
    """All of the conditions; ``true`` when there are none."""
    return _joined(enums.BoolExprType.AND_EXPR, conditions, boolean(True))


def narrowed(view: ast.Node, condition: ast.Node, *, fenced: bool = False) -> ast.SelectStmt:
    """``SELECT * FROM view WHERE condition``; ``fenced`` with OFFSET 0, which keeps outer conditions outside."""
    options = enums.LimitOption
    return ast.SelectStmt(
        targetList=(ast.ResTarget(val=ast.ColumnRef(fields=(ast.A_Star(),))),),
        fromClause=(view,),
        whereClause=condition,
        groupDistinct=False,
        limitOffset=number(0) if fenced else None,
        limitOption=options.LIMIT_OPTION_COUNT if fenced else options.LIMIT_OPTION_DEFAULT,
        op=enums.SetOperation.SETOP_NONE,
        all=False,
    )


def key_in(name: str, view: ast.Node, key: str, condition: ast.Node) -> ast.SubLink:
    """``name IN (SELECT key FROM view WHERE condition)``."""
    keys = narrowed(view, condition)
    keys.targetList = (ast.ResTarget(val=column(key)),)
    return ast.SubLink(subLinkType=enums.SubLinkType.ANY_SUBLINK, subLinkId=0, testexpr=column(name), subselect=keys)


def sub_query(query: ast.SelectStmt, alias: ast.Alias) -> ast.RangeSubselect:
    """``(query) AS alias``."""
    return ast.RangeSubselect(lateral=False, subquery=query, alias=alias)


def _expression(
    kind: enums.A_Expr_Kind, operator: str, left: ast.Node, right: ast.Node | tuple[ast.Node, ...]
) -> ast.A_Expr:
    name = (ast.String(sval=operator),)
    return ast.A_Expr(kind=kind, name=name, lexpr=left, rexpr=right, rexpr_list_start=0, rexpr_list_end=0)


def _joined(operator: enums.BoolExprType, conditions: Sequence[ast.Node], empty: ast.Node) -> ast.Node:
    """One BoolExpr: PostgreSQL's parser keeps nested ones of the same kind flat, so the printed text reads the same."""
    parts: list[ast.Node] = []
    for condition in conditions:
        if isinstance(condition, ast.BoolExpr) and condition.boolop == operator:
            parts.extend(condition.args or ())
        else:
            parts.append(condition)
    if len(parts) < 2:
        return parts[0] if parts else empty
    return ast.BoolExpr(boolop=operator, args=tuple(parts))

"""The names that PostgreSQL gives to the columns of a result."""

from __future__ import annotations

from typing import Any

from pglast import ast, enums

from chart_service.guard.tree import kind

_UNNAMED = "?column?"


def output_names(query: Any) -> tuple[str, ...]:
    """Names of the output columns in order; empty where a ``*`` or a bare VALUES leaves them open."""
    while query.larg is not None:  # a set operation takes the names of its first arm
        query = query.larg
    if query.targetList is None:
        return ()
    names = []
    for target in query.targetList:
        if _is_star(target.val):
            return ()
        names.append(target_name(target))
    return tuple(names)


def target_name(target: Any) -> str:
    """The name of one result: what AS says, or what PostgreSQL makes of the expression; ``*`` for a star."""
    if _is_star(target.val):
        return "*"
    return str(target.name or _name_of(target.val)[0])


def _is_star(node: Any) -> bool:
    parts = {ast.ColumnRef: "fields", ast.A_Indirection: "indirection"}.get(type(node))
    return parts is not None and kind(getattr(node, parts)[-1]) is ast.A_Star


def _name_of(node: Any) -> tuple[str, int]:
    """Name and how sure: 2 for a column or function, 1 for a type or keyword, 0 for none, as in FigureColname."""
    shape = type(node)
    if shape is ast.ColumnRef:
        return (str(node.fields[-1].sval), 2) if not _is_star(node) else (_UNNAMED, 0)
    if shape is ast.FuncCall:
        return node.funcname[-1].sval, 2
    if shape is ast.A_Indirection:
        names = [part.sval for part in node.indirection if kind(part) is ast.String]
        return (str(names[-1]), 2) if names else _name_of(node.arg)
    if shape is ast.TypeCast:
        inner = _name_of(node.arg)
        return inner if inner[1] > 1 else (node.typeName.names[-1].sval, 1)
    if shape is ast.CollateClause:
        return _name_of(node.arg)
    if shape is ast.A_Expr and node.kind == enums.A_Expr_Kind.AEXPR_NULLIF:
        return "nullif", 2
    if shape is ast.MinMaxExpr:
        return ("greatest" if node.op == enums.MinMaxOp.IS_GREATEST else "least"), 2
    if shape is ast.CaseExpr:
        inner = _name_of(node.defresult)
        return inner if inner[1] > 1 else ("case", 1)
    if shape is ast.SubLink:
        return _sublink(node)
    if shape is ast.SQLValueFunction:
        return node.op.name.removeprefix("SVFOP_").removesuffix("_N").lower(), 2
    return _FIXED.get(shape, (_UNNAMED, 0))


def _sublink(node: Any) -> tuple[str, int]:
    kinds = enums.SubLinkType
    if node.subLinkType == kinds.EXISTS_SUBLINK:
        return "exists", 2
    if node.subLinkType == kinds.ARRAY_SUBLINK:
        return "array", 2
    if node.subLinkType == kinds.EXPR_SUBLINK:
        query = node.subselect
        while query.larg is not None:
            query = query.larg
        if query.targetList is not None:
            target = query.targetList[0]
            return (target.name, 2) if target.name else _name_of(target.val)
    return _UNNAMED, 0


_FIXED: dict[type[ast.Node], tuple[str, int]] = {
    ast.A_ArrayExpr: ("array", 2),
    ast.RowExpr: ("row", 2),
    ast.CoalesceExpr: ("coalesce", 2),
    ast.GroupingFunc: ("grouping", 2),
    ast.JsonIsPredicate: ("?column?", 0),
    ast.JsonObjectConstructor: ("json_object", 2),
    ast.JsonArrayConstructor: ("json_array", 2),
    ast.JsonArrayQueryConstructor: ("json_array", 2),
    ast.JsonObjectAgg: ("json_objectagg", 2),
    ast.JsonArrayAgg: ("json_arrayagg", 2),
    ast.JsonParseExpr: ("json", 2),
    ast.JsonScalarExpr: ("json_scalar", 2),
    ast.JsonSerializeExpr: ("json_serialize", 2),
}

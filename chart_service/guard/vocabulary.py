"""What a statement may be made of: kinds of nodes, types, operators, collations. Whatever is not listed is refused."""

from __future__ import annotations

import re

from pglast import ast, enums


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


NODES: frozenset[type[ast.Node]] = frozenset(
    {
        # a query and its parts
        *(ast.SelectStmt, ast.WithClause, ast.CommonTableExpr, ast.CTESearchClause, ast.CTECycleClause, ast.ResTarget),
        *(ast.RangeVar, ast.RangeSubselect, ast.RangeFunction, ast.JoinExpr, ast.Alias, ast.ColumnDef),
        *(ast.SortBy, ast.WindowDef, ast.GroupingSet, ast.GroupingFunc),
        # values and expressions
        *(ast.ColumnRef, ast.A_Star, ast.A_Const, ast.String, ast.Integer, ast.Float, ast.Boolean, ast.BitString),
        *(ast.A_Expr, ast.BoolExpr, ast.NullTest, ast.BooleanTest, ast.CaseExpr, ast.CaseWhen, ast.CoalesceExpr),
        *(ast.MinMaxExpr, ast.SubLink, ast.FuncCall, ast.NamedArgExpr, ast.SQLValueFunction, ast.TypeCast),
        *(ast.TypeName, ast.CollateClause, ast.A_ArrayExpr, ast.A_Indirection, ast.A_Indices, ast.RowExpr),
        # SQL/JSON
        *(ast.JsonFuncExpr, ast.JsonValueExpr, ast.JsonFormat, ast.JsonOutput, ast.JsonReturning, ast.JsonBehavior),
        *(ast.JsonIsPredicate, ast.JsonObjectConstructor, ast.JsonArrayConstructor, ast.JsonArrayQueryConstructor),
        *(ast.JsonKeyValue, ast.JsonArrayAgg, ast.JsonObjectAgg, ast.JsonAggConstructor, ast.JsonArgument),
        *(ast.JsonTable, ast.JsonTableColumn, ast.JsonTablePathSpec, ast.JsonParseExpr, ast.JsonScalarExpr),
        ast.JsonSerializeExpr,
    }
)

WRITES: frozenset[type[ast.Node]] = frozenset({ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt})
"""Refused like everything else that is not listed, with a message of their own."""

_MOMENTS = enums.SQLValueFunctionOp
MOMENTS: frozenset[enums.SQLValueFunctionOp] = frozenset(
    {
        *(_MOMENTS.SVFOP_CURRENT_DATE, _MOMENTS.SVFOP_CURRENT_TIME, _MOMENTS.SVFOP_CURRENT_TIME_N),
        *(_MOMENTS.SVFOP_CURRENT_TIMESTAMP, _MOMENTS.SVFOP_CURRENT_TIMESTAMP_N, _MOMENTS.SVFOP_LOCALTIME),
        *(_MOMENTS.SVFOP_LOCALTIME_N, _MOMENTS.SVFOP_LOCALTIMESTAMP, _MOMENTS.SVFOP_LOCALTIMESTAMP_N),
    }
)
"""Keywords that are functions and tell the time; their kin tell the role, the database and the schema."""

TYPES: frozenset[str] = words(
    """
    bool boolean int2 int4 int8 smallint int integer bigint numeric decimal float4 float8 real float
    text varchar bpchar char character date time timetz timestamp timestamptz interval uuid json jsonb jsonpath
    bit varbit bytea money tsvector tsquery
    int4range int8range numrange daterange tsrange tstzrange
    int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange
    """
)

OPERATORS: frozenset[str] = words(
    """
    + - * / % ^ |/ ||/ @ & | # ~ << >> = <> != < > <= >= || && @> <@ -|- &< &> <-> ^@
    ~~ !~~ ~~* !~~* ~* !~ !~* -> ->> #> #>> #- ? ?| ?& @? @@ !!
    """
)

PREFIXES: frozenset[str] = frozenset({"+", "-", "~", "@", "|/", "||/", "!!"})
"""Operators that may stand before a value without one before them."""

_COLLATION = re.compile(
    r"C|POSIX|default|ucs_basic|unicode|pg_c_utf8|und-x-icu|[a-z]{2}([-_][A-Za-z]{2,4})*(-x-icu|\.(utf|UTF)-?8)?"
)


def is_collation(name: str) -> bool:
    """Whether a collation is one of the usual: a language, C, or the database's own."""
    return _COLLATION.fullmatch(name) is not None


SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})

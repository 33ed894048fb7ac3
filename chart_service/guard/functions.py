"""Functions that a statement may call, by name. None of them reads outside the data, writes, waits or runs text."""

from __future__ import annotations

from chart_service.guard.vocabulary import words

AGGREGATES = words("""
    count sum avg min max any_value array_agg string_agg bool_and bool_or every bit_and bit_or bit_xor
    json_agg jsonb_agg json_object_agg jsonb_object_agg json_agg_strict jsonb_agg_strict
    json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique
    stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    mode percentile_cont percentile_disc range_agg range_intersect_agg
""")
WINDOWS = words("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value")
SETS = words(
    """
    generate_series unnest json_array_elements json_array_elements_text json_each json_each_text json_object_keys
    json_to_recordset
    jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_to_recordset
    jsonb_path_query regexp_matches regexp_split_to_table string_to_table generate_subscripts
    """
)
"""Functions that give many rows."""

_DATES = """
    age clock_timestamp statement_timestamp transaction_timestamp now timeofday date date_add date_bin date_part
    date_subtract date_trunc extract isfinite justify_days justify_hours justify_interval make_date make_interval
    make_time make_timestamp make_timestamptz overlaps timezone to_char to_date to_timestamp
    timestamp timestamptz time timetz interval
"""
_NUMBERS = """
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd
    degrees div erf erfc exp floor gcd lcm ln log log10 min_scale mod pi pow power radians random random_normal round
    scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket to_number
    int2 int4 int8 float4 float8 numeric bool
"""
_TEXTS = """
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws format initcap left length lower
    lpad ltrim md5 normalize is_normalized octet_length overlay position quote_ident quote_literal quote_nullable
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim similar_escape similar_to_escape
    split_part starts_with string_to_array string_to_table strpos substr substring to_hex to_ascii translate trim
    upper like_escape text varchar bpchar encode decode sha224 sha256 sha384 sha512 crc32
"""
_SEARCH = """
    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline
    setweight numnode strip
"""
_ARRAYS = """
    array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions
    array_prepend array_remove array_replace array_sample array_shuffle array_sort array_reverse array_to_json
    array_to_string array_upper cardinality trim_array unnest generate_subscripts
"""
_JSON = """
    json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
    json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_strip_nulls
    json_to_record json_to_recordset json_typeof row_to_json to_json to_jsonb
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
    jsonb_concat jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all
    jsonb_exists_any jsonb_contains jsonb_contained jsonb_extract_path jsonb_extract_path_text jsonb_insert
    jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz
    jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls
    jsonb_to_record jsonb_to_recordset jsonb_typeof
"""
_RANGES = """
    int4range int8range numrange daterange tsrange tstzrange isempty lower_inc lower_inf upper_inc upper_inf
    range_merge multirange int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange
"""
_OTHER = "num_nulls num_nonnulls"

_SCALARS = words(" ".join((_DATES, _NUMBERS, _TEXTS, _SEARCH, _ARRAYS, _JSON, _RANGES, _OTHER)))

FUNCTIONS = AGGREGATES | WINDOWS | SETS | _SCALARS

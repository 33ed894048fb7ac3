"""Speaks to a Bitrix24 portal: calls, limits, walks over lists, field descriptors."""

"""A simulated Bitrix24 portal, for the demo and for tests."""

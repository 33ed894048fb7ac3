"""The b24 command."""

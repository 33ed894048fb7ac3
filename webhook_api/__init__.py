"""The control and webhook API: what an administrator, and the portal, say to the sync over HTTP."""

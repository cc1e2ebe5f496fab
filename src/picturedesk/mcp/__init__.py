"""A desk for assistants: a server of the Model Context Protocol, by the official SDK.

Needs the extra 'mcp'. The package of the SDK is called ``mcp``, too: imports are absolute.
"""

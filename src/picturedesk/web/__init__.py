"""The HTTP API and the page: one call on ``Desk`` for each route.

Above the desk, below the command line. Needs the extra 'serve'; loads no torch.
"""

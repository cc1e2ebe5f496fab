"""The methods of ``Desk`` by topic: one class for each, that ``Desk`` puts together."""

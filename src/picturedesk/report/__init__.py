"""Pages for people: self-contained HTML that opens offline. Knows records, not desks."""

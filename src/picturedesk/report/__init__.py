"""Reports for people: self-contained HTML pages that open offline. Knows records, not desks."""
